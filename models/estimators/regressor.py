"""MLPRegressor: identity outputs and the quadratic cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_is_fitted

from ..augmentation import Augmentation
from ..kernels import Array
from ..spelling import translating
from ..training.population import TrainingData
from .base import FITTED_VALUES, Given, Perceptron

LEARNING_RATES = {"sgd": 0.02, "momentum": 0.01, "nesterov": 0.01, "adam": 0.003}
"""η where the user gives none. Gradient descent takes smaller steps than in a classifier: identity outputs do not
saturate, so that a large step is not damped."""


class MLPRegressor(RegressorMixin, Perceptron):  # type: ignore[misc]
    """A multilayer perceptron for regression, with every hyper-parameter of chapter 3 that has a meaning there.

    One output neuron a target, a = z, with the quadratic cost C = (1/2n)·Σ‖a − y‖². Neither inputs nor targets are
    rescaled: bring inputs to about [0, 1], and targets to about unit variance, for example with scikit-learn's
    TransformedTargetRegressor.

    Args:
        hidden_layer_sizes: Neurons of each hidden layer; () for none. See `MLPClassifier` for all parameters; `output`,
            `cost` and `class_weight` are missing, and `activation` and `optimizer` have other defaults.
        activation: Of hidden neurons.
        optimizer: How gradients change weights.
        learning_rate: η; None for the optimizer's own (sgd 0.02, momentum and nesterov 0.01, adam 0.003, rmsprop 0.001,
            hessian_free 1).
        momentum: μ; None for the optimizer's own.
        batch_size: Samples in a mini-batch, or "all".
        max_epochs: Passes over the training set.
        l1: λ of (λ/n)·Σ|w|.
        l2: λ of (λ/2n)·Σw².
        max_norm: Largest norm of the weights into a neuron, or None.
        dropout: Fraction of hidden neurons left out.
        input_dropout: Fraction of inputs left out.
        batch_norm: Whether hidden neurons are normalised by their mini-batch.
        weight_init: Rule for the initial weights.
        augmentation: Distortions of square images.
        image_shape: (rows, columns) of the images.
        lr_schedule: Rule for η; where it reads the validation accuracy of a classifier, here it reads the cost.
        lr_factor: See `lr_schedule`.
        lr_min_ratio: See `lr_schedule`.
        lr_patience: Epochs that the schedule waits; None for `patience`, or a third of it beside early stopping.
        lr_metric: What the plateau schedule looks at: "val_cost" or "val_r2"; None for the cost.
        early_stopping: Rule that ends training; likewise.
        patience: Epochs without improvement.
        early_stopping_metric: What early stopping looks at: "val_cost" or "val_r2"; None for the cost.
        validation_fraction: Part held out where early stopping or the schedule needs it and no X_val is given.
        exact_train_metrics: Whether the training cost is measured after each epoch, in a pass of its own.
        warm_start: Whether fit goes on from the weights of the last fit.
        verbose: 1 prints a line an epoch.
        random_state: int, RandomState, or None for a new stream at every fit.
        dtype: "float32" or "float64".

    Attributes:
        n_outputs_: Number of targets.
        n_features_in_: Number of features seen by fit.
        feature_names_in_: Their names, where X has names.
        coefs_: Weights of each layer, shape (n_in, n_out).
        intercepts_: Biases of each layer, shape (n_out,).
        n_iter_: Epochs trained.
        best_epoch_: The epoch (from 1) whose weights the model has.
        history_: Lists with an entry an epoch: train_cost, train_r2, val_cost and val_r2 (where there is validation
            data), learning_rate, and samples of gradient_norm_1, … and saturated_1, … of each layer.
    """

    _numeric_targets = True
    _fitted_values: ClassVar[Mapping[str, type]] = {**FITTED_VALUES, "n_outputs_": int, "_flat": bool}

    @translating
    def __init__(
        self,
        hidden_layer_sizes: tuple[int, ...] = (30,),
        activation: str = "tanh",
        optimizer: str = "adam",
        learning_rate: float | None = None,
        momentum: float | None = None,
        batch_size: int | str = 10,
        max_epochs: int = 30,
        l1: float = 0.0,
        l2: float = 0.0,
        max_norm: float | None = None,
        dropout: float = 0.0,
        input_dropout: float = 0.0,
        batch_norm: bool = False,
        weight_init: str = "scaled",
        augmentation: str | Augmentation | None = None,
        image_shape: tuple[int, int] | None = None,
        lr_schedule: str = "constant",
        lr_factor: float = 0.5,
        lr_min_ratio: float = 1 / 1024,
        lr_patience: int | None = None,
        lr_metric: str | None = None,
        early_stopping: str = "none",
        patience: int = 10,
        early_stopping_metric: str | None = None,
        validation_fraction: float = 0.1,
        exact_train_metrics: bool = False,
        warm_start: bool = False,
        verbose: int = 0,
        random_state: int | np.random.RandomState | None = None,
        dtype: str = "float32",
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.l1 = l1
        self.l2 = l2
        self.max_norm = max_norm
        self.dropout = dropout
        self.input_dropout = input_dropout
        self.batch_norm = batch_norm
        self.weight_init = weight_init
        self.augmentation = augmentation
        self.image_shape = image_shape
        self.lr_schedule = lr_schedule
        self.lr_factor = lr_factor
        self.lr_min_ratio = lr_min_ratio
        self.lr_patience = lr_patience
        self.lr_metric = lr_metric
        self.early_stopping = early_stopping
        self.patience = patience
        self.early_stopping_metric = early_stopping_metric
        self.validation_fraction = validation_fraction
        self.exact_train_metrics = exact_train_metrics
        self.warm_start = warm_start
        self.verbose = verbose
        self.random_state = random_state
        self.dtype = dtype

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
        width, flat = 1 if y.ndim == 1 else y.shape[1], y.ndim == 1
        if fresh:
            self.n_outputs_, self._flat = width, flat
        elif (width, flat) != (self.n_outputs_, self._flat):
            raise ValueError(f"y has {width} targets, but the last fit was given {self.n_outputs_}")

    def _data(self, samples: Given, held: Given | None, dtype: str) -> TrainingData:
        X_held, aside = (None, None) if held is None else (held.X, self._rows(held.y))
        return TrainingData.from_targets(samples.X, self._rows(samples.y), X_held, aside, dtype, samples.weights)

    def _rows(self, y: Array) -> Array:
        if y.reshape(len(y), -1).shape[1] != self.n_outputs_:
            raise ValueError(f"y_val has another number of targets than y, which has {self.n_outputs_}")
        with np.errstate(over="ignore"):
            rows = y.reshape(len(y), self.n_outputs_).astype(self.dtype)
        if not np.isfinite(rows).all():
            raise ValueError(f"Input y contains a value too large for dtype('{self.dtype}').")
        return rows
