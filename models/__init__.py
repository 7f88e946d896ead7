"""A multilayer perceptron in NumPy with every hyper-parameter of chapter 3; many networks train as one program."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .augmentation import Augmentation
    from .estimators.classifier import MLPClassifier
    from .estimators.regressor import MLPRegressor
    from .estimators.saving import load

_HOMES = {
    "Augmentation": ".augmentation",
    "MLPClassifier": ".estimators.classifier",
    "MLPRegressor": ".estimators.regressor",
    "load": ".estimators.saving",
}

__all__ = ["Augmentation", "MLPClassifier", "MLPRegressor", "load"]


def __getattr__(name: str) -> Any:
    # scikit-learn is imported with the estimators, not with the training core.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name], __name__), name)
