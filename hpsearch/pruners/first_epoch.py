"""One epoch for everybody, all epochs for the best few: the cheap baseline (Bohdal et al. and arXiv:2307.15422)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from hpsearch.errors import UserError
from hpsearch.history import History
from hpsearch.pruners.rung import Rung, by_rung, in_order
from hpsearch.records import Decision, Row


@dataclass(frozen=True)
class FirstEpoch:
    """A trial goes on as long as its first epoch is among the best that any trial has shown.

    Attributes:
        keep: How many are the best few.
    """

    keep: int = 8

    reads_history: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.keep < 1:
            raise UserError(f"{self!r}: keep must be at least 1")

    def judge(self, history: History, arrivals: Sequence[Row]) -> list[Decision]:
        """Return a decision for each arrival whose first epoch better ones have overtaken."""
        decisions: list[Decision] = []
        stages: dict[int, list[Row]] = {}
        for stage, _, rows in by_rung(history, arrivals):
            stages.setdefault(stage, []).extend(rows)
        for stage, rows in stages.items():
            rung = Rung(history, 1, stage)
            decisions += rung.cut(rows, self.keep, "first_epoch", f"the best {self.keep} first epochs")
        return in_order(decisions)
