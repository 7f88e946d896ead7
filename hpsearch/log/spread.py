"""Several values of one thing, and how far their mean can be trusted."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass

CONFIDENCE = 0.95
"""The figure behind ± is half the width of an interval that holds the mean with this probability."""


@dataclass(frozen=True)
class Spread:
    """Numbers that differ by their randomness alone.

    Attributes:
        values: The numbers, at least one.
    """

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Their mean."""
        return statistics.fmean(self.values)

    @property
    def std(self) -> float:
        """Their sample standard deviation; NaN for a single one."""
        return statistics.stdev(self.values) if len(self.values) > 1 else math.nan

    @property
    def half(self) -> float:
        """Half the width of the 95 % interval of their mean, by Student's t; NaN for a single one."""
        from scipy.special import stdtrit  # slow to import

        n = len(self.values)
        return float(stdtrit(n - 1, (1 + CONFIDENCE) / 2)) * self.std / math.sqrt(n) if n > 1 else math.nan
