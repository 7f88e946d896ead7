"""The interface of pruners: pure functions of the rung table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from hpsearch.log.history import History
from hpsearch.log.records import Decision, Row


class Pruner(Protocol):
    """Decides which of the trials that just finished an epoch are to stop.

    Examples:
        >>> from dataclasses import dataclass
        >>> from hpsearch import Float, Study
        >>> from hpsearch.log.records import Decision
        >>> @dataclass(frozen=True)
        ... class AtLeast:
        ...     least: float
        ...     reads_history = True
        ...     def judge(self, history, arrivals):
        ...         low = [row.trial for row in arrivals if history.table[row.epoch][row.trial] < self.least]
        ...         return [Decision(trial, "prune", f"below {self.least}", "at_least") for trial in sorted(low)]
        >>> def objective(trial):
        ...     for epoch in (1, 2):
        ...         yield trial["x"]
        >>> study = Study("own_rule", objective=objective, space={"x": Float(0, 1, step=0.5)}, sampler="grid",
        ...               pruner=AtLeast(0.4))
        >>> study.run(tracking=False, quiet=True).trials["state"].tolist()
        ['PRUNED', 'COMPLETE', 'COMPLETE']
    """

    @property
    def reads_history(self) -> bool:
        """Whether it ever stops a trial; where not, lanes need not wait for one another."""

    def judge(self, history: History, arrivals: Sequence[Row]) -> list[Decision]:
        """Return a ``prune`` decision for each trial to stop, in trial order; or ``pause``, where it may go on later.

        All arrivals of a tick are in the history already and are judged together. Asked again over the same history
        it decides the same.

        Args:
            history: The log with this tick's asks and rows, before its decisions.
            arrivals: This tick's rows of the trials that would otherwise go on, in lane order.
        """
