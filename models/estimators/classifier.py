"""MLPClassifier: the network with every hyper-parameter of the chapter, in the manner of scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from ..augmentation import Augmentation
from ..spelling import translating
from .of_classes import NetworkOfClasses


class MLPClassifier(NetworkOfClasses):
    """A multilayer perceptron with every hyper-parameter of chapter 3 of *Neural Networks and Deep Learning*.

    Inputs are not rescaled: bring them to about [0, 1]. One output neuron per class, also for two classes.

    Args:
        hidden_layer_sizes: Neurons of each hidden layer; () for none.
        activation: Of hidden neurons: "sigmoid", "tanh", "relu", "leaky_relu" (slope 0.01 below 0), "elu", "gelu" or
            "swish".
        output: "sigmoid", "softmax" (one label per sample), "tanh" (targets ±1) or "linear" (scores: a multi-class
            support vector machine on what the last hidden layer sees; one label per sample, no probabilities).
        cost: "cross_entropy" or "quadratic"; with softmax "log_likelihood" or "quadratic"; with linear "hinge",
            Σ_{j≠y} max(0, z_j − z_y + 1) (Weston and Watkins 1999); "auto": the one of them with which the error at the
            output is a − y (log_likelihood with softmax, hinge with linear, else cross_entropy).
        optimizer: "sgd", "momentum" (v ← μv − η∇C, w ← w + v), "nesterov", "rmsprop", "adam", "adamw" (adam
            with decoupled decay: l2 shrinks the weights beside the step), "hessian_free" (truncated
            Newton steps, one a mini-batch: use large batches; see `hpsearch.models.hessian_free`), or "lbfgs" (for
            small data: an epoch is one step over all samples, whose length a line search finds; training ends where
            nothing is left to gain; see `hpsearch.models.lbfgs`).
        learning_rate: η; None for the optimizer's own (sgd 0.5, momentum and nesterov 0.1, rmsprop, adam and adamw
            0.001, hessian_free 1: the whole Newton step); lbfgs takes none.
        momentum: μ, for adam β₁; None for the optimizer's own (momentum, nesterov and adam 0.9).
        batch_size: Samples in a mini-batch, or "all" for one batch of the whole training set. The last batch of an
            epoch may be smaller; a size beyond the training set is clipped to it, with a warning.
        max_epochs: Passes over the training set.
        l1: λ of the term (λ/n)·Σ|w|, n the size of the training set; biases are free.
        l2: λ of the term (λ/2n)·Σw²; biases are free. Both are part of the gradient for every optimizer.
        max_norm: The largest norm that the weights into one neuron may have, or None; every layer.
        regularize_biases: Whether l1 and l2 hold for biases too.
        clip_norm: The largest norm that the gradient of the data cost may have, over all weights and biases of the
            network: a larger one is scaled down; None for any.
        ema: d of the average w̄ ← d·w̄ + (1 − d)·w over the steps, such as 0.999, which is then what is measured
            and what predicts; None for the weights themselves.
        label_smoothing: ε of the targets (1 − ε)·t + ε/C that training aims at (ε/2 for each of many labels); 0 for t.
        dropout: Fraction of hidden neurons that each sample leaves out at each step; what is kept is scaled up by
            1/(1 − dropout), so that prediction needs nothing. (The slides use p for both the dropped fraction and the
            factor at test time, which agrees at ½ only.)
        input_dropout: Likewise for the inputs.
        batch_norm: Whether hidden neurons are normalised by their mini-batch, between weights and activation.
        weight_init: "scaled" (w ~ N(0, 1/n_in), b ~ N(0, 1)), "gaussian" (both N(0, 1)), "he" (w ~ N(0, 2/n_in),
            b = 0), "glorot" (w uniform in ±√(6/(n_in + n_out)), b = 0) or "orthogonal" (orthonormal columns or rows,
            b = 0); or the weights and biases to start from, (coefs, intercepts) as `coefs_` and `intercepts_` are.
        augmentation: "affine", "elastic", "affine_elastic" or an `Augmentation`: square images are distorted anew in
            every epoch.
        image_shape: (rows, columns) of the images; None where they are inferred.
        lr_schedule: "constant"; "plateau": η is multiplied by `lr_factor` whenever the validation score has not
            improved for `lr_patience` epochs, and training ends when η would fall below `lr_min_ratio` of its start;
            "step": η is multiplied by `lr_factor` every `lr_patience` epochs, down to `lr_min_ratio`; "cosine": η falls
            along half a cosine over `max_epochs`, towards `lr_min_ratio`; "exponential": η falls evenly, by `lr_factor`
            in `lr_patience` epochs; "one_cycle": η rises to its full size in the first third of `max_epochs` and falls
            to `lr_min_ratio`.
        lr_factor: See `lr_schedule`.
        lr_min_ratio: See `lr_schedule`.
        lr_patience: Epochs that the schedule waits; None for `patience`, or a third of it where early stopping
            waits for `patience` epochs itself, so that η is lowered before training ends.
        lr_metric: What the plateau schedule looks at: "val_accuracy" or "val_cost"; None for the accuracy.
        lr_warmup: Epochs in which η grows evenly to its full size, before or beside what the schedule makes of it.
        early_stopping: "none"; "patience": stop when the validation score has not improved for `patience` epochs, and
            restore the best weights; "growing": likewise, with a patience that grows (10, 20, 50, … times patience/10)
            as improvements come later.
        patience: Epochs without improvement after which early stopping ends training.
        early_stopping_metric: What early stopping looks at, and which epoch's weights are the best: "val_accuracy" or
            "val_cost"; None for the accuracy.
        validation_fraction: Part held out, stratified, where early stopping or the schedule needs it and no X_val is
            given.
        exact_train_metrics: Whether training cost and accuracy are measured after each epoch, in a pass of their own
            without dropout; else they come for free from the mini-batches as they are trained.
        monitor_every: Measure also within an epoch, each time so many more samples were trained on (rounded up to whole
            mini-batches), or None; `history_` then has lists ``monitored_samples``, ``monitored_val_accuracy`` and so
            on, an entry per measurement. Nothing is decided by them.
        class_weight: {label: weight} multiplies the weights of samples, "balanced" makes classes count alike; None.
        warm_start: Whether fit goes on from the weights of the last fit, for `max_epochs` epochs more.
        verbose: 1 prints a line per epoch.
        random_state: int, RandomState, or None for a new stream at every fit.
        dtype: "float32" or "float64", of the weights and of all arithmetic.

    Attributes:
        classes_: Class labels, shape (n_classes,); 0 … n_labels−1 where a sample may have many labels.
        n_features_in_: Number of features seen by fit.
        feature_names_in_: Their names, where X has names.
        coefs_: Weights of each layer, shape (n_in, n_out).
        intercepts_: Biases of each layer, shape (n_out,).
        n_iter_: Epochs trained.
        best_epoch_: The epoch (from 1) whose weights the model has: the best with early stopping, else the last.
        history_: Lists with an entry per epoch: train_cost, train_total_cost (with the regularisation term of the
            weights after the epoch), train_accuracy, val_cost and val_accuracy (where there is validation data),
            learning_rate, and samples of gradient_norm_1, … and saturated_1, … of each layer (see
            `hpsearch.models.training.monitors`).

    Examples:
        >>> import numpy as np
        >>> from hpsearch import MLPClassifier
        >>> X, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]] * 25), np.array(["same", "other", "other", "same"] * 25)
        >>> model = MLPClassifier((8,), activation="tanh", optimizer="adam", learning_rate=0.05, random_state=0)
        >>> model.fit(X, y).predict([[0, 0], [0, 1]])
        array(['same', 'other'], dtype='<U5')
        >>> model.n_iter_, [weights.shape for weights in model.coefs_]
        (30, [(2, 8), (8, 2)])
    """

    _fitted_values: ClassVar[Mapping[str, type]] = NetworkOfClasses._classifier_values

    @translating
    def __init__(
        self,
        hidden_layer_sizes: tuple[int, ...] = (30,),
        activation: str = "sigmoid",
        output: str = "sigmoid",
        cost: str = "auto",
        optimizer: str = "sgd",
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
        label_smoothing: float = 0.0,
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
        class_weight: Mapping[Any, float] | str | None = None,
        warm_start: bool = False,
        verbose: int = 0,
        random_state: int | np.random.RandomState | None = None,
        dtype: str = "float32",
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.output = output
        self.cost = cost
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
        self.label_smoothing = label_smoothing
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
        self.class_weight = class_weight
        self.warm_start = warm_start
        self.verbose = verbose
        self.random_state = random_state
        self.dtype = dtype
