"""What regressors share: identity outputs, the quadratic cost, and predictions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_is_fitted

from ..kernels import Array
from ..training.population import TrainingData
from .base import FITTED_VALUES, CheckedSamples, Perceptron

LEARNING_RATES = {"sgd": 0.02, "momentum": 0.01, "nesterov": 0.01, "adam": 0.003, "adamw": 0.003}
"""η where the user gives none. Gradient descent takes smaller steps than in a classifier: identity outputs do not
saturate, so that a large step is not damped."""


class NetworkOfNumbers(RegressorMixin, Perceptron):  # type: ignore[misc]
    """A network with one output neuron per target, a = z."""

    learning_rate: float | None
    optimizer: str
    n_outputs_: int
    _flat: bool
    _numeric_targets = True
    _regressor_values: ClassVar[Mapping[str, type]] = {**FITTED_VALUES, "n_outputs_": int, "_flat": bool}

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train for one epoch more, the next of the same random streams.

        Args:
            X: Training inputs, shape (n_samples, n_features).
            y: Targets, shape (n_samples,) or (n_samples, n_targets).
            sample_weight: Weights of the samples, shape (n_samples,), or None.

        Returns:
            The fitted estimator.

        Raises:
            ValueError: For a parameter out of range, unfit data, or when training diverges.
        """
        return self._train_on(X, y, sample_weight)

    def predict(self, X: Any) -> Array:
        """Return the predicted targets, float64 of shape (n_samples,) or, as in fit, (n_samples, n_targets).

        Args:
            X: Inputs, shape (n_samples, n_features).

        Raises:
            ValueError: For unfit data, or where the outputs overflow.
        """
        check_is_fitted(self)
        values: Array = self._predict(X, "activations", self.n_outputs_)
        return values[:, 0] if self._flat else values

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _network_params(self) -> dict[str, Any]:
        params = {**self.get_params(deep=False), "output": "identity", "cost": "quadratic"}
        if self.learning_rate is None and isinstance(self.optimizer, str):
            params["learning_rate"] = LEARNING_RATES.get(self.optimizer)
        return params

    def _learn_targets(self, y: Array, fresh: bool, classes: Any = None) -> None:
        width = 1 if y.ndim == 1 else y.shape[1]
        flat = y.ndim == 1
        if fresh:
            self.n_outputs_ = width
            self._flat = flat
        elif (width, flat) != (self.n_outputs_, self._flat):
            raise ValueError(f"y has {width} targets, but the last fit was given {self.n_outputs_}")

    def _data(self, samples: CheckedSamples, held: CheckedSamples | None, dtype: str) -> TrainingData:
        X_held, held_targets = (None, None) if held is None else (held.X, self._rows(held.y))
        return TrainingData.from_targets(samples.X, self._rows(samples.y), X_held, held_targets, dtype, samples.weights)

    def _rows(self, y: Array) -> Array:
        if y.reshape(len(y), -1).shape[1] != self.n_outputs_:
            raise ValueError(f"y_val has another number of targets than y, which has {self.n_outputs_}")
        with np.errstate(over="ignore"):
            rows = y.reshape(len(y), self.n_outputs_).astype(self.dtype)
        if not np.isfinite(rows).all():
            raise ValueError(f"Input y contains a value too large for dtype('{self.dtype}').")
        return rows
