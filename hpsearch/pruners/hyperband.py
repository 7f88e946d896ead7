"""Hyperband (Li et al., 2018): successive halving with several first rungs, as the right one is not known."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import ClassVar

from hpsearch.errors import UserError
from hpsearch.log.history import History
from hpsearch.log.records import Decision, Row
from hpsearch.pruners.asha import is_rung
from hpsearch.pruners.remembered import Remembered
from hpsearch.pruners.rung import Rungs, best_share, by_stage, in_order


@dataclass(frozen=True)
class Hyperband:
    """Trials are dealt to brackets by their number; each bracket halves by itself, the first from the lowest rung on.

    A round deals ⌈(s_max + 1)/(s + 1) · ηˢ⌉ trials to the bracket with s halvings, s = s_max, …, 0, as in the paper;
    then the next round begins.

    Attributes:
        min_resource: First rung of the first bracket, in epochs (r).
        reduction: One in how many goes on (η).
        max_resource: Most epochs of a trial (R); None: the study's.

    Examples:
        >>> from hpsearch.pruners import Hyperband
        >>> hyperband = Hyperband(reduction=3, max_resource=9)
        >>> [hyperband.bracket(number) for number in range(17)]  # bracket 0 halves from epoch 1 on, bracket 2 never
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2]
    """

    min_resource: int = 1
    reduction: int = 3
    max_resource: int | None = None

    reads_history: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.min_resource < 1 or self.reduction < 2:
            raise UserError(f"{self!r}: min_resource must be at least 1 and reduction at least 2")
        if self.max_resource is not None and self.max_resource < self.min_resource:
            raise UserError(f"{self!r}: max_resource must be at least min_resource ({self.min_resource})")

    @cached_property
    def edges(self) -> list[int]:
        """Ends of the brackets' shares of a round, first bracket first."""
        assert self.max_resource is not None, "pruners.build fills it in"
        s_max = 0
        while self.min_resource * self.reduction ** (s_max + 1) <= self.max_resource:
            s_max += 1
        return list(accumulate(-(-(s_max + 1) * self.reduction**s // (s + 1)) for s in range(s_max, -1, -1)))

    def bracket(self, number: int) -> int:
        """Return the bracket of a trial, from 0, by its number; or its place, where it begins before that is known."""
        return bisect_right(self.edges, number % self.edges[-1])

    def judge(self, history: History, arrivals: Sequence[Row]) -> list[Decision]:
        """Return a decision for each arrival that is not in the best share of its bracket's rung."""
        return in_order(self._judge(history, row) for row in arrivals)

    def _judge(self, history: History, row: Row) -> Decision | None:
        bracket = self.bracket(history.trials[row.trial].ask.key)
        if not is_rung(row.epoch, self.min_resource * self.reduction**bracket, self.reduction):
            return None
        rung = self._rungs.of(history).at(history, row.epoch, row.trial, self._group)
        kept = max(len(rung.ranking) // self.reduction, 1)
        return rung.cut(history, row.trial, kept, "hyperband", f"{best_share(self.reduction)} of bracket {bracket}")

    def _group(self, history: History, number: int) -> tuple[int, int]:
        return by_stage(history, number), self.bracket(history.trials[number].ask.key)

    @cached_property
    def _rungs(self) -> Remembered[Rungs]:
        return Remembered(Rungs)
