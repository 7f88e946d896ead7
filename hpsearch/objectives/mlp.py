"""The MLP population: trials of the same shapes train fused, as one batched NumPy program."""

from __future__ import annotations

import time
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpsearch.errors import UserError
from hpsearch.log.records import Ask, Row
from hpsearch.models.datasets import Dataset
from hpsearch.models.parameters import validate_params
from hpsearch.models.training.population import Member, Population, TrainingData, group_key
from hpsearch.objectives import streams
from hpsearch.objectives.base import WEIGHTS, Start

VACANT = 4
"""How many populations that nobody trains in are kept for what was compiled for them."""


class MLPPopulation:
    """Trains multilayer perceptrons, those of equal shapes together.

    Args:
        params: Every parameter of the study's MLPClassifier.
        dataset: Training and validation set; the test set is not touched where it is not asked for.
        seed: The study's seed.
        epochs: Most epochs of a trial, unless the trial's own ``max_epochs`` says otherwise.
        weights: Whether to report how many numbers a network trains, as ``weights``.
        test: Whether to report the test set's metrics with each epoch; see :meth:`confirm`.
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
    ) -> None:
        self.epochs = epochs
        self._weights = weights
        self._test = test
        self._params = dict(params)
        self._seed = seed
        self._dataset = dataset
        self._data: dict[tuple[str, str], TrainingData] = {}
        self._members: dict[int, Member] = {}
        self._asks: dict[int, Ask] = {}
        self._refused: dict[int, str] = {}
        self._populations: dict[Hashable, tuple[tuple[int, ...], Population]] = {}
        self._vacant: dict[Hashable, Population] = {}
        self._kept: tuple[int, Member] | None = None

    def confirm(self, *, test: bool) -> None:
        """Let a trial's repeat alone own its randomness, so that points are compared under the same luck.

        The order of the samples is then a function of stage, repeat and epoch, and the network's streams are one of
        stage and repeat.

        Args:
            test: Whether to report ``test_cost`` and ``test_accuracy`` with each epoch. Nothing is chosen by them: what
                counts is the epoch that is best on the validation set.
        """
        self._by_seed, self._test = True, test or self._test

    def start(self, trial: Start) -> None:
        """Take a trial in; parameters that cannot be trained are reported by its first row."""
        number = trial.ask.trial
        self._vacate({number})
        self._asks[number] = trial.ask
        params = {"max_epochs": self.epochs, **self._params, **trial.ask.params}
        if "max_epochs" not in trial.ask.params:
            params["max_epochs"] = self.epochs
        try:
            validate_params(params)
            group_key(params, self._training_data(params))
        except ValueError as error:
            self._refused[number] = str(error)
            return
        own = streams.of_trial(self._seed, trial.ask, by_seed=self._by_seed)
        self._members[number] = Member(params, own, trial.epoch, trial.state)

    def advance(self, trials: Sequence[int], tick: int) -> list[Row]:
        """Train each of these trials for one epoch, fused by shape and repeat."""
        groups: dict[Hashable, list[int]] = {}
        rows: dict[int, Row] = {}
        for number in trials:
            if number in self._refused:
                lane = self._asks[number].lane
                rows[number] = Row(number, lane, 1, {}, failure=self._refused[number])
                continue
            ask, params = self._asks[number], self._members[number].params
            begun_at = tick - self._members[number].epoch if self._by_seed else 0
            key: Hashable = (
                ask.stage,
                ask.repeat,
                begun_at,
                repr(params.get("class_weight")),
                group_key(params, self._training_data(params)),
            )
            groups.setdefault(key, []).append(number)
        for key, numbers in groups.items():
            population = self._population(key, tuple(numbers))
            ask = self._asks[numbers[0]]
            begun = time.perf_counter()
            done = self._members[numbers[0]].epoch
            results = population.run_epoch(streams.of_order(self._seed, ask, tick, done, by_seed=self._by_seed))
            seconds = (time.perf_counter() - begun) / len(numbers)
            extra = {WEIGHTS: float(population.n_weights)} if self._weights else {}
            for number, result in zip(numbers, results, strict=True):
                lane, epoch = self._asks[number].lane, self._members[number].epoch
                rows[number] = Row(
                    number, lane, epoch, {**result.metrics, **extra}, seconds, result.finished, result.failure
                )
        return [rows[number] for number in trials]

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

    def kept(self) -> tuple[int, int] | None:
        """Return the number of the trial whose network is kept and the epochs that it had done, or None."""
        return None if self._kept is None else (self._kept[0], self._kept[1].epoch)

    def model(self) -> Any:
        """Return the kept network as a fitted MLPClassifier."""
        from hpsearch.models.estimators.from_state import classifier  # imports scikit-learn

        assert self._kept is not None, "a network is kept"
        member = self._kept[1]
        assert member.state is not None, "it was kept after an epoch"
        classes, features = np.unique(self._dataset.y_train), self._dataset.X_train.shape[1]
        return classifier(member.params, member.state, classes, features, member.epoch, self._seed)

    def stop(self, trial: int) -> None:
        """Forget a trial and all that is left of it; the others of its population are stacked anew."""
        self._vacate({trial})
        self._refused.pop(trial, None)
        self._asks.pop(trial)
        self._members.pop(trial, None)

    def _population(self, key: Hashable, numbers: tuple[int, ...]) -> Population:
        standing = self._populations.get(key)
        if standing is not None and standing[0] == numbers:
            return standing[1]
        self._vacate({*numbers, *(standing[0] if standing is not None else ())})
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
        """Bring the states of the populations that hold any of these trials back to their members.

        A population that has been left holds nobody: a trial that comes back is stacked anew from its own state, never
        known again by its number. What was compiled is kept for the next of its kind, in one place a shape.
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
        """Bring the states of a population back to its members."""
        for number, state in zip(numbers, population.states(), strict=True):
            if number in self._members:
                self._members[number].state = state

    def _training_data(self, params: Mapping[str, Any]) -> TrainingData:
        dtype, weights = str(params["dtype"]), params.get("class_weight")
        key = dtype, repr(weights)
        if key not in self._data:
            self._data[key] = training_data(self._dataset, dtype, test=self._test, class_weight=weights)
        return self._data[key]


