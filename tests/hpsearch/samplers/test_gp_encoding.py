from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hpsearch.samplers.gp_encoding import Encoding
from hpsearch.space import Choice, Float, Int, active

MIXED = {
    "kind": Choice(["sgd", "momentum", (1, 2)]),
    "rate": Float(1e-4, 10, log=True),
    "width": Int(1, 64, log=True),
    "depth": Int(1, 3, when={"kind": ["momentum", (1, 2)]}),
    "share": Float(0, 1, step=0.1, when={"kind": "momentum"}),
    "both": Choice([True, False], when={"depth": [2, 3]}),
    "free": Float(-1, 1, when={"both": True}),
}


def unit_rows(rows: int, dims: int) -> st.SearchStrategy[np.ndarray]:
    return hnp.arrays(float, (rows, dims), elements=st.floats(0, 1, exclude_max=True))


@given(unit_rows(5, len(MIXED)))
def test_a_candidate_has_the_code_of_the_point_that_it_becomes(units: np.ndarray) -> None:
    encoding = Encoding(MIXED)
    points = [encoding.decode(row) for row in units]
    codes = encoding.codes(units, encoding.active(units))
    assert codes.shape == (5, encoding.width)
    np.testing.assert_allclose(encoding.encode(points)[1], codes, atol=1e-12)


@given(unit_rows(3, 4))
def test_codes_of_equal_points_are_equal_bits_where_all_values_can_be_counted(units: np.ndarray) -> None:
    space = {
        "a": Int(1, 300, log=True),
        "b": Float(0, 1, step=0.1),
        "c": Choice(["x", "y", "z"]),
        "d": Int(-3, 9, step=4),
    }
    encoding = Encoding(space)
    codes = encoding.codes(units, encoding.active(units))
    again = encoding.encode([encoding.decode(row) for row in units])[1]
    assert codes.tobytes() == again.tobytes()


@given(unit_rows(4, len(MIXED)), st.integers(0, 9), st.sampled_from([0.02, 0.3, 2.0]))
def test_what_is_perturbed_stays_in_the_space(units: np.ndarray, seed: int, scale: float) -> None:
    encoding = Encoding(MIXED)
    moved = encoding.perturb(units, scale, np.random.default_rng(seed))
    assert ((moved >= 0) & (moved < 1)).all()
    for row in moved:
        point = encoding.decode(row)
        assert list(point) == active(MIXED, point)
        assert all(MIXED[name].contains(value) for name, value in point.items())


def test_a_step_moves_a_counted_range_by_a_value_at_least() -> None:
    encoding = Encoding({"a": Int(0, 9)})
    units, _ = encoding.encode([{"a": 4}] * 50)
    moved = encoding.perturb(units, 1e-6, np.random.default_rng(0))
    assert {encoding.decode(row)["a"] for row in moved} == {3, 5}


@pytest.mark.parametrize(
    ("dim", "values", "positions"),
    [
        (Float(0.01, 1, log=True), [0.01, 0.1, 1.0], [0, 0.5, 1]),
        (Float(-1, 3), [-1.0, 0.0, 3.0], [0, 0.25, 1]),
        (Float(0, 1, step=0.25), [0.0, 0.5, 1.0], [0.1, 0.5, 0.9]),
        (Int(0, 4), [0, 1, 4], [0.1, 0.3, 0.9]),
        (Int(1, 7, log=True), [2], [np.log(2 / 0.5) / np.log(7.5 / 0.5)]),
    ],
)
def test_a_number_stands_at_its_place_in_the_range(
    dim: Float | Int, values: list[float], positions: list[float]
) -> None:
    codes = Encoding({"x": dim}).encode([{"x": value} for value in values])[1]
    np.testing.assert_allclose(codes[:, 0], positions)


def test_between_two_whole_numbers_lies_nothing() -> None:
    encoding = Encoding({"x": Int(0, 4)})
    units = np.array([[0.21], [0.3], [0.39]])
    assert len({row.tobytes() for row in encoding.codes(units, np.ones((3, 1), bool))}) == 1


def test_two_options_are_as_far_apart_as_the_ends_of_a_range() -> None:
    codes = Encoding({"x": Choice(["a", "b", "c"])}).encode([{"x": "a"}, {"x": "b"}, {"x": "c"}])[1]
    distances = np.linalg.norm(codes[:, None] - codes[None], axis=-1)
    np.testing.assert_allclose(distances, 1 - np.eye(3))


def test_what_does_not_exist_is_neutral_and_says_so() -> None:
    when = {"kind": "momentum"}
    space = {
        "kind": Choice(["sgd", "momentum"]),
        "mu": Float(0, 1, when=when),
        "nesterov": Choice([True, False], when=when),
    }
    encoding = Encoding(space)
    assert encoding.width == 2 + 1 + 2 + 1, "one column for the condition that two dimensions share"
    without, withal = encoding.encode([{"kind": "sgd"}, {"kind": "momentum", "mu": 0.9, "nesterov": True}])[1]
    np.testing.assert_allclose(without[2:], [0.5, np.sqrt(0.5) / 2, np.sqrt(0.5) / 2, 0])
    np.testing.assert_allclose(withal[2:], [0.9, np.sqrt(0.5), 0, 1])
