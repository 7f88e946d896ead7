from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpsearch.errors import UserError
from hpsearch.space import (
    Choice,
    Float,
    Int,
    active,
    check_point,
    check_space,
    distributions,
    from_json,
    restore,
    to_json,
)

floats = st.floats(1e-6, 1e6)
ranges = st.tuples(floats, floats).filter(lambda pair: pair[0] != pair[1]).map(sorted)
dims = st.one_of(
    st.builds(lambda pair, log: Float(*pair, log=log), ranges, st.booleans()),
    st.builds(lambda low, n, step: Float(low, low + n * step, step=step), floats, st.integers(1, 50), st.just(0.1)),
    st.builds(lambda low, n, log: Int(low, low + n, log=log), st.integers(1, 9), st.integers(1, 999), st.booleans()),
    st.builds(
        lambda low, n, step: Int(low, low + n, step=step), st.integers(-9, 9), st.integers(1, 99), st.integers(1, 9)
    ),
    st.builds(
        Choice, st.lists(st.one_of(st.integers(2, 9), st.text(), st.tuples(st.integers())), min_size=1, unique=True)
    ),
)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Float(2, 1), "inverted"),
        (lambda: Float(1, 1), "empty"),
        (lambda: Int(3, 3), "empty"),
        (lambda: Float(0, 1, log=True), "log range must start above 0"),
        (lambda: Int(-1, 5, log=True), "log range must start above 0"),
        (lambda: Float(math.nan, 1), "low must be finite"),
        (lambda: Float(0, math.inf), "high must be finite"),
        (lambda: Float(0, 1, step=0), "step must be greater than 0"),
        (lambda: Int(0, 9, step=-2), "step must be greater than 0"),
        (lambda: Float(0.1, 1, log=True, step=0.1), "exclude each other"),
        (lambda: Int(1, 9, log=True, step=2), "exclude each other"),
        (lambda: Float("0", 1), "low must be a number"),
        (lambda: Float(0, True), "high must be a number"),
        (lambda: Int(0.5, 2), "low must be a whole number"),
        (lambda: Choice([]), "nothing to choose from"),
        (lambda: Choice("abc"), "give a list"),
        (lambda: Choice({1, 2}), "give a list"),
        (lambda: Choice([1, 2, 1]), "equals an earlier one"),
        (lambda: Choice([(30,), [30]]), "equals an earlier one"),
        (lambda: Choice([0, False]), "equals an earlier one"),
        (lambda: Choice([math.nan]), "only finite numbers"),
        (lambda: Choice([object()]), "needs a name"),
        (lambda: Choice([1], when={}), "must be a dict"),
        (lambda: Float(0, 1, when="b"), "must be a dict"),
    ],
)
def test_a_wrong_dimension_is_refused_in_one_clear_line(make: Any, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({1: Float(0, 1)}, "must be a text"),
        ({"": Float(0, 1)}, "must be a text"),
        ({"a": {"b": 1}}, "a dict of options is"),
        ({"a": Float}, "is the class"),
        ({"a": Float(0, 1, when={"b": 1}), "b": Int(0, 3)}, "no earlier dimension"),
        ({"optim": Choice(["sgd"]), "m": Float(0, 1, when={"optin": "sgd"})}, "did you mean 'optim'"),
        ({"o": Choice(["sgd", "adam"]), "m": Float(0, 1, when={"o": ["sgd", "adm"]})}, "never holds"),
    ],
)
def test_a_wrong_space_is_refused_in_one_clear_line(space: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        check_space(space)


def test_a_list_stands_for_a_choice() -> None:
    assert check_space({"a": [1, 2]}) == {"a": Choice([1, 2])}


@pytest.mark.parametrize(
    ("dim", "text"),
    [
        (Float(0.01, 100, log=True), "Float(0.01, 100, log=True)"),
        (Float(0, 1, step=0.25), "Float(0, 1, step=0.25)"),
        (Float(0.123456789, 1), "Float(0.123456789, 1)"),
        (Int(1, 10_000_000), "Int(1, 10000000)"),
        (Choice(["sgd", (30, 10), None]), "Choice(['sgd', (30, 10), None])"),
        (Float(0, 1, when={"o": "sgd"}), "Float(0, 1, when={'o': 'sgd'})"),
        (Int(0, 1, when={"o": ["sgd", "adam"]}), "Int(0, 1, when={'o': ['sgd', 'adam']})"),
    ],
)
def test_a_dimension_reads_as_it_is_written(dim: Any, text: str) -> None:
    assert repr(dim) == text


@given(st.dictionaries(st.text(min_size=1), dims, max_size=4))
def test_a_space_survives_json(space: dict[str, Any]) -> None:
    assert (
        from_json(json.loads(json.dumps(to_json(space)))).items()
        == {name: Choice(dim.grid()) if isinstance(dim, Choice) else dim for name, dim in space.items()}.items()
    )


def test_a_condition_survives_json() -> None:
    space = {"o": Choice(["a", (1,)]), "m": Float(0, 1, when={"o": (1,)}), "n": Int(1, 2, when={"o": ["a", (1,)]})}
    back = from_json(json.loads(json.dumps(to_json(space))))
    for value in ("a", [1]):
        assert active(back, {"o": value, "m": 0.5, "n": 1}) == active(space, {"o": value, "m": 0.5, "n": 1})


@given(dims, st.floats(0, 1, exclude_max=True))
def test_every_fraction_gives_a_native_value_of_the_dimension(dim: Any, unit: float) -> None:
    value = dim.from_unit(unit)
    assert dim.contains(value)
    assert json.loads(json.dumps(value)) == value
    assert isinstance(dim, Choice) or type(value) is (float if isinstance(dim, Float) else int)


@given(dims)
def test_a_grid_holds_each_value_once(dim: Any) -> None:
    size = dim.count()
    if size is None:
        with pytest.raises(UserError, match="grid over a continuous range"):
            dim.grid()
        return
    values = dim.grid()
    assert len(values) == size == len({repr(value) for value in values})
    assert all(dim.contains(value) for value in values)


def test_stepped_values_are_those_that_one_writes_down() -> None:
    assert Float(0, 1, step=0.1).grid() == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    assert Float(0, 1, step=0.3).grid() == [0.0, 0.3, 0.6, 0.9]
    assert Int(1, 10, step=4).grid() == [1, 5, 9]


def test_a_log_range_is_halved_at_its_geometric_mean() -> None:
    assert Float(0.01, 100, log=True).from_unit(0.5) == pytest.approx(1.0)
    assert [Int(1, 4, log=True).from_unit(u) for u in (0.0, 0.5, 0.99)] == [1, 2, 4]


@pytest.mark.parametrize(
    ("dim", "inside", "outside"),
    [
        (Float(0, 1), [0, 0.5, 1.0], [1.1, "0.5", True, math.nan, None]),
        (Float(0, 1, step=0.25), [0.25, 0.75], [0.3]),
        (Int(0, 10, step=5), [0, 5, 10], [3, 5.0, True]),
        (Choice([(30,), "a", None]), [[30], (30,), "a", None], ["b", 30]),
    ],
)
def test_contains(dim: Any, inside: list[Any], outside: list[Any]) -> None:
    assert all(dim.contains(value) for value in inside)
    assert not any(dim.contains(value) for value in outside)


CONDITIONAL = {
    "optimizer": Choice(["sgd", "momentum", "adam"]),
    "momentum": Float(0, 1, when={"optimizer": ["momentum"]}),
    "decay": Choice([True, False], when={"optimizer": ["momentum", "adam"]}),
    "rate": Float(0, 1, when={"decay": True}),
}


@pytest.mark.parametrize(
    ("params", "names"),
    [
        ({"optimizer": "sgd"}, ["optimizer"]),
        ({"optimizer": "momentum", "momentum": 0.9, "decay": False}, ["optimizer", "momentum", "decay"]),
        ({"optimizer": "adam", "decay": True, "rate": 0.1}, ["optimizer", "decay", "rate"]),
        ({"optimizer": "sgd", "decay": True, "rate": 0.1}, ["optimizer"]),
    ],
)
def test_a_dimension_exists_where_those_it_depends_on_say_so(params: dict[str, Any], names: list[str]) -> None:
    assert active(CONDITIONAL, params) == names


@pytest.mark.parametrize(
    ("point", "message"),
    [
        ({"optimizer": "momentum", "decay": False}, "no value for 'momentum'"),
        ({"optimizer": "sgd", "momentum": 0.9}, "does not exist here"),
        ({"optimizer": "rms"}, r"optimizer='rms' is not in"),
        ({"optimizr": "sgd"}, "did you mean 'optimizer'"),
    ],
)
def test_a_point_by_hand_must_fit(point: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        check_point(CONDITIONAL, point, "enqueue[0]")


def test_tuples_come_back_from_the_log_as_they_were_written() -> None:
    space = {"sizes": Choice([(30,), (100, 30)]), "l2": Float(0, 1)}
    assert restore(space, {"sizes": [100, 30], "l2": 0.5}) == {"sizes": (100, 30), "l2": 0.5}


@given(dims, st.floats(0, 1, exclude_max=True))
def test_a_value_survives_optuna(dim: Any, unit: float) -> None:
    value = dim.from_unit(unit)
    distribution = distributions.distribution(dim)
    inner = distribution.to_internal_repr(distributions.to_optuna(dim, value))
    assert distribution._contains(inner)
    assert distributions.from_optuna(dim, distribution.to_external_repr(inner)) == value


def test_an_option_that_was_taken_out_is_still_what_it_was_for_trials_from_before() -> None:
    assert Choice([(1, 2), (3,)]).value([4, 5]) == (4, 5)
    assert Choice(["a", "b"]).value("c") == "c"
    with pytest.raises(UserError, match="'gone' is no longer among the options"):
        Choice({"here": object()}).value("gone")
