"""What the scikit-learn estimators share: a fit is a population of one, trained an epoch at a time."""

from __future__ import annotations

import os
import re
import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from ..early_stopping import EARLY_STOPPING
from ..kernels import Array
from ..later import as_meant, as_written
from ..parameters import is_clipped, needs_validation, resolve_params
from ..starting import started
from ..threads import limited
from ..training.callbacks import CallbackSupportMixin, Tasks, with_callbacks
from ..training.population import Member, Population, TrainingData
from . import archive
from .trained import Trained, dense

ORDER_STREAM = 0
NETWORK_STREAM = 1
SPLIT_STREAM = 2
"""What the numbers behind random_state are for: order of the samples, the network's own streams, the hold-out split."""

FITTED_VALUES: Mapping[str, type] = {
    "n_features_in_": int,
    "n_iter_": int,
    "best_epoch_": int,
    "_seed": int,
    "history_": dict,
}
"""Fitted attributes that every estimator has and that are plain values, with their types."""

Start = tuple[Sequence[Any] | None, Sequence[Any] | None]
"""Weights and biases of each layer to start from, or None."""

_PRINTED = ("train_", "val_", "learning_rate")
"""How the metrics begin that are printed; those for the diagnosis are many."""


class CheckedSamples(NamedTuple):
    """Checked samples: inputs (n, d), targets as users give them, and weights of shape (n,) or None."""

    X: Array
    y: Array
    weights: Array | None = None

    def rows(self, rows: Array) -> CheckedSamples:
        """Return some of the samples."""
        return CheckedSamples(self.X[rows], self.y[rows], None if self.weights is None else self.weights[rows])


