"""Checks of hyper-parameters that are valid each by itself, and not together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from . import chain
from .costs import HEADS
from .layers import BatchNorm
from .layers.declared import walk
from .optimizers import OPTIMIZERS


def _drops(layers: Any) -> bool:
    return layers is not None and bool(chain.fractions(layers))


def _normalises(layers: Any) -> bool:
    return layers is not None and any(isinstance(layer, BatchNorm) for layer in walk(layers))


_DRAWN = "which minimises one and the same cost at every evaluation"

FULL_BATCH: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    # name: (whether a value goes along, why it does not)
    "batch_size": (lambda x: x == "all", "which reads the whole training set: use batch_size='all'"),
    "learning_rate": (lambda x: x is None or x == 1, "whose line search finds the length of each step"),
    "lr_schedule": (lambda x: x == "constant", "whose line search finds the length of each step"),
    "lr_warmup": (lambda x: x == 0, "whose line search finds the length of each step"),
    "clip_norm": (lambda x: x is None, "whose line search finds the length of each step"),
    "max_norm": (lambda x: x is None, "whose memory holds steps as they were taken: use l2"),
    "l1": (lambda x: x == 0, "which needs a cost with a gradient everywhere: use l2"),
    "dropout": (lambda x: x == 0, _DRAWN),
    "input_dropout": (lambda x: x == 0, _DRAWN),
    "augmentation": (lambda x: x is None, _DRAWN),
    "batch_norm": (lambda x: not x, "whose trial steps would enter the running statistics"),
}
"""What does not go with an optimizer that reads all samples at every step of its own finding (`Optimizer.iterates`)."""


def validate_combinations(params: Mapping[str, Any], default_batches: Collection[int]) -> None:
    """Raise a ValueError for parameters that do not go together; it says what would.

    Args:
        params: All parameters, each checked.
        default_batches: Batch sizes of a network for which none was chosen.
    """
    output = params["output"]
    cost = params["cost"]
    optimizer = params["optimizer"]
    if cost != "auto" and (output, cost) not in HEADS:
        better = {"softmax": "log_likelihood", "identity": "quadratic", "linear": "hinge"}.get(output)
        if better and cost != "hinge":
            raise ValueError(f"output={output!r} does not go with cost={cost!r}: use cost={better!r} or cost='auto'")
        right = "linear" if cost == "hinge" else "softmax"
        raise ValueError(f"cost={cost!r} does not go with output={output!r}: use output={right!r}")
    if params["batch_norm"] and params["batch_size"] == 1:
        raise ValueError("batch_norm=True needs batches of two samples or more: use batch_size=2 or larger")
    if params["momentum"] and not OPTIMIZERS[optimizer].momentum:
        raise ValueError(
            f"momentum={params['momentum']!r} has no effect with optimizer={optimizer!r}: use optimizer='momentum'"
        )

    if optimizer == "hessian_free" and params["clip_norm"] is not None:
        raise ValueError(
            "clip_norm has no meaning with optimizer='hessian_free', whose steps are bounded by its damping"
        )
    if optimizer == "hessian_free" and output == "linear":
        raise ValueError(
            "optimizer='hessian_free' needs a cost with curvature, and the hinge cost is piecewise linear: use another "
            "optimizer, or another output"
        )
    if output == "linear" and params["label_smoothing"]:
        raise ValueError("label_smoothing has no meaning with output='linear', whose scores aim at no probability")
    if output == "identity" and params["label_smoothing"]:
        raise ValueError("label_smoothing is for classes, not for the numbers of output='identity'")
    if OPTIMIZERS[optimizer].iterates:
        _validate_full_batch(params, default_batches)


def _validate_full_batch(params: Mapping[str, Any], default_batches: Collection[int]) -> None:
    for name, (fits, why) in FULL_BATCH.items():
        value = params[name]
        if not fits(value) and not (name == "batch_size" and value in default_batches):
            raise ValueError(f"{name}={value!r} does not go with optimizer={params['optimizer']!r}, {why}")
    for contains, parameter in ((_drops, "dropout"), (_normalises, "batch_norm")):
        if contains(params["layers"]):
            layers = "layers that drop" if parameter == "dropout" else "BatchNorm layers"
            raise ValueError(
                f"layers: {layers} do not go with optimizer={params['optimizer']!r}, {FULL_BATCH[parameter][1]}"
            )
