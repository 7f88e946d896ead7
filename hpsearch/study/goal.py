"""What a study is after: the metric that decides, and those that are weighed against it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from hpsearch.errors import UserError, did_you_mean

Direction = Literal["maximize", "minimize"]
Counts = Literal["best", "last", "complete"]

DEFAULT_METRIC = "val_accuracy"

SECONDS = "seconds"
"""The metric that every trial has without reporting it: its observed training time so far, from the log."""


@dataclass(frozen=True)
class Goal:
    """What a study is after: a metric, whether more of it is better, and what else is weighed against it.

    Attributes:
        metric: What decides: ranking, pruning and limits go by it.
        direction: Whether more of it is better.
        value: Which epoch of a trial counts: its best, or its last; complete: its last, and only trials that were
            trained to their end can win.
        others: Further metrics with their directions, for a Pareto front. ``seconds`` is the training time up to the
            epoch that counts, unless a trial reports a metric of that name.
    """

    metric: str
    direction: Direction
    value: Counts = "best"
    others: tuple[tuple[str, Direction], ...] = ()

    @classmethod
    def of(cls, declaration: Mapping[str, Any]) -> Goal:
        """Return the goal of a declaration, as a log's header holds it."""
        metric, direction = declaration["metric"], declaration["direction"]
        metrics = [metric] if isinstance(metric, str) else metric
        directions = [direction] if isinstance(direction, str) else direction
        decides, *others = zip(metrics, directions, strict=True)
        return cls(*decides, declaration.get("value", "best"), tuple(others))

    @property
    def metrics(self) -> tuple[str, ...]:
        """All metrics, the one that decides first."""
        return (self.metric, *(metric for metric, _ in self.others))

    @property
    def directions(self) -> tuple[Direction, ...]:
        """The direction of each metric."""
        return (self.direction, *(direction for _, direction in self.others))

    @property
    def first(self) -> Goal:
        """The goal with its first metric alone."""
        return Goal(self.metric, self.direction, self.value)

    def __str__(self) -> str:
        wanted = [f"{direction} {metric}" for metric, direction in zip(self.metrics, self.directions, strict=True)]
        remarks = {"last": " (a trial's last epoch counts)", "complete": " (the last epoch of whole trials counts)"}
        return ", ".join(wanted) + remarks.get(self.value, "")

    @property
    def by_last(self) -> bool:
        """Whether a trial's last epoch counts, be it its best or not."""
        return self.value != "best"

    def better(self, a: float, b: float) -> bool:
        """Return whether value a is strictly better than value b."""
        return a > b if self.direction == "maximize" else a < b

    def counts(self, value: float, best: float | None) -> bool:
        """Return whether an epoch's value takes the place of what counted before it."""
        return math.isfinite(value) and (best is None or self.by_last or self.better(value, best))

    def loss(self, value: float) -> float:
        """Return the value turned so that smaller is better (its negative where the goal is to maximize)."""
        return -value if self.direction == "maximize" else value

    def losses(self, values: Sequence[float]) -> tuple[float, ...]:
        """Return a value per metric, each turned so that smaller is better."""
        pairs = zip(values, self.directions, strict=True)
        return tuple(-value if direction == "maximize" else value for value, direction in pairs)


def checked(metric: Any, direction: Any, value: Any) -> tuple[Any, Any]:
    """Return a study's metric and direction: texts, or tuples of as many texts where there are several.

    Raises:
        UserError: They are invalid, or ``value`` names no epoch that could count.
    """
    metrics, directions = _several(metric), _several(direction)
    if not metrics or not all(isinstance(item, str) and item for item in metrics):
        raise UserError(f"metric must be a text such as 'val_accuracy', or a list of them, not {metric!r}")
    for item in directions:
        if item not in ("maximize", "minimize"):
            raise UserError(f"unknown direction {item!r}{did_you_mean(str(item), ('maximize', 'minimize'))}")
    if len(directions) != len(metrics):
        raise UserError(f"give direction= one of maximize and minimize for each metric ({', '.join(metrics)})")
    if len(set(metrics)) < len(metrics):
        raise UserError(f"metric names one twice: {', '.join(metrics)}")
    if value not in get_args(Counts):
        raise UserError(f"value must be 'best', 'last' or 'complete', the epoch that counts, not {value!r}")
    return (metrics, directions) if len(metrics) > 1 else (metrics[0], directions[0])


def _several(value: Any) -> tuple[Any, ...]:
    """Return a list as a tuple, and any other value as a tuple of one."""
    return tuple(value) if isinstance(value, list | tuple) else (value,)
