from __future__ import annotations

import csv
import io
import json
import math
import subprocess
import sys
from dataclasses import replace
from typing import Any

import logs
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpsearch.log.history import Goal, History
from hpsearch.log.records import Ask, Decision, Row, Tick
from hpsearch.log.rows import Rows
from hpsearch.report.export import curves_frame, to_bytes, trials_frame

GOAL = Goal("val_accuracy", "maximize")

TRIALS = """\
number,state,value,best_epoch,epochs,point,repeat,stage,lane,params.l2,params.learning_rate,params.sizes,reason
0,COMPLETE,0.8,3,3,0,0,0,0,5.0,0.1,,all 3 epochs done
1,PRUNED,0.2,1,1,1,0,0,1,0.5,0.001,,"0.2 at epoch 1 is below the rung, 3rd of 4"
2,FAILED,0.3,1,2,2,0,0,2,0.1,1000000.0,,"cost is nan, ""diverged\"""
3,COMPLETE,0.9,2,3,3,0,0,3,,0.5,"[30, 10]",all 3 epochs done
"""

CURVES = """\
trial,epoch,tick,cost,val_accuracy
0,1,0,0.1,0.1
0,2,1,0.01,0.3333333333333333
0,3,2,0.001,0.8
1,1,0,0.1,0.2
2,1,0,0.1,0.3
2,2,1,0.01,nan
3,1,0,0.1,0.7
3,2,1,0.01,0.9
3,3,2,0.001,0.85
"""


@pytest.fixture
def history() -> History:
    return History.fold(logs.records(), GOAL)


def one_epoch(metrics: list[dict[str, float]], params: list[dict[str, Any]]) -> History:
    """A study whose trials all failed after one epoch."""
    asks = tuple(Ask(i, i, point, i) for i, point in enumerate(params))
    rows = tuple(Row(i, i, 1, reported) for i, reported in enumerate(metrics))
    fails = tuple(Decision(i, "fail", "why", "failure") for i in range(len(metrics)))
    return History.fold([logs.header(), Tick(0, 1.0, asks, rows, fails)], GOAL)


def test_trials_are_rows_by_number_with_parameters_by_name(history: History) -> None:
    assert to_bytes(history).decode() == TRIALS


def test_curves_are_rows_by_trial_and_epoch_with_metrics_by_name(history: History) -> None:
    assert to_bytes(history, curves=True).decode() == CURVES


@pytest.mark.parametrize("format", ["csv", "json", "parquet"])
@pytest.mark.parametrize("curves", [False, True])
def test_the_same_study_on_another_day_and_machine_gives_the_same_bytes(
    history: History, format: Any, curves: bool
) -> None:
    other = History.fold(logs.records(start=1_800_000_000.0), GOAL)
    for trial in other.trials:
        trial.rows = Rows(replace(row, seconds=99.0) for row in trial.rows)
    assert to_bytes(other, format, curves=curves) == to_bytes(history, format, curves=curves)


def test_json_says_the_same_as_csv(history: History) -> None:
    rows = json.loads(to_bytes(history, "json"))
    assert [list(row) for row in rows] == [TRIALS.splitlines()[0].split(",")] * 4
    assert [row["params.sizes"] for row in rows] == [None, None, None, [30, 10]]
    curves = json.loads(to_bytes(history, "json", curves=True))
    assert [row["val_accuracy"] for row in curves] == [0.1, 1 / 3, 0.8, 0.2, 0.3, "nan", 0.7, 0.9, 0.85]


def test_infinities_survive_csv_and_are_words_in_json() -> None:
    study = one_epoch([{"cost": math.inf}, {"cost": -math.inf}], [{}, {}])
    assert pd.read_csv(io.BytesIO(to_bytes(study, curves=True)))["cost"].tolist() == [math.inf, -math.inf]
    assert [row["cost"] for row in json.loads(to_bytes(study, "json", curves=True))] == ["inf", "-inf"]


def test_what_is_missing_is_nan_for_a_number_and_nothing_for_a_parameter() -> None:
    study = one_epoch([{"a": 1.0}, {"b": 2.0}], [{"p": "x"}, {"q": 1}])
    assert to_bytes(study, curves=True).decode().splitlines() == [
        "trial,epoch,tick,a,b",
        "0,1,0,1.0,NaN",
        "1,1,0,NaN,2.0",
    ]
    assert to_bytes(study).decode().splitlines()[1:] == [
        "0,FAILED,NaN,NaN,1,0,0,0,0,x,,why",
        "1,FAILED,NaN,NaN,1,1,0,0,1,,1,why",
    ]


@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=20))
def test_floats_read_back_to_the_same_bits(values: list[float]) -> None:
    study = one_epoch([{"cost": value} for value in values], [{"η": value} for value in values])
    curves = list(csv.DictReader(io.StringIO(to_bytes(study, curves=True).decode())))
    assert [float(row["cost"]).hex() for row in curves] == [value.hex() for value in values]
    trials = list(csv.DictReader(io.StringIO(to_bytes(study).decode())))
    assert [float(row["params.η"]).hex() for row in trials] == [value.hex() for value in values]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), min_size=1, max_size=5))
def test_words_of_any_kind_read_back(texts: list[str]) -> None:
    study = one_epoch([{}] * len(texts), [{"p": text} for text in texts])
    rows = list(csv.DictReader(io.StringIO(to_bytes(study).decode(), newline="")))
    assert [row["params.p"] for row in rows] == texts


def test_a_study_without_a_trial_is_a_header_alone() -> None:
    empty = History.fold([logs.header()], GOAL)
    assert to_bytes(empty).decode() == "number,state,value,best_epoch,epochs,point,repeat,stage,lane,reason\n"
    assert to_bytes(empty, curves=True) == b"trial,epoch,tick\n"
    assert json.loads(to_bytes(empty, "json")) == []
    assert trials_frame(empty).empty
    assert curves_frame(empty).empty


def test_frames_hold_what_the_csv_says(history: History) -> None:
    for frame, text in ((trials_frame(history), TRIALS), (curves_frame(history), CURVES)):
        read = pd.read_csv(io.StringIO(text))
        assert list(frame.columns) == list(read.columns)
        for name in read.columns:
            if name != "params.sizes":  # a list in the frame, its text in the csv
                pd.testing.assert_series_equal(frame[name], read[name], check_dtype=False)
    assert trials_frame(history)["value"].dtype == "float64"


def test_parquet_holds_what_the_frame_holds_with_mixed_choices_as_text() -> None:
    pytest.importorskip("pyarrow")
    study = one_epoch([{"cost": 1.5}] * 3, [{"p": 1}, {"p": "a"}, {"p": [1, 2]}])
    frame = pd.read_parquet(io.BytesIO(to_bytes(study, "parquet")))
    assert frame["params.p"].tolist() == ["1", "a", "[1, 2]"]
    curves = pd.read_parquet(io.BytesIO(to_bytes(study, "parquet", curves=True)))
    pd.testing.assert_frame_equal(curves, curves_frame(study))


def test_text_needs_no_pandas() -> None:
    code = "import sys; from hpsearch.report import export; print('pandas' in sys.modules, 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
