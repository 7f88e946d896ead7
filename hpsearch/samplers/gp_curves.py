"""Bayesian optimization over learning curves, for studies whose pruner leaves most curves unfinished.

A pruned trial is an observation at the epoch at which it stopped. If its best value until then were taken for its final
one, everything that was stopped early would look bad for good, and a search with a pruner would end behind one without.
"""

from __future__ import annotations

from typing import Any

from hpsearch.log.history import History
from hpsearch.samplers.curve_history import Curves, search_of
from hpsearch.samplers.curve_search import Settings
from hpsearch.study.study import Study


class CurvePoints:
    """Proposes the point that is expected to end best, given how far every curve came.

    Args:
        study: What is searched.
        epochs: The epochs of a whole training.
    """

    def __init__(self, study: Study, epochs: int) -> None:
        self._search = search_of(study, epochs, Settings())
        self._curves = Curves(self._search, study.goal)

    def ask(self, history: History, point: int) -> dict[str, Any] | None:
        """Return the point with this number, or None where no point is left that has not begun."""
        self._curves.follow(history)
        units = self._search.best_point(self._curves.all, point)
        return None if units is None else self._search.encoding.decode(units)
