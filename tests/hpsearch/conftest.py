from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import logs
import numpy as np
import pytest

from hpsearch import space as spaces
from hpsearch.log.history import Goal, History
from hpsearch.log.records import Ask, Decision, Record, Row, Tick
from hpsearch.space import Choice, Dimension, Float, Int

SPACE: dict[str, Dimension] = {
    "learning_rate": Float(1e-3, 10, log=True),
    "l2": Float(1e-3, 100, log=True),
    "batch_size": Choice([1, 10, 100]),
    "optimizer": Choice(["sgd", "adam"]),
    "momentum": Float(0.0, 0.99, when={"optimizer": "sgd"}),
    "n_hidden": Int(10, 200),
}


def make(n_trials: int = 40, epochs: int = 6, lanes: int = 4, name: str = "made", **said: Any) -> list[Record]:
    """A made-up search in which learning_rate matters most, l2 a little, and nothing else: with prunes and failures.

    Of six metrics one is infinite now and then. Trials with a learning rate above 5 diverge in their second epoch.
    """
    said = {"space": spaces.to_json(SPACE), "epochs": epochs, "lanes": lanes, **said}
    made: list[Record] = [logs.header(name, n_trials=n_trials, **said)]
    busy: dict[int, tuple[int, int, dict[str, Any]]] = {}
    asked = tick = 0
    while busy or asked < n_trials:
        asks, rows, decisions = [], [], []
        for lane in range(lanes):
            if lane not in busy and asked < n_trials:
                busy[lane] = (asked, 0, params(asked))
                asks.append(Ask(asked, lane, busy[lane][2], asked))
                asked += 1
        for lane, (trial, epoch, given) in sorted(busy.items()):
            epoch += 1
            busy[lane] = (trial, epoch, given)
            value = curve(trial, given, epoch)
            failing = given["learning_rate"] > 5 and epoch == 2
            metrics = {
                "val_accuracy": math.nan if failing else value,
                "val_cost": math.inf if failing else 2 * (1 - value),
                "train_accuracy": value + 0.01,
                "train_cost": 1.8 * (1 - value),
                "learning_rate": given["learning_rate"],
                "norm": float(trial),
            }
            failure = "val_accuracy is nan" if failing else None
            seconds = 0.3 / math.sqrt(given["batch_size"])
            rows.append(Row(trial, lane, epoch, metrics, seconds, epoch == epochs, failure))
            if failing:
                decisions.append(Decision(trial, "fail", "val_accuracy is nan at epoch 2", "failure"))
            elif epoch == 2 and value < 0.4:
                decisions.append(Decision(trial, "prune", f"{value:.4f} is below 0.4", "asha", {"rung": 2}))
            elif epoch == epochs:
                decisions.append(Decision(trial, "complete", f"all {epochs} epochs done", "epochs"))
        for decision in decisions:
            busy = {lane: held for lane, held in busy.items() if held[0] != decision.trial}
        made.append(Tick(tick, logs.header().time + tick, tuple(asks), tuple(rows), tuple(decisions)))
        tick += 1
    return made


def params(trial: int) -> dict[str, Any]:
    rng = np.random.default_rng(trial)
    given: dict[str, Any] = {
        "learning_rate": float(10 ** rng.uniform(-3, 1)),
        "l2": float(10 ** rng.uniform(-3, 2)),
        "batch_size": [1, 10, 100][int(rng.integers(3))],
        "optimizer": ["sgd", "adam"][int(rng.integers(2))],
    }
    if given["optimizer"] == "sgd":
        given["momentum"] = float(rng.uniform(0, 0.99))
    return {**given, "n_hidden": int(rng.integers(10, 201))}


def curve(trial: int, given: dict[str, Any], epoch: int) -> float:
    noise = float(np.random.default_rng((trial, epoch)).normal()) * 0.004
    peak = 0.98 - 0.08 * (math.log10(given["learning_rate"]) + 0.2) ** 2 - 0.02 * (math.log10(given["l2"]) - 0.5) ** 2
    return max(0.1, peak * (1 - 0.7 * math.exp(-epoch)) + noise)


def fold(made: list[Record]) -> History:
    first = made[0]
    assert hasattr(first, "declaration")
    return History.fold(made, Goal(first.declaration["metric"], first.declaration["direction"]))


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that MLflow has just made, once for all tests: they copy the file."""
    from hpsearch.tracking.store import Store, settings  # imports MLflow
    from hpsearch.tracking.uri import resolve

    root = tmp_path_factory.mktemp("empty")
    with settings():
        Store(resolve(root), root, "Default").settle()
    return root / "mlflow.db"


@pytest.fixture(scope="session")
def searched() -> Callable[..., History]:
    """Folds a made-up search."""
    return lambda *given, **said: fold(make(*given, **said))


@pytest.fixture(scope="session")
def search() -> Callable[..., list[Record]]:
    """The records of a made-up search."""
    return make
