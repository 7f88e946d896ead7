from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpsearch.ladder.narrow import narrow
from hpsearch.space import Choice, Float, Int, check_point, check_space, is_active

SPACE = check_space(
    {
        "eta": Float(0.01, 10, log=True),
        "l2": Float(0.0, 8.0),
        "rate": Float(0.1, 0.9, step=0.1),
        "layers": Int(1, 3),
        "width": Int(4, 512, log=True),
        "batch": Int(10, 100, step=10),
        "optimizer": Choice(["sgd", "momentum", "adam"]),
        "momentum": Float(0.0, 0.99, when={"optimizer": "momentum"}),
        "second": Int(1, 9, when={"layers": [2, 3]}),
    }
)


def point_of(units: list[float]) -> dict[str, Any]:
    ranges: dict[str, Any] = {}
    for (name, dim), unit in zip(SPACE.items(), units, strict=True):
        if is_active(dim, ranges):
            ranges[name] = dim.from_unit(unit)
    return ranges


units = st.lists(st.floats(0, 1, exclude_max=True), min_size=len(SPACE), max_size=len(SPACE))


@given(points=st.lists(units.map(point_of), min_size=1, max_size=4), margin=st.sampled_from([0.0, 0.1, 1.0]))
def test_a_box_holds_the_points_it_is_drawn_around_and_lies_in_the_space(points: list[Any], margin: float) -> None:
    box = check_space(narrow(SPACE, points, margin))
    for point in points:
        assert check_point(box, point, "promoted") == point
    for name, dim in box.items():
        old = SPACE[name]
        if not isinstance(dim, Choice) and not isinstance(old, Choice):
            assert old.low <= dim.low < dim.high <= old.high
            assert old.contains(dim.low)


@given(points=st.lists(units.map(point_of), min_size=1, max_size=4))
def test_a_margin_of_everything_keeps_every_range(points: list[Any]) -> None:
    box = narrow(SPACE, points, 1.0)
    for name in ("l2", "rate", "layers", "batch"):
        assert box[name] == SPACE[name]


def test_a_margin_is_measured_in_the_ranges_own_measure() -> None:
    box = narrow({"eta": SPACE["eta"]}, [{"eta": 0.1}, {"eta": 1.0}], 1 / 3)
    eta = box["eta"]
    assert isinstance(eta, Float)
    assert math.isclose(eta.low, 0.01, rel_tol=1e-9)
    assert math.isclose(eta.high, 10, rel_tol=1e-9)


def test_options_that_no_point_has_go_and_with_them_what_depends_on_them() -> None:
    box = narrow(SPACE, [{"optimizer": "sgd", "layers": 1, "eta": 1.0}], 0.0)
    assert box["optimizer"].grid() == ["sgd"]
    assert "momentum" not in box
    assert check_space(box)


def test_options_of_other_points_stay_and_their_values_do_not_count() -> None:
    others = [{"optimizer": "adam", "eta": 9.0}]
    box = narrow(SPACE, [{"optimizer": "sgd", "layers": 1, "eta": 1.0}], 0.0, others)
    assert box["optimizer"].grid() == ["sgd", "adam"]
    assert not isinstance(box["eta"], Choice)
    assert box["eta"].high < 9 or box["eta"] == SPACE["eta"]


def test_a_condition_is_narrowed_with_its_parent() -> None:
    space = check_space({"layers": Choice([1, 2, 3]), "second": Int(1, 9, when={"layers": [2, 3]})})
    box = narrow(space, [{"layers": 2, "second": 4}, {"layers": 1}], 0.0)
    assert dict(box["second"].when or {}) == {"layers": [2]}


@pytest.mark.parametrize("dim", [Float(0, 1), Int(1, 9), Int(1, 512, log=True), Float(0.1, 0.9, step=0.1)])
def test_one_point_without_margin_leaves_a_space_that_can_be_searched(dim: Any) -> None:
    value = dim.from_unit(0.4)
    (box,) = check_space(narrow({"x": dim}, [{"x": value}], 0.0)).values()
    assert box.contains(value)
