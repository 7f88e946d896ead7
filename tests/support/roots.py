"""Roots to be attacked: a small study of a function, and what a store holds without ids."""

from __future__ import annotations

import os
import sqlite3
import sys
import traceback
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

BOWL = """
from hpsearch import Float, Study

def objective(trial):
    for epoch in range(3):
        yield {"score": trial["x"] * epoch}

study = Study("NAME", objective=objective, space={"x": Float(0, 1)}, metric="score", pruner="none", n_trials=N, lanes=2)
"""


def bowl(name: str = "bowl", n_trials: int = 4) -> str:
    """The file of a study of a function with three epochs a trial."""
    return BOWL.replace("NAME", name).replace("n_trials=N", f"n_trials={n_trials}")


def rows_of(path: Path, *, times: bool = True) -> dict[str, list[str]]:
    """What a store holds of runs, parameters, tags and points, without ids, and without times where they may differ."""
    columns = {
        "runs": "status, lifecycle_stage, start_time, end_time" if times else "status, lifecycle_stage",
        "params": "key, value",
        "tags": "key, case when key = 'mlflow.parentRunId' then '' else value end",
        "metrics": "key, value, step, is_nan, timestamp" if times else "key, value, step, is_nan",
    }
    columns["latest_metrics"] = columns["metrics"]
    with closing(sqlite3.connect(path)) as base:
        name = "(select name from runs r where r.run_uuid = t.run_uuid)"
        measured = "" if times else " where key not like '%seconds'"
        rows = {}
        for table, wanted in columns.items():
            query = f"select {name}, {wanted} from {table} t{measured if 'metrics' in table else ''}"
            rows[table] = sorted(map(str, base.execute(query)))
        return rows | {"inputs": sorted(map(str, base.execute("select source_type, destination_type from inputs")))}


def let_go(root: Path) -> None:
    """End the connections that MLflow keeps open in this process to a root's store, as if it were another process."""
    from mlflow.tracking import MlflowClient

    client: Any = MlflowClient(f"sqlite:///{root.absolute() / 'mlflow.db'}")
    client._tracking_client.store.engine.dispose()
    client._get_registry_client().store.engine.dispose()


NOBODY = 65534
"""The user who owns nothing."""


def as_nobody(work: Callable[[], int], output: Path) -> tuple[int, str]:
    """Do some work in a forked child that may do little, and return its code and what it printed.

    What it needs was imported before: nobody may read where Python is installed.
    """

    def with_few_rights() -> int:
        os.setuid(NOBODY)
        return work()

    return forked(with_few_rights, output)


def forked(work: Callable[[], int], output: Path) -> tuple[int, str]:
    """Do some work in a forked child, and return its code and what it printed."""
    if (child := os.fork()) == 0:
        code = 1
        try:
            fd = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(fd, 1)
            os.dup2(fd, 2)
            sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
            code = work()
            sys.stdout.flush()
            sys.stderr.flush()
        except BaseException:
            os.write(2, traceback.format_exc().encode())
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), output.read_text()


def open_way_to(path: Path) -> None:
    """Let everybody reach a path; pytest's folders are for their owner alone."""
    for place in (path, *path.parents):
        place.chmod(place.stat().st_mode | 0o055)
