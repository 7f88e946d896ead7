from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.metrics import f1_score, log_loss
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier as TheirMLP
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor

from hpsearch.errors import UserError
from hpsearch.log.records import Ask, Row
from hpsearch.models import datasets
from hpsearch.models.datasets import Dataset
from hpsearch.models.estimators.classifier import MLPClassifier
from hpsearch.objectives.base import Objective, Start
from hpsearch.objectives.build import prepare
from hpsearch.objectives.sklearn import stratified_order
from hpsearch.space import Choice, Float, Int
from hpsearch.study.study import Study


def study(model: Any, **settings: Any) -> Study:
    return Study(**{"name": "s", "model": model, "data": "digits", "pruner": "none", **settings})


def make(model: Any, data: Dataset, **settings: Any) -> Objective:
    return prepare(study(model, **settings), data).make(data)


def train(objective: Objective, params: list[dict[str, Any]], ticks: range) -> dict[int, list[Row]]:
    """Train these trials side by side, at these ticks."""
    rows: dict[int, list[Row]] = {number: [] for number in range(len(params))}
    for number, given_params in enumerate(params):
        objective.start(Start(Ask(number, number, given_params, number)))
    going = list(rows)
    for tick in ticks:
        for row in objective.advance(going, tick) if going else []:
            rows[row.trial].append(row)
        going = [n for n in going if not rows[n][-1].finished and rows[n][-1].failure is None]
    return rows


CLASSIFIERS: dict[str, tuple[Any, int]] = {
    "whole fit": (LogisticRegression(max_iter=50), 1),
    "trees": (RandomForestClassifier(n_estimators=5), 1),
    "partial_fit": (SGDClassifier(loss="log_loss", max_iter=4), 4),
    "once over the data": (GaussianNB(), 1),
    "their network": (TheirMLP((20,), max_iter=20, learning_rate_init=0.02, batch_size=20), 20),
    "pipeline": (make_pipeline(StandardScaler(), SGDClassifier(max_iter=3)), 3),
    "pipeline, whole": (make_pipeline(StandardScaler(), KNeighborsClassifier()), 1),
}


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_any_classifier_reports_what_it_can_each_epoch_and_finishes(digits: Dataset, name: str) -> None:
    model, epochs = CLASSIFIERS[name]
    rows = train(make(model, digits), [{}], range(30))[0]
    assert [row.epoch for row in rows] == list(range(1, epochs + 1))
    assert [row.finished for row in rows] == [False] * (epochs - 1) + [True]
    expected = {"train_accuracy", "val_accuracy"} | ({"val_cost"} if hasattr(model, "predict_proba") else set())
    assert set(rows[-1].metrics) == expected
    assert rows[-1].metrics["val_accuracy"] > 0.6
    assert all(type(value) is float for value in rows[-1].metrics.values())


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_trial_alone_and_among_others_and_again_brings_the_same(digits: Dataset, name: str) -> None:
    model, _ = CLASSIFIERS[name]
    together = train(make(model, digits), [{}, {}, {}], range(3, 9))
    again = train(make(model, digits), [{}, {}, {}], range(3, 9))
    alone = make(model, digits)
    alone.start(Start(Ask(1, 1, {}, 1)))
    rows = [alone.advance([1], tick)[0] for tick in range(3, 3 + len(together[1]))]
    assert [r.metrics for r in rows] == [r.metrics for r in together[1]] == [r.metrics for r in again[1]]


def test_a_random_state_that_is_none_is_the_trials_own(digits: Dataset) -> None:
    rows = train(make(RandomForestClassifier(n_estimators=3), digits), [{}, {}], range(1))
    assert rows[0][0].metrics != rows[1][0].metrics
    fixed = train(make(RandomForestClassifier(n_estimators=3, random_state=0), digits), [{}, {}], range(1))
    assert fixed[0][0].metrics == fixed[1][0].metrics


def test_the_order_of_the_samples_belongs_to_the_tick(digits: Dataset) -> None:
    model = SGDClassifier(loss="log_loss", max_iter=3, random_state=0)
    at = [train(make(model, digits), [{}], range(start, start + 3))[0][-1].metrics for start in (0, 0, 5)]
    assert at[0] == at[1] != at[2]


def test_val_cost_is_the_log_loss(digits: Dataset) -> None:
    row = train(make(GaussianNB(), digits), [{}], range(1))[0][0]
    model = GaussianNB().fit(digits.X_train, digits.y_train)
    expected = log_loss(digits.y_valid, model.predict_proba(digits.X_valid))
    assert row.metrics["val_cost"] == pytest.approx(expected, rel=1e-6)


def test_regressors_have_their_own_metrics() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    data = datasets.load((X, X @ [1.0, -2.0, 0.5] + 0.1 * rng.normal(size=200)))
    row = train(make(Ridge(), data, metric="val_r2"), [{"alpha": 0.1}], range(1))[0][0]
    assert set(row.metrics) == {"val_r2", "train_r2", "val_mse", "val_mae"}
    assert row.metrics["val_r2"] > 0.9
    assert row.finished


@pytest.mark.parametrize("model", [DecisionTreeRegressor(), LogisticRegression()], ids=["regressor", "classifier"])
def test_with_epochs_a_whole_fit_takes_a_growing_share_of_the_data(digits: Dataset, model: Any) -> None:
    metric = "val_r2" if isinstance(model, DecisionTreeRegressor) else "val_accuracy"
    sizes: list[int] = []

    def size(estimator: Any, X: Any, y: Any) -> float:
        return float(len(sizes))

    class Counting(type(model)):  # type: ignore[misc]
        def fit(self, X: Any, y: Any) -> Any:
            sizes.append(len(y))
            return super().fit(X, y)

    rows = train(make(Counting(), digits, epochs=4, metric=metric, scoring=size), [{}], range(6))[0]
    assert sizes == [75, 150, 225, 300]
    assert [row.finished for row in rows] == [False, False, False, True]


