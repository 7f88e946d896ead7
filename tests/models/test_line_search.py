import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpsearch.models.line_search import FALL, FLATTEN, MOST, SearchPoint, search

CURVES = {
    "a bowl": (lambda t: (t - 3) ** 2, lambda t: 2 * (t - 3)),
    "waves on a slope": (
        lambda t: 0.01 * t * t - 0.1 * t - 0.3 * math.sin(2 * t),
        lambda t: 0.02 * t - 0.1 - 0.6 * math.cos(2 * t),
    ),
    "a valley with walls": (lambda t: (t - 2) ** 8, lambda t: 8 * (t - 2) ** 7),
    "steep, then flat": (lambda t: -t / (t * t + 2), lambda t: (t * t - 2) / (t * t + 2) ** 2),  # of Moré and Thuente
    "a bowl that ends in nothing": (lambda t: (t - 1) ** 2 if t < 1.5 else math.nan, lambda t: 2 * (t - 1)),
}


def along(name):
    value, slope = CURVES[name]
    tried = []

    def evaluate(t):
        tried.append(t)
        return SearchPoint(t, value(t), slope(t))

    return evaluate, SearchPoint(0.0, value(0.0), slope(0.0)), tried


@pytest.mark.parametrize("name", CURVES)
@settings(max_examples=50)
@given(first=st.floats(-6, 4).map(lambda e: 10**e))
def test_both_wolfe_conditions_hold_wherever_the_search_begins(name, first):
    evaluate, start, tried = along(name)
    lowest = search(evaluate, start, first)
    assert len(tried) <= MOST
    assert lowest.length > 0
    assert lowest.value <= start.value + FALL * lowest.length * start.slope
    assert abs(lowest.slope) <= FLATTEN * abs(start.slope)


def test_a_first_length_that_is_good_is_the_only_one_that_is_tried():
    evaluate, start, tried = along("a bowl")
    assert search(evaluate, start, 3.0).length == 3.0
    assert tried == [3.0]


def test_a_cost_that_rises_everywhere_ends_where_it_began():
    start = SearchPoint(0.0, 1.0, -1.0)  # a slope that is wrong: rounding has the word
    assert search(lambda t: SearchPoint(t, 1.0 + t, 1.0), start, 1.0) is start


def test_a_cost_that_falls_for_ever_ends_as_low_as_it_was_seen():
    lowest = search(lambda t: SearchPoint(t, -t, -1.0), SearchPoint(0.0, 0.0, -1.0), 1.0)
    assert lowest.length == 4.0 ** (MOST - 1)
