"""Measurements within an epoch: every k samples, between two mini-batches, on the weights as they are.

They decide nothing and change nothing: a network that is measured trains to the same bits as one that is not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np

from ..kernels import Array
from .scores import Scorer

Sums = tuple[Array, Array]
"""Costs and hits of each lane, shape (K,) each."""

VALIDATION = "val"
"""The set that is measured."""

Point = tuple[int, dict[str, float]]
"""How many samples a network has been trained on, and what was measured there."""


class Measures(Protocol):
    """Measures the lanes of a population on samples."""

    def run(self) -> Sums:
        """Return the cost summed over the samples and the number of hits, shape (K,) each."""


class _Measurement(NamedTuple):
    """A measurement within an epoch.

    Attributes:
        done: Samples of the epoch that were trained on by then.
        stretch: Samples since the measurement before.
        trained: Costs and hits of these samples, as they were trained on.
        held_out: Costs and hits of the validation set, or None where there is none.
    """

    done: int
    stretch: int
    trained: Sums
    held_out: Sums | None


@dataclass
class Watch:
    """Measures K lanes within one epoch.

    Attributes:
        every: Samples from one measurement to the next, rounded up to whole mini-batches.
        n: Samples of an epoch.
        measure: Returns costs and hits of the validation set, or None where there is none.
    """

    every: int
    n: int
    measure: Callable[[], Sums | None]
    _done: int = 0
    _due: int = 0
    _cost: Array = field(default_factory=lambda: np.zeros(()))
    _hits: Array = field(default_factory=lambda: np.zeros(()))
    _taken: list[_Measurement] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._due = self.every

    @classmethod
    def of(cls, every: int | None, n: int, checks: Mapping[str, tuple[Measures, object]]) -> Watch | None:
        """Return what measures within an epoch, or None where nobody wants it.

        Args:
            every: Samples from one measurement to the next, or None.
            n: Samples of an epoch.
            checks: What measures each set that is held out, by its name; only the validation set is looked at.
        """
        if every is None:
            return None
        return cls(every, n, checks[VALIDATION][0].run if VALIDATION in checks else lambda: None)

    def edges(self, steps: int, batch: int) -> list[int]:
        """Return after which of the next batches to stop: where a measurement is due, and at their end.

        Args:
            steps: How many batches come next.
            batch: Samples of each.
        """
        edges = []
        due = self._due
        for i in range(1, steps + 1):
            if self._done + i * batch >= due:
                edges.append(i)
                due = self._next(self._done + i * batch)
        return edges if edges and edges[-1] == steps else [*edges, steps]

    def _next(self, done: int) -> int:
        return (done // self.every + 1) * self.every

    def trained(self, samples: int, cost: Array, hits: Array) -> None:
        """Take in that all lanes were trained on so many samples more, and measure where it is due.

        The end of an epoch is measured by the epoch itself.

        Args:
            samples: How many.
            cost: Their cost, summed, shape (K,).
            hits: How many were right, shape (K,).
        """
        self._done += samples
        self._cost = self._cost + cost
        self._hits = self._hits + hits
        if self._due <= self._done < self.n:
            self._take(self.measure())

    def _take(self, held_out: Sums | None) -> None:
        done_before = self._taken[-1].done if self._taken else 0
        self._taken.append(_Measurement(self._done, self._done - done_before, (self._cost, self._hits), held_out))
        self._cost = np.zeros_like(self._cost)
        self._hits = np.zeros_like(self._hits)
        self._due = self._next(self._done)

    def points(
        self, lane: int, epochs: int, measured: Mapping[str, tuple[Array, Array, Sequence[Scorer]]]
    ) -> tuple[Point, ...]:
        """Return the points of a lane, the end of the epoch included.

        ``train_cost`` and ``train_accuracy`` are those of the samples since the point before, as they were trained on.

        Args:
            lane: Number of the lane.
            epochs: Epochs that it had done before.
            measured: What was measured at the end of the epoch: costs, hits, and what makes metrics of them.
        """
        if not self._taken or self._taken[-1].done < self._done:
            self._take(measured[VALIDATION][:2] if VALIDATION in measured else None)
        points = []
        for done, stretch, (cost, hits), held_out in self._taken:
            metrics = measured["train"][2][lane].of_some("train", stretch, float(cost[lane]), float(hits[lane]))
            if held_out is not None:
                scorer = measured[VALIDATION][2][lane]
                total, right = held_out
                metrics |= scorer.metrics(VALIDATION, float(total[lane]), float(right[lane]))
            points.append((epochs * self.n + done, metrics))
        return tuple(points)
