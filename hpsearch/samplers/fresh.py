"""An Optuna sampler made afresh for every ask: it carries nothing over but what the history says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, TPESampler
from optuna.trial import FrozenTrial

from hpsearch.log.history import History
from hpsearch.optuna_bridge.fold import OptunaFold, quiet, suggest
from hpsearch.samplers.feasible import Feasible
from hpsearch.samplers.seeding import point_seed
from hpsearch.study.study import Study


class FreshSampler:
    """Asks a new sampler, seeded by the point's number, over the folded history."""

    reads_history = True
    any_point = True
    any_order = True
    observes = True
    size = None

    def __init__(self, study: Study, make: Callable[[int, int], BaseSampler]) -> None:
        """Set up.

        Args:
            study: What is searched.
            make: Makes a sampler from its seed and from how many points ended without a value.
        """
        self._study = study
        self._make = make
        self._feasible = Feasible(study)
        self._history: History | None = None
        self._fold = self._empty()

    @property
    def rejected(self) -> int:
        """Proposals for the last point that violated a constraint."""
        return self._feasible.rejected

    def ask(self, history: History, point: int) -> dict[str, Any]:
        """Return the point with this number."""
        if history is not self._history:
            self._history = history
            self._fold = self._empty()
        self._fold.sync(history)
        with quiet():
            return self._feasible.first(lambda attempt: self._propose(point, attempt), point)

    def _propose(self, point: int, attempt: int) -> dict[str, Any]:
        optuna_study = self._fold.study
        seed = point_seed(self._study.seed, point, attempt)
        optuna_study.sampler = self._make(seed, len(self._fold.valueless))
        try:
            return suggest(optuna_study.ask(), self._study.search_space)
        finally:
            # What a sampler writes to its trial must not reach a later ask: the log does not hold it.
            self._fold.storage.drop_scratch()

    def _empty(self) -> OptunaFold:
        return OptunaFold(
            self._study.search_space, self._study.goal, self._study.repeats, failed_as_pruned=True, observes=True
        )


class FixedSpaceTPE(TPESampler):
    """Optuna's TPE over a given search space: to look it up in all trials at every ask takes a third longer."""

    def __init__(self, space: dict[str, BaseDistribution], **options: Any) -> None:
        """Set up.

        Args:
            space: Distributions of the parameters that every trial has.
            **options: TPESampler's.
        """
        super().__init__(**options)
        self._space = {name: space[name] for name in sorted(space) if not space[name].single()}

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return the space, by name, as TPESampler does once a trial has ended."""
        return self._space
