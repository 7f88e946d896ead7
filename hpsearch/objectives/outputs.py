"""What the outputs of a fused population mean: classes, standardised numbers, or numbers as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hpsearch.errors import UserError
from hpsearch.models.datasets import Dataset
from hpsearch.models.training.population import Member, TrainingData

Array = NDArray[Any]


class Outputs(Protocol):
    """How targets are given to networks, and what their outputs mean."""

    def params(self, params: dict[str, Any]) -> dict[str, Any]:
        """Return an estimator's parameters as the training core takes them."""

    def data(self, dataset: Dataset, params: Mapping[str, Any], *, test: bool) -> TrainingData:
        """Return a data set as populations take it, the test part where asked."""

    def metrics(self, metrics: dict[str, float]) -> dict[str, float]:
        """Return what an epoch measured, in the units of the data."""

    def predicted(self, values: Array) -> Array:
        """Return outputs, shape (n, C), as targets in the units of the data."""

    def model(self, member: Member, dataset: Dataset, seed: int) -> Any:
        """Return a trained network as a fitted scikit-learn estimator."""


class Classes:
    """One output neuron a class."""

    def params(self, params: dict[str, Any]) -> dict[str, Any]:
        """Return the parameters as they are."""
        return params

    def data(self, dataset: Dataset, params: Mapping[str, Any], *, test: bool) -> TrainingData:
        """Return a data set with class codes; see :func:`training_data`."""
        return training_data(dataset, str(params["dtype"]), test=test, class_weight=params.get("class_weight"))

    def metrics(self, metrics: dict[str, float]) -> dict[str, float]:
        """Return costs and accuracies as they are."""
        return metrics

    def predicted(self, values: Array) -> Array:
        """Return the outputs as they are."""
        return values

    def model(self, member: Member, dataset: Dataset, seed: int) -> Any:
        """Return the network as an MLPClassifier."""
        from hpsearch.models.estimators.from_state import classifier  # imports scikit-learn

        assert member.state is not None, "it was kept after an epoch"
        classes, features = np.unique(dataset.y_train), dataset.X_train.shape[1]
        return classifier(member.params, member.state, classes, features, member.epoch, seed)


@dataclass(frozen=True)
class Values:
    """One output neuron for a number, which is standardised by mean and deviation of the training targets.

    Attributes:
        mean: Mean of the training targets, in their units.
        scale: Standard deviation of the training targets, in their units; 1 where that is 0.
    """

    mean: float
    scale: float

    @classmethod
    def of(cls, dataset: Dataset) -> Values:
        """Return the standardisation of a data set's training targets."""
        return cls(float(dataset.y_train.mean()), float(dataset.y_train.std()) or 1.0)

    def params(self, params: dict[str, Any]) -> dict[str, Any]:
        """Return an MLPRegressor's parameters with the output, the cost and the learning rate that it has."""
        return _of_regressor(params)

    def data(self, dataset: Dataset, params: Mapping[str, Any], *, test: bool) -> TrainingData:
        """Return a data set with standardised targets."""
        return _with_targets(dataset, lambda y: _rows(self.standardised(y)), str(params["dtype"]), test=test)

    def metrics(self, metrics: dict[str, float]) -> dict[str, float]:
        """Return what was measured, with the mean squared error in the square of the targets' unit.

        The quadratic cost is half the mean squared error of the standardised targets; R² has no unit.
        """
        costs = {part: metrics[f"{part}_cost"] for part in _held_out(metrics)}
        return metrics | {f"{part}_mse": 2 * cost * self.scale**2 for part, cost in costs.items()}

    def predicted(self, values: Array) -> Array:
        """Return the outputs in the targets' units, shape (n,), to the bit as StandardScaler brings them back."""
        targets: Array = values[:, 0] * self.scale
        targets += self.mean
        return targets

    def model(self, member: Member, dataset: Dataset, seed: int) -> Any:
        """Return the network as an MLPRegressor whose predictions are brought back to the targets' units."""
        return self.wrapped(_network(member, dataset, seed, flat=True))

    def wrapped(self, network: Any) -> Any:
        """Return a regressor of standardised targets as a fitted TransformedTargetRegressor."""
        from sklearn.base import clone
        from sklearn.compose import TransformedTargetRegressor
        from sklearn.preprocessing import StandardScaler

        scaler = StandardScaler()
        scaler.mean_, scaler.scale_ = np.array([self.mean]), np.array([self.scale])
        scaler.var_ = scaler.scale_**2
        scaler.n_features_in_ = 1
        scaler.n_samples_seen_ = np.int64(1)
        model = TransformedTargetRegressor(clone(network), transformer=StandardScaler())
        model.regressor_ = network
        model.transformer_ = scaler
        model._training_dim = 1
        return model

    def standardised(self, y: Array) -> Array:
        """Return targets, shape (n,), as the network has them."""
        return (y - self.mean) / self.scale


