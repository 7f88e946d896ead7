"""The scikit-learn shell of the trainer: a population of one."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import train_test_split
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from models.augmentation import Augmentation
from models.early_stopping import EARLY_STOPPING
from models.kernels import Array
from models.network import Network
from models.parameters import needs_validation, resolve_params
from models.training import EpochResult, Member, Population, TrainingData

ORDER_STREAM, NETWORK_STREAM, SPLIT_STREAM = 0, 1, 2
"""What the numbers behind random_state are for: order of the samples, the network's own streams, the hold-out split."""


class MLPClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A multilayer perceptron with every hyper-parameter of chapter 3 of *Neural Networks and Deep Learning*.

    Inputs are not rescaled: bring them to about [0, 1]. One output neuron a class, also for two classes.

    Args:
        hidden_layer_sizes: Neurons of each hidden layer; () for none.
        activation: Of hidden neurons: "sigmoid", "tanh", "relu", "leaky_relu" (slope 0.01 below 0), "elu" or "gelu".
        output: "sigmoid", "softmax" or "tanh" (targets ±1).
        cost: "cross_entropy" or "quadratic"; with softmax "log_likelihood" or "quadratic".
        optimizer: "sgd", "momentum" (v ← μv − η∇C, w ← w + v), "nesterov", "rmsprop", "adam", or "hessian_free"
            (truncated Newton steps, one a mini-batch: use large batches; see `models.hessian_free`).
        learning_rate: η; None for the optimizer's own (sgd 0.5, momentum and nesterov 0.1, rmsprop and adam 0.001,
            hessian_free 1: the whole Newton step).
        momentum: μ, for adam β₁; None for the optimizer's own (momentum, nesterov and adam 0.9).
        batch_size: Samples in a mini-batch, or "all" for one batch of the whole training set. The last batch of an
            epoch may be smaller; the default of 10 shrinks to a smaller training set, any other size must fit.
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
        augmentation: "affine", "elastic" or an `Augmentation`: square images are distorted anew in every epoch.
        image_shape: (rows, columns) of the images; None where they are inferred.
        lr_schedule: "constant"; "plateau": η is multiplied by `lr_factor` whenever the validation score has not
            improved for `patience` epochs, and training ends when η would fall below `lr_min_ratio` of its start;
            "step": η is multiplied by `lr_factor` every `patience` epochs, down to `lr_min_ratio`; "cosine": η falls
            along half a cosine over `max_epochs`, towards `lr_min_ratio`.
        lr_factor: See `lr_schedule`.
        lr_min_ratio: See `lr_schedule`.
        early_stopping: "none"; "patience": stop when the validation score has not improved for `patience` epochs, and
            restore the best weights; "growing": likewise, with a patience that grows (10, 20, 50, … times patience/10)
            as improvements come later.
        patience: Epochs without improvement.
        validation_fraction: Part held out, stratified, where early stopping or the schedule needs it and no X_val is
            given.
        exact_train_metrics: Whether training cost and accuracy are measured after each epoch, in a pass of their own
            without dropout; else they come for free from the mini-batches as they are trained.
        verbose: 1 prints a line an epoch.
        random_state: int, RandomState, or None for a new stream at every fit.
        dtype: "float32" or "float64", of the weights and of all arithmetic.

    Attributes:
        classes_: Class labels, shape (n_classes,).
        n_features_in_: Number of features seen by fit.
        feature_names_in_: Their names, where X has names.
        coefs_: Weights of each layer, shape (n_in, n_out).
        intercepts_: Biases of each layer, shape (n_out,).
        n_iter_: Epochs trained.
        best_epoch_: The epoch (from 1) whose weights the model has: the best with early stopping, else the last.
        history_: Lists with an entry an epoch: train_cost, train_accuracy, val_cost and val_accuracy (where there is
            validation data), learning_rate, and samples of gradient_norm_1, … and saturated_1, … of each layer (see
            `models.monitors`).
    """

    def __init__(
        self,
        hidden_layer_sizes: tuple[int, ...] = (30,),
        activation: str = "sigmoid",
        output: str = "sigmoid",
        cost: str = "cross_entropy",
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
        early_stopping: str = "none",
        patience: int = 10,
        validation_fraction: float = 0.1,
        exact_train_metrics: bool = False,
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
        self.early_stopping = early_stopping
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.exact_train_metrics = exact_train_metrics
        self.verbose = verbose
        self.random_state = random_state
        self.dtype = dtype

    def fit(self, X: Any, y: Any, *, X_val: Any = None, y_val: Any = None) -> Self:
        """Train from new weights for `max_epochs` epochs, or until early stopping or the schedule ends training.

        Args:
            X: Training inputs, shape (n_samples, n_features).
            y: Class labels, shape (n_samples,).
            X_val: Validation inputs, or None.
            y_val: Validation labels, or None.

        Returns:
            The fitted estimator.

        Raises:
            ValueError: For a parameter out of range, unfit data, or when training diverges.
        """
        params = resolve_params(self.get_params())
        X, y = validate_data(self, X, y, dtype=params["dtype"], order="C")
        classes = _classes(y)
        if (X_val is None) != (y_val is None):
            raise ValueError("X_val and y_val go together: give both or neither")
        seed = _seed(self.random_state)
        if X_val is not None:
            X_val, y_val = validate_data(self, X_val, y_val, dtype=params["dtype"], order="C", reset=False)
        elif needs_validation(params):
            split = np.random.RandomState(np.random.default_rng((seed, SPLIT_STREAM)).integers(2**31))
            X, X_val, y, y_val = train_test_split(
                X, y, test_size=params["validation_fraction"], stratify=y, random_state=split
            )
        self._start(classes, seed)
        data = self._data(X, y, X_val, y_val)
        population = Population([self._member()], data)
        while not self._epoch(population).finished:
            pass
        self._finish(population)
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None) -> Self:
        """Train for one epoch more, the next of the same random stream.

        Args:
            X: Training inputs, shape (n_samples, n_features).
            y: Class labels, shape (n_samples,).
            classes: All labels that will ever occur; needed in the first call unless y has them all.

        Returns:
            The fitted estimator.

        Raises:
            ValueError: For a parameter out of range, unfit data, or when training diverges.
        """
        params = resolve_params(self.get_params())
        if needs_validation(params):
            raise ValueError("partial_fit has no validation data: use early_stopping='none' and lr_schedule='constant'")
        first = not hasattr(self, "classes_")
        X, y = validate_data(self, X, y, dtype=params["dtype"], order="C", reset=first)
        if first:
            self._start(_classes(y if classes is None else np.asarray(classes)), _seed(self.random_state))
        elif classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise ValueError(f"classes={classes!r} differ from those of the first call, {self.classes_!r}")
        population = Population([self._member()], self._data(X, y, None, None))
        self._epoch(population)
        self._finish(population)
        return self

    def predict(self, X: Any) -> Array:
        """Return the most probable label of each sample.

        Args:
            X: Inputs, shape (n_samples, n_features).
        """
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(axis=1)]  # type: ignore[no-any-return]

    def predict_proba(self, X: Any) -> Array:
        """Return class probabilities, float64 of shape (n_samples, n_classes); each row sums to 1.

        Sigmoid and tanh outputs, one probability a neuron, are divided by their sum.

        Args:
            X: Inputs, shape (n_samples, n_features).
        """
        check_is_fitted(self)
        params = resolve_params(self.get_params())
        X = validate_data(self, X, dtype=params["dtype"], order="C", reset=False)
        return Network.build(params, X.shape[1], len(self.classes_)).probabilities(self._weights(), X)

    def _start(self, classes: Array, seed: int) -> None:
        self.classes_ = classes
        self.n_iter_ = 0
        self.history_: dict[str, list[float]] = {}
        self._seed = seed
        self._state: dict[str, Array] | None = None

    def _member(self) -> Member:
        return Member(self.get_params(), (self._seed, NETWORK_STREAM), self.n_iter_, self._state)

    def _data(self, X: Array, y: Array, X_val: Array | None, y_val: Array | None) -> TrainingData:
        codes = None if y_val is None else self._codes(y_val)
        return TrainingData.from_arrays(X, self._codes(y), len(self.classes_), X_val, codes, self.dtype)

    def _codes(self, y: Array) -> Array:
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise ValueError(f"y holds labels that are not in classes: {unknown.tolist()}")
        return np.searchsorted(self.classes_, y)

    def _epoch(self, population: Population) -> EpochResult:
        result = population.run_epoch((self._seed, ORDER_STREAM, self.n_iter_ + 1))[0]
        if result.failure:
            raise ValueError(f"training {result.failure}")
        self.n_iter_ += 1
        for name, value in result.metrics.items():
            self.history_.setdefault(name, []).append(value)
        if self.verbose:
            values = ", ".join(f"{name} {value:.4g}" for name, value in result.metrics.items())
            print(f"epoch {self.n_iter_}: {values}", flush=True)
        return result

    def _finish(self, population: Population) -> None:
        state = population.states()[0]
        self.best_epoch_ = self.n_iter_
        if EARLY_STOPPING[self.early_stopping].keeps_best:
            self.best_epoch_ = int(state["stop_best_epoch"])
            state |= {name: state[f"best.{name}"].copy() for name in population.weight_names}
        self._state = state

    def __sklearn_is_fitted__(self) -> bool:
        return getattr(self, "_state", None) is not None

    @property
    def coefs_(self) -> list[Array]:
        """Weights of each layer, shape (n_in, n_out)."""
        return [w.T for w in self._layers("W")]

    @property
    def intercepts_(self) -> list[Array]:
        """Biases of each layer, shape (n_out,)."""
        return [b[0] for b in self._layers("b")]

    def _weights(self) -> dict[str, Array]:
        state: dict[str, Array] | None = getattr(self, "_state", None)
        if state is None:
            raise AttributeError(f"{type(self).__name__} has no weights before fit")
        return state

    def _layers(self, kind: str) -> list[Array]:
        weights = self._weights()
        return [weights[f"{kind}{i}"] for i in range(len(self.hidden_layer_sizes) + 1)]


def _classes(y: Array) -> Array:
    check_classification_targets(y)
    classes = np.unique(y)
    if len(classes) < 2:
        only = f"the data contains only one class: {classes[0]}"
        raise ValueError(f"This classifier needs samples of at least 2 classes in the data, but {only}")
    return classes


def _seed(random_state: int | np.random.RandomState | None) -> int:
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31 - 1))
    return int(random_state)
