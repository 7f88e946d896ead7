"""Runs that are written many at once are what MLflow's API would have written one by one."""

from __future__ import annotations

import math
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from hpsearch.log.records import Record, Row, Tick
from hpsearch.tracking import bulk, cursor, ended
from hpsearch.tracking.store import Store
from hpsearch.tracking.sync import sync

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # mlflow's own use of SQLAlchemy

of_known_tables = pytest.mark.skipif(
    Version(version("mlflow")) < Version("3.17"),
    reason="older tables are not known: runs go one by one",
)

TABLES = ("runs", "tags", "params", "metrics", "latest_metrics", "inputs", "input_tags", "datasets")


def content_of(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All that a store holds, with each run named by its name and no id in it."""
    rows_of: dict[str, list[tuple[Any, ...]]] = {}
    with closing(sqlite3.connect(path)) as base:
        names = dict(base.execute("select run_uuid, name from runs"))
        names |= dict(base.execute("select dataset_uuid, name from datasets"))
        inputs = base.execute("select input_uuid, destination_id from inputs").fetchall()
        names |= {input_id: names[run] for input_id, run in inputs}
        for table in TABLES:
            rows = base.execute(f"select * from {table}").fetchall()
            clean = [tuple(_without(value, names) for value in row) for row in rows]
            rows_of[table] = sorted(clean, key=repr)
    return rows_of


def _without(value: Any, names: dict[str, str]) -> Any:
    for identifier, name in names.items():
        value = value.replace(identifier, name) if isinstance(value, str) else value
    return value


def special(records: list[Record]) -> list[Record]:
    """The study with values that a store keeps in its own way."""
    values = iter([math.nan, math.inf, -math.inf])
    made: list[Record] = []
    for record in records:
        if isinstance(record, Tick):
            rows: list[Row] = []
            for row in record.rows:
                more = {} if row.failure else {"odd": next(values, 1.0)}
                rows.append(replace(row, metrics={**row.metrics, **more}))
            record = replace(record, rows=tuple(rows))
        made.append(record)
    return made


@of_known_tables
@pytest.mark.parametrize("data", [{}, {"dataset": {"name": "digits", "digest": "abc", "sizes": {"train": 3}}}])
def test_the_store_is_the_same_row_for_row(
    root: Path,
    records: Callable[..., list[Record]],
    write: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
    data: dict[str, Any],
) -> None:
    study = special(records(n_trials=12))
    study[0] = replace(study[0], **data)  # type: ignore[arg-type]
    folder = write(study)
    empty = tmp_path_factory.mktemp("kept") / "mlflow.db"
    shutil.copyfile(root / "mlflow.db", empty)
    added: list[int] = []
    original = bulk.add
    monkeypatch.setattr(bulk, "add", lambda *args: (added.append(len(args[2])), original(*args)))
    assert sync([folder])[0].delivered
    at_once = content_of(root / "mlflow.db")
    assert sum(added) >= 8
    with closing(sqlite3.connect(root / "mlflow.db")) as base, base:
        for table in (*TABLES, "experiments"):
            base.execute(f"delete from {table}")
    cursor.forget_all(root, f"sqlite:///{root / 'mlflow.db'}")
    monkeypatch.setattr(Store, "takes_bulk", False)
    with closing(sqlite3.connect(empty)) as old, closing(sqlite3.connect(root / "mlflow.db")) as base:
        base.execute("attach ? as old", (str(empty),))
        with base:
            base.execute("insert into experiments select * from old.experiments")
        assert old.total_changes == 0
    assert sync([folder])[0].delivered
    assert sum(added) < 13
    assert content_of(root / "mlflow.db") == at_once


def test_a_store_of_a_revision_that_is_not_known_goes_by_the_api(
    root: Path, records: Callable[..., list[Record]], write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "REVISIONS", frozenset({"another"}))
    monkeypatch.setattr(bulk, "add", lambda *_: pytest.fail("this store is not known"))
    assert sync([write(records())])[0].delivered


@of_known_tables
def test_a_batch_that_fails_leaves_nothing_and_its_runs_go_one_by_one(
    root: Path,
    records: Callable[..., list[Record]],
    write: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    folder = write(records(n_trials=12))
    original = bulk._add_rows
    count = 0

    def fail(*args: Any) -> None:
        nonlocal count
        count += 1
        if count == 4:
            raise OSError("no space left on device")
        original(*args)

    monkeypatch.setattr(bulk, "_add_rows", fail)
    assert sync([folder])[0].delivered
    assert count == 4
    (message,) = (record.getMessage() for record in caplog.records if record.name == "hpsearch")
    assert message.endswith(
        "could not be delivered at once (MlflowException: no space left on device); each is sent on its own"
    )
    with closing(sqlite3.connect(root / "mlflow.db")) as base:
        assert base.execute("select count(*) from runs").fetchone() == (13,)
        assert base.execute("select count(distinct name) from runs").fetchone() == (13,)


def test_few_trials_between_two_looks_are_no_batch() -> None:
    assert ended.LEAST_IN_BULK > 1
