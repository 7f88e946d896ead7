"""A multilayer perceptron in NumPy with every hyper-parameter of chapter 3; many networks train as one program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from models.estimator import MLPClassifier

__all__ = ["MLPClassifier"]


def __getattr__(name: str) -> Any:
    # scikit-learn is imported with the estimator, not with the training core.
    if name in __all__:
        from models import estimator

        return getattr(estimator, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
