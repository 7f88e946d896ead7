"""The curves of a study, read from its history."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from hpsearch.log import virtual
from hpsearch.log.brought import Observation
from hpsearch.log.history import History, Trial
from hpsearch.samplers.curve_evidence import Curve, State
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
        search: Makes the curve of a configuration.
        goal: Which metric decides, and in which direction.

    Attributes:
        all: The curves, those from elsewhere first.
        state: Their version: it grows as they change.
    """

    def __init__(self, search: CurveSearch, goal: Goal) -> None:
        self._search = search
        self._goal = goal
        self._history: History | None = None
        self.all: list[Curve] = []
        self._open: list[tuple[Trial, Curve]] = []
        self._seen = 0
        self._n_epochs = 0
        self.state = State(0, 0)

    def follow(self, history: History) -> None:
        """Take in what is new in a history; another one than before is read from its start."""
        another = history is not self._history
        if another:
            self._history = history
            self._seen = 0
            self._n_epochs = 0
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
        arrived = [
            (trial.ticks[index], trial.number, trial, curve)
            for trial, curve in self._open
            for index in range(curve.epoch, len(trial.ticks))
        ]
        for _, _, trial, curve in sorted(arrived, key=lambda arrival: arrival[:2]):
            curve.losses.append(self._loss(trial, curve))
            curve.order.append(self._n_epochs)
            self._n_epochs += 1
        state_changed = [self._update_state(trial, curve) for trial, curve in self._open]
        still_open = [(trial, curve) for trial, curve in self._open if not curve.over]
        observed = another or bool(arrived) or len(still_open) < len(self._open)
        cost_changed = self._update_costs(history, still_open)
        changed = observed or began or cost_changed or any(state_changed)
        self._open = still_open
        self.state = State(self.state.observed + observed, self.state.changed + changed)

    @staticmethod
    def _update_costs(history: History, open_curves: Sequence[tuple[Trial, Curve]]) -> bool:
        """Set what an epoch of each curve costs where costs are measured, in multiples of the typical cost.

        Returns:
            Whether a cost changed.
        """
        changed = False
        measured = [trial.own_cost for trial in history.trials if trial.own_cost is not None]
        typical = virtual.typical(measured)
        for trial, curve in open_curves:
            if trial.own_cost is not None:
                cost = trial.own_cost / typical
                changed = changed or cost != curve.cost
                curve.cost = cost
        return changed

    def _loss(self, trial: Trial, curve: Curve) -> float:
        """Return the loss that counts by the first epoch of a trial that its curve lacks."""
        return self._worth(trial.rows[curve.epoch].metrics.get(self._goal.metric), curve.loss)

    def _worth(self, value: float | None, previous: float) -> float:
        """Return the loss that counts by an epoch, given the value reported there and the loss by the epoch before."""
        if value is None:
            return previous  # it reported nothing in this epoch
        if not math.isfinite(value):
            return math.inf
        loss = self._goal.loss(value)
        return loss if self._goal.by_last or math.isnan(previous) else min(previous, loss)

    @staticmethod
    def _update_state(trial: Trial, curve: Curve) -> bool:
        """Set whether a curve trains, is paused or has ended; return whether that changed."""
        under_way = trial.state == "RUNNING"
        until = curve.max_epochs if trial.until is None else trial.until
        over = trial.decision is not None
        if (under_way, until, over) == (curve.under_way, curve.until, curve.over):
            return False
        curve.under_way = under_way
        curve.until = until
        curve.over = over
        curve.complete = trial.state == "COMPLETE" and not trial.ended_badly
        if trial.state == "FAILED" and curve.losses:
            curve.losses[-1] = math.inf  # the epochs before do not count either
        return True

    def _from_elsewhere(self, history: History) -> list[Curve]:
        """Return results from elsewhere as curves.

        The epochs before the last are filled in only where the trial's last epoch is the one that its curve ends at
        here: otherwise its epochs may mean something else.
        """
        curves = []
        observations = [
            observation
            for observation in history.brought.observations
            if self._search.encoding.holds(observation.params)
        ]
        for index, observation in enumerate(observations):
            curve = self._search.curve(index - len(observations), observation.params)
            complete = observation.state != "PRUNED"
            if not complete and not observation.epoch:
                continue  # how far it was trained is not known
            has_value = observation.state != "FAILED" and bool(observation.values)
            loss = history.goal.loss(observation.values[0]) if has_value else math.inf
            epochs = curve.max_epochs if complete else min(observation.epoch, curve.max_epochs)
            curve.losses = [math.nan] * (epochs - 1) + [loss]
            curve.order = [-1] * epochs
            if observation.epoch == epochs and math.isfinite(loss):
                self._fill_epochs(curve, observation)
            curve.over = True
            curve.complete = complete
            curves.append(curve)
        return curves

    def _fill_epochs(self, curve: Curve, observation: Observation) -> None:
        """Set the losses of the epochs before the last."""
        values = dict(observation.curve)
        previous = math.nan
        for epoch in range(1, curve.epoch):
            previous = curve.losses[epoch - 1] = self._worth(values.get(epoch), previous)


def search_of(study: Study, epochs: int, settings: Settings, *, weighs: bool = False) -> CurveSearch:
    """Return the search over a study's curves.

    Args:
        study: What is searched.
        epochs: Epochs of a full training.
        settings: The search's own settings.
        weighs: Whether the cost that the study declares for an epoch enters the choice.
    """
    feasible = Feasible(study)
    sobol = SobolPoints(study)
    declared = study.cost
    return CurveSearch(
        Encoding(study.dimensions),
        study.seed,
        settings,
        even=lambda number: sobol.ask(_EMPTY, number + len(study.enqueue)),
        draw=lambda number, attempt: feasible.first(
            lambda proposal: feasible.draw(number, 64 * proposal + attempt), number
        ),
        feasible=None if feasible.free else feasible,
        epochs=lambda params: most_epochs(params, epochs),
        cost=unit_cost
        if not weighs or declared is None or isinstance(declared, str)
        else partial(epoch_cost, declared),
    )


def most_epochs(params: Mapping[str, Any], epochs: int) -> int:
    """Return how many epochs a trial with these parameters may train; in a pipeline the name has a prefix."""
    return next((int(value) for name, value in params.items() if name.rpartition("__")[2] == "max_epochs"), epochs)


_EMPTY = History(Goal("", "maximize"))
"""An empty history, for samplers that do not read it."""
