"""What a Gaussian process learns from: one observation per point that has ended, and the points still under way."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hpsearch.history import History, Trial


@dataclass(frozen=True)
class Observation:
    """A point all of whose repeats have ended.

    Attributes:
        point: Its number.
        params: Its parameters.
        loss: Mean over the repeats of the best value, turned so that smaller is better; None where none has a value.
            A pruned repeat counts with the best it had when it was stopped.
        seconds: Mean time that a repeat trained, or None where not all of them completed: a pruned trial's time says
            less about the point than about the pruner.
    """

    point: int
    params: Mapping[str, Any]
    loss: float | None
    seconds: float | None


class Observations:
    """Follows a history as it grows.

    Attributes:
        ended: What is known, in the order in which the points ended (by tick, then by number): the first n of them are
            what was known when there were n.
        running: Parameters of the points under way, by number.
    """

    def __init__(self, repeats: int) -> None:
        """Begin with nothing.

        Args:
            repeats: How many trials make a point complete.
        """
        self._repeats = repeats
        self._history: History | None = None
        self._seen = 0
        self._open: dict[int, list[Trial]] = {}
        self._ended: list[tuple[int, Observation]] = []

    def follow(self, history: History) -> None:
        """Take in what is new in a history; another one than before is read from its start."""
        if history is not self._history:
            self._history, self._seen, self._open, self._ended = history, 0, {}, []
        for trial in history.trials[self._seen :]:
            self._open.setdefault(trial.ask.point, []).append(trial)
        self._seen = len(history.trials)
        for point in [point for point, group in self._open.items() if self._over(group)]:
            group = self._open.pop(point)
            last = max((tick for trial in group for tick in trial.ticks[-1:]), default=-1)
            self._ended.append((last, _observed(group, history)))
        self._ended.sort(key=lambda pair: (pair[0], pair[1].point))

    @property
    def ended(self) -> list[Observation]:
        return [observation for _, observation in self._ended]

    @property
    def running(self) -> list[Mapping[str, Any]]:
        return [self._open[point][0].params for point in sorted(self._open)]

    def _over(self, group: list[Trial]) -> bool:
        return len(group) >= self._repeats and all(trial.decision is not None for trial in group)


def _observed(group: list[Trial], history: History) -> Observation:
    losses = [history.goal.loss(t.value) for t in group if t.state != "FAILED" and t.value is not None]
    whole = all(trial.state == "COMPLETE" for trial in group)
    return Observation(
        point=group[0].ask.point,
        params=group[0].params,
        loss=math.fsum(losses) / len(losses) if losses else None,
        seconds=math.fsum(trial.seconds for trial in group) / len(group) if whole else None,
    )
