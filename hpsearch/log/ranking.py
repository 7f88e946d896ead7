"""Which trials are better than others."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable
from typing import Protocol, TypeVar

from hpsearch.log.trial import Trial
from hpsearch.study.goal import Goal


class Measured(Protocol):
    """What has a value for each metric of a goal: a trial or a point."""

    @property
    def values(self) -> tuple[float, ...]:
        """The values, in the order of the metrics."""


T = TypeVar("T", bound=Measured)


def front(goal: Goal, ranked: Iterable[T]) -> list[T]:
    """Return the Pareto front: the trials or points that no other one dominates, best by the first metric first.

    One dominates another where it is at least as good in every metric and better in one.

    Args:
        goal: The metrics.
        ranked: Trials or points with a value for each.
    """
    measured = [(goal.losses(candidate.values), candidate) for candidate in ranked]
    finite = sorted((pair for pair in measured if all(map(math.isfinite, pair[0]))), key=lambda pair: pair[0])
    unbeaten: list[tuple[tuple[float, ...], T]] = []
    for losses, candidate in finite:
        # Any rival that dominates it comes before it in the order, and is unbeaten itself or dominated by one that is.
        if not any(rival != losses and all(map(operator.le, rival, losses)) for rival, _ in unbeaten):
            unbeaten.append((losses, candidate))
    return [candidate for _, candidate in unbeaten]


def may_win(goal: Goal, trial: Trial) -> bool:
    """Return whether a trial can be the study's best: it did not fail, and is complete where only such trials count."""
    if trial.state == "FAILED":
        return False
    return goal.value != "complete" or trial.state == "COMPLETE" or (len(trial.rows) > 0 and trial.rows[-1].finished)
