"""An estimator from a network that was trained elsewhere: in a population, by the training core."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..kernels import Array
from .classifier import MLPClassifier
from .network_classifier import NetworkClassifier
from .network_regressor import NetworkRegressor
from .regressor import MLPRegressor


def classifier(
    params: Mapping[str, Any], state: Mapping[str, Array], classes: Array, n_features: int, epochs: int, seed: int
) -> MLPClassifier | NetworkClassifier:
    """Return a fitted classifier that has a network's weights.

    Args:
        params: Parameters of `MLPClassifier`, or of `NetworkClassifier`, by name.
        state: The network's state, see `hpsearch.models.training.population.Member`.
        classes: Labels of its output neurons, shape (n_classes,).
        n_features: Number of inputs.
        epochs: Epochs that it was trained for.
        seed: What a fit that goes on from here (`warm_start`, `partial_fit`) draws from.
    """
    restored = _restored(params)
    model = NetworkClassifier(**restored) if "layers" in restored else MLPClassifier(**restored)
    model.classes_ = classes
    model._multilabel = False
    _take_state(model, state, n_features, epochs, seed)
    return model


def regressor(
    params: Mapping[str, Any],
    state: Mapping[str, Array],
    n_features: int,
    epochs: int,
    seed: int,
    n_outputs: int | None = None,
) -> MLPRegressor | NetworkRegressor:
    """Return a fitted regressor that has a network's weights; see `classifier`.

    Args:
        params: Parameters of `MLPRegressor`, or of `NetworkRegressor`, by name.
        state: The network's state.
        n_features: Number of inputs.
        epochs: Epochs that it was trained for.
        seed: What a fit that goes on from here draws from.
        n_outputs: Number of targets, of which it predicts rows; None for one, of which it predicts a flat array.
    """
    restored = _restored(params)
    model = NetworkRegressor(**restored) if "layers" in restored else MLPRegressor(**restored)
    model.n_outputs_ = n_outputs or 1
    model._flat = n_outputs is None
    _take_state(model, state, n_features, epochs, seed)
    return model


def _take_state(
    model: MLPClassifier | NetworkClassifier | MLPRegressor | NetworkRegressor,
    state: Mapping[str, Array],
    n_features: int,
    epochs: int,
    seed: int,
) -> None:
    """Give a model the attributes that every fitted network has."""
    model.n_features_in_ = n_features
    model.n_iter_ = epochs
    model.best_epoch_ = epochs
    model.history_ = {}
    model._seed = seed
    model._state = dict(state)


def _restored(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters as they were before a log held them, where tuples became lists."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in params.items()}
