"""MLPRegressor: identity outputs and the quadratic cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from ..augmentation import Augmentation
from ..spelling import translating
from .of_numbers import LEARNING_RATES as LEARNING_RATES
from .of_numbers import NetworkOfNumbers


class MLPRegressor(NetworkOfNumbers):
    """A multilayer perceptron for regression, with every hyper-parameter of chapter 3 that has a meaning there.

    One output neuron per target, a = z, with the quadratic cost C = (1/2n)·Σ‖a − y‖². Neither inputs nor targets are
    rescaled: bring inputs to about [0, 1], and targets to about unit variance, for example with scikit-learn's
    TransformedTargetRegressor.

    Args:
        hidden_layer_sizes: Neurons of each hidden layer; () for none. See `MLPClassifier` for all parameters; `output`,
            `cost` and `class_weight` are missing, and `activation` and `optimizer` have other defaults.
        activation: Of hidden neurons.
        optimizer: How gradients change weights.
        learning_rate: η; None for the optimizer's own (sgd 0.02, momentum and nesterov 0.01, adam and adamw 0.003,
            rmsprop 0.001, hessian_free 1); lbfgs takes none.
        momentum: μ; None for the optimizer's own.
        batch_size: Samples in a mini-batch, or "all".
        max_epochs: Passes over the training set.
        l1: λ of (λ/n)·Σ|w|.
        l2: λ of (λ/2n)·Σw².
        max_norm: Largest norm of the weights into a neuron, or None.
        regularize_biases: Whether l1 and l2 hold for biases too.
        clip_norm: The largest norm that the gradient of the data cost may have, over all weights and biases of the
            network: a larger one is scaled down; None for any.
        ema: d of the average w̄ ← d·w̄ + (1 − d)·w over the steps, such as 0.999, which is then what is measured
            and what predicts; None for the weights themselves.
        dropout: Fraction of hidden neurons left out.
        input_dropout: Fraction of inputs left out.
        batch_norm: Whether hidden neurons are normalised by their mini-batch.
        weight_init: Rule for the initial weights, or (coefs, intercepts).
        augmentation: Distortions of square images.
        image_shape: (rows, columns) of the images.
        lr_schedule: Rule for η; where it reads the validation accuracy of a classifier, here it reads the cost.
        lr_factor: See `lr_schedule`.
        lr_min_ratio: See `lr_schedule`.
        lr_patience: Epochs that the schedule waits; None for `patience`, or a third of it beside early stopping.
        lr_metric: What the plateau schedule looks at: "val_cost" or "val_r2"; None for the cost.
        lr_warmup: Epochs in which η grows evenly to its full size, before or beside what the schedule makes of it.
        early_stopping: Rule that ends training; likewise.
        patience: Epochs without improvement.
        early_stopping_metric: What early stopping looks at: "val_cost" or "val_r2"; None for the cost.
        validation_fraction: Part held out where early stopping or the schedule needs it and no X_val is given.
        exact_train_metrics: Whether the training cost is measured after each epoch, in a pass of its own.
        monitor_every: Measure also within an epoch, each time so many more samples were trained on, or None.
        warm_start: Whether fit goes on from the weights of the last fit.
        verbose: 1 prints a line per epoch.
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
        history_: Lists with an entry per epoch: train_cost, train_total_cost, train_r2, val_cost and val_r2 (where
            there is validation data), learning_rate, and samples of gradient_norm_1, … and saturated_1, … of layers.

    Examples:
        >>> import numpy as np
        >>> from hpsearch import MLPRegressor
        >>> X = np.linspace(-1, 1, 200).reshape(-1, 1)
        >>> model = MLPRegressor((16,), random_state=0).fit(X, X.ravel() ** 2)
        >>> bool(model.score(X, X.ravel() ** 2) > 0.9)
        True
    """

    _fitted_values: ClassVar[Mapping[str, type]] = NetworkOfNumbers._regressor_values

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
        regularize_biases: bool = False,
        clip_norm: float | None = None,
        ema: float | None = None,
        dropout: float = 0.0,
        input_dropout: float = 0.0,
        batch_norm: bool = False,
        weight_init: str | tuple[Any, Any] = "scaled",
        augmentation: str | Augmentation | None = None,
        image_shape: tuple[int, int] | None = None,
        lr_schedule: str = "constant",
        lr_factor: float = 0.5,
        lr_min_ratio: float = 1 / 1024,
        lr_patience: int | None = None,
        lr_metric: str | None = None,
        lr_warmup: int = 0,
        early_stopping: str = "none",
        patience: int = 10,
        early_stopping_metric: str | None = None,
        validation_fraction: float = 0.1,
        exact_train_metrics: bool = False,
        monitor_every: int | None = None,
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
        self.regularize_biases = regularize_biases
        self.clip_norm = clip_norm
        self.ema = ema
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
        self.lr_warmup = lr_warmup
        self.early_stopping = early_stopping
        self.patience = patience
        self.early_stopping_metric = early_stopping_metric
        self.validation_fraction = validation_fraction
        self.exact_train_metrics = exact_train_metrics
        self.monitor_every = monitor_every
        self.warm_start = warm_start
        self.verbose = verbose
        self.random_state = random_state
        self.dtype = dtype
