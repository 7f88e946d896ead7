"""Rows as columns hold exactly what a list of rows would."""

from __future__ import annotations

import math
import pickle
import sys
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpsearch.log.records import Row
from hpsearch.log.rows import Rows

numbers = st.floats(allow_nan=False)
metrics = st.dictionaries(st.sampled_from(["val_accuracy", "train_cost", "score"]), numbers, max_size=3)
the_same = st.fixed_dictionaries({"train_cost": numbers, "score": numbers})


@st.composite
def lists(draw: st.DrawFn) -> list[Row]:
    reported = draw(st.sampled_from([metrics, the_same]))
    appended = [Row(3, 1, epoch, draw(reported), draw(numbers)) for epoch in range(1, draw(st.integers(0, 6)) + 1)]
    if appended and draw(st.booleans()):
        last = appended[-1]
        appended[-1] = Row(3, 1, last.epoch, last.metrics, last.seconds, failure="diverged", traceback="words")
    return appended


@given(lists())
def test_rows_are_the_list_that_was_appended(appended: list[Row]) -> None:
    rows = Rows(appended)
    assert list(rows) == appended
    assert rows == appended
    assert len(rows) == len(appended)
    assert rows[1:] == appended[1:]
    assert rows[::-2] == appended[::-2]
    assert [list(row.metrics) for row in rows] == [list(row.metrics) for row in appended]
    for name in ("val_accuracy", "score"):
        assert rows.curve(name) == [row.metrics[name] for row in appended if name in row.metrics]
        assert rows.curve(name, until=2) == [row.metrics[name] for row in appended[:2] if name in row.metrics]
        assert rows.column(name) == [row.metrics.get(name) for row in appended]
    assert rows.metrics == list(dict.fromkeys(name for row in appended for name in row.metrics))
    assert rows.epochs == [row.epoch for row in appended]
    assert rows.times == [row.seconds for row in appended]
    assert rows.epoch == len(appended)
    if appended:
        assert rows[-1] == appended[-1]
        assert rows[-len(appended)] == appended[0]
    assert pickle.loads(pickle.dumps(rows)) == appended


def test_numbers_that_are_not_finite_are_kept_and_a_place_beyond_the_end_is_an_error() -> None:
    rows = Rows([Row(0, 0, 1, {"score": math.nan}), Row(0, 0, 2, {"score": -math.inf}, 1.5)])
    assert math.isnan(rows[0].metrics["score"])
    assert rows[1] == Row(0, 0, 2, {"score": -math.inf}, 1.5)
    assert rows.seconds == 1.5
    with pytest.raises(IndexError):
        rows[2]


def test_a_row_takes_less_than_a_hundred_bytes() -> None:
    def size(n: int) -> int:
        tracemalloc.start()
        rows = Rows(Row(0, 0, epoch, {"val_accuracy": epoch / 7, "val_cost": epoch / 3}, 0.1) for epoch in range(n))
        held = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert len(rows) == n
        return held

    assert (size(3000) - size(1000)) / 2000 < 100
    assert sys.getsizeof(Row(0, 0, 1, {})) + sys.getsizeof({"a": 1.0, "b": 1.0}) > 100
