"""Patience: a trial that no longer gets better stops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from hpsearch.errors import UserError
from hpsearch.log.history import History
from hpsearch.log.records import Decision, Row
from hpsearch.pruners.rung import evidence_of, in_order


@dataclass(frozen=True)
class Patient:
    """A trial stops after so many epochs without a new best value of its own.

    Attributes:
        patience: Epochs without improvement.
        min_delta: By how much a new best value must beat the old one to count.

    Examples:
        >>> from hpsearch import Study, pruners
        >>> def objective(trial):
        ...     yield from [0.1, 0.5, 0.4, 0.3, 0.9]
        >>> study = Study("patient", objective=objective, pruner=pruners.Patient(patience=2))
        >>> trial = study.run(tracking=False, quiet=True).history.trials[0]
        >>> trial.state, trial.epoch, trial.value
        ('PRUNED', 4, 0.5)
    """

    patience: int = 5
    min_delta: float = 0.0

    reads_history: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.patience < 1 or not 0 <= self.min_delta < float("inf"):
            raise UserError(f"{self!r}: patience must be at least 1 and min_delta at least 0")

    def judge(self, history: History, arrivals: Sequence[Row]) -> list[Decision]:
        """Return a decision for each arrival that has not improved."""
        goal = history.goal
        delta = self.min_delta if goal.direction == "maximize" else -self.min_delta
        decisions: list[Decision] = []
        for row in arrivals:
            if row.epoch <= self.patience:
                continue
            now = _best(history, row, row.epoch)
            earlier = _best(history, row, row.epoch - self.patience)
            if now is None or earlier is None:
                continue  # it had not reported by then
            if not goal.better(now, earlier + delta):
                reason = f"no better {goal.metric} than {earlier:.4g} in {self.patience} epochs up to epoch {row.epoch}"
                evidence = evidence_of(row.epoch, now, earlier + delta, 1, 1)
                decisions.append(Decision(row.trial, "prune", reason, "patient", evidence))
        return in_order(decisions)


def _best(history: History, row: Row, epoch: int) -> float | None:
    """Return a trial's best value up to an epoch, or None where it has reported none.

    The table holds the best value so far, or where the last epoch counts, the value of each epoch.
    """
    table = history.table
    if history.goal.value == "best":
        return table.get(epoch, {}).get(row.trial)
    values = [table[number][row.trial] for number in range(1, epoch + 1) if row.trial in table.get(number, ())]
    return min(values, key=history.goal.loss, default=None)
