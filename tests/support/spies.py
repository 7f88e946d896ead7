"""Estimators that write down which rows reach them."""

from __future__ import annotations

import sys
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin

FITTED: list[tuple[str, frozenset[int]]] = []
"""Of each fit who it was and the rows that it saw, known by what stands in their first column."""

SEEN: list[tuple[str, frozenset[int]]] = []
"""Likewise of what was transformed or predicted."""


def rows_of(X: Any) -> frozenset[int]:
    column = X.iloc[:, 0] if hasattr(X, "iloc") else np.asarray(X)[:, 0]
    return frozenset(round(float(value)) for value in column)


def note(kept: str, who: str, X: Any) -> None:
    """Take down which rows somebody sees; found by name, so that what was taken down is no part of a study's code."""
    vars(sys.modules[__name__])[kept].append((who, rows_of(X)))


class SpyTransformer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Gives rows on as they are."""

    def fit(self, X: Any, y: Any = None) -> Self:
        note("FITTED", "transformer", X)
        self.n_features_in_ = np.asarray(X).shape[1]
        return self

    def transform(self, X: Any) -> Any:
        note("SEEN", "transformer", X)
        return X


class SpyClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Predicts the class of the nearest mean of the second column, shifted by a parameter."""

    def __init__(self, shift: float = 0.0) -> None:
        self.shift = shift

    def fit(self, X: Any, y: Any) -> Self:
        note("FITTED", "classifier", X)
        self.classes_ = np.unique(y)
        column = np.asarray(X)[:, 1]
        self.means_ = np.array([column[np.asarray(y) == label].mean() for label in self.classes_])
        return self

    def predict(self, X: Any) -> Any:
        note("SEEN", "classifier", X)
        distance = np.abs(np.asarray(X)[:, 1][:, None] + self.shift - self.means_)
        return self.classes_[distance.argmin(1)]


class SpyEpochs(SpyClassifier):
    """The same, an epoch at a time: each epoch moves the means a part of the way."""

    def __init__(self, shift: float = 0.0, max_iter: int = 3) -> None:
        super().__init__(shift)
        self.max_iter = max_iter

    def partial_fit(self, X: Any, y: Any, classes: Any = None) -> Self:
        note("FITTED", "epochs", X)
        self.classes_ = np.unique(y) if classes is None else np.asarray(classes)
        column = np.asarray(X)[:, 1]
        target = np.array([column[np.asarray(y) == label].mean() for label in self.classes_])
        before = getattr(self, "means_", np.zeros_like(target))
        self.means_ = before + 0.5 * (target - before)
        return self