@given(st.lists(st.integers(0, 4), min_size=5, max_size=60), st.integers(0, 99))
def test_every_beginning_of_the_order_holds_each_class_in_its_share(labels: list[int], seed: int) -> None:
    y = np.array(labels)
    order = stratified_order(y, len(y), np.random.default_rng(seed))
    assert sorted(order) == list(range(len(y)))
    classes, counts = np.unique(y, return_counts=True)
    for m in range(len(classes), len(y) + 1):
        first = y[order[:m]]
        for label, count in zip(classes, counts, strict=True):
            assert (first == label).sum() >= 1
            assert abs((first == label).sum() - m * count / len(y)) <= len(classes)


class Fussy(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Fits only with a small value, and warns."""

    def __init__(self, value: float = 0.0, pair: tuple[int, int] = (1, 1)) -> None:
        self.value = value
        self.pair = pair

    def fit(self, X: Any, y: Any) -> Fussy:
        warnings.warn("not a good value", stacklevel=1)
        if self.value > 1:
            raise RuntimeError(f"{self.value} is too much\nreally")
        if not isinstance(self.pair, tuple):
            raise TypeError("pair must be a tuple")
        self.classes_ = np.unique(y)
        return self

    def predict(self, X: Any) -> Any:
        return np.full(len(X), self.classes_[0])


def test_an_exception_fails_its_trial_alone_with_reason_and_traceback_and_warnings_break_nothing(
    digits: Dataset,
) -> None:
    rows = train(make(Fussy(), digits, space={"value": Float(0, 3)}), [{"value": 0.5}, {"value": 2.0}], range(1))
    assert rows[0][0].failure is None
    assert rows[1][0].failure == "RuntimeError: 2.0 is too much"
    assert "raise RuntimeError" in (rows[1][0].traceback or "")


def test_a_choice_of_tuples_reaches_the_estimator_as_tuples(digits: Dataset) -> None:
    rows = train(make(Fussy(), digits, space={"pair": Choice([(1, 1), (1, 2)])}), [{"pair": [1, 2]}], range(1))
    assert rows[0][0].failure is None


def test_scoring_by_name_by_function_and_by_dict(digits: Dataset) -> None:
    def errors(estimator: Any, X: Any, y: Any) -> int:
        return int((estimator.predict(X) != y).sum())

    model = GaussianNB()
    fitted = GaussianNB().fit(digits.X_train, digits.y_train)
    f1 = f1_score(digits.y_valid, fitted.predict(digits.X_valid), average="macro")
    for scoring, name, value in (
        ("f1_macro", "val_f1_macro", f1),
        (errors, "score", errors(fitted, digits.X_valid, digits.y_valid)),
        ({"f1": "f1_macro", "errors": errors}, "val_f1", f1),
    ):
        declared = study(model, scoring=scoring, **({} if not isinstance(scoring, dict) else {"metric": "val_f1"}))
        assert declared.metric == name
        row = train(prepare(declared, digits).make(digits), [{}], range(1))[0][0]
        assert row.metrics[name] == pytest.approx(value)
        assert "val_accuracy" in row.metrics


def test_our_network_with_scoring_reports_it_each_epoch(digits: Dataset) -> None:
    model = MLPClassifier(hidden_layer_sizes=(8,), max_epochs=2)
    rows = train(make(model, digits, scoring="f1_macro"), [{}, {"learning_rate": 0.1}], range(4))
    assert [row.finished for row in rows[0]] == [False, True]
    assert 0 < rows[0][-1].metrics["val_f1_macro"] <= 1


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"model": Ridge(), "metric": "val_f1"}, "Ridge has no metric 'val_f1'"),
        ({"model": GaussianNB(), "metric": "val_acuracy"}, "did you mean 'val_accuracy'?"),
        ({"model": GaussianNB(), "scoring": "f1_makro"}, "unknown name 'f1_makro' (did you mean 'f1_macro'?)"),
    ],
)
def test_what_cannot_be_measured_is_said_before_anything_is_trained(
    digits: Dataset, settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(UserError) as raised:
        prepare(study(**settings), digits)
    assert words in str(raised.value)
    assert str(raised.value).startswith("study 's'")


def test_a_classifier_and_numbers_as_targets_do_not_go_together() -> None:
    data = datasets.load((np.zeros((20, 2)), np.linspace(0, 1, 20)))
    for model in (DummyClassifier(), MLPClassifier()):
        with pytest.raises(UserError, match="has no classes"):
            prepare(study(model), data)


def test_the_longest_run_in_the_space_is_what_a_pruner_counts_with(digits: Dataset) -> None:
    declared = study(SGDClassifier(), space={"max_iter": Int(2, 6)})
    prepared = prepare(declared, digits)
    assert prepared.epochs == 6
    rows = train(prepared.make(digits), [{"max_iter": 2}, {"max_iter": 6}], range(9))
    assert [len(rows[number]) for number in (0, 1)] == [2, 6]


def test_a_class_that_is_only_in_the_validation_part_costs_infinitely(digits: Dataset) -> None:
    y = digits.y_train.copy()
    y[y == 9] = 8
    strange = datasets.load(((digits.X_train, y), (digits.X_valid, digits.y_valid)))
    row = train(make(GaussianNB(), strange), [{}], range(1))[0][0]
    assert math.isinf(row.metrics["val_cost"])
