"""The hyper-parameters of a network: defaults, and the one place where they are checked."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches
from numbers import Integral, Real
from typing import Any

import numpy as np

from . import chain
from .activations import ACTIVATIONS
from .augmentation import validate_augmentation
from .combinations import validate_combinations
from .costs import COSTS, OUTPUTS, natural_cost
from .early_stopping import EARLY_STOPPING
from .initializers import INITIALIZERS
from .optimizers import OPTIMIZERS
from .schedules import SCHEDULES
from .spelling import translated, value_hint

DEFAULTS: dict[str, Any] = {
    "layers": None,
    "hidden_layer_sizes": (30,),
    "activation": "sigmoid",
    "output": "sigmoid",
    "cost": "auto",
    "optimizer": "sgd",
    "learning_rate": None,
    "momentum": None,
    "batch_size": 10,
    "max_epochs": 30,
    "l1": 0.0,
    "l2": 0.0,
    "max_norm": None,
    "regularize_biases": False,
    "clip_norm": None,
    "ema": None,
    "label_smoothing": 0.0,
    "dropout": 0.0,
    "input_dropout": 0.0,
    "batch_norm": False,
    "weight_init": "scaled",
    "augmentation": None,
    "image_shape": None,
    "lr_schedule": "constant",
    "lr_factor": 0.5,
    "lr_min_ratio": 1 / 1024,
    "lr_patience": None,
    "lr_metric": None,
    "lr_warmup": 0,
    "early_stopping": "none",
    "patience": 10,
    "early_stopping_metric": None,
    "validation_fraction": 0.1,
    "exact_train_metrics": False,
    "monitor_every": None,
    "class_weight": None,
    "warm_start": False,
    "verbose": 0,
    "random_state": None,
    "dtype": "float32",
}
"""Every parameter of the training core with its default: those of `MLPClassifier`, and the layers of a chain."""

_NAMES: dict[str, Collection[str]] = {
    "activation": ACTIVATIONS,
    "output": OUTPUTS,
    "cost": ("auto", *COSTS),
    "optimizer": OPTIMIZERS,
    "weight_init": INITIALIZERS,
    "lr_schedule": SCHEDULES,
    "early_stopping": EARLY_STOPPING,
    "dtype": ("float32", "float64"),
}


CHAIN_BATCH = 32
"""The batch size of `NetworkClassifier` and `NetworkRegressor` where the user gives none."""

METRICS = ("val_accuracy", "val_cost", "val_r2")
"""What early stopping and a schedule may look at; val_r2 in a regression alone, where there is no accuracy."""


def _positive(x: float) -> bool:
    return x > 0


def _natural(x: Any) -> bool:
    return isinstance(x, Integral) and not isinstance(x, bool) and int(x) >= 0


_NUMBERS: dict[str, tuple[Any, Callable[[Any], bool], str, bool]] = {
    # name: (kind, test, what is expected, whether None is allowed)
    "learning_rate": (Real, _positive, "a positive number", True),
    "momentum": (Real, lambda x: 0 <= x < 1, "a number in [0, 1)", True),
    "max_epochs": (Integral, _positive, "a positive integer", False),
    "l1": (Real, lambda x: x >= 0, "a number ≥ 0", False),
    "l2": (Real, lambda x: x >= 0, "a number ≥ 0", False),
    "max_norm": (Real, _positive, "a positive number", True),
    "clip_norm": (Real, _positive, "a positive number", True),
    "ema": (Real, lambda x: 0 < x < 1, "a number between 0 and 1", True),
    "label_smoothing": (Real, lambda x: 0 <= x < 1, "a number in [0, 1)", False),
    "lr_warmup": (Integral, lambda x: x >= 0, "an integer ≥ 0", False),
    "dropout": (Real, lambda x: 0 <= x < 1, "a number in [0, 1)", False),
    "input_dropout": (Real, lambda x: 0 <= x < 1, "a number in [0, 1)", False),
    "lr_factor": (Real, lambda x: 0 < x < 1, "a number between 0 and 1", False),
    "lr_min_ratio": (Real, lambda x: 0 < x < 1, "a number between 0 and 1", False),
    "lr_patience": (Integral, _positive, "a positive integer", True),
    "patience": (Integral, _positive, "a positive integer", False),
    "validation_fraction": (Real, lambda x: 0 < x < 1, "a number between 0 and 1", False),
    "monitor_every": (Integral, _positive, "a positive integer", True),
    "verbose": (Integral, lambda x: x >= 0, "an integer ≥ 0", False),
}


def suggestion(name: str, known: Collection[str]) -> str:
    """Return `` (did you mean 'l2'?)``, or the list of known names where none is close."""
    close = get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f" (did you mean {close[0]!r}?)" if close else f" (known: {', '.join(sorted(known))})"


def validate_params(params: Mapping[str, Any]) -> None:
    """Check hyper-parameters before any training; parameters that are absent have their defaults.

    Args:
        params: Parameters of `MLPClassifier` by name.

    Raises:
        ValueError: For an unknown name or a value out of range; the message names the parameter and what is expected.
    """
    for name in params:
        if name not in DEFAULTS:
            our_name = translated(name)
            raise ValueError(
                f"unknown parameter {name!r}{suggestion(name, DEFAULTS)}"
                if our_name is None
                else f"unknown parameter {name!r}, as scikit-learn's; here it is {our_name}"
            )
    resolved = {**DEFAULTS, **params}
    for name, allowed in _NAMES.items():
        value = resolved[name]
        if name == "weight_init" and isinstance(value, tuple | list):
            _validate_start(value)
            continue
        if not isinstance(value, str) or value not in allowed:
            raise ValueError(f"{name}={value!r} is unknown{value_hint(name, value) or suggestion(str(value), allowed)}")
    for name, (number_type, test, expected, optional) in _NUMBERS.items():
        value = resolved[name]
        if value is None and optional:
            continue
        if isinstance(value, bool) or not isinstance(value, number_type) or not math.isfinite(value) or not test(value):
            raise ValueError(f"{name}={value!r} must be {expected}{value_hint(name, value)}")
    for name in ("batch_norm", "regularize_biases", "exact_train_metrics", "warm_start"):
        if not isinstance(resolved[name], (bool, np.bool_)):
            raise ValueError(f"{name}={resolved[name]!r} must be True or False")
    for name in ("lr_metric", "early_stopping_metric"):
        _validate_metric(name, resolved)
    _validate_sizes(resolved["hidden_layer_sizes"])
    batch = resolved["batch_size"]
    if not (isinstance(batch, str) and batch == "all") and not (_natural(batch) and batch > 0):
        raise ValueError(
            f"batch_size={batch!r} must be a positive integer, or 'all' for the whole training set"
            f"{value_hint('batch_size', batch)}"
        )
    weights = resolved["class_weight"]
    if weights is not None and weights != "balanced" and not isinstance(weights, (Mapping, list)):
        raise ValueError(f"class_weight={weights!r} must be None, 'balanced' or a dictionary of weights")
    state = resolved["random_state"]
    if state is not None and not isinstance(state, np.random.RandomState) and not _natural(state):
        raise ValueError(f"random_state={state!r} must be an integer ≥ 0, a numpy RandomState or None")
    if resolved["layers"] is not None:
        chain.validate(resolved["layers"])
    validate_augmentation(resolved["augmentation"], _image_shape(resolved))
    validate_combinations(resolved, {DEFAULTS["batch_size"], *([] if resolved["layers"] is None else [CHAIN_BATCH])})


def _validate_start(value: Any) -> None:
    if len(value) != 2 or not all(isinstance(arrays, tuple | list) for arrays in value):
        raise ValueError(
            f"weight_init={value!r} must be the name of a rule, or (coefs, intercepts): a list of the weights of each "
            "layer, shape (n_in, n_out), and one of the biases, shape (n_out,)"
        )


def _image_shape(params: Mapping[str, Any]) -> Any:
    """Return the shape of images without their channels, which a chain of layers takes too."""
    shape = params["image_shape"]
    if params["layers"] is None or shape is None:
        return shape
    if not isinstance(shape, tuple | list) or len(shape) not in (2, 3) or not all(_natural(s) and s > 0 for s in shape):
        raise ValueError(f"image_shape={shape!r} must be (rows, columns) or (rows, columns, channels)")
    if params["augmentation"] is None:
        return None
    if len(shape) == 3 and shape[2] != 1:
        raise ValueError("augmentation distorts images of one channel: image_shape must be (rows, columns)")
    return tuple(shape[:2])


def _validate_metric(name: str, params: Mapping[str, Any]) -> None:
    value = params[name]
    if value is None:
        return
    if value not in METRICS:
        hint = suggestion(str(value), METRICS)
        raise ValueError(f"{name}={value!r} is unknown{hint}; None takes the accuracy, in a regression the cost")
    lacking = "val_accuracy" if params["output"] == "identity" else "val_r2"
    if value == lacking:
        raise ValueError(f"{name}={value!r} is not measured with output={params['output']!r}: use 'val_cost'")


def _validate_sizes(sizes: Any) -> None:
    if not isinstance(sizes, (tuple, list)) or not all(_natural(s) and s > 0 for s in sizes):
        expected = "a tuple of positive integers, such as (30,), or () for no hidden layer"
        hint = value_hint("hidden_layer_sizes", sizes)
        raise ValueError(f"hidden_layer_sizes={sizes!r} must be {expected}{hint}")


def resolve_params(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return all parameters, checked, with defaults in the place of what is absent or None.

    Args:
        params: Parameters of `MLPClassifier` by name.

    Raises:
        ValueError: See `validate_params`.
    """
    validate_params(params)
    resolved = {**DEFAULTS, **params}
    optimizer = OPTIMIZERS[resolved["optimizer"]]
    if resolved["image_shape"] is not None:
        shape = tuple(int(s) for s in resolved["image_shape"])
        resolved["image_shape"] = shape if resolved["augmentation"] is None else shape[:2]
    if resolved["layers"] is not None:
        resolved["layers"] = tuple(resolved["layers"])
    resolved["hidden_layer_sizes"] = tuple(int(s) for s in resolved["hidden_layer_sizes"])
    for name in ("learning_rate", "momentum"):
        if resolved[name] is None:
            resolved[name] = getattr(optimizer, name)
    if resolved["cost"] == "auto":
        resolved["cost"] = natural_cost(resolved["output"])
    if resolved["lr_patience"] is None:
        resolved["lr_patience"] = default_lr_patience(resolved)
    return resolved


