"""When a study stops before all its trials are done: a target, no more improvement, a budget, or the clock on the wall.

What the history alone decides holds whenever it is asked again; what the wall decides is in the log, and a resumed
study goes on.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

from hpsearch.ladder.base import Ladder
from hpsearch.log.history import History
from hpsearch.log.records import Decision
from hpsearch.log.stages import full_epochs
from hpsearch.study.study import Study

ROUNDING = 1e-9
"""Shares such as 0.02 add up to a little less than they should."""

MANY_FAILURES = 16
"""A study whose first trials all failed, this many or all there are, is stopped: its cause is not a single point."""

ALL_FAILED = "failed"
"""How the ``stop`` of a study begins that can give no result."""


class Reached(NamedTuple):
    """A limit that a study has come to.

    Attributes:
        rule: The limit's name.
        reason: How it was reached, in words.
    """

    rule: str
    reason: str


@dataclass(frozen=True)
class Stopping:
    """What a tick means for the whole study.

    Attributes:
        reason: Why the study stops with it; None where the study goes on.
        decisions: How trials end because the search is over; those that are left can be resumed.
    """

    reason: str | None = None
    decisions: tuple[Decision, ...] = ()


@dataclass(frozen=True)
class Limits:
    """Where a study stops before its last trial, or one of its trials before its last epoch.

    Attributes:
        until: The value of the study's metric that is good enough, or None.
        no_improvement: Trials that may end after the last improvement of the best value, or None.
        timeout: Seconds of this run, or None.
        trial_timeout: Seconds that a trial may train, over all its epochs, or None.
        trial_memory: Bytes that the process of an objective's trial may hold, or None.
        budget: Epochs of the full problem that the search may cost, or None.
    """

    until: float | None = None
    no_improvement: int | None = None
    timeout: float | None = None
    trial_timeout: float | None = None
    budget: float | None = None
    trial_memory: float | None = None

    @classmethod
    def of(cls, study: Study) -> Limits:
        """Return what a study declares."""
        return cls(**{limit.name: getattr(study, limit.name) for limit in fields(cls)})

    def by_name(self) -> dict[str, Any]:
        """Return those that are not None, by name."""
        return {name: limit for name, limit in vars(self).items() if limit is not None}

    def reached(self, history: History) -> Reached | None:
        """Return the limit that a study has come to, or None.

        Args:
            history: The fold of the log; the newest tick may still lack its decisions.
        """
        best = history.best
        point = history.best_point
        if best is not None and point is not None and point.whole and self.until is not None:
            goal = history.goal
            value = point.mean
            if value == self.until or goal.better(value, self.until):
                where = f"in trial {best.number}"
                if history.declaration.repeats > 1:
                    where = f"as the mean over {len(point.trials)} repeats of point {best.ask.point}"
                return Reached("until", f"{goal.metric} reached {value:g} {where} (until {self.until:g})")
        if self.no_improvement is not None:
            improved = -1 if best is None or best.best_epoch is None else best.ticks[best.best_epoch - 1]
            if point is not None and history.declaration.repeats > 1:
                improved = point.ended  # its mean is known since its last repeat ended
            since = len(history.ends) - bisect_right(history.ends, improved)
            if since >= self.no_improvement:
                return Reached("no_improvement", f"no improvement in {since} trials")
        if self.budget is not None and (cost := full_epochs(history)) >= self.budget - ROUNDING:
            return Reached("budget", f"the search cost {cost:.1f} full-problem epochs (budget {self.budget:g})")
        return None


def only_failures(history: History, n_lanes: int, total: int | None) -> str | None:
    """Return why a study stops where every one of its first trials failed, else None.

    Args:
        history: The study's current version.
        n_lanes: Trials that train at a time.
        total: Trials that there will be, or None where there is no end.
    """
    trials = history.trials
    first = next(iter(trials), None)  # of a later version it is not number 0
    if first is None or first.state != "FAILED":
        return None
    enough = max(MANY_FAILURES, n_lanes) if total is None else min(max(MANY_FAILURES, n_lanes), total)
    if len(trials) < enough or any(trial.state != "FAILED" for trial in trials):
        return None
    reason = first.decision.reason if first.decision else ""
    return f"{ALL_FAILED}: all of the first {len(trials)} trials, trial {first.number} because {reason}"


def all_failed(history: History) -> bool:
    """Return whether a study was stopped because every one of its first trials failed."""
    return (history.stop or "").startswith(ALL_FAILED)


def standing(history: History, limits: Limits, ladder: Ladder) -> str | None:
    """Return why a study that is taken up has nothing left to search or to confirm under its limits, or None.

    What stopped an earlier run does not count: its time was over, or its limits were others.
    """
    if ladder.confirms(history):
        return None
    if (reached := limits.reached(history)) is not None:
        return reached.reason
    return None if history.unfinished else ladder.exhausted(history)