@dataclass(frozen=True)
class Numbers:
    """One output neuron for each target, which the network learns as it is.

    Attributes:
        n_outputs: How many targets there are.
        flat: Whether they have shape (n,), and not (n, n_outputs).
    """

    n_outputs: int
    flat: bool

    @classmethod
    def of(cls, dataset: Dataset) -> Numbers:
        """Return how a data set's targets are laid out."""
        return cls(_rows(dataset.y_train).shape[1], dataset.y_train.ndim == 1)

    def params(self, params: dict[str, Any]) -> dict[str, Any]:
        """Return an MLPRegressor's parameters with the output, the cost and the learning rate that it has."""
        return _of_regressor(params)

    def data(self, dataset: Dataset, params: Mapping[str, Any], *, test: bool) -> TrainingData:
        """Return a data set with its targets as rows."""
        return _with_targets(dataset, _rows, str(params["dtype"]), test=test)

    def metrics(self, metrics: dict[str, float]) -> dict[str, float]:
        """Return what was measured, with the mean squared error: twice the quadratic cost, over the targets."""
        return metrics | {f"{part}_mse": 2 * metrics[f"{part}_cost"] / self.n_outputs for part in _held_out(metrics)}

    def predicted(self, values: Array) -> Array:
        """Return the outputs, shape (n,) where the targets have it."""
        return values[:, 0] if self.flat else values

    def model(self, member: Member, dataset: Dataset, seed: int) -> Any:
        """Return the network as an MLPRegressor."""
        return _network(member, dataset, seed, flat=self.flat)


@dataclass(frozen=True)
class AsTheyAre:
    """Targets that a model takes as they are."""

    def standardised(self, y: Array) -> Array:
        """Return the targets."""
        return y

    def wrapped(self, model: Any) -> Any:
        """Return the fitted model."""
        return model


def _of_regressor(params: dict[str, Any]) -> dict[str, Any]:
    from hpsearch.models.estimators.regressor import LEARNING_RATES

    rate = params["learning_rate"]
    rate = LEARNING_RATES.get(params["optimizer"]) if rate is None else rate
    return {**params, "output": "identity", "cost": "quadratic", "learning_rate": rate}


def _rows(y: Array) -> Array:
    return np.asarray(y).reshape(len(y), -1)


def _held_out(metrics: Mapping[str, float]) -> list[str]:
    return [name for name in ("val", "test") if f"{name}_cost" in metrics]


def _with_targets(dataset: Dataset, rows: Callable[[Array], Array], dtype: str, *, test: bool) -> TrainingData:
    """Return a data set as populations of regressors take it, its targets as rows."""
    data = TrainingData.from_targets(
        dataset.X_train, rows(dataset.y_train), dataset.X_valid, rows(dataset.y_valid), dtype, dataset.w_train
    )
    if not test:
        return data.weighted(dataset.w_valid)
    assert dataset.y_test is not None, "a test stage needs a test set"
    X = np.ascontiguousarray(dataset.X_test, dtype)
    T = np.ascontiguousarray(rows(dataset.y_test), dtype)
    return replace(data, X_test=X, T_test=T).weighted(dataset.w_valid, dataset.w_test)


def _network(member: Member, dataset: Dataset, seed: int, *, flat: bool) -> Any:
    """Return a trained network as a fitted MLPRegressor of the targets that it had."""
    from hpsearch.models.estimators.from_state import regressor  # imports scikit-learn

    assert member.state is not None, "it was kept after an epoch"
    params = {name: value for name, value in member.params.items() if name not in ("output", "cost")}
    outputs = None if flat else _rows(dataset.y_train).shape[1]
    return regressor(params, member.state, dataset.X_train.shape[1], member.epoch, seed, outputs)


def targets_of(model: Any, dataset: Dataset) -> Values | AsTheyAre:
    """Return how targets are given to a model that is not fused: standardised for our regressor on a table."""
    from hpsearch.models.estimators.of_numbers import NetworkOfNumbers

    ours = isinstance(model, NetworkOfNumbers) and dataset.preprocessing and dataset.y_train.ndim == 1
    return Values.of(dataset) if ours else AsTheyAre()


def training_data(
    dataset: Dataset, dtype: str, *, test: bool = False, class_weight: Mapping[Any, float] | str | None = None
) -> TrainingData:
    """Return a data set's training and validation part as a population takes them, and its test part where asked.

    Training samples are weighted by `class_weight`, as in `MLPClassifier`, and by the data set's own weights;
    validation and test samples by the data set's weights alone.

    Raises:
        UserError: The validation part has a class that the training part lacks.
    """
    classes, codes = np.unique(dataset.y_train, return_inverse=True)
    y_valid = np.searchsorted(classes, _checked_labels(dataset, classes, "validation", dataset.y_valid))
    weights = dataset.w_train
    if class_weight is not None:
        from sklearn.utils import compute_sample_weight  # imports scikit-learn

        by_class = compute_sample_weight(class_weight, dataset.y_train)
        weights = by_class if weights is None else by_class * weights
    data = TrainingData.from_arrays(dataset.X_train, codes, len(classes), dataset.X_valid, y_valid, dtype, weights)
    if not test:
        return data.weighted(dataset.w_valid)
    assert dataset.X_test is not None, "a test stage needs a test set"
    y_test = np.searchsorted(classes, _checked_labels(dataset, classes, "test", dataset.y_test))
    data = replace(data, X_test=np.ascontiguousarray(dataset.X_test, dtype), y_test=y_test)
    return data.weighted(dataset.w_valid, dataset.w_test)


def _checked_labels(dataset: Dataset, classes: Array, part: str, labels: Array | None) -> Array:
    """Return the labels of a part, all of which are training classes."""
    assert labels is not None, f"there is a {part} part"
    strange = np.setdiff1d(labels, classes)
    if len(strange):
        raise UserError(
            f"data {dataset.name!r}: class {strange[0]!r} is in the {part} part but not in the training part"
        )
    return labels
