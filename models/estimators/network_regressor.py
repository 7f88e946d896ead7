"""NetworkRegressor: a network that is a chain of layers, in the manner of scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from ..augmentation import Augmentation
from ..layers import Declared, Dense
from ..spelling import translating
from .chained import Chained
from .of_numbers import NetworkOfNumbers


class NetworkRegressor(Chained, NetworkOfNumbers):
    """A regressor whose network is written down layer by layer; docs/layers.md has the layers.

    `NetworkRegressor(layers=[Conv2D(20, 5), MaxPool2D(2), Dense(100), Dropout(0.5)])` is a convolution, a pool and a
    dense layer under a dense output layer, which need not be written. A layer with weights has the estimator's
    activation unless it names one. What a layer is made of can be set and searched by names such as
    `layers__0__filters`.
    Neither inputs nor targets are rescaled.

    Args:
        layers: The layers, from the input to the last hidden one.
        activation: Of layers with weights that name none: "relu", "sigmoid", "tanh", "leaky_relu", "elu", "gelu" or
            "swish".
        optimizer: "adam", "adamw", "sgd", "momentum", "nesterov", "rmsprop", "lbfgs" or "hessian_free".
        learning_rate: η; None for the optimizer's own.
        momentum: μ, for adam β₁; None for the optimizer's own.
        batch_size: Samples in a mini-batch, or "all".
        max_epochs: Passes over the training set.
        l1: λ of (λ/n)·Σ|w|.
        l2: λ of (λ/2n)·Σw².
        max_norm: The largest norm that the weights into one neuron or filter may have, or None.
        regularize_biases: Whether l1 and l2 hold for biases too.
        clip_norm: The largest norm of the network's gradient, or None.
        ema: d of the average of the weights over the steps that is measured and predicts, or None.
        weight_init: "he", "glorot", "orthogonal", "scaled" or "gaussian", a filter's n_in being the
            size of its patch; or (coefs, intercepts).
        augmentation: Distortions of square images of one channel, see `MLPClassifier`.
        image_shape: (rows, columns) or (rows, columns, channels) of samples that are images, channels innermost; None
            for square images of one channel, or of three, where the number of features is that of one.
        lr_schedule: See `MLPClassifier`, as all that follow.
        lr_factor: See `lr_schedule`.
        lr_min_ratio: See `lr_schedule`.
        lr_patience: Epochs that the schedule waits.
        lr_metric: What the plateau schedule looks at.
        lr_warmup: Epochs in which η grows to its full size.
        early_stopping: Rule that ends training.
        patience: Epochs without improvement.
        early_stopping_metric: What early stopping looks at.
        validation_fraction: Part held out where a rule needs it and no X_val is given.
        exact_train_metrics: Whether training metrics are measured after each epoch.
        monitor_every: Measure also within an epoch, each time so many more samples were trained on, or None.
        warm_start: Whether fit goes on from the weights of the last fit.
        verbose: 1 prints a line per epoch.
        random_state: int, RandomState, or None for a new stream at every fit.
        dtype: "float32" or "float64".

    Attributes:
        n_outputs_: Number of targets.
        n_features_in_: Number of features seen by fit.
        coefs_: Weights of each layer that has any, shape (n_in, n_out); of filters (patch, filters), a patch being
            (kernel rows, kernel columns, channels) in a row.
        intercepts_: Biases of each such layer, shape (n_out,).
        n_iter_: Epochs trained.
        best_epoch_: The epoch (from 1) whose weights the model has.
        history_: See `MLPRegressor`.

    Examples:
        >>> import numpy as np
        >>> from hpsearch import Dense, LayerNorm, NetworkRegressor
        >>> X = np.linspace(-1, 1, 64).reshape(-1, 1)
        >>> model = NetworkRegressor(layers=[Dense(8), LayerNorm()], max_epochs=1, random_state=0).fit(X, X.ravel())
        >>> model.predict(X).shape
        (64,)
    """

    _fitted_values: ClassVar[Mapping[str, type]] = NetworkOfNumbers._regressor_values

    @translating
    def __init__(
        self,
        layers: Sequence[Declared] = (Dense(100),),
        activation: str = "relu",
        optimizer: str = "adam",
        learning_rate: float | None = None,
        momentum: float | None = None,
        batch_size: int | str = 32,
        max_epochs: int = 30,
        l1: float = 0.0,
        l2: float = 0.0,
        max_norm: float | None = None,
        regularize_biases: bool = False,
        clip_norm: float | None = None,
        ema: float | None = None,
        weight_init: str | tuple[Any, Any] = "he",
        augmentation: str | Augmentation | None = None,
        image_shape: tuple[int, ...] | None = None,
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
        self.layers = layers
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
