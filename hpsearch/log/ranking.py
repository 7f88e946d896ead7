"""Which trials are better than others."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable

from hpsearch.log.trial import Trial
from hpsearch.study.goal import Goal


def front(goal: Goal, ranked: Iterable[Trial]) -> list[Trial]:
    """Return the trials that no other one is as good as in every metric and better in one, best first.

    Args:
        goal: The metrics.
        ranked: Trials with a value for each.
    """
    known = [(goal.losses(trial.values), trial) for trial in ranked]
    known = sorted((each for each in known if all(map(math.isfinite, each[0]))), key=lambda each: each[0])
    kept: list[tuple[tuple[float, ...], Trial]] = []
    for losses, trial in known:
        # Whoever is better than this trial stands before it, and is kept or beaten by one that is.
        if not any(other != losses and all(map(operator.le, other, losses)) for other, _ in kept):
            kept.append((losses, trial))
    return [trial for _, trial in kept]


def may_win(goal: Goal, trial: Trial) -> bool:
    """Return whether a trial can be the study's best: none that failed, and where whole trials count, no other."""
    if trial.state == "FAILED":
        return False
    return goal.value != "complete" or trial.state == "COMPLETE" or (len(trial.rows) > 0 and trial.rows[-1].finished)


def ranks_before(goal: Goal, a: Trial, b: Trial) -> bool:
    """Return whether the first of two trials that have a value is better, or as good with a lower number."""
    assert a.value is not None, "only trials with a value are ranked"
    assert b.value is not None, "only trials with a value are ranked"
    return goal.better(a.value, b.value) or (a.value == b.value and a.number < b.number)
