"""Any Optuna sampler object, over the folded history."""

from __future__ import annotations

import copy
from importlib.util import find_spec
from typing import Any

import numpy as np
from optuna.samplers import BaseSampler

from hpsearch.errors import UserError
from hpsearch.log.history import History
from hpsearch.optuna_bridge.fold import OptunaFold, quiet, suggest
from hpsearch.samplers.base import check_single
from hpsearch.samplers.feasible import Feasible
from hpsearch.samplers.seeding import point_seed
from hpsearch.study.study import Study

_NEEDS = {"GPSampler": "torch", "CmaEsSampler": "cmaes"}
_SINGLE = {"CmaEsSampler"}
"""Samplers that take one metric, and say so only when they are asked."""


class ForeignSampler:
    """Asks a copy of the user's sampler, point after point, reseeded before each.

    Some samplers (CMA-ES, quasi-Monte Carlo) keep their state in attributes of Optuna's trials, which no log holds. So
    a resumed study first asks for every point that it already has, over the history as it was then, and drops the
    answers: afterwards the sampler is in the state that it was in. The parameters in the log count, whatever it would
    propose today.
    """

    reads_history = True
    observes = True
    size = None

    def __init__(self, study: Study, sampler: BaseSampler) -> None:
        """Set up.

        Args:
            study: What is searched.
            sampler: The user's object; it is copied.

        Raises:
            UserError: A package that it needs is missing, or it takes one metric and there are several.
        """
        needed = _NEEDS.get(type(sampler).__name__)
        if needed is not None and find_spec(needed) is None:
            raise UserError(f"sampler {type(sampler).__name__} needs the package {needed!r}: pip install {needed}")
        if study.goal.others and type(sampler).__name__ in _SINGLE:
            check_single(study, type(sampler).__name__)
        self._study = study
        self._declared = sampler
        self._feasible = Feasible(study)
        self._history: History | None = None
        self._sampler = sampler
        self._fold = OptunaFold(study.search_space, study.goal, study.repeats, observes=True)
        self._next = 0
        self._last: dict[str, Any] = {}

    @property
    def rejected(self) -> int:
        """Proposals for the last point that violated a constraint."""
        return self._feasible.rejected

    def ask(self, history: History, point: int) -> dict[str, Any]:
        """Return the point with this number."""
        if history is not self._history or point + 1 < self._next:
            self._restart(history)
        for index, trial in enumerate(history.trials):
            if self._next <= trial.ask.point < point and trial.ask.repeat == 0:
                last_tick = trial.ticks[0] - 1 if trial.ticks else history.tick
                self._fold.sync(history, trials=index, rows=last_tick, ends=last_tick)
                self._draw(trial.ask.point)
        if self._next <= point:
            self._fold.sync(history)
            self._draw(point)
        return self._last

    def _draw(self, point: int) -> None:
        with quiet():
            self._last = self._feasible.first(lambda attempt: self._propose(point, attempt), point)
        self._next = point + 1

    def _propose(self, point: int, attempt: int) -> dict[str, Any]:
        _seed_everything(self._sampler, point_seed(self._study.seed, point, attempt))
        return suggest(self._fold.study.ask(), self._study.search_space)

    def _restart(self, history: History) -> None:
        self._history = history
        self._next = len(self._study.enqueue)
        self._fold = OptunaFold(self._study.search_space, self._study.goal, self._study.repeats, observes=True)
        self._sampler = copy.deepcopy(self._declared)
        self._fold.study.sampler = self._sampler


def _seed_everything(sampler: Any, seed: int) -> None:
    """Seed every random stream that an Optuna sampler holds, those of the samplers within it too.

    Optuna's own ``reseed_rng`` takes no seed: what it draws afterwards cannot be repeated.
    """

    def visit(value: Any, depth: int) -> None:
        if isinstance(value, np.random.RandomState):
            value.seed(seed)
        elif isinstance(getattr(value, "rng", None), np.random.RandomState):
            value.rng.seed(seed)
        elif depth < 3 and type(value).__module__.split(".")[0] not in ("builtins", "numpy"):
            for inner in list(getattr(value, "__dict__", {}).values()):
                visit(inner, depth + 1)

    visit(sampler, 0)
