"""How a trial ends by itself: it broke, it refuses its point, or it never reported what the study is after."""

from __future__ import annotations

import math
from collections.abc import Iterable

from hpsearch.errors import did_you_mean
from hpsearch.log.history import FAILURE, SECONDS, Goal, Trial
from hpsearch.log.records import Decision, Row

REFUSED = "refused"
"""The rule of a decision to stop a trial that says itself that its point is not worth training."""


def own_end(goal: Goal, trial: Trial, row: Row) -> Decision | None:
    """Return what is decided about a trial because of what its newest row says, or None where that lets it go on.

    A trial that breaks after good epochs counts with the best of them, and says how it ended; it fails where it has
    none, where its last epoch is what counts, and where it broke a limit of the study.

    Args:
        goal: What the study is after.
        trial: The trial, with its row.
        row: What it has just brought.
    """
    if row.refusal is not None:
        return Decision(row.trial, "prune", row.refusal, REFUSED)
    why = _broke(goal, trial, row)
    if why is None:
        return None
    if row.rule != FAILURE or trial.value is None or goal.by_last:
        return Decision(row.trial, "fail", why, row.rule)
    return Decision(row.trial, "complete", f"{why}; it counts with epoch {trial.best_epoch}", FAILURE)


def reported(metric: str, rows: Iterable[Row]) -> str:
    """Return in words what rows report in a metric's place, or which of those names was meant."""
    names = sorted({name for row in rows for name in row.metrics})
    return did_you_mean(metric, names) if names else ""


def _broke(goal: Goal, trial: Trial, row: Row) -> str | None:
    if row.failure is not None:
        return row.failure
    value = row.metrics.get(goal.metric)
    if value is not None and not math.isfinite(value):
        return f"{goal.metric} is {value} at epoch {row.epoch}"
    if trial.unfit is not None and trial.unfit[0] == row.epoch:
        measured = zip(goal.metrics, trial.unfit[1], strict=True)
        unmeasured = next(metric for metric, value in measured if not math.isfinite(value))
        return f"{unmeasured} is not a finite number at epoch {row.epoch}"
    if not row.finished or trial.value is not None:
        return None
    names = {name for row in trial.rows for name in row.metrics}
    missing = next((metric for metric in goal.metrics if metric not in names and metric != SECONDS), None)
    if missing is None:
        return f"ended without an epoch that reports all of {', '.join(goal.metrics)}"
    return f"ended without reporting {missing}{reported(missing, trial.rows)}"


def unreported(goal: Goal, rows: Iterable[Row]) -> str | None:
    """Return in words which trial was the first to report other metrics than the study's; None where none did."""
    for row in rows:
        if row.metrics and row.failure is None:
            for metric in goal.metrics:
                if metric not in row.metrics and metric != SECONDS:
                    return f"trial {row.trial} does not report {metric!r} yet{reported(metric, [row])}"
    return None
