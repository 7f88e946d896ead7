"""The estimated cost of an epoch, as a function of what is declared: seconds on a reference machine.

For our networks a training step costs a constant, and so much for each operation; both were measured once (README's
table: 784-30-10 and 784-100-10 over 50,000 images in batches of 10, on one core). Operations alone would be wrong by up
to nine times between batch sizes. Other models cost the same for every trial.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from hpsearch.models.datasets import Dataset
from hpsearch.study.study import Study

STEP_SECONDS = 12.5e-6
"""Seconds that a training step takes in addition to its operations."""

GIGA_SECONDS = 7.84e-3
"""Seconds that 10⁹ floating-point operations take in products of such matrices."""

PASSES = 6
"""Operations for each weight and sample: a product and a sum in the pass forward, two of each in that back."""


def estimated(study: Study, dataset: Dataset | None, params: Mapping[str, Any]) -> float:
    """Return the estimated seconds of an epoch of a trial.

    Args:
        study: The study; where its model is none of our networks every trial costs 1.
        dataset: Its data.
        params: The trial's parameters; those of a pipeline's network have its name before them.
    """
    model, prefix = _network(study.model)
    if model is None or dataset is None:
        return 1.0
    declared = model.get_params()
    trial_params = {name.removeprefix(prefix): value for name, value in params.items()}
    try:
        return _seconds(dataset, {**declared, **trial_params})
    except (TypeError, ValueError, ZeroDivisionError):
        return _seconds(dataset, declared)  # such a point cannot be trained, and fails with its first epoch


def _seconds(dataset: Dataset, params: Mapping[str, Any]) -> float:
    n, n_inputs = (int(size) for size in dataset.X_train.shape)
    n_outputs = len(dataset.classes) if dataset.classes is not None else dataset.y_train.reshape(n, -1).shape[1]
    layers = [n_inputs, *(_positive(size) for size in params["hidden_layer_sizes"]), n_outputs]
    operations = PASSES * n * sum(a * b for a, b in pairwise(layers))
    batch = n if params["batch_size"] == "all" else min(_positive(params["batch_size"]), n)
    return math.ceil(n / batch) * STEP_SECONDS + operations / 1e9 * GIGA_SECONDS


def _positive(value: Any) -> int:
    if int(value) < 1:
        raise ValueError(f"{value!r} is not positive")
    return int(value)


def _network(model: Any) -> tuple[Any, str]:
    """Return the network of ours that a study trains, and the prefix of its parameters where it ends a pipeline."""
    from hpsearch.models.estimators.classifier import MLPClassifier  # needs scikit-learn
    from hpsearch.models.estimators.regressor import MLPRegressor

    if isinstance(model, MLPClassifier | MLPRegressor):
        return model, ""
    steps = getattr(model, "steps", None)
    if steps and isinstance(steps[-1][1], MLPClassifier | MLPRegressor):
        return steps[-1][1], f"{steps[-1][0]}__"
    return None, ""
