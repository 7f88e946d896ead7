"""Points given by hand come first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hpsearch.log.history import History
from hpsearch.samplers.base import Allotment, Continuation, Pausing, Sampler


class Enqueued:
    """Gives the points 0 to k - 1 as declared and asks the study's sampler from k on."""

    def __init__(self, points: Sequence[Mapping[str, Any]], sampler: Sampler) -> None:
        self._points = points
        self._sampler = sampler
        self.reads_history = sampler.reads_history
        self.any_point = getattr(sampler, "any_point", False)
        self.any_order = getattr(sampler, "any_order", False)
        self.size = None if sampler.size is None else len(points) + sampler.size

        self.rejected = 0

    def ask(self, history: History, point: int) -> dict[str, Any]:
        """Return the point with this number."""
        if point < len(self._points):
            self.rejected = 0
            return dict(self._points[point])
        params = self._sampler.ask(history, point)
        self.rejected = self._sampler.rejected
        return params


class EnqueuedPausing(Enqueued):
    """The same, for a sampler whose trials are paused and go on; the points given by hand are allotted nothing."""

    def __init__(self, points: Sequence[Mapping[str, Any]], sampler: Sampler) -> None:
        super().__init__(points, sampler)
        assert isinstance(sampler, Pausing), "it pauses its trials"
        self._pausing: Pausing = sampler
        self.allotment = Allotment()

    def ask(self, history: History, point: int) -> dict[str, Any]:
        """Return the point with this number."""
        params = super().ask(history, point)
        self.allotment = Allotment() if point < len(self._points) else self._pausing.allotment
        return params

    def resume(self, history: History, *, begins: bool) -> Continuation | None:
        """Return what the study's sampler goes on with, once the points given by hand have begun."""
        if begins and len({trial.ask.point for trial in history.trials}) < len(self._points):
            return None
        return self._pausing.resume(history, begins=begins)
