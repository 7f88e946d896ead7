"""Asynchronous successive halving (Li et al., 2020), in its stopping variant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from hpsearch.errors import UserError
from hpsearch.log.history import History
from hpsearch.log.records import Decision, Row
from hpsearch.pruners.remembered import Remembered
from hpsearch.pruners.rung import Rungs, best_share, by_stage, in_order


@dataclass(frozen=True)
class ASHA:
    """At epochs r, rη, rη², … the best 1/η of all that ever got there go on, and at least the best one.

    Attributes:
        min_resource: First rung, in epochs (r).
        reduction: One in how many goes on, and the ratio of one rung to the one before (η).

    Examples:
        >>> from hpsearch import Float, Study, pruners
        >>> def objective(trial):
        ...     for epoch in range(1, 5):
        ...         yield trial["x"] * epoch
        >>> study = Study("asha", objective=objective, space={"x": Float(0, 1, step=0.25)}, sampler="grid",
        ...               pruner=pruners.ASHA(reduction=2), lanes=5)
        >>> study.run(tracking=False, quiet=True).trials[["params.x", "epochs", "state"]].values.tolist()
        [[0.0, 1, 'PRUNED'], [0.25, 1, 'PRUNED'], [0.5, 1, 'PRUNED'], [0.75, 2, 'PRUNED'], [1.0, 4, 'COMPLETE']]
    """

    min_resource: int = 1
    reduction: int = 4

    reads_history: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.min_resource < 1 or self.reduction < 2:
            raise UserError(f"{self!r}: min_resource must be at least 1 and reduction at least 2")

    def judge(self, history: History, arrivals: Sequence[Row]) -> list[Decision]:
        """Return a decision for each arrival that is not in the best share of its rung."""
        return in_order(self._judge(history, row) for row in arrivals)

    def _judge(self, history: History, row: Row) -> Decision | None:
        if not is_rung(row.epoch, self.min_resource, self.reduction):
            return None
        rung = self._rungs.of(history).at(history, row.epoch, row.trial, by_stage)
        kept = max(len(rung.ranking) // self.reduction, 1)
        return rung.cut(history, row.trial, kept, "asha", best_share(self.reduction))

    @cached_property
    def _rungs(self) -> Remembered[Rungs]:
        return Remembered(Rungs)


def is_rung(epoch: int, lowest: int, reduction: int) -> bool:
    """Return whether an epoch is ``lowest`` times a power of ``reduction``."""
    while epoch > lowest and epoch % reduction == 0:
        epoch //= reduction
    return epoch == lowest