def training_data(
    dataset: Dataset, dtype: str, *, test: bool = False, class_weight: Mapping[Any, float] | str | None = None
) -> TrainingData:
    """Return a data set's training and validation part as a population takes them, and its test part where asked.

    Training samples count by `class_weight`, as in `MLPClassifier`.

    Raises:
        UserError: The validation part has a class that the training part lacks.
    """
    classes, codes = np.unique(dataset.y_train, return_inverse=True)
    y_valid = np.searchsorted(classes, _known(dataset, classes, "validation", dataset.y_valid))
    weights = None
    if class_weight is not None:
        from sklearn.utils import compute_sample_weight  # imports scikit-learn

        weights = compute_sample_weight(class_weight, dataset.y_train)
    data = TrainingData.from_arrays(dataset.X_train, codes, len(classes), dataset.X_valid, y_valid, dtype, weights)
    if not test:
        return data
    assert dataset.X_test is not None, "a test stage needs a test set"
    y_test = np.searchsorted(classes, _known(dataset, classes, "test", dataset.y_test))
    return replace(data, X_test=np.ascontiguousarray(dataset.X_test, dtype), y_test=y_test)


def _known(dataset: Dataset, classes: NDArray[Any], part: str, labels: NDArray[Any] | None) -> NDArray[Any]:
    """Return the labels of a part, all of which are training classes."""
    assert labels is not None, f"there is a {part} part"
    strange = np.setdiff1d(labels, classes)
    if len(strange):
        raise UserError(
            f"data {dataset.name!r}: class {strange[0]!r} is in the {part} part but not in the training part"
        )
    return labels
