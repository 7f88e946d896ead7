"""What a Gaussian process learns from: an observation for each point that has ended, and the points under way."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hpsearch.log.history import History, Trial
from hpsearch.samplers.gp_encoding import Array, Encoding


@dataclass(frozen=True)
class Observation:
    """A point all of whose repeats have ended.

    Attributes:
        point: The point's number; negative for what was tried elsewhere.
        loss: Mean over the repeats of the best value, turned so that smaller is better; None where none has a value.
            A pruned repeat counts with the best it had when it was stopped, a failed one does not count.
        seconds: Mean time that a repeat trained, or None where not all of them completed: how long a pruned trial
            trained says more about the pruner than about the point.
        units: The point as numbers in [0, 1], one per dimension, shape (dims,).
        codes: The same as the kernel sees it, shape (width,).
    """

    point: int
    loss: float | None
    seconds: float | None
    units: Array = field(compare=False)
    codes: Array = field(compare=False)


class Observations:
    """The observations of a history, which it follows as it grows.

    Attributes:
        ended: The observations in the order in which their points ended (by tick, then by number), so that the first n
            are those that there were when there were n.
    """

    def __init__(self, encoding: Encoding, repeats: int) -> None:
        """Begin with nothing.

        Args:
            encoding: Turns points into numbers.
            repeats: How many trials make a point complete.
        """
        self.ended: list[Observation] = []
        self._encoding = encoding
        self._repeats = repeats
        self._history: History | None = None
        self._seen = 0
        self._groups: dict[int, list[Trial]] = {}
        self._open: set[int] = set()
        self._last: dict[int, int] = {}

    def follow(self, history: History) -> None:
        """Take in what is new in a history; another one than before is read from its start."""
        if history is not self._history:
            self._history = history
            self._seen = 0
            self._groups = {}
            self._last = {}
            self.ended = []
            self._open = set()
            self._observe(history)
        changed = len(history.spaces) > 1
        for trial in history.trials[self._seen :]:
            if changed and not self._encoding.holds(trial.params):
                continue  # of an earlier space: here there is no such point
            self._groups.setdefault(trial.ask.point, []).append(trial)
            if trial.ask.point in self._last:  # a failed one that is tried again
                del self._last[trial.ask.point]
                self.ended = [observation for observation in self.ended if observation.point != trial.ask.point]
            self._open.add(trial.ask.point)
        self._seen = len(history.trials)
        for point in sorted(point for point in self._open if self._ended(self._groups[point])):
            group = self._groups[point]
            self._open.discard(point)
            self._last[point] = max((trial.ticks[-1] for trial in group if trial.ticks), default=-1)
            self.ended.append(self._observed(group, history))
        self.ended.sort(key=lambda observation: (self._last[observation.point], observation.point))

    def _observe(self, history: History) -> None:
        """Take in what was tried elsewhere, which was known before the study's own points."""
        inside = [observed for observed in history.brought.observations if self._encoding.holds(observed.params)]
        for index, observed in enumerate(inside):
            units, codes = self._encoding.encode([observed.params])
            counts = bool(observed.values) and observed.state != "FAILED"
            loss = history.goal.loss(observed.values[0]) if counts else None
            point = index - len(inside)
            self._last[point] = -1
            self.ended.append(Observation(point, loss, None, units[0], codes[0]))

    def running(self) -> list[Mapping[str, Any]]:
        """Return the parameters of the points under way, by number."""
        return [self._groups[point][0].params for point in sorted(self._open)]

    def _ended(self, group: list[Trial]) -> bool:
        return len(group) >= self._repeats and all(trial.decision is not None for trial in group)

    def _observed(self, group: list[Trial], history: History) -> Observation:
        losses = [history.goal.loss(t.value) for t in group if t.state != "FAILED" and t.value is not None]
        completed = all(trial.state == "COMPLETE" for trial in group)
        units, codes = self._encoding.encode([group[0].params])
        return Observation(
            point=group[0].ask.point,
            loss=math.fsum(losses) / len(losses) if losses else None,
            seconds=math.fsum(trial.seconds for trial in group) / len(group) if completed else None,
            units=units[0],
            codes=codes[0],
        )
