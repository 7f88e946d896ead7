from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hpsearch.cli import main
from hpsearch.engine.doctor import examine
from hpsearch.tracking import cursor
from hpsearch.tracking.sync import sync

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # mlflow's own use of SQLAlchemy

Write = Callable[..., Path]


def runs(root: Path, name: str = "eta_lambda") -> int:
    base = sqlite3.connect(root / "mlflow.db")
    query = (
        "select count(*) from runs r join experiments e using (experiment_id) "
        "where e.name = ? and r.lifecycle_stage = 'active'"
    )
    try:
        return int(base.execute(query, (name,)).fetchone()[0])
    finally:
        base.close()


def test_a_removed_study_is_gone_from_mlflow_and_can_be_run_again(
    root: Path, write: Write, records: Callable[..., list[Any]]
) -> None:
    other = write(records(name="other"), name="other")
    for _ in range(2):
        folder = write(records())
        sync([folder, other])
        assert runs(root) == 7
        assert (root / "artifacts" / "eta_lambda").exists()
        assert main(["rm", "eta_lambda", "--yes", "--root", str(root)]) == 0
        assert runs(root) == 0
        assert not (root / "artifacts" / "eta_lambda").exists()
    assert runs(root, "other") == 7


def test_rm_without_tracking_leaves_mlflow_alone(root: Path, write: Write, records: Callable[..., list[Any]]) -> None:
    sync([write(records())])
    assert main(["rm", "eta_lambda", "--yes", "--no-tracking", "--root", str(root)]) == 0
    assert runs(root) == 7


def test_what_was_not_delivered_is_found_and_delivered(
    root: Path, write: Write, records: Callable[..., list[Any]]
) -> None:
    made = records()
    folder = write(made[:4])
    sync([folder])
    assert examine(folder) == []
    write(made[4:], mode="ab")
    (finding,) = examine(folder)
    assert "not yet in MLflow" in finding.problem
    assert finding.mend is not None
    finding.mend()
    assert examine(folder) == []
    assert runs(root) == 7


def test_a_log_that_is_shorter_than_what_was_delivered_is_looked_up_again(
    root: Path, write: Write, records: Callable[..., list[Any]]
) -> None:
    made = records()
    folder = write(made)
    sync([folder])
    write(made[:-1])
    (finding,) = examine(folder)
    assert "more was delivered" in finding.problem
    assert finding.mend is not None
    finding.mend()
    assert examine(folder) == []
    write(made[-1:], mode="ab")
    sync([folder])
    assert runs(root) == 7


@pytest.mark.parametrize("old", [False, True])
def test_a_root_that_was_moved_is_found(
    root: Path, write: Write, records: Callable[..., list[Any]], tmp_path_factory: Any, old: bool
) -> None:
    sync([write(records())])
    if old:  # version 0.1 wrote down the store's place
        place = root / "studies" / "eta_lambda" / cursor.FILE
        place.write_text(place.read_text().replace(cursor.OWN_STORE, f"sqlite:///{root}/mlflow.db"))
    moved = tmp_path_factory.mktemp("elsewhere") / "mlruns"
    shutil.move(root, moved)
    folder = moved / "studies" / "eta_lambda"
    (finding,) = examine(folder)
    expected = f"{root}/mlflow.db, which is not there" if old else f"looks for its artifacts in {root.as_uri()}"
    assert expected in finding.problem
    assert finding.mend is not None
    finding.mend()
    assert examine(folder) == []
    assert runs(moved) == 7
    base = sqlite3.connect(moved / "mlflow.db")
    places = [row[0] for row in base.execute("select artifact_uri from runs")]
    base.close()
    assert all(place.startswith((moved / "artifacts" / "eta_lambda").as_uri()) for place in places)
