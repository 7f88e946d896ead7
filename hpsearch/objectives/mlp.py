"""The MLP population: trials of the same shapes train fused, as one batched NumPy program."""

from __future__ import annotations

import time
import warnings
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from hpsearch.log.records import Ask, Row
from hpsearch.models import chain
from hpsearch.models.datasets import Dataset
from hpsearch.models.parameters import validate_params
from hpsearch.models.threads import limited
from hpsearch.models.training.folds import fold_key
from hpsearch.models.training.population import EpochResult, Member, Population, TrainingData, group_key
from hpsearch.objectives import broken, streams
from hpsearch.objectives.base import WEIGHTS, KeptModel, LaneState, Start
from hpsearch.objectives.outputs import Classes, Outputs
from hpsearch.objectives.predicting import Predicting
from hpsearch.objectives.scores import Scores, tested
from hpsearch.space import Space, behind

VACANT = 4
"""Most populations without trials that are kept: what was compiled for them serves the next one of the same shape."""


class _Part(NamedTuple):
    """A part of the data on which networks are scored."""

    X: Any
    y: Any
    weights: Any
    is_test: bool


class MLPPopulation:
    """Trains multilayer perceptrons, those of equal shapes together.

    Args:
        params: Every parameter of the study's MLPClassifier or MLPRegressor.
        dataset: Training and validation set; the test set is not touched where it is not asked for.
        seed: The study's seed.
        epochs: Most epochs of a trial, unless the trial's own ``max_epochs`` says otherwise.
        weights: Whether to report how many numbers a network trains, as ``weights``.
        test: Whether to report the test set's metrics with each epoch; see :meth:`confirm`.
        outputs: What the networks' outputs mean; None: classes.
        scores: What else is measured of each network after an epoch, by a study's own scorers; None: nothing.
        space: Where the trials' parameters come from: a name stands for the chain of layers, or the layer, behind it.
    """

    _by_seed = False

    def __init__(
        self,
        params: Mapping[str, Any],
        dataset: Dataset,
        seed: int,
        epochs: int,
        *,
        weights: bool = False,
        test: bool = False,
        outputs: Outputs | None = None,
        scores: Scores | None = None,
        space: Space | None = None,
    ) -> None:
        self._space = space or {}
        self._scores = scores if scores is not None and (scores.scorers or scores.errors) else None
        self.epochs = epochs
        self._outputs: Outputs = outputs or Classes()
        self._weights = weights
        self._test = test
        self._params = dict(params)
        self._seed = seed
        self._dataset = dataset
        self._predicting = Predicting(self._outputs)
        self._data: dict[tuple[str, str], TrainingData] = {}
        self._members: dict[int, Member] = {}
        self._asks: dict[int, Ask] = {}
        self._refused: dict[int, str] = {}
        self._populations: dict[Hashable, tuple[tuple[int, ...], Population]] = {}
        self._vacant: dict[Hashable, Population] = {}
        self._side_keys: dict[int, Hashable | None] = {}
        self._kept: tuple[int, Member] | None = None

    def confirm(self, *, test: bool) -> None:
        """Let a trial's repeat alone own its randomness, so that points are compared under the same randomness.

        The order of the samples is then a function of stage, repeat and epoch, and the network's streams are one of
        stage and repeat.

        Args:
            test: Whether to report ``test_cost`` and ``test_accuracy`` with each epoch. Nothing is chosen by them: what
                counts is the epoch that is best on the validation set.
        """
        self._by_seed = True
        self._test = test or self._test

    def start(self, trial: Start) -> None:
        """Take a trial in; parameters that cannot be trained are reported by its first row."""
        number = trial.ask.trial
        self._vacate({number})
        self._asks[number] = trial.ask
        self._predicting.forget(number)
        self._side_keys.pop(number, None)
        trial_params = {name: behind(self._space, name, value) for name, value in trial.ask.params.items()}
        params = {"max_epochs": self.epochs, **self._params, **trial_params}
        if "max_epochs" not in trial.ask.params:
            params["max_epochs"] = self.epochs
        try:
            params = self._outputs.params(chain.settled(params))
            validate_params(params)
            group_key(params, self._training_data(params))
        except ValueError as error:
            self._refused[number] = str(error)
            return
        entropy = streams.of_trial(self._seed, trial.ask, by_seed=self._by_seed)
        self._members[number] = Member(params, entropy, trial.epoch, trial.state)

    def advance(self, trials: Sequence[int], tick: int) -> list[Row]:
        """Train each of these trials for one epoch, fused by shape and repeat."""
        groups: dict[Hashable, list[int]] = {}
        rows: dict[int, Row] = {}
        for number in trials:
            if number in self._refused:
                lane = self._asks[number].lane
                rows[number] = Row(number, lane, 1, {}, failure=self._refused[number])
                continue
            params = self._members[number].params
            key: Hashable = (*self._mates(number, tick), group_key(params, self._training_data(params)))
            groups.setdefault(key, []).append(number)
        for key, numbers in groups.items():
            population = self._population(key, tuple(numbers))
            begun = time.perf_counter()
            results = population.run_epoch(self.order(numbers[0], tick))
            seconds = (time.perf_counter() - begun) / len(numbers)
            for index, (number, result) in enumerate(zip(numbers, results, strict=True)):
                rows[number] = self.row(number, result, seconds, population, index)
        return [rows[number] for number in trials]

    def _mates(self, trial: int, tick: int) -> tuple[Hashable, ...]:
        """Return a key: trials with equal ones train on the same samples in the same order."""
        ask, member = self._asks[trial], self._members[trial]
        begun_at = tick - member.epoch if self._by_seed else 0
        return ask.stage, ask.repeat, begun_at, repr(member.params.get("class_weight"))

    def order(self, trial: int, tick: int) -> streams.Entropy:
        """Return the entropy of the order of the samples in the next epoch of a trial and of those that share it."""
        epochs_done = self._members[trial].epoch
        return streams.of_order(self._seed, self._asks[trial], tick, epochs_done, by_seed=self._by_seed)

    def row(self, trial: int, result: EpochResult, seconds: float, population: Population, index: int) -> Row:
        """Return the row of an epoch of a trial.

        Args:
            trial: The trial's number.
            result: What its network's epoch brought.
            seconds: Its share of the training time.
            population: The population that trained it.
            index: Its position in that population.
        """
        weights = {WEIGHTS: float(population.n_weights)} if self._weights else {}
        metrics = {**self._outputs.metrics(result.metrics), **weights}
        lane, epoch = self._asks[trial].lane, self._members[trial].epoch
        within = tuple((samples, self._outputs.metrics(measured)) for samples, measured in result.within)
        row = Row(trial, lane, epoch, metrics, seconds, result.finished, result.failure, within=within)
        return row if self._scores is None else self._scored(row, population, index, self._scores)

    def _scored(self, row: Row, population: Population, index: int, scores: Scores) -> Row:
        """Return a row with the scores of the study's scorers added; a scorer that raises fails the trial."""
        if row.failure is not None:
            return row
        begun = time.perf_counter()
        try:
            with limited(), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # as many as there are trials and epochs
                scored = self._measured(row.trial, population, index, scores)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a scorer may raise anything; it fails this trial and is kept
            return replace(row, failure=broken.reason(error), traceback=broken.traceback_of(error), finished=False)
        return replace(row, metrics={**row.metrics, **scored}, seconds=row.seconds + time.perf_counter() - begun)

    def _measured(self, trial: int, population: Population, index: int, scores: Scores) -> dict[str, float]:
        """Return a network's scores on the validation set, and on the test set where that is asked for."""
        data = self._dataset
        member = self._members[trial]
        parts = [_Part(data.X_valid, data.y_valid, data.w_valid, is_test=False)]
        if self._test and data.y_test is not None:
            parts.append(_Part(data.X_test, data.y_test, data.w_test, is_test=True))
        state = population.state(index) if scores.scorers else None
        model = None if state is None else self._outputs.model(replace(member, state=state), data, self._seed)
        metrics: dict[str, float] = {}
        for X, y, weights, test in parts:
            of_part: dict[str, float] = {}
            if scores.errors:
                samples = self._training_data(member.params)
                predicted = self._predicting(trial, member, population.judged(index), samples, test=test)
                of_part |= scores.predicted(y, predicted, weights)
            if model is not None:
                of_part |= scores.scored(model, X, y, weights)
            metrics |= tested(of_part) if test else of_part
        return metrics

    def networks(self, trial: int) -> MLPPopulation | None:
        """Return itself; None for a trial whose parameters cannot be trained."""
        return None if trial in self._refused else self

    def side_key(self, trial: int, tick: int) -> Hashable | None:
        """Return a key by which networks may train side by side on data of their own; None where this one may not."""
        if trial not in self._side_keys:
            params = self._members[trial].params
            self._side_keys[trial] = fold_key(params, self._training_data(params))
        key = self._side_keys[trial]
        return None if key is None else (*self._mates(trial, tick), key)

    def lend(self, trial: int) -> tuple[Member, TrainingData]:
        """Return a trial's network with its state, and its data, for another population to train."""
        self._vacate({trial})
        member = self._members[trial]
        return member, self._training_data(member.params)

    def give_back(self, trial: int, state: LaneState) -> None:
        """Take over the state to which another population has trained a trial."""
        self._members[trial].state = state

    def states(self) -> list[Start]:
        """Return the trials that have begun, with copies of their states."""
        for numbers, population in self._populations.values():
            self._collect(numbers, population)
        return [
            Start(self._asks[number], member.epoch, member.state)
            for number, member in self._members.items()
            if member.state is not None
        ]

    def keep(self, trial: int) -> None:
        """Keep a copy of a trial's network as it is after its last epoch; the one kept before is forgotten."""
        for numbers, population in self._populations.values():
            if trial in numbers:
                state = population.state(numbers.index(trial))
                self._kept = trial, replace(self._members[trial], state=state)

    def kept(self) -> KeptModel | None:
        """Return whose network is kept, or None."""
        return None if self._kept is None else KeptModel(self._kept[0], self._kept[1].epoch)

    def model(self) -> Any:
        """Return the kept network as a fitted estimator."""
        assert self._kept is not None, "a network is kept"
        return self._outputs.model(self._kept[1], self._dataset, self._seed)

    def stop(self, trial: int) -> None:
        """Forget a trial and its network; the others of its population are stacked anew."""
        self._vacate({trial})
        self._refused.pop(trial, None)
        self._asks.pop(trial)
        self._members.pop(trial, None)
        self._predicting.forget(trial)
        self._side_keys.pop(trial, None)

    def _population(self, key: Hashable, numbers: tuple[int, ...]) -> Population:
        existing = self._populations.get(key)
        if existing is not None and existing[0] == numbers:
            return existing[1]
        self._vacate({*numbers, *(existing[0] if existing is not None else ())})
        members = [self._members[number] for number in numbers]
        empty = self._vacant.pop(key, None)
        if empty is not None and len(empty.members) == len(numbers):
            population = empty
            population.replace(members)  # what was compiled for as many lanes serves again
        else:
            population = Population(members, self._training_data(members[0].params))
        self._populations[key] = (numbers, population)
        return population

    def _vacate(self, trials: set[int]) -> None:
        """Copy the states from all populations that hold any of these trials to their members, and give those up.

        A population that was given up holds no trial any more: a trial that comes back is stacked anew from its own
        state. What was compiled for it is kept for the next population of the same shape, one for each shape.
        """
        for key, (numbers, population) in list(self._populations.items()):
            if not trials.isdisjoint(numbers):
                self._collect(numbers, population)
                del self._populations[key]
                self._vacant.pop(key, None)
                self._vacant[key] = population
        while len(self._vacant) > VACANT:
            del self._vacant[next(iter(self._vacant))]

    def _collect(self, numbers: Sequence[int], population: Population) -> None:
        """Copy the states from a population to its members."""
        for number, state in zip(numbers, population.states(), strict=True):
            if number in self._members:
                self._members[number].state = state

    def _training_data(self, params: Mapping[str, Any]) -> TrainingData:
        dtype, weights = str(params["dtype"]), params.get("class_weight")
        key = dtype, repr(weights)
        if key not in self._data:
            self._data[key] = self._outputs.data(self._dataset, params, test=self._test)
        return self._data[key]
