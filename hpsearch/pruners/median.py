"""The median stopping rule (Golovin et al., 2017, section 3.2.2), as Optuna defines it."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median
from typing import ClassVar

from hpsearch.errors import UserError
from hpsearch.log.history import History
from hpsearch.log.records import Decision, Row
from hpsearch.pruners.remembered import Remembered
from hpsearch.pruners.rung import compare, evidence_of, in_order


@dataclass(frozen=True)
class Median:
    """A trial stops where its best value is worse than the median of what completed trials had shown at that epoch.

    Attributes:
        n_startup: Trials that must have completed first.
        n_warmup: Epochs that no trial is stopped in.

    Examples:
        >>> from hpsearch import Float, Study, pruners
        >>> def objective(trial):
        ...     for epoch in (1, 2):
        ...         yield 1 - trial["x"]
        >>> study = Study("median", objective=objective, space={"x": Float(0, 1, step=0.25)}, sampler="grid",
        ...               pruner=pruners.Median(n_startup=2), lanes=1)
        >>> study.run(tracking=False, quiet=True).trials["state"].tolist()
        ['COMPLETE', 'COMPLETE', 'PRUNED', 'PRUNED', 'PRUNED']
    """

    n_startup: int = 5
    n_warmup: int = 0

    reads_history: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.n_startup < 1 or self.n_warmup < 0:
            raise UserError(f"{self!r}: n_startup must be at least 1 and n_warmup at least 0")

    def judge(self, history: History, arrivals: Sequence[Row]) -> list[Decision]:
        """Return a decision for each arrival that is worse than the median."""
        complete = self._complete.of(history)
        complete.update(history)
        return in_order(self._judge(history, row, complete) for row in arrivals)

    def _judge(self, history: History, row: Row, complete: _Complete) -> Decision | None:
        stage = history.trials[row.trial].ask.stage
        losses = complete.losses.get((stage, row.epoch), [])
        if row.epoch <= self.n_warmup or complete.count.get(stage, 0) < self.n_startup or not losses:
            return None
        goal = history.goal
        value = history.table[row.epoch][row.trial]
        threshold = goal.loss(median(losses))
        if not goal.better(threshold, value):
            return None
        rank = bisect_right(losses, goal.loss(value)) + 1
        size = len(losses) + 1
        comparison = compare(goal.metric, goal.direction, value, threshold)
        reason = f"rank {rank} of {size} at epoch {row.epoch}: {comparison}, the median of completed trials"
        return Decision(row.trial, "prune", reason, "median", evidence_of(row.epoch, value, threshold, rank, size))

    @cached_property
    def _complete(self) -> Remembered[_Complete]:
        return Remembered(_Complete)


class _Complete:
    """The best values that the completed trials of one history had at each epoch.

    Attributes:
        losses: By stage and epoch the best values by then, turned so that smaller is better, in ascending order.
        count: How many completed, by stage.
    """

    def __init__(self) -> None:
        self.losses: dict[tuple[int, int], list[float]] = {}
        self.count: dict[int, int] = {}
        self._open: list[int] = []
        self._seen = 0

    def update(self, history: History) -> None:
        """Take in the trials that completed since the last time."""
        self._open.extend(trial.number for trial in history.trials[self._seen :])
        self._seen = len(history.trials)
        for number in self._open:
            trial = history.trials[number]
            if trial.state == "COMPLETE":
                stage = trial.ask.stage
                self.count[stage] = self.count.get(stage, 0) + 1
                best_values = (history.table.get(row.epoch, {}).get(number) for row in trial.rows)
                for row, best_value in zip(trial.rows, best_values, strict=True):
                    if best_value is None:
                        continue  # it had not reported yet
                    loss = history.goal.loss(best_value)
                    insort(self.losses.setdefault((stage, row.epoch), []), loss)
        self._open = [number for number in self._open if history.trials[number].decision is None]