def default_lr_patience(params: Mapping[str, Any]) -> int:
    """Return after how many epochs without improvement the schedule acts where nothing is said.

    That is `patience`; a third of it where early stopping waits for `patience` epochs itself, so that η has been
    lowered before training ends.
    """
    patience = int(params["patience"])
    both_wait = params["early_stopping"] != "none" and SCHEDULES[params["lr_schedule"]].needs_validation
    return max(1, patience // 3) if both_wait else patience


def batch_rows(params: Mapping[str, Any], n: int) -> int:
    """Return how many samples a batch has.

    A batch shrinks to a training set that is smaller, as in scikit-learn; :func:`is_clipped` says whether to warn.

    Args:
        params: Parameters of `MLPClassifier` by name, resolved.
        n: Size of the training set.
    """
    batch = params["batch_size"]
    return n if isinstance(batch, str) or OPTIMIZERS[params["optimizer"]].iterates else min(int(batch), n)


def is_clipped(params: Mapping[str, Any], n: int) -> bool:
    """Return whether a batch size was chosen that is larger than the training set.

    The default is meant for no size in particular.
    """
    batch = params["batch_size"]
    default = DEFAULTS["batch_size"] if params["layers"] is None else CHAIN_BATCH
    return not isinstance(batch, str) and batch > n and batch != default


def needs_validation(params: Mapping[str, Any]) -> bool:
    """Tell whether early stopping or the schedule reads the validation score."""
    resolved = {**DEFAULTS, **params}
    return EARLY_STOPPING[resolved["early_stopping"]].keeps_best or SCHEDULES[resolved["lr_schedule"]].needs_validation