class Perceptron(CallbackSupportMixin, Trained, BaseEstimator, ABC):  # type: ignore[misc]
    """A multilayer perceptron with the interface of scikit-learn; what its outputs mean is for subclasses to say."""

    _numeric_targets = False
    _fitted_values: ClassVar[Mapping[str, type]]
    """Fitted attributes that are plain values, and their types: what a saved file holds beside the arrays."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take up a state; parameters that the version which wrote it did not have stand as it meant them."""
        super().__setstate__(as_meant(state))

    @with_callbacks  # type: ignore[untyped-decorator]
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        X_val: Any = None,
        y_val: Any = None,
        coefs_init: Sequence[Any] | None = None,
        intercepts_init: Sequence[Any] | None = None,
    ) -> Self:
        """Train for `max_epochs` epochs, or until early stopping or the schedule ends training.

        Args:
            X: Training inputs, array, sparse matrix (it is made dense) or data frame of shape (n_samples, n_features).
            y: Targets: class labels of shape (n_samples,), or for many labels per sample 0s and 1s of shape (n_samples,
                n_labels); for regression numbers of shape (n_samples,) or (n_samples, n_targets).
            sample_weight: How much each training sample counts, shape (n_samples,); None for alike. Only ratios matter.
            X_val: Validation inputs, or None.
            y_val: Validation targets, or None.
            coefs_init: Weights to start from, such as another network's `coefs_`; None for fresh ones.
            intercepts_init: Biases to start from, such as another network's `intercepts_`; None for fresh ones.

        Returns:
            The fitted estimator.

        Raises:
            ValueError: For a parameter out of range, unfit data, or when training diverges.
        """
        with limited():  # for the whole fit: threads that wake between two epochs take 10 ms from the next one
            return self._fit(X, y, sample_weight, X_val, y_val, (coefs_init, intercepts_init))

    def _fit(self, X: Any, y: Any, sample_weight: Any, X_val: Any, y_val: Any, start: Start) -> Self:
        params = resolve_params(self._network_params())
        starts = any(arrays is not None for arrays in start)
        fresh = starts or not (params["warm_start"] and self.__sklearn_is_fitted__())
        if (X_val is None) != (y_val is None):
            raise ValueError("X_val and y_val go together: give both or neither")
        samples = self._check(X, y, sample_weight, params, fresh)
        held = None if X_val is None else self._check(X_val, y_val, None, params, reset=False)
        self._learn_targets(samples.y, fresh)
        if fresh:
            self._seed = _seed(self.random_state)
        if held is None and needs_validation(params):
            rows, others = self._hold_out(samples, params)
            held = samples.rows(others)
            samples = samples.rows(rows)
            X = partial(_safe_indexing, X, rows)
            y = partial(_safe_indexing, y, rows)
        params["max_epochs"] += 0 if fresh else self.n_iter_
        _warn_of_batches(params, len(samples.X))
        population = self._population(samples, held, params, fresh)
        if starts:
            (member,) = population.members
            (state,) = population.states()
            population.replace([Member(member.params, member.seed, 0, started(state, *start))])
        metadata = None if sample_weight is None else {"sample_weight": samples.weights}
        tasks = Tasks(self, params["max_epochs"], X=X, y=y, metadata=metadata)
        while not tasks.epoch(lambda: self._epoch(population), lambda: self._fitted(population)):
            pass
        self._adopt(population)
        tasks.end()
        return self

    def _train_on(self, X: Any, y: Any, sample_weight: Any, classes: Any = None) -> Self:
        """Train for one epoch more, the next of the same random streams."""
        params = resolve_params(self._network_params())
        if needs_validation(params):
            raise ValueError("partial_fit has no validation data: use early_stopping='none' and a schedule without it")
        fresh = not self.__sklearn_is_fitted__()
        samples = self._check(X, y, sample_weight, params, fresh)
        self._learn_targets(samples.y, fresh, classes)
        if fresh:
            self._seed = _seed(self.random_state)
        with limited():
            _warn_of_batches(params, len(samples.X))
            population = self._population(samples, None, params, fresh, goes_on=True)
            self._epoch(population)
            self._adopt(population)
        return self

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted estimator to a file that `hpsearch.models.load` reads, without pickle.

        Args:
            path: The file, by custom with the ending .npz; replaced where it exists.

        Raises:
            NotFittedError: Before fit.
            ValueError: A parameter or label is neither a number nor text, or the class is one that derives from ours.
        """
        check_is_fitted(self)
        cls = type(self)
        if "_fitted_values" not in vars(cls):
            raise ValueError(f"{cls.__name__} cannot be saved: only the classes of hpsearch can")
        fitted = {key: getattr(self, key) for key in cls._fitted_values}
        labels = {key: getattr(self, key) for key in archive.LABELS if hasattr(self, key)}
        params = self.get_params(deep=False)
        archive.write(path, archive.Content(cls.__name__, as_written(params), fitted, labels, self._weights()))

    def __sklearn_is_fitted__(self) -> bool:
        return getattr(self, "_state", None) is not None

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    @abstractmethod
    def _network_params(self) -> dict[str, Any]:
        """Return the parameters that the training core knows, by name."""

    @abstractmethod
    def _learn_targets(self, y: Array, fresh: bool, classes: Any = None) -> None:
        """Set the attributes that say what the outputs mean; unless fresh, check that they mean the same."""

    @abstractmethod
    def _data(self, samples: CheckedSamples, held: CheckedSamples | None, dtype: str) -> TrainingData:
        """Return the samples as the core takes them."""

    def _check(self, X: Any, y: Any, weights: Any, params: Mapping[str, Any], reset: bool) -> CheckedSamples:
        options = {"accept_sparse": "csr", "dtype": params["dtype"], "order": "C", "reset": reset}
        X, y = validate_data(self, X, y, multi_output=True, y_numeric=self._numeric_targets, **options)
        if weights is not None:
            weights = _check_sample_weight(weights, X, dtype=np.float64, ensure_non_negative=True)
        return CheckedSamples(dense(X), dense(y), weights)

    def _strata(self, y: Array) -> Array | None:
        """Return what the parts of a split should have equal shares of, or None."""
        return None

    def _hold_out(self, samples: CheckedSamples, params: Mapping[str, Any]) -> list[Array]:
        """Return the rows to train on and those to validate with."""
        split = np.random.RandomState(np.random.default_rng((self._seed, SPLIT_STREAM)).integers(2**31))
        size = params["validation_fraction"]
        strata = self._strata(samples.y)
        from sklearn.model_selection import train_test_split  # slow to import

        return list(train_test_split(np.arange(len(samples.X)), test_size=size, stratify=strata, random_state=split))

    def _population(
        self,
        samples: CheckedSamples,
        held: CheckedSamples | None,
        params: dict[str, Any],
        fresh: bool,
        goes_on: bool = False,
    ) -> Population:
        """Return the population of one that a fit trains.

        Args:
            samples: Training samples.
            held: Validation samples, or None.
            params: Resolved parameters.
            fresh: Whether it starts with new weights, or else with those that are there.
            goes_on: Whether the schedule goes on from where it is.
        """
        seed = (self._seed, NETWORK_STREAM)
        population = Population([Member(params, seed)], self._data(samples, held, params["dtype"]))
        if fresh:
            self._begin()
        else:
            state = _continued(population.states()[0], self._weights(), population.weight_names, goes_on)
            population.replace([Member(params, seed, self.n_iter_, state)])
        return population

    def _begin(self) -> None:
        self.n_iter_ = 0
        self.history_: dict[str, list[float]] = {}
        self._state: dict[str, Array] | None = None

    def _epoch(self, population: Population) -> bool:
        """Train for one epoch; returns whether training is over."""
        result = population.run_epoch((self._seed, ORDER_STREAM, self.n_iter_ + 1))[0]
        if result.failure:
            raise ValueError(f"training {result.failure}")
        self.n_iter_ += 1
        metrics = result.metrics | {"train_total_cost": result.metrics["train_cost"] + population.penalty(0)}
        for name, value in metrics.items():
            self.history_.setdefault(name, []).append(value)
        for samples, within in result.within:
            for name, value in {"samples": samples, **within}.items():
                self.history_.setdefault(f"monitored_{name}", []).append(value)
        if self.verbose:
            printed = {name: value for name, value in result.metrics.items() if name.startswith(_PRINTED)}
            values = ", ".join(f"{name} {value:.4g}" for name, value in printed.items())
            print(f"epoch {self.n_iter_}: {values}", flush=True)
        return result.finished

    def _fitted(self, population: Population) -> dict[str, Any]:
        """Return the attributes of an estimator with the population's weights: the best, where they are kept."""
        state = population.states()[0]
        best = self.n_iter_
        if EARLY_STOPPING[self.early_stopping].keeps_best:
            best = int(state["stop_best_epoch"])
            best_weights = {name: state[f"best.{name}"].copy() for name in population.weight_names}
            state |= best_weights
            state |= {
                averaged: best_weights[name].copy() for name in best_weights if (averaged := f"average.{name}") in state
            }
        return {"_state": state, "best_epoch_": best}

    def _adopt(self, population: Population) -> None:
        for name, value in self._fitted(population).items():
            setattr(self, name, value)


def _warn_of_batches(params: Mapping[str, Any], n: int) -> None:
    if is_clipped(params, n):
        warnings.warn(f"batch_size={params['batch_size']} is clipped to the {n} training samples", stacklevel=5)


def _continued(
    begun: dict[str, Array], trained: Mapping[str, Array], weights: list[str], memory: bool
) -> dict[str, Array]:
    """Return a state with the weights and the optimizer's arrays of a trained one.

    Args:
        begun: The state of a new network.
        trained: The state to go on from.
        weights: Names of a network's own arrays.
        memory: Whether what schedule and early stopping remember goes on too, or starts anew.
    """
    names = {name for name, value in trained.items() if value.ndim and re.fullmatch(r"[a-z]\d+", name, re.IGNORECASE)}
    if names != set(weights) or any(trained[name].shape != begun[name].shape for name in weights):
        raise ValueError("the network of the last fit cannot be trained further: its layers have changed since")
    state = dict(begun)
    for name, value in begun.items():
        source = trained.get(name.removeprefix("best."))
        if source is not None and source.shape == value.shape and (value.ndim or memory):
            state[name] = source.astype(value.dtype)
    return state


def _seed(random_state: int | np.random.RandomState | None) -> int:
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31 - 1))
    return int(random_state)
