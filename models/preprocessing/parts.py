"""Columns as numbers that a network takes: parts of dates, heavy tails tamed, text made plain."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from ..kernels import Array

DAY = 86_400_000_000
"""Microseconds in a day."""

YEAR = 365.2425
"""Days in a year."""


class SmoothClip(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Gives z/√(1 + (z/b)²) of standardised numbers z: the identity near 0, never beyond ±b.

    Outliers keep their order and lose their weight. From RealMLP (Holzmüller et al. 2024, arXiv 2407.04491, section 3).

    Args:
        bound: b; what it gives stays within ±b.

    Examples:
        >>> from hpsearch import SmoothClip
        >>> SmoothClip().fit_transform([[0.1], [-1.0], [100.0]]).round(3).ravel()
        array([ 0.1  , -0.949,  2.999])
    """

    def __init__(self, bound: float = 3.0) -> None:
        self.bound = bound

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn nothing but the number of columns."""
        self.n_features_in_ = np.asarray(X).shape[1]
        return self

    def transform(self, X: Any) -> Array:
        """Return the clipped numbers, float64 of the shape of X."""
        z = np.asarray(X, np.float64)
        # Instances that were saved before the parameter existed lack it.
        clipped: Array = z / np.sqrt(1 + (z / getattr(self, "bound", 3.0)) ** 2)
        return clipped

    def get_feature_names_out(self, input_features: Any = None) -> Any:
        """Return the names of the columns, which are those that come in."""
        return np.asarray(input_features, object)


class PlainText(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Readies a column of free text for a vectorizer: a text for each row, empty where one is missing.

    Examples:
        >>> from hpsearch import PlainText
        >>> PlainText().fit_transform([["a text"], [None], [7]])
        array(['a text', '', '7'], dtype=object)
    """

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn nothing but the number of columns."""
        self.n_features_in_ = np.asarray(X, object).reshape(len(X), -1).shape[1]
        return self

    def transform(self, X: Any) -> Array:
        """Return the texts of a frame or array of shape (n, 1), shape (n,)."""
        column = np.asarray(X, object).reshape(-1)
        return np.array(["" if value is None or value != value else str(value) for value in column], object)


class DateParts(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turns dates and times into numbers.

    Each column becomes the time in days since the earliest of training, standardised; the year's, the week's and,
    where times of day differ, the day's phase as sine and cosine; and whether it is missing, where that occurs. The
    year's phase needs half a year of training data, the week's two weeks.

    Attributes:
        spans_: For each column its parts' settings: mean and deviation (days), the lengths of its cycles in days.

    Examples:
        >>> import pandas as pd
        >>> from hpsearch import DateParts
        >>> frame = pd.DataFrame({"sold": pd.date_range("2024-01-01", periods=30)})
        >>> parts = DateParts().fit(frame)
        >>> parts.get_feature_names_out().tolist(), parts.transform(frame).shape
        (['sold_days', 'sold_sin_7', 'sold_cos_7'], (30, 3))
    """

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn how long the columns span and what is missing.

        Args:
            X: Dates, frame or array of datetime64, shape (n, columns).
            y: Not used.
        """
        columns = _days(X)
        self.n_features_in_ = columns.shape[1]
        if hasattr(X, "columns"):
            self.feature_names_in_ = np.asarray(X.columns, object)
        self.spans_: list[tuple[float, float, bool, list[float]]] = []
        for days in columns.T:
            present = days[np.isfinite(days)]
            present = present if len(present) else np.zeros(1)
            span = float(np.ptp(present))
            cycles = [YEAR] if span > YEAR / 2 else []
            cycles += [7.0] if span > 14 and len(np.unique(np.floor(present) % 7)) > 1 else []
            cycles += [1.0] if len(np.unique(present % 1.0)) > 1 else []
            missing = bool(len(present) < len(days))
            self.spans_.append((float(present.mean()), float(present.std()) or 1.0, missing, cycles))
        return self

    def transform(self, X: Any) -> Array:
        """Return the parts of all columns, float64 of shape (n, parts)."""
        check_is_fitted(self, "spans_")
        columns: list[Array] = []
        for days, (mean, deviation, missing, cycles) in zip(_days(X).T, self.spans_, strict=True):
            absent = ~np.isfinite(days)
            filled = np.where(absent, mean, days)
            columns.append((filled - mean) / deviation)
            for cycle in cycles:
                angle = 2 * np.pi * filled / cycle
                columns += [np.where(absent, 0.0, np.sin(angle)), np.where(absent, 0.0, np.cos(angle))]
            if missing:
                columns.append(absent.astype(np.float64))
        return np.column_stack(columns)

    def get_feature_names_out(self, input_features: Any = None) -> Any:
        """Return the names of the parts, such as sold_days and sold_sin_365."""
        known_names = getattr(self, "feature_names_in_", None)
        names = [f"x{i}" for i in range(self.n_features_in_)] if known_names is None else list(known_names)
        part_names = []
        for name, (_, _, missing, cycles) in zip(names, self.spans_, strict=True):
            part_names.append(f"{name}_days")
            part_names += [f"{name}_{wave}_{cycle:.0f}" for cycle in cycles for wave in ("sin", "cos")]
            part_names += [f"{name}_missing"] if missing else []
        return np.array(part_names, object)


def _days(X: Any) -> Array:
    """Return dates as days since 1970, float64, NaN where one is missing."""
    moments = np.asarray(X).astype("datetime64[us]")
    days = moments.astype(np.int64) / DAY
    return np.where(np.isnat(moments), np.nan, days)
