"""A multilayer perceptron in NumPy with every hyper-parameter of chapter 3; many networks train as one program.

The folder is installed and imported as ``hpsearch.models``. Inside it imports are relative, since a model in MLflow
carries a copy under a name of its own. What people add to stands in sight, a function or file each: activations, costs,
initializers, regularizers, optimizers, schedules, early_stopping, augmentation, layers/ and datasets/. The machine
behind them is training/, the scikit-learn faces are estimators/.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import names

if TYPE_CHECKING:
    from .augmentation import Augmentation
    from .estimators.classifier import MLPClassifier
    from .estimators.gradients import check_gradients
    from .estimators.loading import load
    from .estimators.network_classifier import NetworkClassifier
    from .estimators.network_regressor import NetworkRegressor
    from .estimators.regressor import MLPRegressor

_HOMES = {**names.HOMES, "check_gradients": ".estimators.gradients", "load": ".estimators.loading"}

__all__ = [
    "Augmentation",
    "MLPClassifier",
    "MLPRegressor",
    "NetworkClassifier",
    "NetworkRegressor",
    "check_gradients",
    "load",
]


def __getattr__(name: str) -> Any:
    # scikit-learn is imported with the estimators, not with the training core.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name], __name__), name)
