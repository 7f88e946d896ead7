"""How far a log was delivered, per tracking URI: ``<study_dir>/delivered.json``, written after each delivery."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from hpsearch.log import files
from hpsearch.tracking.uri import redact

FILE = "delivered.json"


@dataclass(frozen=True)
class Cursor:
    """How far one store has followed a log.

    Attributes:
        offset: Bytes of the log that are wholly in the store.
        closed: Whether the statuses that a study gets when nobody runs it any more are in the store too.
        experiment: The experiment's id, once known.
        run: The id of the study's run, once known.
        problem: Why the last attempt failed, or None.
        trials: Trials that have ended in the store.
        begun: Trials that had begun when that was counted.
        exhibits: Names the report and the model that are in the store beside the curves, or None.
    """

    offset: int = 0
    closed: bool = False
    experiment: str | None = None
    run: str | None = None
    problem: str | None = None
    exhibits: str | None = None
    trials: int = 0
    begun: int = 0


def load(study_dir: Path, uri: str) -> Cursor:
    """Return the cursor of a store; a new one where there is none. Losing it costs time, never a point."""
    value = _load_all(study_dir).get(redact(uri), {})
    return Cursor(**{field.name: value[field.name] for field in fields(Cursor) if field.name in value})


def save(study_dir: Path, uri: str, cursor: Cursor) -> None:
    """Write the cursor of a store, whole or not at all."""
    _save_all(study_dir, {**_load_all(study_dir), redact(uri): asdict(cursor)})


def _save_all(study_dir: Path, values: dict[str, dict[str, Any]]) -> None:
    files.replace(study_dir / FILE, (json.dumps(values, indent=1) + "\n").encode())


def note(study_dir: Path, uri: str, problem: str | None) -> None:
    """Write down why delivery fails now, or that it no longer does."""
    cursor = load(study_dir, uri)
    if cursor.problem != problem:
        save(study_dir, uri, replace(cursor, problem=problem))


def is_pending(study_dir: Path, uri: str) -> bool:
    """Return whether a store lacks a part of a study's log. Cheap: reads no log and imports no mlflow."""
    log = study_dir / "log.jsonl"
    if not log.exists():
        return False
    cursor = load(study_dir, uri)
    return not cursor.closed or cursor.offset != log.stat().st_size


def delivered_to(study_dir: Path) -> list[str]:
    """Return the stores that a study was delivered to, without passwords, sorted."""
    return sorted(_load_all(study_dir))


def forget(study_dir: Path, uri: str) -> None:
    """Take a store's cursor away: the next delivery looks everything up again."""
    values = _load_all(study_dir)
    if values.pop(redact(uri), None) is not None:
        _save_all(study_dir, values)


def forget_all(root: Path, uri: str) -> None:
    """Take a store's cursor away from every study of a root: the store is no longer there."""
    for path in (root / "studies").glob(f"*/{FILE}"):
        forget(path.parent, uri)


def _load_all(study_dir: Path) -> dict[str, dict[str, Any]]:
    try:
        content = (study_dir / FILE).read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    try:
        values = json.loads(content)
    except ValueError:
        # Written by no version of ours: everything is found again by its tags.
        return {}
    return values if isinstance(values, dict) else {}
