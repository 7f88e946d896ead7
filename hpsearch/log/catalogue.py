"""The catalogue of a root: which studies it holds, and what their logs say. Reads only, and takes no lock."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hpsearch.errors import UserError, did_you_mean
from hpsearch.log.history import Goal, History
from hpsearch.log.lines import read
from hpsearch.log.records import Extension, Header, Record, Tick

LOG = "log.jsonl"


def studies(root: str | Path) -> list[str]:
    """Return the names of the studies in a root, sorted.

    Raises:
        UserError: The root does not exist or cannot be read.
    """
    root = Path(root)
    if not root.is_dir():
        raise UserError(
            f"{root}: no such directory; run a study first (`hpsearch run STUDY.py`) or name another --root"
        )
    folder = root / "studies"
    try:
        return (
            sorted(study_dir.name for study_dir in folder.iterdir() if (study_dir / LOG).is_file())
            if folder.is_dir()
            else []
        )
    except OSError as error:
        raise UserError(f"{root}: cannot be read ({error.strerror})") from error


def find(root: str | Path, name: str) -> Path:
    """Return the directory of a study.

    Args:
        root: Where all state is.
        name: The study's name; the plain name without ``@…`` where only one variant of it exists.

    Raises:
        UserError: There is no such study, or several variants go by this name.
    """
    names = studies(root)
    if not names:
        raise UserError(f"{root}: holds no study yet; run one first (`hpsearch run STUDY.py`) or name another --root")
    if name not in names:
        variants = [study for study in names if study.partition("@")[0] == name]
        if len(variants) > 1:
            raise UserError(f"{name!r} has several variants in {root}, name one: {', '.join(variants)}")
        if not variants:
            # The file that declares a study is a likely slip for the study.
            typed = Path(name).stem if name.endswith(".py") else name
            path, hint = Path("studies") / f"{typed}.py", did_you_mean(typed, names)
            if path.is_file() and "did you mean" not in hint:
                raise UserError(f"no study {name!r} in {root} yet: `hpsearch run {path}` begins it")
            raise UserError(f"no study {name!r} in {root}{hint}")
        name = variants[0]
    return Path(root) / "studies" / name


def version_file(version: int) -> str:
    """Return where in a study's folder the study file of a version is kept."""
    return "study.py" if version == 1 else f"versions/{version}/study.py"


def load_version(study_dir: Path, version: int | None = None, goal: Goal | None = None) -> History:
    """Return what a study's log says of one version: of the current one, or of an earlier one as it was at its end.

    Args:
        study_dir: The study's folder.
        version: The version; None: the current one.
        goal: By what trials are weighed; None: by what the study is after.

    Raises:
        UserError: The study has no such version, or its log is damaged, cannot be read, or holds nothing yet.
    """
    history = load_history(study_dir, version, goal)
    if version is not None and history.version != version:
        raise UserError(f"study {study_dir.name!r} has no version {version}: its last is {history.version}")
    return history.current


def load_history(study_dir: Path, version: int | None = None, goal: Goal | None = None) -> History:
    """Return what a study's log says up to now, or up to the end of a version; it may be running meanwhile.

    Args:
        study_dir: The study's folder.
        version: The version; None: up to now.
        goal: By what trials are weighed; None: by what the study is after.

    Raises:
        UserError: The log is damaged, cannot be read, or holds nothing yet.
    """
    path = study_dir / LOG
    try:
        return _fold(path, (record for record, _ in read(path)), version, goal)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error


def _fold(path: Path, records: Iterator[Record], version: int | None, goal: Goal | None) -> History:
    header = next(records, None)
    if not isinstance(header, Header):
        raise UserError(f"{path}: holds no record yet; the study was stopped before it began, run it again")
    history = History(goal or Goal.of(header.declaration))
    history.apply(header)
    for record in records:
        ends = isinstance(record, Extension) and record.change == "new_version" and history.version == version
        if ends:
            break
        try:
            history.apply(record)
        except ValueError as error:
            raise UserError(f"{path}: its records do not follow one another ({error})") from error
    _apply_waiting_rows(history)
    return history


def _apply_waiting_rows(history: History) -> None:
    """Take in the rows that wait for their tick, for people to see; nothing can be added to this history then."""
    if history.waiting:
        rows = sorted(history.waiting.values(), key=lambda row: row.lane)
        history.arrive(Tick(history.tick + 1, history.time, (), tuple(rows), ()))
