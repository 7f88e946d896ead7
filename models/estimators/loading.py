"""From a file to a fitted estimator; everything in the file is checked before there is one.

The version, the parameters, and that the arrays are those of the network that the parameters describe.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..kernels import Array
from ..later import as_meant
from ..parameters import resolve_params
from ..training.data import TrainingData
from ..training.population import Member, Population
from . import archive
from .base import Perceptron
from .classifier import MLPClassifier
from .network_classifier import NetworkClassifier
from .network_regressor import NetworkRegressor
from .of_classes import NetworkOfClasses
from .regressor import MLPRegressor

_CLASSES: Mapping[str, type[Perceptron]] = {
    estimator.__name__: estimator for estimator in (MLPClassifier, MLPRegressor, NetworkClassifier, NetworkRegressor)
}


def load(path: str | os.PathLike[str]) -> Any:
    """Read a fitted estimator that its `save` wrote; it predicts, and trains on, bit for bit like the one saved.

    Args:
        path: The file.

    Returns:
        The estimator, of the class that was saved.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is damaged, is no model, or was written by a later version.

    Examples:
        >>> import numpy as np
        >>> from hpsearch.models import MLPClassifier, load
        >>> X, y = np.array([[0.0], [1.0]] * 10), np.array([0, 1] * 10)
        >>> model = MLPClassifier((), max_epochs=1, random_state=0).fit(X, y)
        >>> model.save("model.npz")
        >>> bool((load("model.npz").predict_proba(X) == model.predict_proba(X)).all())
        True
    """
    content = archive.read(path)
    with archive.damaged(path):
        return estimator_of(content)


def estimator_of(content: archive.Content) -> Perceptron:
    """Return the estimator that a file holds, checked; raise a ValueError where it cannot be."""
    model, params, n_outputs = declared(content)
    _check_state(content.state, params, model.n_features_in_, n_outputs)
    model._state = dict(content.state)
    return model


def declared(content: archive.Content) -> tuple[Perceptron, dict[str, Any], int]:
    """Return the estimator that a file declares, without weights, its resolved parameters, and its outputs."""
    cls = _CLASSES[content.class_name]
    known_params = {*cls._get_param_names(), *content.params}
    model = cls(**{name: value for name, value in as_meant(content.params).items() if name in known_params})
    params = resolve_params(model._network_params())
    for key, form in cls._fitted_values.items():
        value = content.fitted[key]
        if type(value) is not form:
            raise ValueError(f"{key}={value!r} is no {form.__name__}")
        setattr(model, key, value)
    for key, array in content.labels.items():
        setattr(model, key, array)
    n_outputs = len(model.classes_) if isinstance(model, NetworkOfClasses) else model.n_outputs_
    return model, params, n_outputs


def begun(params: dict[str, Any], n_features: int, n_outputs: int) -> dict[str, Array]:
    """Return the state of a new network of these parameters."""
    X = np.zeros((2, n_features), params["dtype"])
    targets = np.zeros((2, n_outputs), params["dtype"])
    data = TrainingData(X, targets, X_valid=X, T_valid=targets)
    # these do not suit two such samples, and do not change which arrays there are
    params = {**params, "batch_size": 10, "augmentation": None, "output": "identity", "cost": "quadratic"}
    return Population([Member(params, (0,))], data).states()[0]


def _check_state(state: Mapping[str, Array], params: dict[str, Any], n_features: int, n_outputs: int) -> None:
    """Compare arrays with those of a new network of the same parameters."""
    new = begun(params, n_features, n_outputs)
    if set(new) != set(state):
        raise ValueError(f"its arrays are {sorted(state)}, not {sorted(new)}")
    for name, expected in new.items():
        array = state[name]
        if array.shape != expected.shape or array.dtype != expected.dtype:
            raise ValueError(f"{name} is {array.dtype}{array.shape}, not {expected.dtype}{expected.shape}")
        if expected.ndim and not np.isfinite(array).all():
            raise ValueError(f"{name} is not finite")
