"""How probable a trend is by chance: against SciPy's Spearman test, and counted over permutations."""

from __future__ import annotations

import itertools
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from hpsearch.judging.trend import trend

numbers = st.integers(-20, 20).map(float)


@given(st.lists(st.tuples(numbers, numbers), min_size=4, max_size=30))
def test_it_is_spearmans_test(pairs: list[tuple[float, float]]) -> None:
    places, losses = (list(column) for column in zip(*pairs, strict=True))
    p_value = trend(places, losses)
    if len(set(places)) == 1 or len(set(losses)) == 1:
        assert p_value == 1.0
    elif abs(spearmanr(places, losses).statistic) < 1 - 1e-9:
        assert p_value == pytest.approx(spearmanr(places, losses, alternative="less").pvalue, abs=1e-9)


def test_a_perfect_order_is_as_rare_as_one_permutation_among_all() -> None:
    places = [1.0, 2.0, 3.0, 4.0, 5.0]
    falling = sorted(places, reverse=True)
    among = [order == tuple(falling) for order in itertools.permutations(places)]
    assert trend(places, falling) == pytest.approx(statistics.fmean(among))
    assert trend(places, places) == pytest.approx(1.0)


def test_fewer_than_four_values_say_nothing() -> None:
    assert trend([1.0, 2.0, 3.0], [3.0, 2.0, 1.0]) == 1.0
