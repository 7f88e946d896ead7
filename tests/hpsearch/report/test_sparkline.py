from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpsearch.report.sparkline import ASCII, BLOCKS, sparkline

NUMBERS = st.floats(allow_nan=True, allow_infinity=True)


@pytest.mark.parametrize(
    ("values", "drawn"),
    [
        ([], ""),
        ([0.5], "▅"),
        ([0.5, 0.5, 0.5], "▅▅▅"),
        ([0, 1, 2, 3, 4, 5, 6, 7], "▁▂▃▄▅▆▇█"),
        ([7, 0], "█▁"),
        ([1.0, math.nan, 2.0], "▁x█"),
        ([math.nan, math.inf], "xx"),
        ([-1.7e308, 0.0, 1.7e308], "▁▅█"),
    ],
)
def test_a_curve_is_drawn_from_its_lowest_to_its_highest(values: list[float], drawn: str) -> None:
    assert sparkline(values) == drawn


def test_a_long_curve_is_cut_into_equal_stretches_of_their_means() -> None:
    # Stretches (0, 0), (4, 6), (10, 10) have the means 0, 5, 10.
    assert sparkline([0, 0, 4, 6, 10, 10], 3) == "▁▅█"
    assert sparkline([0, math.nan, 10, math.nan, math.nan, math.nan], 3) == "▁█x"


def test_a_terminal_without_block_characters_gets_plain_ones() -> None:
    assert sparkline([0, 7], ascii_only=True) == "_#"
    assert len(ASCII) == len(BLOCKS)


@given(st.lists(NUMBERS, max_size=100), st.integers(1, 60))
def test_any_curve_fits_the_width_and_is_drawn_in_known_characters(values: list[float], width: int) -> None:
    drawn = sparkline(values, width)
    assert len(drawn) == min(len(values), width)
    assert set(drawn) <= set(BLOCKS) | {"x"}


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30))
def test_a_higher_value_never_gets_a_lower_block(values: list[float]) -> None:
    drawn = sparkline(values)
    heights = [BLOCKS.index(block) for block in drawn]
    order = sorted(range(len(values)), key=values.__getitem__)
    assert all(heights[a] <= heights[b] for a, b in pairwise(order))
