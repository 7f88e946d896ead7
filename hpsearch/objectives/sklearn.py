"""Any scikit-learn estimator or pipeline as an objective: an epoch, a share of the data, or a whole fit a tick."""

from __future__ import annotations

import math
import time
import traceback
import warnings
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hpsearch.log.records import Row
from hpsearch.models.datasets import Dataset
from hpsearch.models.threads import limited
from hpsearch.objectives import streams
from hpsearch.objectives.base import Start
from hpsearch.objectives.scores import Scores
from hpsearch.objectives.transformers import Split, Transformers, seed_random_states, split
from hpsearch.space import Space, restore

Array = NDArray[Any]
Resource = Literal["epochs", "samples", "fit"]


@dataclass
class _Running:
    """A trial as it stands.

    Attributes:
        start: As it was taken in.
        params: Its parameters, as the user wrote them.
        done: Epochs done.
        estimator: What was trained: with ``partial_fit`` the last step, which goes on, else the whole model.
        data: What it is trained and measured on, where transformers stand before it.
        X_test: The test data likewise, where they are looked at.
    """

    start: Start
    params: dict[str, Any]
    done: int = 0
    estimator: Any = None
    data: tuple[Array, Array] | None = None
    X_test: Array | None = None


class SklearnObjective:
    """Fits scikit-learn estimators.

    What an epoch is depends on the resource: with ``epochs`` one ``partial_fit`` over the training set, in an order
    that belongs to the clock; with ``samples`` a fresh fit to the first r/R of the training set, stratified and nested,
    at epoch r of R; with ``fit`` there is one epoch, the whole fit. A ``random_state`` that is None becomes a number of
    the trial's own, so that results repeat. An estimator cannot be saved in general: a resumed trial is fitted again.

    Args:
        model: The estimator or pipeline.
        dataset: Its parts; the test set is touched only where it is asked for.
        seed: The study's seed.
        epochs: Most epochs of a trial.
        resource: What an epoch adds.
        scores: What is measured.
        space: Where the parameters come from: a choice's tuples are tuples again.
    """

    _by_seed = False
    _test = False

    def __init__(
        self,
        model: Any,
        dataset: Dataset,
        seed: int,
        epochs: int,
        resource: Resource,
        scores: Scores,
        space: Space | None = None,
    ) -> None:
        self.epochs = epochs
        self._model = model
        self._dataset = dataset
        self._seed = seed
        self._resource = resource
        self._scores = scores
        self._space = space or {}
        self._trials: dict[int, _Running] = {}
        self._parts: Split = split(model)
        self._transformers = Transformers(self._parts.before, dataset, seed)
        self._orders: dict[tuple[int, int], Array] = {}
        self._kept: _Running | None = None

    def confirm(self, *, test: bool) -> None:
        """Let a trial's repeat alone own its randomness, and report the metrics of the test set too where asked."""
        self._by_seed, self._test = True, test

    def start(self, trial: Start) -> None:
        """Take a trial in; its estimator is made by its first epoch."""
        self._trials[trial.ask.trial] = _Running(trial, restore(self._space, trial.ask.params))

    def advance(self, trials: Sequence[int], tick: int) -> list[Row]:
        """Train each of these trials for one epoch, on one thread; an exception fails its trial."""
        # One thread, as sums over more come out in another order; scikit-learn's warnings about a point of the space
        # would be as many as there are trials.
        with limited(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return [self._advance(number, tick) for number in trials]

    def states(self) -> list[Start]:
        """Nothing: an estimator cannot be saved as plain arrays."""
        return []

    def keep(self, trial: int) -> None:
        """Keep a trial's model as it is after its last epoch; the one kept before is forgotten."""
        running = self._trials[trial]
        goes_on = self._resource == "epochs"
        self._kept = replace(running, estimator=deepcopy(running.estimator) if goes_on else running.estimator)

    def kept(self) -> tuple[int, int] | None:
        """Return the number of the trial whose model is kept and the epochs that it had done, or None."""
        return None if self._kept is None else (self._kept.start.ask.trial, self._kept.done)

    def model(self) -> Any:
        """Return the kept model; the steps before one that was trained an epoch at a time are fitted again."""
        assert self._kept is not None, "a model is kept"
        if self._resource != "epochs" or self._parts.before is None:
            return self._kept.estimator
        before, _ = self._parts.params(self._kept.params)
        with limited(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return self._transformers.pipeline(before, self._kept.estimator)

    def stop(self, trial: int) -> None:
        """Forget a trial."""
        del self._trials[trial]

    def _advance(self, number: int, tick: int) -> Row:
        running = self._trials[number]
        ask, epoch = running.start.ask, running.done + 1
        begun = time.perf_counter()
        try:
            metrics = self._partial_fit(running, tick) if self._resource == "epochs" else self._fit(running, epoch)
        except Exception as error:  # an estimator may raise anything; whatever it is fails this trial and is kept
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            seconds, text = time.perf_counter() - begun, traceback.format_exc()
            return Row(number, ask.lane, epoch, {}, seconds, failure=reason, traceback=text)
        running.done = epoch
        most = own_epochs(ask.params, self.epochs) if self._resource == "epochs" else self.epochs
        finished = epoch >= min(self.epochs, most)
        return Row(number, ask.lane, epoch, metrics, time.perf_counter() - begun, finished)

    def _partial_fit(self, running: _Running, tick: int) -> dict[str, float]:
        ask, dataset = running.start.ask, self._dataset
        if running.estimator is None:
            running.estimator, running.data = self._begin(running)
        assert running.data is not None
        X_train, X_valid = running.data
        entropy = streams.of_order(self._seed, ask, tick, running.done, by_seed=self._by_seed)
        order = np.random.default_rng(entropy).permutation(len(X_train))
        classes = {"classes": np.unique(dataset.y_train)} if self._scores.kind == "classifier" else {}
        # The classes are for the first call; later ones check that they are the same.
        running.estimator.partial_fit(X_train[order], dataset.y_train[order], **classes)
        return self._measure(running.estimator, (X_train, dataset.y_train), X_valid, running.X_test)

    def _begin(self, running: _Running) -> tuple[Any, tuple[Array, Array]]:
        """Return a trial's last step, ready for its first epoch, and the data that the steps before it give."""
        from sklearn.base import clone

        before, own = self._parts.params(running.params)
        estimator = clone(self._parts.last).set_params(**own)
        seed_random_states(estimator, self._owner(running))
        if self._test:
            running.X_test = self._dataset.X_test
            if self._parts.before is not None:
                running.X_test = self._transformers.test(before)
        if self._parts.before is None:
            return estimator, (self._dataset.X_train, self._dataset.X_valid)
        return estimator, self._transformers.transform(before)

    def _fit(self, running: _Running, rung: int) -> dict[str, float]:
        from sklearn.base import clone

        ask, dataset = running.start.ask, self._dataset
        estimator = clone(self._model).set_params(**running.params)
        seed_random_states(estimator, self._owner(running))
        X_train, y_train = dataset.X_train, dataset.y_train
        if rung < self.epochs:
            part = self._order(ask.stage, ask.repeat)[: math.ceil(len(y_train) * rung / self.epochs)]
            X_train, y_train = X_train[part], y_train[part]
        running.estimator = estimator.fit(X_train, y_train)
        return self._measure(estimator, (X_train, y_train), dataset.X_valid, dataset.X_test if self._test else None)

    def _owner(self, running: _Running) -> tuple[int, ...]:
        """Return whose randomness an estimator has: its trial's, or its seed's where points are compared."""
        return streams.of_trial(self._seed, running.start.ask, by_seed=self._by_seed)

    def _measure(
        self, estimator: Any, trained: tuple[Array, Array], X_valid: Array, X_test: Array | None
    ) -> dict[str, float]:
        metrics = self._scores.measure(estimator, *trained, X_valid, self._dataset.y_valid)
        if X_test is None:
            return metrics
        assert self._dataset.y_test is not None, "a test stage needs a test set"
        tested = self._scores.measure(estimator, *trained, X_test, self._dataset.y_test)
        own = {name: value for name, value in tested.items() if not name.startswith("train_")}
        return metrics | {f"test_{name.removeprefix('val_')}": value for name, value in own.items()}

    def _order(self, stage: int, repeat: int) -> Array:
        """Return an order of the training samples whose every beginning is stratified; the same for all trials."""
        if (stage, repeat) not in self._orders:
            rng = np.random.default_rng(streams.of_parts(self._seed, stage, repeat))
            y = self._dataset.y_train if self._scores.kind == "classifier" else None
            self._orders[stage, repeat] = stratified_order(y, len(self._dataset.y_train), rng)
        return self._orders[stage, repeat]


def stratified_order(y: Array | None, n: int, rng: np.random.Generator) -> Array:
    """Return an order of n samples of which every beginning holds each class in its share, and one of each at least.

    Args:
        y: Class labels, shape (n,), or None where there are no classes.
        n: Number of samples.
        rng: Shuffles the samples of each class.

    Returns:
        A permutation, shape (n,).
    """
    order = rng.permutation(n)
    if y is None:
        return order
    _, codes, counts = np.unique(y[order], return_inverse=True, return_counts=True)
    place = np.empty(n)
    for code, count in enumerate(counts):
        # The i-th sample of a class stands where that share of the class has passed, the first before all.
        place[codes == code] = np.concatenate([[-1.0], (np.arange(1, count) + 0.5) / count])
    return order[np.argsort(place, kind="stable")]


def own_epochs(params: Mapping[str, Any], epochs: int) -> int:
    """Return how many epochs a point of the space asks for by its own ``max_iter`` or ``max_epochs``."""
    named = (value for name, value in params.items() if name.rpartition("__")[2] in ("max_iter", "max_epochs"))
    return int(next(named, epochs))
