"""Labels of planted curves, and of real trainings on digits that show each fault."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from hpsearch.judging import diagnosis
from hpsearch.judging.diagnosis import diagnose, diagnose_curves
from hpsearch.log.history import Goal, History, Trial
from hpsearch.log.records import Ask, Decision, Row
from hpsearch.log.rows import Rows
from hpsearch.models import datasets
from hpsearch.models.training.population import Member, Population, TrainingData
from hpsearch.objectives.outputs import training_data
from hpsearch.report import tables, terminal
from hpsearch.study.declared import Declaration
from hpsearch.tracking import content

N = 30
NOISE = np.random.default_rng(0).normal(0, 0.01, N)


def falling(to: float, pace: float = 0.3) -> list[float]:
    return [to + (3.0 - to) * math.exp(-pace * i) * (1 + NOISE[i]) for i in range(N)]


PLANTED: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "settles": ("good", {"train_cost": falling(0.3), "val_cost": falling(0.4)}, {}),
    "settles without validation": ("good", {"train_cost": falling(0.3)}, {}),
    "not finite": ("learning rate too large", {"train_cost": [3.0, 9.0, math.inf]}, {}),
    "not a number at once": ("learning rate too large", {"train_cost": [math.nan]}, {}),
    "rises": ("learning rate too large", {"train_cost": [3.0, 2.0, *[2.0 + 0.1 * i for i in range(20)]]}, {}),
    "leaps": ("learning rate too large", {"train_cost": [3.0 - 0.05 * i + 0.4 * (i % 2) for i in range(N)]}, {}),
    "leaps on validation alone": (
        "learning rate too large",
        {"train_cost": falling(0.3), "val_cost": [1.0 + 0.8 * (i % 2) for i in range(N)]},
        {},
    ),
    "leaps at the floor are no oscillation": (
        "good",
        {"train_cost": [3 * math.exp(-0.5 * i) + 0.01 * (1 + i % 2) for i in range(N)]},
        {},
    ),
    "hardly creeps": ("learning rate too small", {"train_cost": [3.0 * 0.99999**i for i in range(N)]}, {}),
    "creeps": ("learning rate too small", {"train_cost": [3.0 * 0.99**i for i in range(N)]}, {}),
    "stands still": (
        "saturated neurons",
        {"train_cost": [4.0, *(3.3 + NOISE[1:] / 10)], "train_accuracy": [0.1] * N},
        {},
    ),
    "plateau, then falls": (
        "saturated neurons",
        {"train_cost": [1.0, 0.86, 0.85, 0.84, 0.83, *[0.5 * 0.9**i for i in range(20)]]},
        {},
    ),
    "saturation is reported": (
        "saturated neurons",
        {"train_cost": [3.0 * 0.99**i for i in range(N)], "saturation": [0.9] * N},
        {},
    ),
    "validation turns": (
        "overfitting",
        {"train_cost": falling(0.0, 0.1), "val_cost": [0.5 + 0.01 * abs(i - 10) for i in range(N)]},
        {},
    ),
    "decay wins": (
        "lambda dominating",
        {"train_cost": falling(2.5), "val_cost": falling(2.55), "train_accuracy": [0.5] * N},
        {"learning_rate": 0.5, "l2": 30.0, "batch_size": 10},
    ),
    "the same without decay": (
        "good",
        {"train_cost": falling(2.5), "val_cost": falling(2.55), "train_accuracy": [0.5] * N},
        {"learning_rate": 0.5, "l2": 0.0, "batch_size": 10},
    ),
    "in a pipeline": (
        "lambda dominating",
        {"train_cost": falling(2.5), "val_cost": falling(2.55), "train_accuracy": [0.5] * N},
        {"mlp__learning_rate": 0.5, "mlp__l2": 30.0, "mlp__batch_size": 10},
    ),
    "still falls": ("not converged", {"train_cost": [3.0 * 0.93**i for i in range(N)]}, {}),
    "two epochs": ("unclear", {"train_cost": [3.0, 2.0]}, {}),
    "nothing reported": ("unclear", {}, {}),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_curve_gets_its_label(name: str) -> None:
    label, curves, params = PLANTED[name]
    finding = diagnose_curves(curves, params)
    assert finding.label == label, finding
    assert "\n" not in finding.reason


def test_overfitting_says_from_which_epoch_on() -> None:
    finding = diagnose_curves(*PLANTED["validation turns"][1:])
    assert finding.evidence["from_epoch"] == 11
    assert "from epoch 11" in str(finding)


def test_a_trial_that_diverged_says_so_and_one_that_failed_otherwise_is_unclear() -> None:
    for reason, label in (("diverged at epoch 1: …", "learning rate too large"), ("ValueError: no", "unclear")):
        trial = Trial(Ask(0, 0, {}, 0), 0.0, rows=Rows([Row(0, 0, 1, {}, failure=reason)]))
        trial.decision = Decision(0, "fail", reason, "failure")
        assert diagnose(trial).label == label


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=12), st.lists(st.floats(), max_size=12))
def test_any_curve_has_a_label(cost: list[float], val: list[float]) -> None:
    finding = diagnose_curves({"train_cost": cost, "val_cost": val, "train_accuracy": cost}, {"l2": 1.0})
    assert finding.label in diagnosis.Label.__args__  # type: ignore[attr-defined]


# Real trainings on digits. Each row is (label, parameters, epochs, training images, or None for all).
REAL: dict[str, tuple[str, dict[str, Any], int, int | None]] = {
    "η=0.5": ("good", {"learning_rate": 0.5, "l2": 1.0}, 30, None),
    "η=2.5": ("good", {"learning_rate": 2.5}, 30, None),
    "η=5 oscillates": ("learning rate too large", {"learning_rate": 5.0}, 30, None),
    "η=25 rises": ("learning rate too large", {"learning_rate": 25.0}, 30, None),
    "η=250 leaps": ("learning rate too large", {"learning_rate": 250.0}, 30, None),
    "η=1e5 diverges": ("learning rate too large", {"learning_rate": 1e5}, 30, None),
    "η=0.01 creeps": ("learning rate too small", {"learning_rate": 0.01}, 30, None),
    "η=0.0001 creeps": ("learning rate too small", {"learning_rate": 0.0001}, 30, None),
    "quadratic cost, wrong and saturated": (
        "saturated neurons",
        {"learning_rate": 0.15, "cost": "quadratic", "weight_init": "gaussian"},
        30,
        None,
    ),
    "quadratic cost, driven to 0": ("saturated neurons", {"learning_rate": 100.0, "cost": "quadratic"}, 30, None),
    "dead ReLUs": ("saturated neurons", {"learning_rate": 2.5, "activation": "relu"}, 30, None),
    "λ=30": ("lambda dominating", {"learning_rate": 0.5, "l2": 30.0}, 30, None),
    "λ=1000": ("lambda dominating", {"learning_rate": 0.1, "l2": 1000.0}, 30, None),
    "η=0.05 not yet": ("not converged", {"learning_rate": 0.05}, 30, None),
    "5 epochs": ("not converged", {"learning_rate": 0.5}, 5, None),
    "300 images, no hidden layer": ("overfitting", {"learning_rate": 0.5, "hidden_layer_sizes": ()}, 300, 300),
    "50 images": ("overfitting", {"learning_rate": 2.5, "hidden_layer_sizes": (100,)}, 300, 50),
}


@pytest.fixture(scope="module")
def digits() -> datasets.Dataset:
    return datasets.load("digits")


def train(digits: datasets.Dataset, settings: dict[str, Any], epochs: int, images: int | None) -> Trial:
    X, y = digits.X_train[:images], digits.y_train[:images]
    data = training_data(digits, "float32")
    if images is not None:
        data = TrainingData.from_arrays(X, y, 10, digits.X_valid, digits.y_valid)
    params = {"hidden_layer_sizes": (30,), "batch_size": 10, **settings}
    population = Population([Member({**params, "max_epochs": epochs}, (0, 1, 0))], data)
    trial = Trial(Ask(0, 0, params, 0), 0.0)
    for tick in range(epochs):
        (result,) = population.run_epoch((0, 2, 0, 0, tick))
        trial.rows.append(Row(0, 0, tick + 1, result.metrics))
        if result.failure:
            trial.decision = Decision(0, "fail", result.failure, "failure")
            break
    return trial


@pytest.mark.parametrize("name", REAL)
def test_a_real_training_gets_its_label(name: str, digits: datasets.Dataset) -> None:
    label, params, epochs, images = REAL[name]
    finding = diagnose(train(digits, params, epochs, images))
    assert finding.label == label, finding


def test_a_trial_that_ended_carries_its_diagnosis_as_a_tag_and_the_tables_show_it(digits: datasets.Dataset) -> None:
    trial = train(digits, {"learning_rate": 0.5, "l2": 30.0}, 30, None)
    trial.ask = Ask(0, 0, {"learning_rate": 0.5, "l2": 30.0}, 0)
    trial.decision = Decision(0, "complete", "all 30 epochs done", "epochs")
    declaration = Declaration(model={"class": "MLPClassifier", "params": {"batch_size": 10}})
    history = History(Goal("val_accuracy", "maximize"))
    history.declaration, history.trials, history.best = declaration, [trial], trial
    assert "hpsearch.diagnosis" not in content.trial_outcome(trial, trial.state, declaration), "others are yet to come"
    tags = content.diagnosis_tags(history)[0]
    assert tags["hpsearch.diagnosis"] == "lambda dominating", "the model's batch size counts"
    assert "ηλ/B = 1.5" in tags["hpsearch.diagnosis.reason"]
    text = terminal.render(tables.show_blocks("s", history), Console(width=200))
    assert "lambda dominating" in text
    assert tables.show_json("s", history)["trials"][0]["diagnosis"]["label"] == "lambda dominating"


def test_the_page_says_every_label_and_the_thresholds_that_hold() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "diagnosis.md").read_text(encoding="utf-8")
    for label in diagnosis.Label.__args__:  # type: ignore[attr-defined]
        assert f"`{label}`" in page
    documented = dict(re.findall(r"^\| `([A-Z]+)` \| ([\d.]+) \|", page, re.MULTILINE))
    held = {name: value for name, value in vars(diagnosis).items() if name.isupper()}
    assert {name: float(value) for name, value in documented.items()} == held


def test_the_network_s_own_monitors_tell_of_saturation() -> None:
    rows = [Row(0, 0, e + 1, {"train_cost": 3.0 * 0.99**e, "saturated_1": 0.9, "saturated_2": 0.8}) for e in range(8)]
    trial = Trial(Ask(0, 0, {}, 0), 0.0, rows=Rows(rows))
    finding = diagnose(trial)
    assert finding.label == "saturated neurons"
    assert finding.evidence["saturation"] == pytest.approx(0.85)
