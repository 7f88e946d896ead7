"""What version 0.1 did not have: so that a study which leaves it alone is the same study as in that version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .costs import OUTPUTS, natural_cost
from .parameters import DEFAULTS, default_lr_patience

LATER: Mapping[str, Any] = {
    "regularize_biases": False,
    "clip_norm": None,
    "ema": None,
    "label_smoothing": 0.0,
    "lr_patience": None,
    "lr_metric": None,
    "lr_warmup": 0,
    "early_stopping_metric": None,
    "monitor_every": None,
}
"""Parameters that version 0.1 did not have, with their defaults: where a study leaves them alone it is the same study
as in that version."""


def as_meant(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a saved model with those that its version did not have, as it meant them.

    Args:
        params: Parameters by name, as they were written.
    """
    lacking = {name: value for name, value in LATER.items() if name not in params}
    if "lr_patience" in lacking:  # one patience was for both rules
        lacking["lr_patience"] = params.get("patience")
        if default_lr_patience({**DEFAULTS, **params}) == lacking["lr_patience"]:
            lacking["lr_patience"] = None
    return {**lacking, **params}


def as_written(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that a saved model has to hold, so that :func:`as_meant` brings all of them back.

    Args:
        params: All of an estimator's parameters by name.
    """
    meant = as_meant({name: value for name, value in params.items() if name not in LATER})
    return {name: value for name, value in params.items() if name not in LATER or value != meant[name]}


def unsaid(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters as a study's declaration says them: as version 0.1 would, wherever they mean the same.

    Args:
        params: Parameters of an estimator by name.
    """
    declared = {name: value for name, value in params.items() if name not in LATER or value != LATER[name]}
    if params.get("cost") == "auto" and params.get("output") in OUTPUTS:
        declared["cost"] = natural_cost(params["output"])
    return declared
