"""How far a log was delivered to each store: ``<study_dir>/delivered.json``, written after each delivery.

The root's own store has a fixed name there, not its path: a root that is moved keeps its store, and a copy of a root
has nothing to do with the store of the first one.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from hpsearch.log import files
from hpsearch.tracking.uri import STORE, is_own, redact, sqlite_path

FILE = "delivered.json"

OWN_STORE = "own store"
"""The name of the root's own store in that file; version 0.1 wrote its path."""


@dataclass(frozen=True)
class Cursor:
    """How far one store has followed a log.

    Attributes:
        offset: Bytes of the log that are wholly in the store.
        closed: Whether the store has the statuses, too, that a study gets when nobody runs it any more.
        experiment: The experiment's id, once known.
        run: The id of the study's run, once known.
        problem: Why the last attempt failed, or None.
        trials: Trials that have ended in the store.
        begun: Trials that had begun when that was counted.
        exhibits: Identifies the report and the model that are in the store in addition to the curves, or None.
    """

    offset: int = 0
    closed: bool = False
    experiment: str | None = None
    run: str | None = None
    problem: str | None = None
    exhibits: str | None = None
    trials: int = 0
    begun: int = 0


_FIELD_TYPES: dict[str, tuple[type, ...]] = {
    "offset": (int,),
    "closed": (bool,),
    "experiment": (str, type(None)),
    "run": (str, type(None)),
    "problem": (str, type(None)),
    "exhibits": (str, type(None)),
    "trials": (int,),
    "begun": (int,),
}
"""The types of a cursor's fields. A file with others is damaged; then all is looked up in the store again."""


def key(study_dir: Path, uri: str) -> str:
    """Return the name of a store in a study's file: the same for every spelling of the same address."""
    path = sqlite_path(uri)
    return OWN_STORE if path is not None and is_own(path, _root(study_dir)) else redact(uri)


def load(study_dir: Path, uri: str) -> Cursor:
    """Return the cursor of a store; a new one where there is none. A lost cursor costs time, but no data."""
    stored = _load_all(study_dir).get(key(study_dir, uri), {})
    values = {field.name: stored[field.name] for field in fields(Cursor) if field.name in stored}
    is_valid = all(isinstance(value, _FIELD_TYPES[name]) for name, value in values.items())
    return Cursor(**values) if is_valid else Cursor()


def save(study_dir: Path, uri: str, cursor: Cursor) -> None:
    """Write the cursor of a store, whole or not at all."""
    _save_all(study_dir, {**_load_all(study_dir), key(study_dir, uri): asdict(cursor)})


def _save_all(study_dir: Path, values: dict[str, dict[str, Any]]) -> None:
    files.replace(study_dir / FILE, (json.dumps(values, indent=1) + "\n").encode())


def note(study_dir: Path, uri: str, problem: str | None) -> None:
    """Store why delivery fails now, or that it no longer does."""
    cursor = load(study_dir, uri)
    if cursor.problem != problem:
        save(study_dir, uri, replace(cursor, problem=problem))


def is_pending(study_dir: Path, uri: str) -> bool:
    """Return whether a store lacks a part of a study's log. Cheap: folds no log and imports no mlflow."""
    log = study_dir / "log.jsonl"
    if not log.exists():
        return False
    cursor = load(study_dir, uri)
    return not cursor.closed or cursor.offset > log.stat().st_size or _has_whole_line(log, cursor.offset)


def _has_whole_line(log: Path, offset: int) -> bool:
    """Return whether a whole line follows an offset; a part of a line, which a killed run left, does not count."""
    with log.open("rb") as file:
        file.seek(offset)
        return any(b"\n" in block for block in iter(lambda: file.read(1 << 16), b""))


def delivered_to(study_dir: Path) -> list[str]:
    """Return the stores that a study was delivered to, without passwords, sorted."""
    own = f"sqlite:///{_root(study_dir) / STORE}"
    return sorted(own if name == OWN_STORE else name for name in _load_all(study_dir))


def has_shown(study_dir: Path, model: str) -> bool:
    """Return whether some store holds the model of this version (see :func:`.model.version`)."""
    return any(str(cursor.get("exhibits")).endswith(f":{model}") for cursor in _load_all(study_dir).values())


def forget(study_dir: Path, uri: str) -> None:
    """Remove a store's cursor, so that the next delivery looks everything up again."""
    values = _load_all(study_dir)
    if values.pop(key(study_dir, uri), None) is not None:
        _save_all(study_dir, values)


def forget_all(root: Path, uri: str) -> None:
    """Remove a store's cursor from every study of a root, because the store is no longer there."""
    for path in (root / "studies").glob(f"*/{FILE}"):
        forget(path.parent, uri)


def _load_all(study_dir: Path) -> dict[str, dict[str, Any]]:
    try:
        values = json.loads((study_dir / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (ValueError, RecursionError):
        # Written by no version of ours: everything is found again by its tags.
        return {}
    if not isinstance(values, dict):
        return {}
    cursors = {name: value for name, value in values.items() if isinstance(value, dict)}
    # The name of its own last: it is newer than the path that version 0.1 wrote.
    ordered = sorted(cursors.items(), key=lambda item: item[0] == OWN_STORE)
    return {key(study_dir, name): value for name, value in ordered}


def _root(study_dir: Path) -> Path:
    return study_dir.absolute().parents[1]
