"""Any scikit-learn estimator or pipeline as an objective: an epoch, more trees or samples, or a whole fit a tick."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import has_fit_parameter

from hpsearch.log.records import Row
from hpsearch.models.datasets import Dataset
from hpsearch.models.threads import limited
from hpsearch.objectives import broken, streams
from hpsearch.objectives.base import KeptModel, Start
from hpsearch.objectives.chosen import Model, Models
from hpsearch.objectives.resources import Plan, Resource, grown_by, rescale, stratified_order
from hpsearch.objectives.scores import Scores, tested
from hpsearch.objectives.transformers import Behind, seed_random_states
from hpsearch.space import Space
from hpsearch.study.samples import Samples

Array = NDArray[Any]


class _Ready(NamedTuple):
    """A trial before its first epoch.

    Attributes:
        estimator: Its last step.
        data: Training and validation inputs, as the steps before the last one give them.
    """

    estimator: Any
    data: tuple[Any, Any]


@dataclass
class _Running:
    """A trial as it stands.

    Attributes:
        start: As it was taken in.
        model: The model with the options that it chose; None before its first epoch, when ``params`` and ``resource``
            are not yet known either.
        params: Its other parameters, as the user wrote them.
        resource: What an epoch of it is.
        epochs: How many it has.
        size: The trees that a ``warm_start`` model has in the end.
        epochs_done: Epochs done.
        estimator: What was trained: the last step where that goes on from epoch to epoch, else the whole model.
        data: Training and validation inputs, where the last step is trained by itself.
        X_test: The test inputs likewise, where they are scored.
    """

    start: Start
    model: Model | None = None
    params: dict[str, Any] = field(default_factory=dict)
    resource: Resource = "fit"
    epochs: int = 1
    size: int = 0
    epochs_done: int = 0
    estimator: Any = None
    data: tuple[Any, Any] | None = None
    X_test: Any = None

    @property
    def goes_on(self) -> bool:
        """Whether its estimator is trained further from epoch to epoch."""
        return self.resource in ("epochs", "iterations")


class SklearnObjective:
    """Fits scikit-learn estimators.

    What an epoch is depends on the trial's resource (see :mod:`hpsearch.objectives.resources`): with ``epochs`` one
    ``partial_fit`` over the training set, in an order that belongs to the clock; with ``iterations`` more trees of a
    ``warm_start`` model; with ``samples`` a fresh fit to the first r/R of the training set, stratified and nested, at
    epoch r of R; with ``fit`` a whole fit in the last epoch, and nothing before it. A ``random_state`` that is None
    becomes a number of the trial's own, so that results repeat. An estimator cannot be saved in general: a resumed
    trial is fitted again.

    Args:
        model: The estimator or pipeline, behind what its data need.
        dataset: Its parts; the test set is touched only where it is asked for.
        seed: The study's seed.
        epochs: Most epochs of a trial.
        resource: What an epoch adds to every trial; or the plan by which that is decided for each.
        scores: What is measured.
        space: Where the parameters come from: a choice's tuples are tuples again, and names the objects they stand for.
    """

    _by_seed = False
    _test = False

    def __init__(
        self,
        model: Behind,
        dataset: Dataset,
        seed: int,
        epochs: int,
        resource: Resource | Plan,
        scores: Scores,
        space: Space | None = None,
    ) -> None:
        self.epochs = epochs
        self._dataset = dataset
        self._seed = seed
        self._plan = resource if isinstance(resource, Plan) else Plan(resource, epochs, True, resource == "samples")
        self._scores = scores
        self._models = Models(model, dataset, seed, space or {})
        self._trials: dict[int, _Running] = {}
        self._orders: dict[tuple[int, int], Array] = {}
        self._kept: _Running | None = None

    def confirm(self, *, test: bool) -> None:
        """Let a trial's repeat alone own its randomness, and report the metrics of the test set too where asked."""
        self._by_seed = True
        self._test = test

    def start(self, trial: Start) -> None:
        """Take a trial in; its estimator is made by its first epoch."""
        self._trials[trial.ask.trial] = _Running(trial)

    def advance(self, trials: Sequence[int], tick: int) -> list[Row]:
        """Train each of these trials for one epoch, on one thread; an exception fails its trial."""
        # On one thread, as sums over several are rounded in another order. scikit-learn's warnings about a point of the
        # space are not shown: they would be as many as there are trials.
        with limited(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return [self._advance(number, tick) for number in trials]

    def states(self) -> list[Start]:
        """Return nothing: an estimator cannot be saved as plain arrays."""
        return []

    def keep(self, trial: int) -> None:
        """Keep a trial's model as it is after its last epoch; the one kept before is forgotten."""
        running = self._trials[trial]
        self._kept = replace(running, estimator=deepcopy(running.estimator) if running.goes_on else running.estimator)

    def kept(self) -> KeptModel | None:
        """Return whose model is kept, or None."""
        return None if self._kept is None else KeptModel(self._kept.start.ask.trial, self._kept.epochs_done)

    def model(self) -> Any:
        """Return the kept model; the steps before one that was trained by itself are fitted again."""
        assert self._kept is not None, "a model is kept"
        assert self._kept.model is not None, "it has done an epoch"
        model = self._kept.model
        if model.parts.before is None or not self._apart(self._kept):
            return model.targets.wrapped(self._kept.estimator)
        before, _ = model.parts.params(self._kept.params)
        with limited(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return model.transformers.pipeline(before, model.targets.wrapped(self._kept.estimator))

    def stop(self, trial: int) -> None:
        """Forget a trial."""
        del self._trials[trial]

    def _apart(self, running: _Running) -> bool:
        """Return whether the steps before the last are fitted apart, once for all trials that share their settings."""
        return running.goes_on or self._dataset.encodes

    def _advance(self, number: int, tick: int) -> Row:
        running = self._trials[number]
        ask, epoch = running.start.ask, running.epochs_done + 1
        begun = time.perf_counter()
        try:
            model = self._settle(running)
            metrics = self._train(running, model, epoch, tick)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # an estimator may raise anything; whatever it is fails this trial and is kept
            seconds = time.perf_counter() - begun
            reason, traceback = broken.reason(error), broken.traceback_of(error)
            return Row(number, ask.lane, epoch, {}, seconds, failure=reason, traceback=traceback)
        running.epochs_done = epoch
        finished, seconds = epoch >= running.epochs, time.perf_counter() - begun
        return Row(number, ask.lane, epoch, metrics or {}, seconds, finished, quiet=metrics is None)

    def _settle(self, running: _Running) -> Model:
        """Return a trial's model; before its first epoch, decide what its epochs are."""
        if running.model is None:
            from sklearn.base import clone

            chosen = self._models.of(running.start.ask.params)
            model, running.params = chosen.model, chosen.params
            estimator = clone(model.parts.last).set_params(**model.parts.params(running.params)[1])
            n = len(self._dataset.y_train)
            running.resource = self._plan.decide(estimator, n)
            running.epochs = self._plan.epochs_of(estimator, running.resource, running.start.ask.params)
            if running.resource == "iterations":
                running.size = int(getattr(estimator, grown_by(estimator, n) or ""))
            running.model = model
        return running.model

    def _train(self, running: _Running, model: Model, epoch: int, tick: int) -> dict[str, float] | None:
        """Train a trial for an epoch and return its metrics; None where it has nothing to report yet."""
        if running.resource == "epochs":
            return self._partial_fit(running, model, tick)
        if running.resource == "iterations":
            return self._grow(running, model, epoch)
        if running.resource == "fit" and epoch < running.epochs:
            return None
        return self._fit(running, model, epoch)

    def _partial_fit(self, running: _Running, model: Model, tick: int) -> dict[str, float]:
        ask, dataset = running.start.ask, self._dataset
        if running.estimator is None:
            running.estimator, running.data = self._begin(running, model)
        assert running.data is not None
        X_train, X_valid = running.data
        entropy = streams.of_order(self._seed, ask, tick, running.epochs_done, by_seed=self._by_seed)
        order = np.random.default_rng(entropy).permutation(len(dataset.y_train))
        classes = {"classes": np.unique(dataset.y_train)} if self._scores.kind == "classifier" else {}
        y = model.targets.standardised(dataset.y_train)[order]
        weights = self._weights(running.estimator, order)
        # The classes are for the first call; later ones check that they are the same.
        running.estimator.partial_fit(_safe_indexing(X_train, order), y, **classes, **weights)
        fitted = model.targets.wrapped(running.estimator)
        return self._measure(fitted, (X_train, dataset.y_train), X_valid, running.X_test)

    def _grow(self, running: _Running, model: Model, epoch: int) -> dict[str, float] | None:
        """Add trees to a model whose fit goes on from the last one."""
        growth = self._plan.growth(epoch, running.size)
        if not growth.grown:
            return None
        if running.estimator is None:
            running.estimator, running.data = self._begin(running, model)
        assert running.data is not None
        X_train, X_valid = running.data
        name = grown_by(running.estimator, len(self._dataset.y_train)) or ""
        running.estimator.set_params(**{name: growth.size, "warm_start": True})
        y = model.targets.standardised(self._dataset.y_train)
        running.estimator.fit(X_train, y, **self._weights(running.estimator, None))
        fitted = model.targets.wrapped(running.estimator)
        return self._measure(fitted, (X_train, self._dataset.y_train), X_valid, running.X_test)

    def _begin(self, running: _Running, model: Model) -> _Ready:
        """Return a trial's last step, ready for its first epoch."""
        from sklearn.base import clone

        before, last_params = model.parts.params(running.params)
        estimator = clone(model.parts.last).set_params(**last_params)
        seed_random_states(estimator, self._owner(running))
        if self._test:
            running.X_test = self._dataset.X_test
            if model.parts.before is not None:
                running.X_test = model.transformers.test(before)
        if model.parts.before is None:
            return _Ready(estimator, (self._dataset.X_train, self._dataset.X_valid))
        return _Ready(estimator, model.transformers.transform(before))

    def _fit(self, running: _Running, model: Model, rung: int) -> dict[str, float]:
        from sklearn.base import clone

        ask, dataset = running.start.ask, self._dataset
        if apart := self._apart(running):
            estimator, (X_train, X_valid) = self._begin(running, model)
            X_test = running.X_test
        else:
            estimator = clone(model.behind.model).set_params(**model.behind.named(running.params))
            seed_random_states(estimator, self._owner(running))
            X_train = dataset.X_train
            X_valid = dataset.X_valid
            X_test = dataset.X_test if self._test else None
        y_train = dataset.y_train
        rows = None
        if rung < running.epochs:
            rows = self._order(ask.stage, ask.repeat)[: math.ceil(len(y_train) * rung / running.epochs)]
            X_train = _safe_indexing(X_train, rows)
            y_train = y_train[rows]
            if isinstance(self._plan.resource, Samples):
                rescale(estimator, self._plan.resource, model, len(rows) / len(dataset.y_train), apart)
        y = model.targets.standardised(y_train)
        weights = self._weights(estimator, rows)
        running.estimator = estimator.fit(X_train, y, **weights)
        return self._measure(model.targets.wrapped(estimator), (X_train, y_train), X_valid, X_test)

    def _weights(self, estimator: Any, rows: Array | None) -> dict[str, Any]:
        """Return the training rows' weights as arguments of fit; empty without weights, or where fit takes none."""
        weights = self._dataset.w_train
        if weights is None:
            return {}
        innermost = estimator
        name = "sample_weight"
        while hasattr(innermost, "steps"):
            step, innermost = innermost.steps[-1]
            name = f"{step}__{name}"
        if not has_fit_parameter(innermost, "sample_weight"):
            return {}
        return {name: weights if rows is None else weights[rows]}

    def _owner(self, running: _Running) -> tuple[int, ...]:
        """Return the entropy of an estimator: its trial's own, or its seed's where points are confirmed."""
        return streams.of_trial(self._seed, running.start.ask, by_seed=self._by_seed)

    def _measure(self, estimator: Any, trained: tuple[Any, Array], X_valid: Any, X_test: Any) -> dict[str, float]:
        dataset = self._dataset
        metrics = self._scores.measure(estimator, *trained, X_valid, dataset.y_valid, dataset.w_valid)
        if X_test is None:
            return metrics
        assert dataset.y_test is not None, "a test stage needs a test set"
        on_test = self._scores.measure(estimator, *trained, X_test, dataset.y_test, dataset.w_test)
        return metrics | tested({name: value for name, value in on_test.items() if not name.startswith("train_")})

    def _order(self, stage: int, repeat: int) -> Array:
        """Return an order of the training samples whose every beginning is stratified; the same for all trials."""
        if (stage, repeat) not in self._orders:
            rng = np.random.default_rng(streams.of_parts(self._seed, stage, repeat))
            y = self._dataset.y_train if self._scores.kind == "classifier" else None
            self._orders[stage, repeat] = stratified_order(y, len(self._dataset.y_train), rng)
        return self._orders[stage, repeat]
