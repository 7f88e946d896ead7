"""The median stopping rule (Golovin et al., 2017, section 3.2.2), as Optuna defines it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hpsearch.errors import UserError
from hpsearch.history import History
from hpsearch.pruners.rung import by_rung, compare, evidence_of, in_order
from hpsearch.records import Decision, Row


@dataclass(frozen=True)
class Median:
    """A trial stops where its best value is worse than the median of what completed trials had shown at that epoch.

    Attributes:
        n_startup: Trials that must have completed first.
        n_warmup: Epochs that no trial is stopped in.
    """

    n_startup: int = 5
    n_warmup: int = 0

    reads_history: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.n_startup < 1 or self.n_warmup < 0:
            raise UserError(f"{self!r}: n_startup must be at least 1 and n_warmup at least 0")

    def judge(self, history: History, arrivals: Sequence[Row]) -> list[Decision]:
        """Return a decision for each arrival that is worse than the median."""
        arrivals = [row for row in arrivals if row.epoch > self.n_warmup]
        decisions: list[Decision] = []
        goal = history.goal
        for stage, epoch, rows in by_rung(history, arrivals):
            complete = [trial.number for trial in history.ended("COMPLETE") if trial.ask.stage == stage]
            table = history.table[epoch]
            rivals = np.array([table[number] for number in complete if number in table])
            if len(complete) < self.n_startup or not len(rivals):
                continue
            threshold = float(np.median(rivals))
            for row in rows:
                value = table[row.trial]
                if goal.better(threshold, value):
                    better = rivals >= value if goal.direction == "maximize" else rivals <= value
                    rank = 1 + int(np.count_nonzero(better))
                    size = len(rivals) + 1
                    text = compare(goal.metric, goal.direction, value, threshold)
                    reason = f"rank {rank} of {size} at epoch {epoch}: {text}, the median of completed trials"
                    evidence = evidence_of(epoch, value, threshold, rank, size)
                    decisions.append(Decision(row.trial, "prune", reason, "median", evidence))
        return in_order(decisions)
