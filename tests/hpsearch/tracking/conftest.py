from __future__ import annotations

import math
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from servers import Server

from hpsearch.log.lines import encode
from hpsearch.log.records import Ask, Decision, Header, Record, Row, Tick
from hpsearch.tracking.deliver import Deliverer
from hpsearch.tracking.store import settings
from hpsearch.tracking.uri import resolve

START = 1_700_000_000.0


@pytest.fixture(scope="session", autouse=True)
def _mlflow_settings() -> Any:
    with settings():
        yield


@pytest.fixture
def root(tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    shutil.copyfile(empty_store, tmp_path / "mlflow.db")
    return tmp_path


@pytest.fixture
def server(root: Path) -> Iterator[Server]:
    """A real MLflow server over the root's store, which has moved behind it."""
    folder = root / "server"
    folder.mkdir()
    (root / "mlflow.db").rename(folder / "mlflow.db")
    server = Server(folder)
    server.up()
    yield server
    server.down()


def make_records(
    n_trials: int = 6, epochs: int = 4, lanes: int = 3, metrics: int = 2, name: str = "eta_lambda", **settings: Any
) -> list[Record]:
    """A study: of each five trials one is pruned after half its epochs and one fails by an overflow."""
    declaration = {
        "name": name,
        "model": {
            "class": "hpsearch.MLPClassifier",
            "params": {"hidden_layer_sizes": [30], "momentum": None},
        },
        "space": {"learning_rate": {"type": "Float", "low": 0.01, "high": 10.0, "log": True}},
        "metric": "val_accuracy",
        "direction": "maximize",
        "n_trials": n_trials,
        "lanes": lanes,
        "seed": 7,
        **settings,
    }
    environment = {
        "python": "3.11.9",
        "packages": {"numpy": "2.4.6", "scipy": "1.17.1"},
        "blas": ["openblas 0.3.30"],
        "git_commit": "a" * 40,
        "git_dirty": True,
        "git_diff": "--- a\n+++ b\n",
        "argv": ["hpsearch", "run", "studies/eta_lambda.py"],
    }
    dataset = {"name": "digits", "digest": "d" * 64, "source": "scikit-learn", "sizes": {"train": 1000, "valid": 300}}
    made: list[Record] = [Header(name, f"uid-{name}", declaration, environment, dataset, START)]
    busy: dict[int, tuple[int, int]] = {}
    asked, tick = 0, 0
    while busy or asked < n_trials:
        asks = []
        for lane in range(lanes):
            if lane not in busy and asked < n_trials:
                asks.append(Ask(asked, lane, {"learning_rate": 0.1 * (asked + 1), "l2": 5.0}, asked))
                busy[lane] = (asked, 0)
                asked += 1
        rows, decisions = [], []
        for lane, (trial, epoch) in sorted(busy.items()):
            epoch += 1
            busy[lane] = (trial, epoch)
            values = {f"m{number}": trial + epoch / 10 for number in range(metrics - 1)}
            failing = trial % 5 == 2 and epoch == 2
            values["val_accuracy"] = math.nan if failing else 1 - 1 / (1 + trial + epoch)
            if failing:
                values["train_cost"] = math.inf
                decisions.append(Decision(trial, "fail", "val_accuracy is nan at epoch 2", "failure"))
            elif trial % 5 == 1 and epoch == epochs // 2:
                evidence = {"rung": epoch, "rank": 3, "rivals": 4, "trial": 9}
                decisions.append(Decision(trial, "prune", "third of four at epoch 2", "asha", evidence))
            elif epoch == epochs:
                decisions.append(Decision(trial, "complete", f"all {epochs} epochs done", "epochs"))
            rows.append(
                Row(
                    trial,
                    lane,
                    epoch,
                    values,
                    0.125,
                    finished=epoch == epochs,
                    failure="val_accuracy is nan at epoch 2" if failing else None,
                    traceback="Traceback:\n  OverflowError: η\n" if failing else None,
                )
            )
        for decision in decisions:
            busy = {lane: held for lane, held in busy.items() if held[0] != decision.trial}
        made.append(Tick(tick, START + 1.0 + 0.5 * tick, tuple(asks), tuple(rows), tuple(decisions)))
        tick += 1
    return made


@pytest.fixture
def records() -> Callable[..., list[Record]]:
    return make_records


@pytest.fixture
def write(root: Path) -> Callable[..., Path]:
    """Writes records as a study's log, or adds to it, and returns the study's folder."""

    def write(made: list[Record], name: str = "eta_lambda", mode: str = "wb") -> Path:
        folder = root / "studies" / name
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "log.jsonl").open(mode) as log:
            log.write(b"".join(encode(record) for record in made))
        return folder

    return write


@pytest.fixture
def deliver(root: Path) -> Callable[..., bool]:
    """Delivers a study's log in this process, as ``hpsearch sync`` does."""

    def deliver(folder: Path, alive: bool = False) -> bool:
        return Deliverer(folder, resolve(root), root).once(alive) == 0

    return deliver


def read_store(db: Path) -> dict[str, Any]:
    """All that a store holds, without MLflow's random ids: what a reader of the UI could see."""
    with sqlite3.connect(f"file:{db}?mode=ro", uri=True) as connection:
        ask = lambda query: connection.execute(query).fetchall()  # noqa: E731 - a word for two lines
        names = dict(ask("select run_uuid, name from runs"))
        runs = ask("select name, status, start_time, lifecycle_stage from runs")
        ends = ask("select name, end_time from runs where status != 'RUNNING'")
        points = ask("select run_uuid, key, step, timestamp, value, is_nan from metrics")
        latest = ask("select run_uuid, key, step, value, is_nan from latest_metrics")
        params = ask("select run_uuid, key, value from params")
        tags = ask("select run_uuid, key, value from tags")
        inputs = ask("select destination_id, count(*) from inputs group by destination_id")
    connection.close()

    def named(rows: list[Any]) -> list[Any]:
        return sorted((names[row[0]], *row[1:]) for row in rows)

    plain = [(run, key, names.get(value, value)) for run, key, value in tags]
    return {
        "runs": sorted(runs),
        "ends": sorted(ends),
        "points": named(points),
        "latest": named(latest),
        "params": named(params),
        "tags": named(plain),
        "inputs": named(inputs),
    }


@pytest.fixture
def stored(root: Path) -> Callable[[], dict[str, Any]]:
    return lambda: read_store(root / "mlflow.db")


@pytest.fixture
def expected(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Callable[..., dict[str, Any]]:
    """What a store holds after one undisturbed delivery of these records."""

    def expected(made: list[Record], name: str = "eta_lambda") -> dict[str, Any]:
        other = tmp_path_factory.mktemp("expected")
        shutil.copyfile(empty_store, other / "mlflow.db")
        folder = other / "studies" / name
        folder.mkdir(parents=True)
        (folder / "log.jsonl").write_bytes(b"".join(encode(record) for record in made))
        assert Deliverer(folder, f"sqlite:///{other / 'mlflow.db'}", other).once(alive=False) == 0
        return read_store(other / "mlflow.db")

    return expected


@pytest.fixture
def alive() -> Callable[[int], bool]:
    def alive(pid: int) -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        return True

    return alive
