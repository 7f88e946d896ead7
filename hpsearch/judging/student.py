"""Student's t: how far the mean of a few numbers may be off, and whether paired numbers differ."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from hpsearch.log.spread import Spread


def half_width(values: Sequence[float]) -> float:
    """Return half the width of the 95 % interval of the mean of independent numbers; NaN for a single one."""
    return Spread(tuple(values)).half


def paired_test(differences: Sequence[float]) -> tuple[float, float]:
    """Return t and the two-sided p-value of Student's paired test, given at least two differences.

    Differences that are all equal have no spread: they are taken for certain (t infinite, p = 0), or for no difference
    at all where they are 0 (t = 0, p = 1).
    """
    from scipy.special import stdtr  # scipy.stats, which has the test too, is slow to import

    n = len(differences)
    mean, spread = statistics.fmean(differences), statistics.stdev(differences)
    if spread == 0:
        return (0.0, 1.0) if mean == 0 else (math.copysign(math.inf, mean), 0.0)
    t = mean / (spread / math.sqrt(n))
    return t, float(2 * stdtr(n - 1, -abs(t)))
