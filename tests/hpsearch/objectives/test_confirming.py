"""Confirming and testing: every kind of model shares a seed's luck between points, and has its look at the test set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import SGDClassifier, SGDRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from hpsearch import Float, Int, MLPClassifier, Study
from hpsearch.judging.confirm import confirmation_lines
from hpsearch.log.records import Ask
from hpsearch.models.datasets import Dataset, load
from hpsearch.objectives.base import Objective, Start
from hpsearch.objectives.staged import prepare

NETWORK = MLPClassifier(hidden_layer_sizes=(6,), max_epochs=2)
CASES: dict[str, tuple[Any, dict[str, Any]]] = {
    "our network": (NETWORK, {"learning_rate": 0.5}),
    "our network in a pipeline": (make_pipeline(StandardScaler(), NETWORK), {"mlpclassifier__learning_rate": 0.5}),
    "our network with a scorer": (NETWORK, {"learning_rate": 0.5}),
    "an epoch at a time": (SGDClassifier(loss="log_loss", max_iter=2), {"alpha": 0.01}),
    "a pipeline, an epoch at a time": (make_pipeline(StandardScaler(), SGDClassifier()), {"sgdclassifier__alpha": 0.1}),
    "a whole fit": (RandomForestClassifier(n_estimators=3), {"max_depth": 3}),
    "a pipeline, a whole fit": (make_pipeline(StandardScaler(), RandomForestClassifier(n_estimators=3)), {}),
}
CONFIRMING, TESTING = 1, 2


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load("digits")


def data_of_halves(digits: Dataset, *, swapped: bool = False) -> Any:
    """Two halves of the validation part, one as the test set."""
    halves = [(digits.X_valid[rows], digits.y_valid[rows]) for rows in (slice(0, 150), slice(150, 300))]
    return ((digits.X_train[:300], digits.y_train[:300]), *(halves[::-1] if swapped else halves))


def study_of(case: str, data: Any) -> Study:
    model, params = CASES[case]
    space = {name: Int(1, 9) if isinstance(value, int) else Float(0.001, 1) for name, value in params.items()}
    scoring = "f1_macro" if "scorer" in case else None
    metric = "val_accuracy"
    return Study(name="c", model=model, space=space, data=data, metric=metric, scoring=scoring, confirm=2, epochs=2)


def objective_of(case: str, data: Any) -> Objective:
    dataset = load(data)
    return prepare(study_of(case, data), dataset).make(dataset)


def trained(
    objective: Objective, case: str, trial: int, stage: int, repeat: int, ticks: range
) -> list[dict[str, float]]:
    objective.start(Start(Ask(trial, 0, CASES[case][1], 0, repeat, stage)))
    rows = [objective.advance([trial], tick)[0] for tick in ticks]
    assert all(row.failure is None for row in rows), rows
    return [row.metrics for row in rows]


@pytest.mark.parametrize("case", CASES)
def test_test_metrics_are_what_the_validation_part_would_give(case: str, digits: Dataset) -> None:
    one, other = (
        trained(objective_of(case, data_of_halves(digits, swapped=swapped)), case, 0, TESTING, 0, range(2))
        for swapped in (False, True)
    )
    for metrics, swapped_metrics in zip(one, other, strict=True):
        compared = [name.removeprefix("val_") for name in metrics if name.startswith("val_")]
        assert "accuracy" in compared
        assert [metrics[f"test_{name}"] for name in compared] == [swapped_metrics[f"val_{name}"] for name in compared]
        assert [metrics[f"val_{name}"] for name in compared] == [swapped_metrics[f"test_{name}"] for name in compared]


@pytest.mark.parametrize("case", CASES)
def test_the_search_and_the_confirmation_never_see_the_test_set(case: str, digits: Dataset) -> None:
    for stage in (0, CONFIRMING):
        for metrics in trained(objective_of(case, data_of_halves(digits)), case, 0, stage, 0, range(1)):
            assert not any(name.startswith("test_") for name in metrics)


@pytest.mark.parametrize("case", CASES)
def test_a_seed_alone_decides_how_a_confirming_trial_trains(case: str, digits: Dataset) -> None:
    objective = objective_of(case, data_of_halves(digits))
    first = trained(objective, case, 3, CONFIRMING, 0, range(2))
    later = trained(objective, case, 8, CONFIRMING, 0, range(20, 22))
    other = trained(objective, case, 9, CONFIRMING, 1, range(20, 22))
    assert first == later
    assert first != other


@pytest.mark.parametrize("case", ["our network in a pipeline", "a whole fit"])
def test_a_study_ends_with_its_look_at_the_test_set(case: str, digits: Dataset, tmp_path: Path) -> None:
    study = replace(study_of(case, data_of_halves(digits)), n_trials=3, confirm_top=2)
    result = study.run(tmp_path, quiet=True, tracking=False)
    assert result.verdict is not None
    assert "test_accuracy" in result.verdict.test
    assert len(result.verdict.test["test_accuracy"].values) == 2
    assert "test set:  test_accuracy" in " ".join(confirmation_lines(result.history))


def test_a_regression_has_its_look_at_the_test_set(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 3))
    y = X @ np.array([1.0, -2.0, 0.5])
    data = ((X[:30], y[:30]), (X[30:60], y[30:60]), (X[60:], y[60:]))
    space: Mapping[str, Any] = {"alpha": Float(0.0001, 0.1, log=True)}
    study = Study(
        name="r", model=SGDRegressor(), space=space, data=data, metric="val_r2", n_trials=2, epochs=2, confirm=2
    )
    result = study.run(tmp_path, quiet=True, tracking=False)
    assert result.verdict is not None
    assert set(result.verdict.test) == {"test_r2", "test_mse", "test_mae"}


def test_a_model_without_randomness_is_said_to_have_none(digits: Dataset, tmp_path: Path) -> None:
    study = Study(
        name="s",
        model=SVC(),
        space={"C": Float(0.1, 10, log=True)},
        data=data_of_halves(digits),
        pruner="none",
        n_trials=3,
        confirm=2,
    )
    result = study.run(tmp_path, quiet=True, tracking=False)
    assert result.verdict is not None
    assert result.verdict.p_value is None
    assert "no randomness that fresh seeds could show" in " ".join(confirmation_lines(result.history))
