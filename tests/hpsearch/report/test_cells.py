"""What is exported can be read back as what it was: values of several kinds, None, and numbers that are none."""

from __future__ import annotations

import csv
import io
import json
import math
from typing import Any

import logs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpsearch import space as spaces
from hpsearch.log.history import Goal, History
from hpsearch.log.records import Ask, Decision, Row, Tick
from hpsearch.report.export import to_bytes
from hpsearch.space import Choice, Int, check_space

ABSENT = object()
GOAL = Goal("val_accuracy", "maximize")


def study(
    values: list[Any], options: list[Any] | None = None, metrics: list[dict[str, float]] | None = None
) -> History:
    """A study of trials with these values of ``x``, which some of them lack."""
    params = [{} if value is ABSENT else {"x": value} for value in values]
    asks = tuple(Ask(i, i, point, i) for i, point in enumerate(params))
    reported = metrics or [{"val_accuracy": 0.5}] * len(values)
    rows = tuple(Row(i, i, 1, metrics) for i, metrics in enumerate(reported))
    fails = tuple(Decision(i, "fail", "why", "failure") for i in range(len(values)))
    declared = spaces.to_json(check_space({"x": Choice(options)} if options else {}))
    return History.fold([logs.header(space=declared), Tick(0, 1.0, asks, rows, fails)], GOAL)


def cells(history: History, **how: Any) -> list[str]:
    return [row["params.x"] for row in csv.DictReader(io.StringIO(to_bytes(history, **how).decode()))]


@pytest.mark.parametrize(
    ("values", "written"),
    [
        ([3, 4.5, True], ["3", "4.5", "true"]),
        (["3", "4"], ["3", "4"]),
        (["auto", 5], ["auto", "5"]),
        (["balanced", None], ["balanced", ""]),
        (["he", ABSENT], ["he", ""]),
        ([[30, 10], ABSENT, None], ["[30, 10]", "", "null"]),
        ([3, "3"], ["3", '"3"']),
        ([True, "true", "no"], ["true", '"true"', '"no"']),
        (["[1, 2]", [1, 2]], ['"[1, 2]"', "[1, 2]"]),
        (["", None], ['""', ""]),
        (["null", None, ABSENT], ['"null"', "null", ""]),
    ],
)
def test_values_are_written_plainly_where_that_is_enough(values: list[Any], written: list[str]) -> None:
    assert cells(study(values)) == written


def test_the_declaration_decides_so_that_a_study_that_grows_keeps_its_form() -> None:
    assert cells(study(["3", "3"], ["3", 3])) == ['"3"', '"3"']


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.floats(-2, 2)
    | st.sampled_from(["", "3", "null", "true", "he", "nan", "1e3", "[1]", '"3"', "None"])
)


def same(a: Any, b: Any) -> bool:
    return type(a) is type(b) and repr(a) == repr(b)


def read_parquet(content: bytes) -> Any:
    from pyarrow import parquet

    return parquet.read_table(io.BytesIO(content))


@given(st.lists(SCALARS | st.lists(st.integers(0, 3), max_size=2) | st.just(ABSENT), max_size=8))
def test_two_values_are_never_written_alike(drawn: list[Any]) -> None:
    values = [*drawn, "he"]  # a text among them: a column of numbers alone is one of numbers
    history = study(values)
    csvs = cells(history)
    parquets = read_parquet(to_bytes(history, "parquet"))["params.x"].to_pylist()
    objects = [row.get("params.x", ABSENT) for row in json.loads(to_bytes(history, "json"))]
    for i, a in enumerate(values):
        for j, b in enumerate(values):
            if same(a, b):
                assert csvs[i] == csvs[j]
                continue
            assert csvs[i] != csvs[j], (a, b)
            assert parquets[i] != parquets[j], (a, b)
            assert not same(objects[i], objects[j]), (a, b)


def test_none_and_an_absent_number_are_told_apart_in_parquet_too() -> None:
    table = read_parquet(to_bytes(study([3, None, ABSENT]), "parquet"))
    assert table["params.x"].to_pylist() == ["3", "null", None]


def test_a_number_that_was_measured_as_none_is_not_one_that_is_missing() -> None:
    history = study([1, 2, 3], metrics=[{"val_accuracy": 0.5, "cost": math.nan}, {"val_accuracy": 0.5}, {"cost": 1.0}])
    assert to_bytes(history, curves=True).decode().splitlines()[1:] == [
        "0,1,0,nan,0.5",
        "1,1,0,NaN,0.5",
        "2,1,0,1.0,NaN",
    ]
    assert [row["cost"] for row in json.loads(to_bytes(history, "json", curves=True))] == ["nan", None, 1.0]
    cost = read_parquet(to_bytes(history, "parquet", curves=True))["cost"].to_pylist()
    assert math.isnan(cost[0])
    assert cost[1:] == [None, 1.0]


def test_a_conditional_parameter_that_may_be_none() -> None:
    declared = check_space({"n": Int(1, 9), "x": Choice([None, "he"], when={"n": 1})})
    header = logs.header(space=spaces.to_json(declared))
    asks = (Ask(0, 0, {"n": 1, "x": None}, 0),)
    history = History.fold([header, Tick(0, 1.0, asks, (), (Decision(0, "fail", "why", "failure"),))], GOAL)
    assert cells(history) == ["null"]
