"""The points of a history by their parameters: where the chapter's procedure looks up the results of its probes."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hpsearch.log.history import Goal, Trial

EARLY = 5
"""Epochs in which a training cost must fall at once."""

NOISE = 0.05
"""A rise of the training cost by at most this share of it does not count as an oscillation."""

SETBACK = 0.2
"""A training cost oscillates where in the early epochs it ever rises by more than this share of its whole fall."""


@dataclass(frozen=True)
class AskedPoint:
    """A point of the history, with its trials.

    Attributes:
        trials: The point's trials so far, one per repeat.
        repeats: How many repeats a point has in all.
        goal: Which metric decides, and in which direction.
    """

    trials: tuple[Trial, ...]
    repeats: int
    goal: Goal

    @property
    def open(self) -> bool:
        """Whether a repeat is missing or still trains."""
        return len(self.trials) < self.repeats or any(trial.decision is None for trial in self.trials)

    @property
    def value(self) -> float | None:
        """Mean of its trials' best values so far; None where there is none or all failed."""
        values = [trial.value for trial in self.trials if trial.state != "FAILED" and trial.value is not None]
        return sum(values) / len(values) if values else None

    @property
    def loss(self) -> float:
        """The value turned so that smaller is better; infinite where there is none."""
        return math.inf if self.value is None else self.goal.loss(self.value)

    @property
    def has_cost(self) -> bool:
        """Whether its first trial reports a training cost in the early epochs."""
        return any("train_cost" in row.metrics for row in self.trials[0].rows[:EARLY])

    @property
    def early(self) -> list[float]:
        """Training cost over the early epochs; where none is reported, the goal's metric so that smaller is better."""
        rows = self.trials[0].rows[:EARLY]
        cost = [row.metrics["train_cost"] for row in rows if "train_cost" in row.metrics]
        return cost or [
            self.goal.loss(row.metrics[self.goal.metric]) for row in rows if self.goal.metric in row.metrics
        ]

    @property
    def falls(self) -> bool:
        """Whether the early cost falls at once: neither diverges nor oscillates nor rises."""
        cost = self.early
        if len(cost) < 2 or any(not math.isfinite(value) for value in cost):
            return False
        low = cost[0]
        worst = 0.0
        for value in cost[1:]:
            worst = max(worst, value - low - NOISE * abs(low))
            low = min(low, value)
        return cost[-1] <= cost[0] and worst <= SETBACK * (cost[0] - low)

    def value_at(self, seconds: float) -> float | None:
        """Return its first trial's best value after so much training time, or None where it had none by then."""
        best = None
        spent = 0.0
        for row in self.trials[0].rows:
            spent += row.seconds
            value = row.metrics.get(self.goal.metric, math.nan)
            if spent > seconds * (1 + 1e-9):
                break
            if math.isfinite(value) and (best is None or self.goal.better(value, best)):
                best = value
        return best


class AskedPoints:
    """All points of a history, by their parameters."""

    def __init__(self, trials: Iterable[Trial], goal: Goal, repeats: int = 1) -> None:
        points: dict[int, list[Trial]] = {}
        for trial in trials:
            points.setdefault(trial.ask.point, []).append(trial)
        # Of equal points the first counts: what follows from it must not change when the point is met again.
        self._seen: dict[str, AskedPoint] = {}
        for group in points.values():
            self._seen.setdefault(key(group[0].params), AskedPoint(tuple(group), repeats, goal))

    def __getitem__(self, params: Mapping[str, Any]) -> AskedPoint | None:
        return self._seen.get(key(params))

    def best(self) -> AskedPoint | None:
        """Return the best point, running ones included; of equals the first."""
        return min((seen for seen in self._seen.values() if seen.value is not None), key=lambda s: s.loss, default=None)


def key(params: Mapping[str, Any]) -> str:
    """Return a text that is equal for equal points."""
    return json.dumps(dict(params), sort_keys=True)
