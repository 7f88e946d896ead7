"""Student's t against SciPy's own test and interval."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from hpsearch.judging.student import half_width, paired_test
from hpsearch.log.spread import CONFIDENCE


@pytest.mark.parametrize("n", [2, 3, 6, 40])
def test_the_paired_test_is_scipys(n: int) -> None:
    rng = np.random.default_rng(n)
    a, b = rng.normal(size=n), rng.normal(0.5, size=n)
    expected = stats.ttest_rel(a, b)
    assert paired_test((a - b).tolist()) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-12)


def test_equal_differences_are_certain() -> None:
    assert paired_test([0.0, 0.0]) == (0.0, 1.0)
    assert paired_test([0.1, 0.1, 0.1]) == (math.inf, 0.0)
    assert paired_test([-0.1, -0.1, -0.1]) == (-math.inf, 0.0)


@pytest.mark.parametrize("n", [2, 3, 6, 40])
def test_the_interval_of_a_mean_is_scipys(n: int) -> None:
    values = np.random.default_rng(n).normal(size=n)
    low, high = stats.t.interval(CONFIDENCE, n - 1, values.mean(), stats.sem(values))
    assert half_width(values.tolist()) == pytest.approx((high - low) / 2, rel=1e-12)


def test_a_single_number_has_no_interval() -> None:
    assert math.isnan(half_width([1.0]))
