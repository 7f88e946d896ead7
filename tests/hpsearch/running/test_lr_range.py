"""The η test: its rules on planted costs, what it finds on digits, and its command."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from hpsearch import Float, MLPClassifier, Study
from hpsearch.cli import main
from hpsearch.errors import UserError
from hpsearch.models import datasets
from hpsearch.objectives.outputs import training_data
from hpsearch.report.sparkline import sparkline
from hpsearch.running.lr_range import LrRange, Trace, guessing_cost, judge, lr_range, threshold

STUDY = """
from hpsearch import Float, MLPClassifier, Study

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


def test_the_threshold_ends_the_first_run_of_rates_that_fall() -> None:
    verdicts: list[Any] = ["hardly falls", "falls at once", "falls at once", "oscillates", "falls at once"]
    traces = [Trace(10.0**i, (1.0,), verdict) for i, verdict in enumerate(verdicts)]
    assert threshold(traces) == 100.0
    assert threshold(traces[:1]) is None
    assert LrRange(tuple(traces), 1, 1.0, 2.5).suggestion == 1.2


@pytest.fixture(scope="module")
def digits() -> datasets.Dataset:
    return datasets.load("digits")


@pytest.mark.parametrize(
    ("params", "low", "high"),
    [
        ({}, 1.0, 6.0),
        ({"activation": "relu"}, 0.1, 0.6),
        ({"activation": "relu", "output": "softmax", "cost": "log_likelihood"}, 0.2, 1.0),
        ({"optimizer": "momentum"}, 0.1, 0.6),
        ({"cost": "quadratic", "weight_init": "gaussian"}, 1.0, 12.0),
    ],
)
def test_on_digits_the_threshold_lies_where_training_breaks(
    params: dict[str, Any], low: float, high: float, digits: datasets.Dataset
) -> None:
    found = lr_range(Study("eta", MLPClassifier(**params), data="digits"), digits)
    assert found.threshold is not None
    assert low <= found.threshold <= high
    assert found.traces[0].verdict == "hardly falls"
    assert found.traces[-1].verdict != "falls at once"
    assert len({trace.cost[0] for trace in found.traces}) == 1, "all begin from the same weights"


def test_half_the_threshold_trains_well_and_eight_times_it_does_not(digits: datasets.Dataset) -> None:
    found = lr_range(Study("eta", MLPClassifier(), data="digits"), digits)
    assert found.suggestion is not None

    def accuracy(rate: float) -> float:
        net = MLPClassifier(learning_rate=rate, max_epochs=12, random_state=0).fit(digits.X_train, digits.y_train)
        return float(net.score(digits.X_valid, digits.y_valid))

    assert accuracy(found.suggestion) > 0.93
    assert accuracy(8 * found.threshold) < 0.6 if found.threshold else False


def test_the_test_is_a_function_of_the_study_and_ignores_its_regularisation(digits: datasets.Dataset) -> None:
    one, other = (lr_range(Study("eta", MLPClassifier(l2=l2), data="digits"), digits, 1) for l2 in (0.0, 50.0))
    assert one == other


@pytest.mark.parametrize(("output", "cost"), [("sigmoid", "cross_entropy"), ("softmax", "log_likelihood"),
                                              ("sigmoid", "quadratic"), ("tanh", "quadratic")])  # fmt: skip
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


def test_a_pipeline_is_tested_behind_its_transformers(digits: datasets.Dataset) -> None:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MaxAbsScaler

    study = Study("eta", make_pipeline(MaxAbsScaler(), MLPClassifier()), data="digits")
    assert lr_range(study, digits, 1).threshold is not None


def test_another_model_is_refused(digits: datasets.Dataset) -> None:
    from sklearn.linear_model import LogisticRegression

    study = Study("eta", LogisticRegression(), space={"C": Float(0.1, 1)}, data="digits")
    with pytest.raises(UserError, match="needs an MLPClassifier, not LogisticRegression"):
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
    assert "<- threshold" in out
    assert "suggestion: learning_rate=" in out
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
    assert value["suggestion"] == pytest.approx(value["threshold"] / 2, rel=0.05)
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
