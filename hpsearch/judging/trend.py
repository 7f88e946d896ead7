"""Whether values get better towards an end of a range by more than chance."""

from __future__ import annotations

import math
import statistics
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

SURE = 0.05
"""A trend counts where values without one would show it this rarely (one-sided)."""


def trend(places: Sequence[float], losses: Sequence[float]) -> float:
    """Return how probable it is that losses without a trend fall towards higher places as much as these do.

    The one-sided p-value of Spearman's rank correlation, by Student's t; 1 where there are fewer than four values, or
    where all are the same.
    """
    n = len(places)
    if n < 4 or len(set(places)) == 1 or len(set(losses)) == 1:
        return 1.0
    correlation = statistics.correlation(_ranks(places), _ranks(losses))
    if correlation <= -1 + 1e-12:
        return 1 / math.factorial(n)
    from scipy.special import stdtr  # slow to import

    return float(stdtr(n - 2, correlation * math.sqrt((n - 2) / max(1 - correlation**2, 1e-12))))


def _ranks(values: Sequence[float]) -> list[float]:
    """Return each value's rank from 1; equal values share the mean of theirs."""
    ordered = sorted(values)
    return [(bisect_left(ordered, value) + bisect_right(ordered, value) + 1) / 2 for value in values]
