"""The curves of a study, read from its history."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from hpsearch.log import virtual
from hpsearch.log.brought import Observation
from hpsearch.log.history import History, Trial
from hpsearch.samplers.curve_book import Curve, State
from hpsearch.samplers.curve_search import CurveSearch, Settings, unit_cost
from hpsearch.samplers.feasible import Feasible
from hpsearch.samplers.gp_encoding import Encoding
from hpsearch.samplers.qmc import SobolPoints
from hpsearch.study.epoch_cost import epoch_cost
from hpsearch.study.goal import Goal
from hpsearch.study.study import Study


class Curves:
    """The curves of a history, which it follows as it grows.

    Args:
        search: Knows what a configuration's curve is.
        goal: What a trial is worth.

    Attributes:
        all: The curves, those from elsewhere first.
        state: Grows as they change.
    """

    def __init__(self, search: CurveSearch, goal: Goal) -> None:
        self._search = search
        self._goal = goal
        self._history: History | None = None
        self.all: list[Curve] = []
        self._open: list[tuple[Trial, Curve]] = []
        self._seen = 0
        self._known = 0
        self.state = State(0, 0)

    def follow(self, history: History) -> None:
        """Take in what is new in a history; another one than before is read from its start."""
        another = history is not self._history
        if another:
            self._history = history
            self._seen = 0
            self._known = 0
            self._open = []
            self.all = self._from_elsewhere(history)
        began = self._seen < len(history.trials)
        holds = self._search.encoding.holds
        widened = len(history.spaces) > 1
        for trial in history.trials[self._seen :]:
            if widened and not holds(trial.params):
                continue  # of an earlier space: here there is no such point
            curve = self._search.curve(trial.number, trial.params)
            self.all.append(curve)
            self._open.append((trial, curve))
        self._seen = len(history.trials)
        fresh = [
            (trial.ticks[place], trial.number, trial, curve)
            for trial, curve in self._open
            for place in range(curve.epoch, len(trial.ticks))
        ]
        for _, _, trial, curve in sorted(fresh, key=lambda each: each[:2]):
            curve.losses.append(self._loss(trial, curve))
            curve.order.append(self._known)
            self._known += 1
        moved = [self._settle(trial, curve) for trial, curve in self._open]
        still = [(trial, curve) for trial, curve in self._open if not curve.over]
        learnt = another or bool(fresh) or len(still) < len(self._open)
        weighed = self._weigh(history, still)
        changes = learnt or began or weighed or any(moved)
        self._open = still
        self.state = State(self.state.observed + learnt, self.state.changed + changes)

    @staticmethod
    def _weigh(history: History, going: Sequence[tuple[Trial, Curve]]) -> bool:
        """Where costs are measured, have an epoch of a curve cost what it takes there, in typical costs.

        Returns:
            Whether a cost changed.
        """
        changed = False
        measured = [trial.own_cost for trial in history.trials if trial.own_cost is not None]
        typical = virtual.typical(measured)
        for trial, curve in going:
            if trial.own_cost is not None:
                cost = trial.own_cost / typical
                changed = changed or cost != curve.cost
                curve.cost = cost
        return changed

    def _loss(self, trial: Trial, curve: Curve) -> float:
        """Return what a trial is worth by its next epoch that the curve lacks."""
        return self._next(trial.rows[curve.epoch].metrics.get(self._goal.metric), curve.loss)

    def _next(self, value: float | None, before: float) -> float:
        """Return what a trial is worth by an epoch, given its value there and what it was worth by the epoch before."""
        if value is None:
            return before  # it reported nothing in this epoch
        if not math.isfinite(value):
            return math.inf
        loss = self._goal.loss(value)
        return loss if self._goal.by_last or math.isnan(before) else min(before, loss)

    @staticmethod
    def _settle(trial: Trial, curve: Curve) -> bool:
        """Take in whether a trial trains, waits or has ended; return whether that is new."""
        under_way = trial.state == "RUNNING"
        until = curve.most if trial.until is None else trial.until
        over = trial.decision is not None
        if (under_way, until, over) == (curve.under_way, curve.until, curve.over):
            return False
        curve.under_way = under_way
        curve.until = until
        curve.over = over
        curve.whole = trial.state == "COMPLETE" and not trial.ended_badly
        if trial.state == "FAILED" and curve.losses:
            curve.losses[-1] = math.inf  # the epochs before do not count either
        return True

    def _from_elsewhere(self, history: History) -> list[Curve]:
        """Return results from elsewhere as curves.

        Of a trial that did not train for as long as a whole training is here, only its end is known: its epochs may be
        of another kind. Where its source has no curve, likewise.
        """
        found = []
        told = [each for each in history.brought.observations if self._search.encoding.holds(each.params)]
        for place, each in enumerate(told):
            curve = self._search.curve(place - len(told), each.params)
            whole = each.state != "PRUNED"
            if not whole and not each.epoch:
                continue  # nobody knows how far it came
            loss = math.inf if each.state == "FAILED" or not each.values else history.goal.loss(each.values[0])
            epochs = curve.most if whole else min(each.epoch, curve.most)
            curve.losses = [math.nan] * (epochs - 1) + [loss]
            curve.order = [-1] * epochs
            if each.epoch == epochs and math.isfinite(loss):
                self._fill(curve, each)
            curve.over = True
            curve.whole = whole
            found.append(curve)
        return found

    def _fill(self, curve: Curve, told: Observation) -> None:
        """Give a curve the epochs before its end."""
        values = dict(told.curve)
        before = math.nan
        for epoch in range(1, curve.epoch):
            before = curve.losses[epoch - 1] = self._next(values.get(epoch), before)


def search_of(study: Study, epochs: int, settings: Settings, *, weighs: bool = False) -> CurveSearch:
    """Return the search over a study's curves.

    Args:
        study: What is searched.
        epochs: The epochs of a whole training.
        settings: How the search goes about it.
        weighs: Whether what the study declares an epoch to cost enters the choice.
    """
    feasible = Feasible(study)
    spread = SobolPoints(study)
    declared = study.cost
    return CurveSearch(
        Encoding(study.dimensions),
        study.seed,
        settings,
        even=lambda number: spread.ask(_NOTHING, number + len(study.enqueue)),
        draw=lambda number, attempt: feasible.first(lambda more: feasible.draw(number, 64 * more + attempt), number),
        feasible=None if feasible.free else feasible,
        epochs=lambda params: most_epochs(params, epochs),
        cost=unit_cost
        if not weighs or declared is None or isinstance(declared, str)
        else partial(epoch_cost, declared),
    )


def most_epochs(params: Mapping[str, Any], epochs: int) -> int:
    """Return how many epochs a trial with these parameters may train; in a pipeline the name has a prefix."""
    return next((int(value) for name, value in params.items() if name.rpartition("__")[2] == "max_epochs"), epochs)


_NOTHING = History(Goal("", "maximize"))
"""What samplers that look at no history are given."""
