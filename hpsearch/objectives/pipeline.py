"""Pipelines that end in our network: the steps before it once per distinct setting, the networks behind it fused."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from hpsearch.errors import UserError
from hpsearch.log.records import Ask, Row
from hpsearch.models.datasets import Dataset
from hpsearch.models.threads import limited
from hpsearch.objectives import broken
from hpsearch.objectives.base import KeptModel, Start
from hpsearch.objectives.chosen import Model, Models
from hpsearch.objectives.mlp import MLPPopulation
from hpsearch.objectives.outputs import Outputs
from hpsearch.objectives.scores import Scores
from hpsearch.objectives.transformers import Behind
from hpsearch.space import Space


class _KeptPipeline(NamedTuple):
    """The parts of a kept pipeline.

    Attributes:
        population: Has its network.
        model: The model, with the steps before the network.
        before_params: The parameters of these steps.
    """

    population: MLPPopulation
    model: Model
    before_params: dict[str, Any]


class PipelinePopulation:
    """A population of networks for each setting of the transformers before them.

    Args:
        behind: A pipeline that ends in one of our networks; pipelines may be nested.
        dataset: Its parts; the test set is touched only where it is asked for.
        seed: The study's seed.
        epochs: Most epochs of a trial, unless the trial's own ``max_epochs`` says otherwise.
        space: Where the parameters come from: a choice's tuples are tuples again.
        weights: Whether to report how many numbers a network trains, as ``weights``.
        test: Whether to report the test set's metrics with each epoch.
        outputs: What the networks' outputs mean; None: classes.
        scores: What else is measured of each network; None: nothing.
    """

    _by_seed = False

    def __init__(
        self,
        behind: Behind,
        dataset: Dataset,
        seed: int,
        epochs: int,
        space: Space | None = None,
        *,
        weights: bool = False,
        test: bool = False,
        outputs: Outputs | None = None,
        scores: Scores | None = None,
    ) -> None:
        self._scores = scores
        self._test = test
        self._outputs = outputs
        self.epochs = epochs
        self._weights = weights
        self._models = Models(behind, dataset, seed, space or {})
        self._dataset = dataset
        self._seed = seed
        self._asks: dict[int, Ask] = {}
        self._keys: dict[int, str] = {}
        self._populations: dict[str, MLPPopulation] = {}
        self._failed: dict[int, tuple[str, str]] = {}
        self._kept: _KeptPipeline | None = None

    def confirm(self, *, test: bool) -> None:
        """Let a trial's repeat alone own its randomness; see :meth:`MLPPopulation.confirm`."""
        self._by_seed = True
        self._test = test

    def start(self, trial: Start) -> None:
        """Take a trial in, and fit its transformers where their setting is new; if they fail, its first row says so."""
        number = trial.ask.trial
        self._asks[number] = trial.ask
        try:
            chosen = self._models.of(trial.ask.params)
            model = chosen.model
            before_params, network_params = model.parts.params(chosen.params)
            key = model.transformers.key(before_params)
            key = f"{chosen.key} {key}" if chosen.key else key
            if key not in self._populations:
                self._populations[key] = self._population(model, before_params)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a transformer may raise anything; it fails this trial and is kept
            self._failed[number] = broken.reason(error), broken.traceback_of(error)
            return
        self._keys[number] = key
        self._populations[key].start(replace(trial, ask=replace(trial.ask, params=network_params)))

    def advance(self, trials: Sequence[int], tick: int) -> list[Row]:
        """Train each of these trials for one epoch, those behind the same transformers together."""
        rows: dict[int, Row] = {}
        groups: dict[str, list[int]] = {}
        for number in trials:
            if number in self._failed:
                reason, traceback = self._failed[number]
                rows[number] = Row(number, self._asks[number].lane, 1, {}, failure=reason, traceback=traceback)
            else:
                groups.setdefault(self._keys[number], []).append(number)
        for key, numbers in groups.items():
            rows |= {row.trial: row for row in self._populations[key].advance(numbers, tick)}
        return [rows[number] for number in trials]

    def networks(self, trial: int) -> MLPPopulation | None:
        """Return the population that has a trial's network; None where its transformers or its parameters failed."""
        return self._populations[self._keys[trial]].networks(trial) if trial in self._keys else None

    def states(self) -> list[Start]:
        """Return the trials that have begun, with copies of their networks' states; transformers are fitted again."""
        saved = [start for population in self._populations.values() for start in population.states()]
        return [replace(start, ask=self._asks[start.ask.trial]) for start in saved]

    def keep(self, trial: int) -> None:
        """Keep a copy of a trial's network as it is after its last epoch; the one kept before is forgotten."""
        population = self._populations[self._keys[trial]]
        population.keep(trial)
        chosen = self._models.of(self._asks[trial].params)
        before_params, _ = chosen.model.parts.params(chosen.params)
        self._kept = _KeptPipeline(population, chosen.model, before_params)

    def kept(self) -> KeptModel | None:
        """Return whose network is kept, or None."""
        return None if self._kept is None else self._kept.population.kept()

    def model(self) -> Any:
        """Return the pipeline around the kept network; its other steps are fitted again."""
        assert self._kept is not None, "a network is kept"
        with limited(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return self._kept.model.transformers.pipeline(self._kept.before_params, self._kept.population.model())

    def stop(self, trial: int) -> None:
        """Forget a trial, and a population that has no other."""
        del self._asks[trial]
        if self._failed.pop(trial, None) is not None:
            return
        key = self._keys.pop(trial)
        self._populations[key].stop(trial)
        if key not in self._keys.values():
            del self._populations[key]

    def _population(self, model: Model, before_params: dict[str, Any]) -> MLPPopulation:
        # On one thread, as sums over several are rounded in another order.
        with limited(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            X_train, X_valid = model.transformers.transform(before_params)
            X_test = model.transformers.test(before_params) if self._test else None
        if X_train.ndim != 2:
            raise UserError(f"the transformers give an array of shape {X_train.shape}; a network takes two dimensions")
        y_test = self._dataset.y_test if self._test else None
        transformed = replace(self._dataset, X_train=X_train, X_valid=X_valid, X_test=X_test, y_test=y_test)
        population = MLPPopulation(
            model.parts.last.get_params(deep=False),
            transformed,
            self._seed,
            self.epochs,
            weights=self._weights,
            test=self._test,
            outputs=self._outputs,
            scores=self._scores,
        )
        if self._by_seed:
            population.confirm(test=self._test)
        return population
