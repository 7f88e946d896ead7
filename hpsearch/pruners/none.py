"""No pruning: every trial trains to its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from hpsearch.log.history import History
from hpsearch.log.records import Decision, Row


@dataclass(frozen=True)
class NoPruner:
    """Stops nothing, so that lanes need not wait for one another.

    Examples:
        >>> from hpsearch import Float, Study, pruners
        >>> def objective(trial):
        ...     for epoch in (1, 2, 3):
        ...         yield trial["x"]
        >>> study = Study("whole", objective=objective, space={"x": Float(0, 1)}, pruner=pruners.NoPruner(), n_trials=4)
        >>> study.run(tracking=False, quiet=True).trials["state"].unique().tolist()
        ['COMPLETE']
    """

    reads_history: ClassVar[bool] = False

    def judge(self, history: History, arrivals: Sequence[Row]) -> list[Decision]:
        """Return no decision."""
        return []
