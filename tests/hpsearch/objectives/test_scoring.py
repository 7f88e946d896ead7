"""Scoring as scikit-learn's, and our networks train side by side whatever is measured of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, make_scorer, mean_absolute_error, mean_squared_error, r2_score
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hpsearch import MLPClassifier, MLPRegressor, Study
from hpsearch.errors import UserError
from hpsearch.log.records import Ask, Row
from hpsearch.models import datasets
from hpsearch.models.datasets import Dataset
from hpsearch.objectives.base import Objective, Start
from hpsearch.objectives.build import prepare
from hpsearch.objectives.mlp import MLPPopulation
from hpsearch.objectives.pipeline import PipelinePopulation


def study(model: Any, **settings: Any) -> Study:
    return Study(**{"name": "s", "model": model, "data": "digits", "pruner": "none", **settings})


def first_rows(objective: Objective, params: list[dict[str, Any]], epochs: int = 2) -> list[list[Row]]:
    for number, point in enumerate(params):
        objective.start(Start(Ask(number, number, point, number)))
    ticks = [objective.advance(range(len(params)), tick) for tick in range(epochs)]
    return [list(rows) for rows in zip(*ticks, strict=True)]


NETWORK = MLPClassifier(hidden_layer_sizes=(8,), max_epochs=2, learning_rate=1.0)


@pytest.mark.parametrize("piped", [False, True])
def test_scoring_keeps_our_networks_fused_and_changes_nothing_of_their_training(digits: Dataset, piped: bool) -> None:
    model = make_pipeline(StandardScaler(), NETWORK) if piped else NETWORK
    prefix = "mlpclassifier__" if piped else ""
    params = [{f"{prefix}learning_rate": 0.5}, {f"{prefix}learning_rate": 1.0}]
    plain = prepare(study(model), digits).make(digits)
    scored = prepare(study(model, scoring="f1_macro"), digits).make(digits)
    assert type(scored) is type(plain) is (PipelinePopulation if piped else MLPPopulation)
    for before, after in zip(first_rows(plain, params), first_rows(scored, params), strict=True):
        for without, row in zip(before, after, strict=True):
            assert {name: row.metrics[name] for name in without.metrics} == without.metrics
            assert set(row.metrics) - set(without.metrics) == {"val_f1_macro"}


def test_what_a_scorer_says_is_said_of_the_network_as_it_is_after_the_epoch(digits: Dataset) -> None:
    objective = prepare(study(NETWORK, scoring=["f1_macro", "roc_auc_ovr"], metric="val_f1_macro"), digits).make(digits)
    (rows,) = first_rows(objective, [{}])
    objective.keep(0)  # type: ignore[attr-defined]
    model = objective.model()  # type: ignore[attr-defined]
    expected = f1_score(digits.y_valid, model.predict(digits.X_valid), average="macro")
    assert rows[-1].metrics["val_f1_macro"] == pytest.approx(expected)
    assert 0.5 < rows[-1].metrics["val_roc_auc_ovr"] <= 1


def test_a_scorer_that_raises_fails_its_trial_alone(digits: Dataset) -> None:
    def fussy(estimator: Any, X: Any, y: Any) -> float:
        if estimator.learning_rate < 1:
            raise RuntimeError("too slow")
        return 1.0

    objective = prepare(study(NETWORK, scoring=fussy), digits).make(digits)
    slow, fast = first_rows(objective, [{"learning_rate": 0.5}, {"learning_rate": 1.0}], 1)
    assert slow[0].failure == "RuntimeError: too slow"
    assert (fast[0].failure, fast[0].metrics["score"]) == (None, 1.0)


def test_a_scorer_is_measured_on_the_test_set_where_a_winner_is() -> None:
    digits = datasets.load("digits")
    objective = prepare(study(NETWORK, scoring={"f1": "f1_macro"}), digits).make(digits)
    objective.confirm(test=True)  # type: ignore[attr-defined]
    (rows,) = first_rows(objective, [{}])
    assert {"val_f1", "test_f1", "test_accuracy"} <= set(rows[-1].metrics)


def test_class_weights_and_sample_weights_keep_our_networks_fused(digits: Dataset) -> None:
    model = MLPClassifier(hidden_layer_sizes=(8,), max_epochs=2, class_weight="balanced")
    tested = study(model, scoring="balanced_accuracy", space={"class_weight": [None, "balanced"]})
    objective = prepare(tested, digits).make(digits)
    assert isinstance(objective, MLPPopulation)
    for rows in first_rows(objective, [{"class_weight": None}, {"class_weight": "balanced"}]):
        assert all("val_balanced_accuracy" in row.metrics for row in rows)


@pytest.fixture(scope="module")
def line() -> Dataset:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    return datasets.load((X, X @ [1.0, -2.0, 0.5] + 0.1 * rng.normal(size=200)))


@pytest.fixture(scope="module")
def lines() -> Dataset:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    return datasets.load((X, X @ np.array([[1.0, 3.0], [-2.0, 0.1], [0.5, 1.0]]) + 0.1 * rng.normal(size=(200, 2))))


@pytest.mark.parametrize("several", [False, True], ids=["one target", "two targets"])
@pytest.mark.parametrize("metric", ["val_r2", "val_mae", "val_mse"])
def test_regressors_train_fused_and_measure_as_scikit_learn_does(
    line: Dataset, lines: Dataset, several: bool, metric: str
) -> None:
    data = lines if several else line
    tested = study(MLPRegressor(hidden_layer_sizes=(8,), max_epochs=3), metric=metric, direction="minimize")
    objective = prepare(tested, data).make(data)
    assert isinstance(objective, MLPPopulation)
    rows = first_rows(objective, [{"learning_rate": 0.01}, {"learning_rate": 0.05}], 3)
    objective.keep(1)
    model = objective.model()
    assert isinstance(model, MLPRegressor)
    predicted, metrics = model.predict(data.X_valid), rows[1][-1].metrics
    assert predicted.shape == data.y_valid.shape
    assert metrics["val_r2"] == pytest.approx(r2_score(data.y_valid, predicted), rel=1e-4)
    assert metrics["val_mae"] == pytest.approx(mean_absolute_error(data.y_valid, predicted), rel=1e-6)
    assert metrics["val_mse"] == pytest.approx(mean_squared_error(data.y_valid, predicted), rel=1e-4)
    assert rows[0][-1].metrics["train_cost"] > 0


def test_fused_regressors_are_bit_for_bit_what_each_is_alone(line: Dataset) -> None:
    model = MLPRegressor(hidden_layer_sizes=(8,), max_epochs=3)
    params = [{"learning_rate": 0.01}, {"learning_rate": 0.05}]
    together = first_rows(prepare(study(model, metric="val_r2"), line).make(line), params, 3)
    alone = prepare(study(model, metric="val_r2"), line).make(line)
    alone.start(Start(Ask(1, 1, params[1], 1)))
    rows = [alone.advance([1], tick)[0] for tick in range(3)]
    assert [row.metrics for row in rows] == [row.metrics for row in together[1]]


def test_a_regressor_inside_another_estimator_is_theirs(line: Dataset) -> None:
    model = TransformedTargetRegressor(MLPRegressor((4,), max_epochs=2), transformer=StandardScaler())
    (rows,) = first_rows(prepare(study(model, metric="val_r2"), line).make(line), [{}], 1)
    assert rows[0].finished


SCORING: dict[str, tuple[Any, dict[str, Any], str, set[str]]] = {
    "a name": ("f1_macro", {}, "val_f1_macro", {"val_f1_macro"}),
    "a list of one": (["f1_macro"], {}, "val_f1_macro", {"val_f1_macro"}),
    "a list": (("f1_macro", "accuracy"), {}, "val_accuracy", {"val_f1_macro", "val_accuracy"}),
    "a list and which decides": (["f1_macro", "r2"], {"metric": "val_r2"}, "val_r2", {"val_f1_macro", "val_r2"}),
    "beside a metric": ("f1_macro", {"metric": "val_accuracy"}, "val_accuracy", {"val_f1_macro", "val_accuracy"}),
    "a dict of one": ({"f": "f1_macro"}, {}, "val_f", {"val_f"}),
    "a scorer": (make_scorer(f1_score, average="macro"), {}, "score", {"score"}),
    "a function that returns several": (
        lambda estimator, X, y: {"a": 1.0, "b": 2},
        {"metric": "val_b"},
        "val_b",
        {"val_a", "val_b"},
    ),
}


@pytest.mark.parametrize("name", SCORING)
def test_scoring_in_every_form_that_scikit_learn_knows(digits: Dataset, name: str) -> None:
    scoring, settings, metric, reported = SCORING[name]
    declared = study(GaussianNB(), scoring=scoring, **settings)
    assert declared.metric == metric
    (rows,) = first_rows(prepare(declared, digits).make(digits), [{}], 1)
    assert rows[0].failure is None
    assert reported <= set(rows[0].metrics)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"scoring": ["f1_macro", "f1_micro"]}, "say which one decides, such as metric='val_f1_macro'"),
        ({"scoring": {"a": "f1_macro", "b": "f1_micro"}}, "there are val_a, val_b"),
        ({"scoring": ["f1_macro", "f1_macro"]}, "names one twice"),
        ({"scoring": [f1_score]}, "give functions in a dict"),
        ({"scoring": {"f1_macro"}}, "a set has no order"),
        ({"scoring": []}, "scoring is empty"),
    ],
)
def test_scoring_that_cannot_decide_is_refused_when_the_study_is_declared(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError) as raised:
        study(GaussianNB(), **settings)
    assert words in str(raised.value)


@pytest.mark.parametrize("metric", ["val_accuracy", ["val_mse", "val_accuracy"]])
@pytest.mark.parametrize("model", [MLPRegressor(), TransformedTargetRegressor(MLPRegressor())])
def test_an_accuracy_that_is_asked_of_a_regressor_is_refused_and_unasked_it_is_judged_by_its_own(
    model: Any, metric: Any
) -> None:
    directions = ["minimize", "maximize"] if isinstance(metric, list) else "maximize"
    with pytest.raises(UserError, match="predicts numbers, which have no accuracy; leave metric out for 'val_r2'"):
        study(model, metric=metric, direction=directions)
    declared = study(model)
    assert declared.metric == "val_r2"
    assert replace(declared, n_trials=3).metric == "val_r2"
    assert study(GaussianNB()).metric == "val_accuracy"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"model": LogisticRegression(), "metric": "val_f1", "scoring": ["f1_macro", "f1_micro"]}, "did you mean"),
        ({"model": NETWORK, "metric": "val_f1_macro"}, "MLPClassifier has no metric 'val_f1_macro'"),
        ({"model": NETWORK, "metric": "val_acc"}, "did you mean 'val_accuracy'?"),
        ({"model": NETWORK, "scoring": "f1_makro"}, "unknown name 'f1_makro' (did you mean 'f1_macro'?)"),
        ({"model": MLPRegressor(), "metric": "val_f1"}, "MLPRegressor has no metric 'val_f1'"),
    ],
)
def test_a_metric_that_will_not_be_there_is_said_with_what_is(
    digits: Dataset, settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(UserError) as raised:
        prepare(study(**settings), digits)
    assert words in str(raised.value)
