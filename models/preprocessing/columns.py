"""From a frame as people have it to the columns that a model was trained with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from . import values

NUMBER = "number"
TEXT = "text"
DATE = "date"
AS_IS = "as is"
"""Kinds of columns; a date's has its format behind a colon, such as ``date:%d.%m.%Y``."""


class Columns(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Takes columns by their names, in any order, and reads their cells as they were read in training.

    Args:
        kinds: What each column is, in the order of training: "number", "text", "date:…" or "as is".
        as_array: Whether columns that are all numbers become an array of float64, so that an array may be given too.

    Attributes:
        feature_names_in_: The names of the columns, in that order.
        n_features_in_: How many there are.

    Examples:
        >>> import pandas as pd
        >>> from hpsearch import Columns
        >>> frame = pd.DataFrame({"colour": ["red", "blue"], "size": ["1.5", "2"], "extra": [0, 0]})
        >>> Columns({"size": "number", "colour": "text"}).fit_transform(frame)
           size colour
        0   1.5    red
        1   2.0   blue
    """

    def __init__(self, kinds: Mapping[str, str], as_array: bool = False) -> None:
        self.kinds = kinds
        self.as_array = as_array

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn nothing; check that the columns are there."""
        self.feature_names_in_ = np.array(list(self.kinds), object)
        self.n_features_in_ = len(self.kinds)
        self._chosen(X)
        return self

    def transform(self, X: Any) -> Any:
        """Return the columns as a frame of the same kind.

        Args:
            X: A data frame that has them, in any order and among others; or, where all are numbers, an array of shape
                (n_samples, n_features).

        Raises:
            ValueError: A column is missing, or a cell is not what its column holds.
        """
        check_is_fitted(self, "n_features_in_")
        X = self._chosen(X)
        if not hasattr(X, "columns"):
            return X.astype(np.float64) if self.as_array else X
        changed = {
            name: new for name, kind in self.kinds.items() if (new := _converted(X[name], name, kind)) is not None
        }
        if changed:
            X = X.copy(deep=False)  # the frame that was given keeps its columns
            for name, new in changed.items():
                X[name] = new
        return np.asarray(X, np.float64) if self.as_array else X

    def get_feature_names_out(self, input_features: Any = None) -> Any:
        """Return the names of the columns."""
        return self.feature_names_in_

    def _chosen(self, X: Any) -> Any:
        if hasattr(X, "to_pandas"):
            X = X.to_pandas()
        if not hasattr(X, "columns"):
            return self._array(X)
        missing = [name for name in self.kinds if name not in X.columns]
        if missing:
            listed = ", ".join(map(repr, missing))
            raise ValueError(f"the data lack {'a column' if len(missing) == 1 else 'columns'} of training: {listed}")
        return X[list(self.kinds)]

    def _array(self, X: Any) -> Any:
        if any(kind not in (NUMBER, AS_IS) for kind in self.kinds.values()):
            raise ValueError(
                f"expected a data frame with the columns {', '.join(self.kinds)}, found {type(X).__name__}"
            )
        array = np.asarray(X)
        if array.ndim != 2 or array.shape[1] != len(self.kinds):
            raise ValueError(f"expected {len(self.kinds)} columns ({', '.join(self.kinds)}), found shape {array.shape}")
        return array


def _converted(column: Any, name: str, kind: str) -> Any:
    """Return a column's cells as its kind has them; None where they are so already."""
    how, _, form = kind.partition(":")
    code = getattr(column.dtype, "kind", "O")
    try:
        if how == NUMBER and (code not in "iufb" or not isinstance(column.dtype, np.dtype)):
            return values.numbers(column)
        if how == DATE and not isinstance(column.dtype, np.dtype):
            return values.dates(column, form)
        if how == DATE and code != "M":
            return values.dates(column, form)
        if how == TEXT and not (code == "O" and isinstance(column.dtype, np.dtype)):
            return values.texts(column)
        if how == TEXT and any(not isinstance(value, str) and value is not np.nan for value in column):
            return values.texts(column)
    except (ValueError, TypeError, OverflowError) as error:
        wanted = {NUMBER: "numbers", DATE: f"dates ({form})"}.get(how, how)
        raise ValueError(f"column {name!r} holds {wanted}: {error}") from error
    return None
