"""What an epoch of a trial is worth where several metrics are weighed against one another."""

from __future__ import annotations

import math

from hpsearch.log.records import Row
from hpsearch.log.trial import Trial
from hpsearch.study.goal import SECONDS, Goal


def measured(goal: Goal, trial: Trial, value: float) -> tuple[float, ...]:
    """Return all metrics of the goal at a trial's newest row, of which the first is known."""
    if not goal.others:
        return (value,)
    return (value, *trial.measured(len(trial.rows) - 1, goal.metrics[1:]))


def is_whole(goal: Goal, trial: Trial, row: Row, value: float) -> bool:
    """Return whether a trial's newest epoch tells all metrics of the goal: one that does not cannot be weighed.

    An epoch that tells them all and of which one is not finite is noted as the trial's ``unfit`` one.
    """
    if not goal.others:
        return True
    if any(metric not in row.metrics and metric != SECONDS for metric in goal.metrics):
        return False
    values = measured(goal, trial, value)
    whole = all(map(math.isfinite, values))
    trial.unfit = None if whole else (row.epoch, values)
    return whole
