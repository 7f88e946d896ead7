"""A multilayer perceptron in NumPy with every hyper-parameter of chapter 3; many networks train as one program."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from models.augmentation import Augmentation
    from models.estimator import MLPClassifier
    from models.regressor import MLPRegressor
    from models.saving import load

_HOMES = {
    "Augmentation": "models.augmentation",
    "MLPClassifier": "models.estimator",
    "MLPRegressor": "models.regressor",
    "load": "models.saving",
}

__all__ = ["Augmentation", "MLPClassifier", "MLPRegressor", "load"]


def __getattr__(name: str) -> Any:
    # scikit-learn is imported with the estimators, not with the training core.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
