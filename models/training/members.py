"""The members of a population, what an epoch of one gives, and which of them may train together."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from .. import chain
from ..augmentation import image_side
from ..kernels import Array
from ..network import Network
from ..parameters import DEFAULTS, batch_rows, resolve_params
from .data import TrainingData
from .within import Point

OWN_PARAMETERS = frozenset(
    {
        "learning_rate", "momentum", "max_epochs", "batch_size", "l1", "l2", "max_norm", "dropout", "input_dropout",
        "weight_init", "lr_schedule", "lr_factor", "lr_min_ratio", "lr_patience", "lr_metric", "lr_warmup", "patience",
        "early_stopping_metric", "validation_fraction", "class_weight", "warm_start", "verbose", "random_state",
    }
)  # fmt: skip
"""Parameters that may differ within a population: a lane has its own value, or `group_of` looks at them itself, or they
are the estimators'."""

_GROUP_KEYS = tuple(name for name in DEFAULTS if name not in {*OWN_PARAMETERS, "layers"})
"""All others keep networks apart, so that a new parameter is right, if not fast, before it is named above."""


@dataclass
class Member:
    """One network of a population: its hyper-parameters, its random stream and, once begun, its state.

    Attributes:
        params: Parameters of `MLPClassifier` by name; absent ones have their defaults.
        seed: Owns the network's streams, default_rng((*seed, purpose, epoch)).
        epoch: Epochs done.
        state: None before the first epoch; else plain arrays by name, which can be saved as npz, moved and restored:
            weights W0, W1, … of shape (n_out, n_in), biases b0, b1, … of shape (1, n_out), g0, m0, v0, … of batch norm
            (see `hpsearch.models.layers.batch_norm`), "velocity.W0" and the like for the optimizer's slots, "best.W0"
            where the best weights are kept, and numbers of shape () that early stopping and the schedule remember.
    """

    params: Mapping[str, Any]
    seed: tuple[int, ...]
    epoch: int = 0
    state: dict[str, Array] | None = None


@dataclass(frozen=True)
class EpochResult:
    """What one epoch of one member gave.

    Attributes:
        metrics: train_cost (data cost C₀, the mean over the epoch's mini-batches as they were trained, without the
            regularisation term; with exact_train_metrics that of the weights after the epoch), train_accuracy
            (likewise; train_r2 in a regression), val_cost and val_accuracy (val_r2) where there is validation data,
            test_cost and test_accuracy (test_r2) where there is test data, learning_rate, and the samples of
            `hpsearch.models.training.monitors`: gradient_norm_1, …, saturated_1, ….
        finished: Whether max_epochs is reached or early stopping or the schedule ended training.
        failure: Why the member diverged, or None.
        within: What was measured within the epoch, with monitor_every: (samples trained on in all epochs so far,
            metrics), the end of the epoch included.
    """

    metrics: dict[str, float]
    finished: bool
    failure: str | None
    within: tuple[Point, ...] = ()


def group_key(params: Mapping[str, Any], data: TrainingData) -> Hashable:
    """Return a key: members with equal keys may train in one population.

    Args:
        params: Parameters of `MLPClassifier` by name.
        data: The data that they train on.

    Raises:
        ValueError: For parameters out of range, or that do not suit the data.
    """
    return group_of(resolve_params(params), data)


def group_of(params: Mapping[str, Any], data: TrainingData) -> Hashable:
    """Return the key of resolved parameters; see `group_key`."""
    if data.y_train is None and params["output"] in ("softmax", "linear"):
        output = params["output"]
        raise ValueError(f"output={output!r} picks one class a sample, not several labels: use output='sigmoid'")
    if data.y_train is not None and params["output"] == "identity":
        raise ValueError("output='identity' is for regression, not for classes: use output='sigmoid' or 'softmax'")
    if params["augmentation"] is not None:
        image_side(data.X_train.shape[1], params["image_shape"])
    drops = bool(params["dropout"]), bool(params["input_dropout"])
    batch = batch_rows(params, len(data.X_train))
    layers = chain.group(params["layers"])
    if layers is not None:
        Network.build(params, data.X_train.shape[1], data.T_train.shape[1])  # says what does not fit
    return (*(params[name] for name in _GROUP_KEYS), layers, batch, *drops, data.X_train.shape, data.T_train.shape)
