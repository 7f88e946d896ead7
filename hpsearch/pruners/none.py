"""No pruning: every trial trains to its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from hpsearch.log.history import History
from hpsearch.log.records import Decision, Row


@dataclass(frozen=True)
class NoPruner:
    """Stops nothing, so that lanes need not wait for one another."""

    reads_history: ClassVar[bool] = False

    def judge(self, history: History, arrivals: Sequence[Row]) -> list[Decision]:
        """Return no decision."""
        return []
