"""What every pruner is: a pure function of the rung table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from hpsearch.log.history import History
from hpsearch.log.records import Decision, Row


class Pruner(Protocol):
    """Decides which of the trials that just finished an epoch are to stop."""

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
