"""The η test: its rules on planted costs, what it finds on digits, and its command."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from hpsearch import Float, MLPClassifier, MLPRegressor, Study
from hpsearch.cli import main
from hpsearch.errors import UserError
from hpsearch.judging.lr_range import judge, judged
from hpsearch.models import datasets
from hpsearch.models.training.population import TrainingData
from hpsearch.objectives.outputs import training_data
from hpsearch.report.sparkline import sparkline
from hpsearch.running.lr_range import UNREGULARISED, guessing_cost, lr_range

STUDY = """
from hpsearch import Float, MLPClassifier, MLPRegressor, Study

study = Study(name="eta", seed=0, model=MLPClassifier(l2=5.0), data="digits",
    space={"learning_rate": Float(0.01, 10, log=True)})
"""


def test_costs_are_judged_by_what_they_fall_below_that_of_guessing() -> None:
    falls = [8.0, 3.5, 2.5, 1.8, 1.2, 0.9]
    assert judge(falls, 3.25) == "falls at once"
    assert judge([8.0, 5.0, 3.6, 3.3, 3.25, 3.24], 3.25) == "hardly falls", "the biases alone"
    assert judge([8.0, 3.5, 1.5, 2.8, 1.4, 2.7], 3.25) == "oscillates"
    assert judge([8.0, 13.0, 3.0, 2.0, 1.5, 1.2], 3.25) == "oscillates", "it rose before it fell"
    assert judge([8.0, 28.0, 20.0, 13.0, 14.0, 13.0], 3.25) == "rises"
    assert judge([8.0, 28.0, math.inf], 3.25) == "diverges"
    assert judge([8.0, 3.5, 2.5, 1.8, 1.2, 1.25], 3.25) == "falls at once", "noise"


def planted(**ends: list[float]) -> dict[float, list[float]]:
    return {float(rate.strip("_")) / 100: cost for rate, cost in ends.items()}


def test_the_threshold_is_the_largest_rate_that_falls_at_once_and_keeps_up() -> None:
    result = judged(
        planted(
            _1=[8.0, 3.3, 3.2],
            _10=[8.0, 2.0, 1.0],
            _50=[8.0, 1.0, 0.4],
            _100=[8.0, 1.2, 0.5],
            _200=[8.0, 1.7, 1.1],
            _400=[8.0, 30.0, 40.0, 35.0],
        ),
        3.25,
    )
    assert [trace.verdict for trace in result.traces] == [
        "hardly falls",
        "falls at once",
        "falls at once",
        "falls at once",
        "lags",
        "rises",
    ]
    assert (result.threshold, result.suggestion) == (1.0, 0.5), "2.0 falls at once too, and is left behind"


def test_a_rate_that_falls_beyond_one_that_oscillates_does_so_by_luck() -> None:
    result = judged(planted(_1=[8.0, 2.0, 0.5], _10=[8.0, 1.0, 3.0, 0.5], _50=[8.0, 1.0, 0.55]), 3.25)
    assert [trace.verdict for trace in result.traces] == ["falls at once", "oscillates", "lags"]
    assert (result.threshold, result.suggestion) == (0.01, 0.01)


def test_of_costs_that_are_about_as_low_the_smallest_rate_is_suggested_by_its_last_epoch() -> None:
    result = judged(planted(_1=[8.0, 3.0, 0.9, 0.1], _10=[8.0, 2.0, 0.42, 0.42], _50=[8.0, 1.0, 0.4, 0.4]), 3.25, 2)
    assert result.suggestion == 0.1, "0.01 was that low by chance in the last stretch alone"
    assert judged({0.1: [8.0, math.inf]}, 3.25).threshold is None


@pytest.fixture(scope="module")
def digits() -> datasets.Dataset:
    return datasets.load("digits")


@pytest.mark.parametrize(
    ("params", "low", "high"),
    [
        ({}, 1.0, 4.0),
        ({"activation": "relu"}, 0.1, 0.6),
        ({"activation": "relu", "output": "softmax", "cost": "log_likelihood"}, 0.2, 1.0),
        ({"optimizer": "momentum"}, 0.1, 0.4),
        ({"cost": "quadratic", "weight_init": "gaussian"}, 1.0, 12.0),
    ],
)
def test_on_digits_the_threshold_lies_where_training_breaks(
    params: dict[str, Any], low: float, high: float, digits: datasets.Dataset
) -> None:
    result = lr_range(Study("eta", MLPClassifier(**params), data="digits"), digits)
    assert result.threshold is not None
    assert low <= result.threshold <= high
    assert result.traces[0].verdict == "hardly falls"
    assert result.traces[-1].verdict != "falls at once"
    assert len({trace.cost[0] for trace in result.traces}) == 1, "all begin from the same weights"


@pytest.mark.parametrize("params", [{}, {"optimizer": "momentum", "output": "softmax", "cost": "log_likelihood"}])
def test_the_suggestion_trains_as_well_as_the_best_of_its_table(
    params: dict[str, Any], digits: datasets.Dataset
) -> None:
    result = lr_range(Study("eta", MLPClassifier(**params), data="digits"), digits)

    def accuracy(rate: float | None) -> float:
        net = MLPClassifier(learning_rate=rate, max_epochs=15, random_state=0, **params)
        return float(net.fit(digits.X_train, digits.y_train).score(digits.X_valid, digits.y_valid))

    table = [accuracy(trace.learning_rate) for trace in result.traces if trace.verdict == "falls at once"]
    assert accuracy(result.suggestion) >= max(table) - 0.015
    assert accuracy(8 * result.threshold) < 0.9 if result.threshold else False


REGULARISED: list[dict[str, Any]] = [
    {"l2": 50.0},
    {"l1": 50.0},
    {"max_norm": 0.5},
    {"dropout": 0.5},
    {"input_dropout": 0.2},
    {"augmentation": "affine"},
]


@pytest.mark.parametrize("regularised", REGULARISED, ids=[next(iter(params)) for params in REGULARISED])
def test_no_regularisation_of_any_kind_takes_part(regularised: dict[str, Any], digits: datasets.Dataset) -> None:
    one, other = (
        lr_range(Study("eta", MLPClassifier(**params), data="digits"), digits, 1) for params in ({}, regularised)
    )
    assert one == other, "the same costs, and the function of the study alone"


def test_every_parameter_that_regularises_is_left_out() -> None:
    from hpsearch.models.parameters import DEFAULTS

    assert {next(iter(params)) for params in REGULARISED} == set(UNREGULARISED) <= set(DEFAULTS)
    assert all(DEFAULTS[name] == value for name, value in UNREGULARISED.items())


def test_a_regressor_is_tested_against_the_cost_of_the_mean(digits: datasets.Dataset) -> None:
    rng = np.random.default_rng(0)
    X = rng.random((200, 4)).astype("float32")
    y = np.stack([X @ [1.0, -2.0, 3.0, 0.5], np.sin(3 * X[:, 0])], axis=1)
    table = replace(digits, X_train=X, y_train=y, X_valid=X[:50], y_valid=y[:50], X_test=None, y_test=None)
    result = lr_range(Study("eta", MLPRegressor(), data=(X, y)), table)
    assert result.guessing == pytest.approx(y.var(axis=0).sum() / 2, rel=1e-6)
    assert result.epochs == 15, "three hundred steps of ten samples"
    assert result.threshold is not None
    assert result.suggestion is not None
    assert min(trace.end for trace in result.traces) < 0.2 * result.guessing
    assert result.traces[-1].verdict != "falls at once"


@pytest.mark.parametrize(
    ("output", "cost"),
    [("sigmoid", "cross_entropy"), ("softmax", "log_likelihood"), ("sigmoid", "quadratic"), ("tanh", "quadratic")],
)
def test_guessing_costs_what_a_network_of_biases_alone_comes_down_to(
    output: str, cost: str, digits: datasets.Dataset
) -> None:
    data = training_data(digits, "float32")
    p = data.T_train.mean(axis=0)
    t = 2 * data.T_train - 1 if output == "tanh" else data.T_train
    a = 2 * p - 1 if output == "tanh" else p
    slow = {
        "cross_entropy": -(t * np.log(a) + (1 - t) * np.log(1 - a)).sum(axis=1) if output != "tanh" else None,
        "log_likelihood": -(t * np.log(p)).sum(axis=1),
        "quadratic": ((a - t) ** 2).sum(axis=1) / 2,
    }[cost]
    assert slow is not None
    assert guessing_cost({"cost": cost, "output": output}, data) == pytest.approx(float(slow.mean()), rel=1e-4)


@given(st.lists(st.integers(0, 40), min_size=2, max_size=6).filter(any))
def test_guessing_with_the_hinge_cost_is_a_linear_programme(counts: list[int]) -> None:
    # minimise Σ_y p_y·Σ_{j≠y} ξ_yj over scores s and ξ ≥ 0 with ξ_yj ≥ s_j − s_y + 1
    C, pairs = len(counts), [(y, j) for y in range(len(counts)) for j in range(len(counts)) if j != y]
    shares = np.array(counts) / sum(counts)
    above = np.zeros((len(pairs), C + len(pairs)))
    for row, (y, j) in enumerate(pairs):
        above[row, [j, y, C + row]] = 1, -1, -1
    weights = np.concatenate([np.zeros(C), [shares[y] for y, _ in pairs]])
    free: list[tuple[float | None, float | None]] = [(None, None)] * C
    least = linprog(weights, above, -np.ones(len(pairs)), bounds=[*free, *[(0, None)] * len(pairs)]).fun
    labels = np.repeat(np.arange(C), counts)
    data = TrainingData.from_arrays(np.zeros((len(labels), 1)), labels, C, dtype="float64")
    assert guessing_cost({"output": "linear"}, data) == pytest.approx(least, abs=1e-9)


def test_a_pipeline_is_tested_behind_its_transformers(digits: datasets.Dataset) -> None:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MaxAbsScaler

    study = Study("eta", make_pipeline(MaxAbsScaler(), MLPClassifier()), data="digits")
    assert lr_range(study, digits, 1).threshold is not None


def test_another_model_is_refused(digits: datasets.Dataset) -> None:
    from sklearn.linear_model import LogisticRegression

    study = Study("eta", LogisticRegression(), space={"C": Float(0.1, 1)}, data="digits")
    with pytest.raises(UserError, match="needs an MLPClassifier or an MLPRegressor, not LogisticRegression"):
        lr_range(study, digits)


@pytest.fixture
def study_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "eta.py").write_text(STUDY)
    return "eta.py"


def test_the_command_shows_a_curve_per_rate_and_the_suggestion(
    study_file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lr-range", study_file, "--epochs", "2", "-o", "eta.svg"]) == 0
    out = capsys.readouterr().out
    assert "threshold\n" in out
    assert "<- suggestion" in out
    assert "suggestion: learning_rate=" in out
    assert "without any regularisation" in out
    assert any(block in out for block in sparkline([0, 1, 2]))
    assert out.endswith("the plot is in eta.svg\n")
    drawing = ElementTree.parse("eta.svg").getroot()
    lines = drawing.findall("{http://www.w3.org/2000/svg}polyline")
    assert len(lines) == 13
    assert not Path("mlruns").exists()


def test_the_command_gives_json_and_a_page(study_file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["lr-range", study_file, "--epochs", "1", "--json", "-o", "eta.html", "--set", "model.batch_size=20"]) == 0
    )
    value = json.loads(capsys.readouterr().out)
    assert value["study"] == "eta@model.batch_size=20"
    assert value["suggestion"] <= value["threshold"]
    assert len(value["rates"]) == 13
    assert Path("eta.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_plot_of_another_kind_is_refused_before_anything_trains(
    study_file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lr-range", study_file, "-o", "eta.png"]) == 2
    assert "the plot is written as .svg or .html" in capsys.readouterr().err


@pytest.mark.parametrize("params", [{"batch_size": "all"}, {"batch_size": 100}, {"class_weight": "balanced"}])
def test_batches_that_do_not_divide_the_data_and_class_weights_are_fine(
    params: dict[str, Any], digits: datasets.Dataset
) -> None:
    study = Study(name="eta", model=MLPClassifier(hidden_layer_sizes=(5,), **params), data="digits", seed=0)
    assert {trace.verdict for trace in lr_range(study, digits, 2).traces} - {"diverges"}
