"""MLPClassifier: the network with every hyper-parameter of the chapter, in the manner of scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import column_or_1d, compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_is_fitted

from ..augmentation import Augmentation
from ..kernels import Array
from ..spelling import translating
from ..training.population import TrainingData
from .base import FITTED_VALUES, Given, Perceptron


class MLPClassifier(ClassifierMixin, Perceptron):  # type: ignore[misc]
    """A multilayer perceptron with every hyper-parameter of chapter 3 of *Neural Networks and Deep Learning*.

    Inputs are not rescaled: bring them to about [0, 1]. One output neuron a class, also for two classes.

    Args:
        hidden_layer_sizes: Neurons of each hidden layer; () for none.
        activation: Of hidden neurons: "sigmoid", "tanh", "relu", "leaky_relu" (slope 0.01 below 0), "elu" or "gelu".
        output: "sigmoid", "softmax" (one label a sample) or "tanh" (targets ±1).
        cost: "cross_entropy" or "quadratic"; with softmax "log_likelihood" or "quadratic"; "auto": the one of them with
            which the error at the output is a − y (log_likelihood with softmax, else cross_entropy).
        optimizer: "sgd", "momentum" (v ← μv − η∇C, w ← w + v), "nesterov", "rmsprop", "adam", or "hessian_free"
            (truncated Newton steps, one a mini-batch: use large batches; see `hpsearch.models.hessian_free`).
        learning_rate: η; None for the optimizer's own (sgd 0.5, momentum and nesterov 0.1, rmsprop and adam 0.001,
            hessian_free 1: the whole Newton step).
        momentum: μ, for adam β₁; None for the optimizer's own (momentum, nesterov and adam 0.9).
        batch_size: Samples in a mini-batch, or "all" for one batch of the whole training set. The last batch of an
            epoch may be smaller; a size beyond the training set is clipped to it, with a warning.
        max_epochs: Passes over the training set.
        l1: λ of the term (λ/n)·Σ|w|, n the size of the training set; biases are free.
        l2: λ of the term (λ/2n)·Σw²; biases are free. Both are part of the gradient for every optimizer.
        max_norm: The largest norm that the weights into one neuron may have, or None; every layer.
        dropout: Fraction of hidden neurons that each sample leaves out at each step; what is kept is scaled up by
            1/(1 − dropout), so that prediction needs nothing. (The slides use p for both the dropped fraction and the
            factor at test time, which agrees at ½ only.)
        input_dropout: Likewise for the inputs.
        batch_norm: Whether hidden neurons are normalised by their mini-batch, between weights and activation.
        weight_init: "scaled" (w ~ N(0, 1/n_in), b ~ N(0, 1)), "gaussian" (both N(0, 1)), "he" (w ~ N(0, 2/n_in),
            b = 0) or "glorot" (w uniform in ±√(6/(n_in + n_out)), b = 0).
        augmentation: "affine", "elastic", "affine_elastic" or an `Augmentation`: square images are distorted anew in
            every epoch.
        image_shape: (rows, columns) of the images; None where they are inferred.
        lr_schedule: "constant"; "plateau": η is multiplied by `lr_factor` whenever the validation score has not
            improved for `lr_patience` epochs, and training ends when η would fall below `lr_min_ratio` of its start;
            "step": η is multiplied by `lr_factor` every `lr_patience` epochs, down to `lr_min_ratio`; "cosine": η falls
            along half a cosine over `max_epochs`, towards `lr_min_ratio`.
        lr_factor: See `lr_schedule`.
        lr_min_ratio: See `lr_schedule`.
        lr_patience: Epochs that the schedule waits; None for `patience`, or a third of it where early stopping
            waits for `patience` epochs itself, so that η is lowered before training ends.
        lr_metric: What the plateau schedule looks at: "val_accuracy" or "val_cost"; None for the accuracy.
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
        class_weight: {label: weight} multiplies the weights of samples, "balanced" makes classes count alike; None.
        warm_start: Whether fit goes on from the weights of the last fit, for `max_epochs` epochs more.
        verbose: 1 prints a line an epoch.
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
        history_: Lists with an entry an epoch: train_cost, train_accuracy, val_cost and val_accuracy (where there is
            validation data), learning_rate, and samples of gradient_norm_1, … and saturated_1, … of each layer (see
            `hpsearch.models.training.monitors`).
    """

    _fitted_values: ClassVar[Mapping[str, type]] = {**FITTED_VALUES, "_multilabel": bool}

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
        self.class_weight = class_weight
        self.warm_start = warm_start
        self.verbose = verbose
        self.random_state = random_state
        self.dtype = dtype

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Train for one epoch more, the next of the same random streams.

        Args:
            X: Training inputs, shape (n_samples, n_features).
            y: Class labels, shape (n_samples,), or 0s and 1s of shape (n_samples, n_labels).
            classes: All labels that will ever occur; needed in the first call unless y has them all.
            sample_weight: Weights of the samples, shape (n_samples,), or None.

        Returns:
            The fitted estimator.

        Raises:
            ValueError: For a parameter out of range, unfit data, or when training diverges.
        """
        if isinstance(self.class_weight, str):
            raise ValueError(
                f"class_weight={self.class_weight!r} is not supported for partial_fit, which does not see all samples: "
                "give a dictionary of weights, such as compute_class_weight computes from all labels"
            )
        return self._train_on(X, y, sample_weight, classes)

    def predict(self, X: Any) -> Array:
        """Return the most probable label of each sample, or 1 for each label that is more likely than not, else 0.

        Args:
            X: Inputs, shape (n_samples, n_features).

        Returns:
            Labels of shape (n_samples,); where a sample may have many, integers of shape (n_samples, n_labels).

        Raises:
            ValueError: For unfit data, or where the outputs overflow.
        """
        probabilities = self.predict_proba(X)
        if self._multilabel:
            return (probabilities > 0.5).astype(int)
        return np.asarray(self.classes_[probabilities.argmax(axis=1)])

    def predict_proba(self, X: Any) -> Array:
        """Return class probabilities, float64 of shape (n_samples, n_classes); each row sums to 1.

        Sigmoid and tanh outputs, one probability a neuron, are divided by their sum. Where a sample may have many
        labels, they are not: each is the probability of that label.

        Args:
            X: Inputs, shape (n_samples, n_features).

        Raises:
            ValueError: For unfit data, or where the outputs overflow.
        """
        check_is_fitted(self)
        if not self._multilabel:
            return np.asarray(self._predict(X, "probabilities", len(self.classes_)))
        responses: Array = self._predict(X, "activations", len(self.classes_))
        return responses if self.output == "sigmoid" else (1 + responses) / 2

    def predict_log_proba(self, X: Any) -> Array:
        """Return the logarithms of :meth:`predict_proba`, of the same shape; −∞ where a probability is 0.

        Args:
            X: Inputs, shape (n_samples, n_features).

        Raises:
            ValueError: For unfit data, or where the outputs overflow.
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def _network_params(self) -> dict[str, Any]:
        return dict(self.get_params(deep=False))

    def _learn_targets(self, y: Array, fresh: bool, classes: Any = None) -> None:
        check_classification_targets(y)
        multilabel = _is_multilabel(y)
        if fresh:
            known = np.arange(y.shape[1]) if multilabel else _labels(y if classes is None else np.asarray(classes))
            self.classes_, self._multilabel = known, multilabel
        elif multilabel != self._multilabel:
            raise ValueError("y has one label a sample where the last fit had several, or the other way round")
        elif classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise ValueError(f"classes={classes!r} differ from those of the first call, {self.classes_!r}")

    def _strata(self, y: Array) -> Array | None:
        return None if self._multilabel else y

    def _data(self, samples: Given, held: Given | None, dtype: str) -> TrainingData:
        weights = samples.weights
        if self.class_weight is not None:
            by_class = compute_sample_weight(self.class_weight, samples.y)
            weights = by_class if weights is None else weights * by_class
        codes, aside = self._codes(samples.y), None if held is None else self._codes(held.y)
        X_held = None if held is None else held.X
        if self._multilabel:
            return TrainingData.from_targets(samples.X, codes, X_held, aside, dtype, weights)
        return TrainingData.from_arrays(samples.X, codes, len(self.classes_), X_held, aside, dtype, weights)

    def _codes(self, y: Array) -> Array:
        """Return class codes of shape (n,), or labels as 0s and 1s of shape (n, n_labels)."""
        if self._multilabel:
            if not _is_multilabel(y) or y.shape[1] != len(self.classes_):
                raise ValueError(f"y must have shape (n_samples, {len(self.classes_)}), a column a label")
            return y
        labels = column_or_1d(y, warn=True)
        unknown = np.setdiff1d(labels, self.classes_)
        if len(unknown):
            raise ValueError(f"y holds labels that are not in classes: {unknown.tolist()}")
        return np.asarray(np.searchsorted(self.classes_, labels))


def _is_multilabel(y: Array) -> bool:
    kind = str(type_of_target(y))
    if kind == "multiclass-multioutput":
        raise ValueError(
            "Multioutput target data is not supported: y must have one class a sample, or labels in {0, 1}"
        )
    return kind == "multilabel-indicator"


def _labels(y: Array) -> Array:
    classes = np.unique(y)
    if len(classes) < 2:
        only = f"the data contains only one class: {classes[0]}"
        raise ValueError(f"This classifier needs samples of at least 2 classes in the data, but {only}")
    return classes
