"""Hyperband (Li et al., 2018): successive halving with several first rungs, as nobody knows which is the right one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from hpsearch.errors import UserError
from hpsearch.history import History
from hpsearch.pruners.asha import is_rung
from hpsearch.pruners.rung import Rung, by_rung, in_order, part
from hpsearch.records import Decision, Row


@dataclass(frozen=True)
class Hyperband:
    """Trials are dealt to brackets by their number; each bracket halves by itself, the first from the lowest rung on.

    A round deals ⌈(s_max + 1)/(s + 1) · ηˢ⌉ trials to the bracket with s halvings, s = s_max, …, 0, as in the paper;
    then the next round begins.

    Attributes:
        min_resource: First rung of the first bracket, in epochs (r).
        reduction: One in how many goes on (η).
        max_resource: Most epochs of a trial (R); None: the study's.
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
    def edges(self) -> NDArray[np.int64]:
        """Ends of the brackets' shares of a round, first bracket first; shape (s_max + 1,)."""
        assert self.max_resource is not None, "pruners.build fills it in"
        most = 0
        while self.min_resource * self.reduction ** (most + 1) <= self.max_resource:
            most += 1
        shares = [-(-(most + 1) * self.reduction**s // (s + 1)) for s in range(most, -1, -1)]
        return np.cumsum(shares)

    def bracket(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the brackets, from 0, of trials with these numbers; shape as given."""
        return np.searchsorted(self.edges, numbers % self.edges[-1], side="right").astype(np.int64)

    def judge(self, history: History, arrivals: Sequence[Row]) -> list[Decision]:
        """Return a decision for each arrival that is not in the best share of its bracket's rung."""
        decisions: list[Decision] = []
        for stage, epoch, rows in by_rung(history, arrivals):
            brackets = self.bracket(np.array([row.trial for row in rows]))
            for bracket in np.unique(brackets).tolist():
                if is_rung(epoch, self.min_resource * self.reduction**bracket, self.reduction):
                    rung = Rung(history, epoch, stage, lambda numbers, b=bracket: self.bracket(numbers) == b)
                    kept = max(len(rung.losses) // self.reduction, 1)
                    mine = [row for row, own in zip(rows, brackets, strict=True) if own == bracket]
                    share = f"{part(self.reduction)} of bracket {bracket}"
                    decisions += rung.cut(mine, kept, "hyperband", share)
        return in_order(decisions)
