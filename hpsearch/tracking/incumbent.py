"""The best-so-far curve of a study: a point where the incumbent changes or a trial ends."""

from __future__ import annotations

from hpsearch.log.history import History, Trial
from hpsearch.log.records import Tick
from hpsearch.tracking.content import Point
from hpsearch.tracking.spelling import key, millis


class Incumbent:
    """Follows the best trial of one version of a study from tick to tick."""

    def __init__(self) -> None:
        self._trial: Trial | None = None
        self._mean: float | None = None

    def follow(self, history: History, tick: Tick) -> list[Point]:
        """Return the point that a tick adds to the curve, or none.

        Args:
            history: The fold of the log, this tick included.
            tick: The tick.
        """
        goal = history.goal
        earlier = self._trial
        if history.declaration.repeats > 1:
            return self._of_points(history, tick)
        for row in tick.rows:
            trial = history.trials[row.trial]
            outdated = trial.version < history.version
            counts = goal.value != "complete" or trial.state == "COMPLETE"
            if (
                outdated
                or trial.value is None
                or trial.state == "FAILED"
                or trial.ask.stage != history.full_stage
                or not counts
            ):
                continue
            best = self._trial
            if best is None or best.value is None or goal.better(trial.value, best.value):
                self._trial = trial
        failed = any(history.trials[decision.trial].state == "FAILED" for decision in tick.decisions)
        if failed or goal.by_last:  # then the incumbent may have become worse, or be another
            self._trial = history.best
        best = self._trial
        improved = best is not None and (best is not earlier or best.number in {row.trial for row in tick.rows})
        if best is None or best.value is None or not (improved or tick.decisions):
            return []
        return [Point(key(f"best_{goal.metric}"), best.value, millis(tick.time), tick.tick)]

    def _of_points(self, history: History, tick: Tick) -> list[Point]:
        """Return the point of a study that repeats its points: the mean of the best one that has all its repeats."""
        best = history.best_point
        mean = best.mean if best is not None and best.whole else None
        if mean is None or not (mean != self._mean or tick.decisions):
            return []
        self._mean = mean
        return [Point(key(f"best_{history.goal.metric}"), mean, millis(tick.time), tick.tick)]
