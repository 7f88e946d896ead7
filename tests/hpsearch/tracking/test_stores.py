"""Stores that cannot take a study: another MLflow's, or one whose artifacts cannot be written."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from hpsearch.log.records import Record
from hpsearch.tracking.sync import sync
from hpsearch.tracking.uri import resolve

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # mlflow's own use of SQLAlchemy

Records = Callable[..., list[Record]]
Write = Callable[..., Path]


def set_revision(root: Path, revision: str) -> str:
    """Have a store be of another revision, and return the one that it was of."""
    connection = sqlite3.connect(root / "mlflow.db")
    with connection:
        ((before,),) = connection.execute("select version_num from alembic_version").fetchall()
        connection.execute("update alembic_version set version_num = ?", (revision,))
    connection.close()
    return str(before)


def an_older(root: Path) -> str:
    import mlflow

    revisions = Path(mlflow.__file__).parent / "store" / "db_migrations" / "versions"
    return sorted(path.name.split("_")[0] for path in revisions.glob("*_*.py") if path.name[0] != "_")[0]


@pytest.mark.parametrize(
    ("revision", "says"),
    [
        (an_older, "): `hpsearch doctor --fix` migrates a copy"),
        (
            lambda root: "f" * 12,
            f"newer MLflow than {version('mlflow')} (revision ffffffffffff): run `pip install --upgrade",
        ),
    ],
    ids=["older", "newer"],
)
def test_a_store_of_another_mlflow_says_which_command_helps_and_gets_all_of_it_then(
    root: Path, records: Records, write: Write, revision: Callable[[Path], str], says: str
) -> None:
    now = set_revision(root, revision(root))
    folder = write(records())
    (report,) = sync([folder])
    assert not report.delivered
    assert says in str(report.message)
    set_revision(root, now)
    (report,) = sync([folder])
    assert report.delivered


def test_artifacts_that_cannot_be_written_are_one_line_and_the_curves_are_there(
    root: Path, records: Records, write: Write, stored: Callable[..., dict[str, list[object]]]
) -> None:
    (root / "artifacts").write_text("a file in the place of a folder")
    folder = write(records())
    (report,) = sync([folder])
    assert not report.delivered
    assert f"artifacts cannot be written to {root / 'artifacts'}" in str(report.message)
    assert len(stored()["points"]) > 20
    (root / "artifacts").unlink()
    (report,) = sync([folder])
    assert report.delivered
    assert resolve(root) == report.uri


def test_a_root_s_own_store_is_whole_in_one_file_after_a_delivery(
    tmp_path: Path, records: Records, write: Write
) -> None:
    folder = write(records())
    assert sync([folder])[0].delivered
    log = folder.parents[1] / "mlflow.db-wal"
    assert not log.exists() or log.stat().st_size == 0
