"""A study in MLflow's words, without MLflow."""

from __future__ import annotations

import math
import posixpath
import re
from collections.abc import Callable
from dataclasses import replace

import logs
from hypothesis import given
from hypothesis import strategies as st

from hpsearch.log.history import Goal, History, Trial
from hpsearch.log.records import Ask, Record, Row
from hpsearch.study.declared import Declaration
from hpsearch.tracking import content, spelling
from hpsearch.tracking.spelling import MAX_KEY, MAX_PARAM


@given(st.text(max_size=400))
def test_every_name_becomes_a_key_that_mlflow_takes(name: str) -> None:
    key = spelling.key(name)
    assert re.fullmatch(r"[/\w.\- :]+", key)
    assert len(key) <= MAX_KEY
    assert posixpath.normpath(key) == key
    assert not key.startswith(("/", ".."))


@given(st.sets(st.text(st.sampled_from("a@#/. _"), min_size=1, max_size=6), min_size=2))
def test_different_names_become_different_keys(names: set[str]) -> None:
    assert len({spelling.key(name) for name in names}) == len(names)


def test_the_names_that_people_use_stay_as_they_are() -> None:
    for name in ("val_accuracy", "mlp__l2", "space.learning_rate.low", "train/loss", "top 5", "η"):
        assert spelling.key(name) == name


@given(st.text(max_size=3), st.integers(0, 3000))
def test_a_value_is_whole_or_says_how_long_it_was(unit: str, times: int) -> None:
    whole = unit * times
    text = spelling.text(whole, MAX_PARAM)
    assert len(text) <= MAX_PARAM
    assert text == whole or text.endswith(f"… ({len(whole)} characters; whole in params.json)")


def test_nested_declarations_become_flat_and_empty_parts_stay_visible() -> None:
    assert spelling.flat({"a": {"b": 1, "c": {"d": [2]}}, "e": {}}) == {"a.b": 1, "a.c.d": [2], "e": {}}


def test_a_trial_has_all_parameters_of_its_model_with_its_own_on_top() -> None:
    declaration = Declaration(model={"class": "x", "params": {"l2": 0.0, "momentum": None}})
    asked = Trial(Ask(0, 0, {"l2": 5.0, "mlp__alpha": 1}, 0), asked_at=0.0)
    assert content.trial_params(declaration, asked) == {"l2": 5.0, "momentum": None, "mlp__alpha": 1}
    assert content.trial_params(Declaration(objective={"source": "…"}), asked) == {"l2": 5.0, "mlp__alpha": 1}


def test_a_study_s_own_number_of_epochs_is_what_its_trials_show() -> None:
    trial = Trial(Ask(0, 0, {"l2": 5.0}, 0), asked_at=0.0)
    declaration = Declaration(model={"class": "x", "params": {"max_epochs": 30}}, epochs=3)
    assert content.trial_params(declaration, trial) == {"l2": 5.0, "max_epochs": 3}
    assert content.trial_params(replace(declaration, epochs=None), trial)["max_epochs"] == 30


def test_points_carry_the_log_s_time_and_the_epoch_as_step() -> None:
    trial = Trial(Ask(0, 0, {}, 0), asked_at=0.0, ticks=[3, 4])
    trial.rows = [Row(0, 0, 1, {"loss": 0.5}, 0.25), Row(0, 0, 2, {"loss": -math.inf}, 0.25)]
    points = content.trial_points(trial, [0.0, 0.0, 0.0, 7.0, 8.5], 0)
    assert [(point.key, point.timestamp, point.step) for point in points] == [
        ("epoch_seconds", 7000, 1),
        ("loss", 7000, 1),
        ("epoch_seconds", 8500, 2),
        ("loss", 8500, 2),
    ]
    assert math.isnan(points[3].value)
    assert content.trial_points(trial, [0.0, 0.0, 0.0, 7.0, 8.5], 2) == []


def test_a_staged_study_is_not_at_its_end_between_two_stages() -> None:
    made = logs.two_stages(float, n_trials=None, stages=[{"train": 100, "trials": 8}, {"trials": 8}])
    states = [
        content.study_state(History.fold(made[:count], Goal("val_accuracy", "maximize")), False) for count in (2, 3)
    ]
    assert states == ["INTERRUPTED", "COMPLETE"]


def test_a_study_is_at_its_end_when_it_was_stopped_or_made_all_its_trials(records: Callable[..., list[Record]]) -> None:
    goal = Goal("val_accuracy", "maximize")
    made = records(n_trials=3, lanes=1)
    assert content.study_state(History.fold(made, goal), alive=False) == "COMPLETE"
    assert content.study_state(History.fold(made[:-1], goal), alive=False) == "INTERRUPTED"
    assert content.study_state(History.fold(made[:-1], goal), alive=True) == "RUNNING"
    between = next(n for n in range(2, len(made)) if not History.fold(made[:n], goal).running())
    assert content.study_state(History.fold(made[:between], goal), alive=False) == "INTERRUPTED"
