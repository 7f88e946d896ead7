"""One layout of a table's encoded columns for all folds, so that the networks of all folds have one shape.

What an encoding learns (categories, means, scales) it learns from the rows of its fold. Which columns it has follows
from all rows that are divided: a category, a phase of dates or a column that marks missing values becomes a column of
zeros in a fold that lacks it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin, clone

from hpsearch.models.datasets import Dataset


def laid_out(dataset: Dataset) -> Dataset:
    """Return a data set whose encoding has the columns of all its training rows, also where it is fitted to a few."""
    if not dataset.encodes:
        return dataset
    steps = dict(dataset.preprocessing)
    columns, encoder = (clone(steps[name]) for name in ("columns", "numbers"))
    encoder.fit(columns.fit_transform(dataset.X_train), dataset.y_train)
    laid = LaidOut(steps["numbers"], tuple(names_out(encoder)))
    return replace(
        dataset, preprocessing=tuple((name, laid if name == "numbers" else step) for name, step in steps.items())
    )


class LaidOut(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """An encoder of columns whose output has the columns that were laid out, in their order.

    Args:
        encoder: A ColumnTransformer.
        names: The columns that come out, by name; those that the encoder does not give are zeros.
    """

    def __init__(self, encoder: Any, names: tuple[str, ...]) -> None:
        self.encoder = encoder
        self.names = names

    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit the encoder."""
        self.fit_transform(X, y)
        return self

    def fit_transform(self, X: Any, y: Any = None, **params: Any) -> NDArray[Any]:
        """Fit the encoder and return what it gives to the rows that it is fitted to, shape (n, names)."""
        self.encoder_ = clone(self.encoder)
        encoded = self.encoder_.fit_transform(X, y)
        index = {name: i for i, name in enumerate(self.names)}
        self.places_ = np.array([index[name] for name in names_out(self.encoder_)], np.intp)
        return self._laid(encoded)

    def transform(self, X: Any) -> NDArray[Any]:
        """Return the columns of other rows, shape (n, names)."""
        return self._laid(self.encoder_.transform(X))

    def _laid(self, encoded: Any) -> NDArray[Any]:
        laid = np.zeros((len(encoded), len(self.names)), encoded.dtype)
        laid[:, self.places_] = encoded
        return laid


def names_out(encoder: Any) -> list[str]:
    """Return a name for each column that a fitted ColumnTransformer gives, which is the same in every fold."""
    names: list[str] = []
    for encoder_name, transformer, _ in encoder.transformers_:
        width = encoder.output_indices_[encoder_name]
        count = width.stop - width.start
        if not count:
            continue
        try:
            column_names = [str(name) for name in transformer.get_feature_names_out()]
        except (AttributeError, ValueError):  # a vectorizer that hashes has no names; its width is fixed
            column_names = [str(i) for i in range(count)]
        names += [f"{encoder_name}__{name}" for name in column_names]
    return names
