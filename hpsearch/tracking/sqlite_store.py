"""The file of a local MLflow store: how it is made, checked, set aside and migrated.

MLflow makes a store by some fifty migrations of one file, and migrates an old one in the same way. A file in which that
was interrupted can never be opened again. So both happen in another file, which replaces the first when it is complete.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from hpsearch.errors import UserError
from hpsearch.log.files import flush
from hpsearch.tracking.hushed import hushed
from hpsearch.tracking.uri import sqlite_path

Kind = Literal["absent", "whole", "half-made", "older", "newer", "damaged"]

BESIDE = ("-wal", "-shm", "-journal")
"""Endings of the files that SQLite keeps beside a database; they are a part of it until they are merged into it."""

PATIENCE = 5.0
"""Seconds to wait for another process that writes to the file."""


@dataclass(frozen=True)
class Condition:
    """The condition of a store's file.

    Attributes:
        kind: The condition in a word; a ``half-made`` file holds no run and no experiment.
        why: What was found, for people; empty for a whole file.
    """

    kind: Kind
    why: str = ""


def condition(path: Path, *, thorough: bool = False) -> Condition:
    """Return the condition of a store's file.

    Args:
        path: The file.
        thorough: Whether to read all of it, which takes a second for some hundred megabytes.
    """
    if not path.exists():
        return Condition("absent")
    try:
        with closing(_connect(path)) as base:
            tables = {str(name) for (name,) in base.execute("select name from sqlite_master where type = 'table'")}
            has_experiments = (
                "experiments" in tables and base.execute("select 1 from experiments limit 1").fetchone() is not None
            )
            stamps = base.execute("select version_num from alembic_version") if "alembic_version" in tables else ()
            revisions = [str(revision) for (revision,) in stamps]
            if thorough and (check := base.execute("pragma quick_check(1)").fetchone()[0]) != "ok":
                return Condition("damaged", str(check).splitlines()[-1])
    except sqlite3.OperationalError as error:
        if any(sign in str(error) for sign in ("locked", "unable to open", "readonly", "disk")):
            return Condition("whole")  # its content cannot be checked now; whoever opens it gets the error
        return Condition("damaged", str(error))
    except sqlite3.DatabaseError as error:
        return Condition("damaged", str(error))
    revisions_known, head = _revisions()
    if revisions == [head]:
        return Condition("whole")
    if not has_experiments:
        return Condition("half-made", "MLflow was cut off while it made it")
    if len(revisions) != 1:
        return Condition("damaged", "it does not say which version of MLflow wrote it")
    if revisions[0] not in revisions_known:
        return Condition("newer", revisions[0])
    return Condition("older", revisions[0])


def refusal(path: Path, condition: Condition) -> str | None:
    """Return one line on why a store cannot be opened, and what to do; None for one that can."""
    is_root = (path.parent / "studies").is_dir()  # a root: its logs bring back what is lost
    if condition.kind == "half-made":
        way = "`hpsearch doctor --fix` makes it anew" if is_root else "remove it, and it is made anew"
        what = f"is half-made ({condition.why}) and holds no run; {way}"
    elif condition.kind == "damaged":
        way = "`hpsearch doctor --fix` sets it aside and delivers again from the logs"
        way = way if is_root else "move it away, or name another store by --tracking-uri"
        what = f"is damaged ({condition.why}); {way}"
    elif condition.kind == "older":
        way = "`hpsearch doctor --fix` migrates a copy, and keeps the old one"
        way = way if is_root else f"copy it, then run `mlflow db upgrade sqlite:///{path}`"
        what = f"was written by an older MLflow (revision {condition.why}): {way}"
    elif condition.kind == "newer":
        import mlflow

        what = (
            f"was written by a newer MLflow than {mlflow.__version__} (revision {condition.why}): "
            "run `pip install --upgrade mlflow`, or name another store by --tracking-uri"
        )
    else:
        return None
    return f"the MLflow store {path} {what}"


def make(path: Path) -> None:
    """Make a store that does not exist; it is complete when it appears.

    Raises:
        Exception: Whatever MLflow raised, mostly for a full disk. Nothing is left behind.
    """
    _clear(path)
    with _beside(path) as fresh:
        with closing(sqlite3.connect(fresh)) as base:
            # A write-ahead log takes one fsync a commit instead of three, and people may read while we write.
            base.execute("pragma journal_mode = wal")
        _open_and_close(fresh)
        with closing(sqlite3.connect(fresh)) as base:
            base.execute("pragma wal_checkpoint(truncate)")
        with suppress(FileExistsError):  # another process made it meanwhile: its store is used
            _link(fresh, path)


def set_aside(path: Path, what: str) -> Path:
    """Move a store's file, and what SQLite keeps beside it, out of the way, and return where to.

    Args:
        path: The file.
        what: The reason, as the last part of its new name.

    Raises:
        UserError: Another process has it open.
    """
    _merge(path)
    aside = _free(path, what)
    os.rename(path, aside)
    for end in BESIDE:
        with suppress(FileNotFoundError):
            os.rename(f"{path}{end}", f"{aside}{end}")
    return aside


def migrate(path: Path, revision: str) -> Path:
    """Bring a store to this MLflow's version: a copy is migrated and opened, then takes its place.

    Args:
        path: The file; nobody may write to it meanwhile.
        revision: The version that it has.

    Returns:
        Where the store is kept as it was.

    Raises:
        UserError: The migration failed, or another process has it open; the store is as it was.
    """
    _merge(path)
    with _beside(path) as fresh:
        with closing(_connect(path)) as old, closing(sqlite3.connect(fresh)) as new:
            old.backup(new)
        try:
            utils: Any = import_module("mlflow.store.db.utils")
            engine = utils.create_sqlalchemy_engine(f"sqlite:///{fresh}")
            utils._upgrade_db(engine)
            engine.dispose()
            _open_and_close(fresh)
        except Exception as error:  # of a store that somebody's MLflow wrote: whatever its migrations raise
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
            raise UserError(f"{path}: its copy could not be migrated ({reason}); the store is as it was") from error
        with closing(sqlite3.connect(fresh)) as base:
            base.execute("pragma journal_mode = wal")
        _merge(path)
        kept = _free(path, f"before-{revision}")
        # The old one gets a second name, then the new one its first: at no moment is there no store.
        _link(path, kept)
        os.replace(fresh, path)
    return kept


def only_there(path: Path, uids: set[str]) -> str:
    """Return in words what a store holds that the logs of these studies cannot bring back; empty for nothing.

    Args:
        path: The file; it may be damaged.
        uids: The studies' uids.
    """
    marks = ",".join("?" * len(uids))
    others = (
        "select count(*) from runs where run_uuid not in "
        f"(select run_uuid from tags where key = 'hpsearch.uid' and value in ({marks}))"
    )
    questions = {
        ("run of others", "runs of others"): (others, tuple(uids)),
        ("registered model", "registered models"): ("select count(*) from registered_models", ()),
        ("alias", "aliases"): ("select count(*) from registered_model_aliases", ()),
        ("note", "notes"): ("select count(*) from tags where key = 'mlflow.note.content'", ()),
    }
    counted = []
    try:
        with closing(_connect(path)) as base:
            for (one, many), (question, values) in questions.items():
                (count,) = base.execute(question, values).fetchone()
                if count:
                    counted.append(f"{count:,} {one if count == 1 else many}")
    except sqlite3.DatabaseError:
        return "what others recorded in it, aliases and notes (it cannot be read)"
    return ", ".join(counted)


def holds(uri: str, run: str) -> bool:
    """Return whether a store holds a run, deleted or not; true where that cannot be seen without its server.

    Args:
        uri: The tracking URI.
        run: The run's id.
    """
    path = sqlite_path(uri)
    if path is None:
        return True
    try:
        with closing(_connect(path)) as base:
            return base.execute("select 1 from runs where run_uuid = ?", (run,)).fetchone() is not None
    except sqlite3.DatabaseError:
        return True  # what is wrong with the file is told of by itself


def leftovers(path: Path) -> list[Path]:
    """Return the incomplete stores beside this file, whose making was interrupted."""
    return sorted(path.parent.glob(f".{path.name}.*.partial*"))


def _free(path: Path, what: str) -> Path:
    number = 1
    while (free := path.with_name(f"{path.name}.{what}-{number}")).exists():
        number += 1
    return free


def _merge(path: Path) -> None:
    """Merge all of a store into its one file, which SQLite does where no other process has it open.

    A process that has it open would continue in the file that was moved, with the write-ahead log of the new one.

    Raises:
        UserError: Another process has it open.
    """
    try:
        with closing(_connect(path)) as base:
            base.execute("pragma journal_mode = delete")
    except sqlite3.DatabaseError as error:
        if "locked" in str(error):
            raise UserError(f"{path}: another process has it open (`hpsearch ui`?); end that first") from error
        # What is no database, or damaged, is moved as it is.


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=PATIENCE)


def _open_and_close(path: Path) -> None:
    """Have MLflow make or check the file, and close it."""
    from mlflow.tracking import MlflowClient

    with hushed("mlflow.store.db.utils"):  # logs the tables that it creates and updates
        client: Any = MlflowClient(f"sqlite:///{path}")
        client.get_experiment_by_name("Default")
        client._tracking_client.store.engine.dispose()


def _revisions() -> tuple[set[str], str]:
    """Return the versions of a store that this MLflow can have written, and its own."""
    import mlflow

    utils: Any = import_module("mlflow.store.db.utils")  # it says nothing of its types
    folder = Path(mlflow.__file__).parent / "store" / "db_migrations" / "versions"
    return {file.name.split("_", 1)[0] for file in folder.glob("*.py")}, str(utils._get_latest_schema_revision())


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """Give the name of a file beside the store, on the same disk, and remove at the end what is left under it."""
    # The name must be new: MLflow remembers, by its name, each store that it has opened in this process.
    fresh = path.with_name(f".{path.name}.{os.getpid()}-{time.time_ns()}.partial")
    try:
        yield fresh
        flush(path.parent)
    finally:
        for end in ("", *BESIDE):
            Path(f"{fresh}{end}").unlink(missing_ok=True)


def _link(fresh: Path, path: Path) -> None:
    """Give a whole file another name, unless there is one of that name."""
    try:
        os.link(fresh, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        if path.exists():
            raise FileExistsError(path) from None
        os.rename(fresh, path)


def _clear(path: Path) -> None:
    """Remove what interrupted processes left behind, and move away what SQLite kept beside a store that is gone.

    A write-ahead log without its database would be merged into the next one.
    """
    for left in leftovers(path):
        left.unlink(missing_ok=True)
    for end in BESIDE:
        if (left := Path(f"{path}{end}")).exists():
            os.rename(left, _free(left, "orphan"))
