"""Any Optuna pruner object, over the folded history."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence

from optuna.pruners import BasePruner

from hpsearch.log.history import History, Trial
from hpsearch.log.records import Decision, Row
from hpsearch.optuna_bridge.fold import OptunaFold, quiet
from hpsearch.pruners.rung import in_order
from hpsearch.study.study import Study

PAIRED = {"WilcoxonPruner"}
"""Pruners that compare trials fold by fold: to them each fold reports its own score, not the mean so far."""


class ForeignPruner:
    """Asks a copy of the user's pruner, tick after tick.

    Some pruners (successive halving, Hyperband) note on Optuna's trials which rungs they reached, and change their mind
    when asked again. So a resumed study first asks about every past tick, over the history as it was then, and drops
    the answers: afterwards the pruner is in the state that it was in. The decisions in the log count, whatever it would
    decide today.
    """

    reads_history = True
    in_order = True

    def __init__(self, study: Study, pruner: BasePruner) -> None:
        """Set up.

        Args:
            study: What is searched.
            pruner: The user's object; it is copied.
        """
        self._study = study
        self._declared = pruner
        self._history: History | None = None
        self._pruner = pruner
        self._by_fold = study.goal.value == "complete" and type(pruner).__name__ in PAIRED
        self._fold = OptunaFold(study.search_space, study.goal.first, merge=False, by_fold=self._by_fold)
        self._next = 0

    def judge(self, history: History, arrivals: Sequence[Row]) -> list[Decision]:
        """Return a decision for each arrival that the pruner wants to stop."""
        if history is not self._history or history.tick < self._next:
            self._restart(history)
        for tick, trials in _past(history, self._next):
            self._ask(history, tick, trials)
        stopped = self._ask(history, history.tick, [row.trial for row in arrivals])
        self._next = history.tick + 1
        rule = type(self._declared).__name__
        decisions = []
        for row in arrivals:
            if row.trial in stopped:
                value = history.trials[row.trial].value
                evidence = {"rung": row.epoch, "value": value}
                decisions.append(Decision(row.trial, "prune", f"{rule} stops it at epoch {row.epoch}", rule, evidence))
        return in_order(decisions)

    def _ask(self, history: History, tick: int, trials: Iterable[int]) -> set[int]:
        started = sum(1 for trial in history.trials if not trial.ticks or trial.ticks[0] <= tick)
        self._fold.sync(history, trials=started, rows=tick, ends=tick - 1)
        with quiet():
            return {
                number for number in trials if self._pruner.prune(self._fold.study, self._fold.storage.trial(number))
            }

    def _restart(self, history: History) -> None:
        self._history = history
        self._next = 0
        self._fold = OptunaFold(self._study.search_space, self._study.goal.first, merge=False, by_fold=self._by_fold)
        self._pruner = copy.deepcopy(self._declared)
        self._fold.study.pruner = self._pruner


def _past(history: History, start: int) -> list[tuple[int, list[int]]]:
    """Return the ticks from ``start`` on that are over, each with the trials that were judged in it, in lane order.

    Judged were all trials that arrived, but those that ended in that tick for a reason of their own.
    """
    judged: dict[int, list[Trial]] = {tick: [] for tick in range(start, history.tick)}
    for trial in history.trials:
        for tick, row in zip(trial.ticks, trial.rows, strict=True):
            failed = (trial.state == "FAILED" or trial.ended_badly) and row.epoch == trial.epoch
            reported = trial.number in history.table.get(row.epoch, ())
            if tick in judged and reported and not row.finished and not failed:
                judged[tick].append(trial)
    return [(tick, [trial.number for trial in sorted(trials, key=_lane)]) for tick, trials in judged.items()]


def _lane(trial: Trial) -> int:
    return trial.ask.lane
