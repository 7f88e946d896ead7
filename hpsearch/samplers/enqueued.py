"""Points given by hand come first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hpsearch.log.history import History
from hpsearch.samplers.base import Sampler


class Enqueued:
    """Gives the points 0 to k - 1 as declared and asks the study's sampler from k on."""

    def __init__(self, points: Sequence[Mapping[str, Any]], sampler: Sampler) -> None:
        self._points = points
        self._sampler = sampler
        self.reads_history = sampler.reads_history
        self.any_point = getattr(sampler, "any_point", False)
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
