"""Made-up logs: a study as it would stand on the disk, without training anything."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from hpsearch.log.lines import encode
from hpsearch.log.records import Ask, Decision, Header, Record, Row, Tick

EPOCHS = 3


def header(name: str = "eta_lambda", **fields: Any) -> Header:
    """The first record of a log."""
    declaration = {
        "name": name,
        "metric": "val_accuracy",
        "direction": "maximize",
        "sampler": "tpe",
        "pruner": "asha",
        "seed": 0,
        "lanes": 4,
        "n_trials": 4,
        "repeats": 1,
        "data": "digits",
        **fields,
    }
    return Header(name, "c0ffee", declaration, {}, {"name": "digits"}, 1_700_000_000.0)


def ticks(start: float = 1_700_000_000.0) -> list[Tick]:
    """Four trials in four lanes: 0 and 3 complete, 1 is pruned after an epoch, 2 diverges in its second.

    Trial 3 has another parameter than the rest, and is the best with 0.9 at epoch 2.
    """
    asks = (
        Ask(0, 0, {"learning_rate": 0.1, "l2": 5.0}, 0),
        Ask(1, 1, {"learning_rate": 1e-3, "l2": 0.5}, 1),
        Ask(2, 2, {"learning_rate": 1e6, "l2": 0.1}, 2),
        Ask(3, 3, {"learning_rate": 0.5, "sizes": [30, 10]}, 3),
    )
    curves = {0: [0.1, 1 / 3, 0.8], 1: [0.2], 2: [0.3, math.nan], 3: [0.7, 0.9, 0.85]}
    decisions: list[list[Decision]] = [
        [Decision(1, "prune", "0.2 at epoch 1 is below the rung, 3rd of 4", "asha", {"rung": 1})],
        [Decision(2, "fail", 'cost is nan, "diverged"', "failure")],
        [Decision(n, "complete", "all 3 epochs done", "epochs") for n in (0, 3)],
    ]
    made = []
    for epoch in range(1, EPOCHS + 1):
        rows = tuple(
            Row(trial, trial, epoch, {"val_accuracy": curve[epoch - 1], "cost": 10.0**-epoch}, 0.5)
            for trial, curve in curves.items()
            if len(curve) >= epoch
        )
        first = asks if epoch == 1 else ()
        made.append(Tick(epoch - 1, start + epoch, first, rows, tuple(decisions[epoch - 1])))
    return made


def records(name: str = "eta_lambda", start: float = 1_700_000_000.0, **fields: Any) -> list[Record]:
    """A whole log."""
    return [header(name, **fields), *ticks(start)]


def two_stages(worth: Callable[[int], float], points: int = 8, name: str = "ladder", **fields: Any) -> list[Record]:
    """A study of two stages in which point i is worth i on the small problem and worth(i) on the full one."""
    stages = [{"train": 100, "classes": [0, 1]}, {}]
    fields = {"n_trials": 2 * points, "stages": stages, "lanes": points, **fields}
    made: list[Record] = [replace(header(name, **fields), dataset={})]
    for stage, value_of in enumerate((float, worth)):
        first = stage * points
        asks = tuple(Ask(first + i, i, {"learning_rate": 0.1 * (i + 1)}, i, 0, stage) for i in range(points))
        rows = tuple(Row(first + i, i, 1, {"val_accuracy": value_of(i)}, 0.5, True) for i in range(points))
        ends = tuple(Decision(first + i, "complete", "all 1 epochs done", "epochs") for i in range(points))
        note = ("stage 0 misleads here: planted",) if stage else ()
        made.append(Tick(stage, 1_700_000_001.0 + stage, asks, rows, ends, notes=note))
    return made


def many(trials: int, epochs: int, params: int) -> list[Record]:
    """A log of many trials in eight lanes."""
    draw = random.Random(0)
    records: list[Record] = [header("big", n_trials=trials, lanes=8)]
    for first in range(0, trials, 8):
        numbers = range(first, min(first + 8, trials))
        asks = tuple(Ask(n, n - first, {f"p{j}": draw.random() for j in range(params)}, n) for n in numbers)
        for epoch in range(1, epochs + 1):
            last = epoch == epochs
            rows = tuple(Row(n, n - first, epoch, {"val_accuracy": draw.random()}, 0.1, last) for n in numbers)
            ends = tuple(Decision(n, "complete", f"all {epochs} epochs done", "epochs") for n in numbers)
            records.append(Tick(len(records) - 1, 1.7e9, asks if epoch == 1 else (), rows, ends if last else ()))
    return records


def write(root: Path, made: Iterable[Record]) -> Path:
    """Write a log to where its study keeps it, and return the study's folder."""
    made = list(made)
    first = made[0]
    assert isinstance(first, Header)
    folder = root / "studies" / first.name
    folder.mkdir(parents=True)
    (folder / "log.jsonl").write_bytes(b"".join(encode(record) for record in made))
    return folder
