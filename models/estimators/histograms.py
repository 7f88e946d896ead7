"""Histograms of a fitted network: the weights of each layer, and what its neurons say of some samples."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..kernels import Array
from .trained import Trained

BINS = 40
"""Bars of a histogram."""

SAMPLES = 500
"""Most samples that are looked at."""


def histograms(model: Any, X: Any) -> dict[str, Any] | None:
    """Return the distributions within a fitted network as JSON values, a function of its weights and the samples.

    Args:
        model: A network of ours, alone, at the end of a pipeline or within scikit-learn's TransformedTargetRegressor.
        X: Samples as the model takes them, array or frame of shape (n, features); the first SAMPLES are looked at.

    Returns:
        ``weights``, ``biases`` and ``activations``, each a list with a histogram per layer: ``low`` and ``high``, the
        ends of BINS bars of one width, and ``counts``; None where there is no network of ours.
    """
    rows: Any = X[:SAMPLES]
    while not isinstance(model, Trained):
        if hasattr(model, "steps"):
            rows = model[:-1].transform(rows) if len(model.steps) > 1 else rows
            model = model.steps[-1][1]
        elif hasattr(model, "regressor_"):
            model = model.regressor_
        else:
            return None
    return {
        "weights": [_counted(w) for w in model._layers("W")],
        "biases": [_counted(b) for b in model._layers("b")],
        "activations": [_counted(a) for a in model.layer_activations(rows)],
    }


def _counted(values: Array) -> dict[str, Any]:
    flat = np.asarray(values, np.float64).ravel()
    low = float(flat.min())
    high = float(flat.max())
    if not high > low:
        low = low - 0.5
        high = high + 0.5
    counts, _ = np.histogram(flat, BINS, (low, high))
    return {"low": low, "high": high, "counts": counts.tolist()}
