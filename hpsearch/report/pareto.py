"""Studies with several metrics: the Pareto front in words and tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from hpsearch.log.history import History, Trial
from hpsearch.report import words
from hpsearch.report.terminal import Block, Column, Grid


def values(history: History, trial: Trial) -> dict[str, float | None]:
    """Return every metric of the goal at the deciding epoch of a trial, by name; None for one that is not finite."""
    finite = [value if math.isfinite(value) else None for value in trial.values]
    return dict(zip(history.goal.metrics, finite or [None] * len(history.goal.metrics), strict=True))


def others(history: History, trial: Trial) -> list[float | None]:
    """Return the values of all metrics but the first; an empty list where there is only one."""
    return list(values(history, trial).values())[1:]


def number(value: float | None) -> str:
    """Return a metric's value for people: a count as a whole number, any other as :func:`.words.number` writes it."""
    return f"{value:,.0f}" if value is not None and value.is_integer() and abs(value) > 1 else words.number(value)


def blocks(history: History, name: str, most: int) -> list[Block]:
    """Return the front in words and as a table of at most ``most`` trials."""
    front = history.front()
    summary = f"{words.many(len(front), 'trial')} that no other one beats in all"
    more = [f"… {len(front) - most} more: hpsearch best {name}"] if len(front) > most else []
    return [f"Pareto front of {' and '.join(history.goal.metrics)}: {summary}", _grids(history, front[:most]), *more]


def _grids(history: History, trials: Sequence[Trial]) -> list[Grid]:
    """Return a table of a front: every metric, and the parameters."""
    columns = [Column("trial", right=True), Column("state")]
    columns += [Column(metric, right=True) for metric in history.goal.metrics]
    columns += [Column("at epoch", right=True), Column("params", fold=True)]
    rows = [
        [
            f"{trial.number}",
            trial.state,
            *(number(value) for value in values(history, trial).values()),
            f"{trial.best_epoch}/{trial.epoch}",
            words.params(trial.params),
        ]
        for trial in trials
    ]
    narrow_layout = [0, *range(2, 2 + len(history.goal.metrics)), len(columns) - 1]
    return [
        Grid([columns[i] for i in layout], [[row[i] for i in layout] for row in rows])
        for layout in (range(len(columns)), narrow_layout)
    ]


def to_json(history: History) -> dict[str, Any]:
    """Return the metrics, their directions and the front as JSON values."""
    front = [
        {
            "trial": trial.number,
            "values": values(history, trial),
            "epoch": trial.best_epoch,
            "epochs": trial.epoch,
            "params": trial.params,
        }
        for trial in history.front()
    ]
    return {"metrics": list(history.goal.metrics), "directions": list(history.goal.directions), "front": front}
