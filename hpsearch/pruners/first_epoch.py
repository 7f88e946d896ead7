"""One epoch for everybody, all epochs for the best few: the cheap baseline of arXiv:2307.15422."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from hpsearch.errors import UserError
from hpsearch.log.history import History
from hpsearch.log.records import Decision, Row
from hpsearch.pruners.remembered import Remembered
from hpsearch.pruners.rung import Rungs, by_stage, in_order


@dataclass(frozen=True)
class FirstEpoch:
    """A trial goes on as long as its first epoch is among the best that any trial has shown.

    Attributes:
        keep: How many are the best few.

    Examples:
        >>> from hpsearch import Float, Study, pruners
        >>> def objective(trial):
        ...     for epoch in (1, 2, 3):
        ...         yield trial["x"]
        >>> study = Study("first", objective=objective, space={"x": Float(0, 1, step=0.25)}, sampler="grid",
        ...               pruner=pruners.FirstEpoch(keep=2), lanes=5)
        >>> study.run(tracking=False, quiet=True).trials[["params.x", "state"]].values.tolist()
        [[0.0, 'PRUNED'], [0.25, 'PRUNED'], [0.5, 'PRUNED'], [0.75, 'COMPLETE'], [1.0, 'COMPLETE']]
    """

    keep: int = 8

    reads_history: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.keep < 1:
            raise UserError(f"{self!r}: keep must be at least 1")

    def judge(self, history: History, arrivals: Sequence[Row]) -> list[Decision]:
        """Return a decision for each arrival whose first epoch better ones have overtaken."""
        rungs = self._rungs.of(history)
        return in_order(
            rungs.at(history, 1, row.trial, by_stage).cut(
                history, row.trial, self.keep, "first_epoch", f"the best {self.keep} first epochs"
            )
            for row in arrivals
            if row.trial in history.table.get(1, ())  # a trial that reported nothing in epoch 1 is not judged
        )

    @cached_property
    def _rungs(self) -> Remembered[Rungs]:
        return Remembered(Rungs)
