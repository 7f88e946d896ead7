"""Trials judged beside those of their study, on planted studies; the benchmark measures it on real trainings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from hpsearch.engine.opening import describe_data
from hpsearch.judging.compared import diagnoses
from hpsearch.judging.remedy import remedy
from hpsearch.log.history import Goal, History
from hpsearch.log.records import Ask, Decision, Header, Row, Tick
from hpsearch.models import datasets
from hpsearch.tracking import content

MODEL = {"learning_rate": 0.5, "l2": 1.0, "batch_size": 10, "optimizer": "sgd", "activation": "sigmoid",
         "output": "sigmoid", "cost": "cross_entropy", "weight_init": "gaussian", "max_epochs": 20}  # fmt: skip
DATA = {"name": "made", "sizes": {"valid": 10_000}, "classes": 10, "majority": 0.1, "feature_size": 0.3}


@dataclass
class Made:
    """A trial: its parameters, what it reaches, its training cost at the end, and how fast both come."""

    value: float = 0.97
    cost: float = 0.2
    params: dict[str, Any] = field(default_factory=dict)
    epochs: int = 20
    pace: float = 0.7
    metrics: dict[str, float] = field(default_factory=dict)

    def row(self, number: int, epoch: int) -> Row:
        way = math.exp(-self.pace * epoch)
        cost, value = self.cost + (3.25 - self.cost) * way, self.value - (self.value - 0.1) * way
        metrics = {"train_cost": cost, "val_cost": cost * 1.1, "train_accuracy": value, "val_accuracy": value}
        return Row(number, number, epoch, {**metrics, "saturated_1": 0.05, **self.metrics})


def study(
    trials: Sequence[Made], data: dict[str, Any] | None = None, kind: str = "hpsearch.models.MLPClassifier"
) -> History:
    history = History(Goal("val_accuracy", "maximize"))
    declaration = {"space": {}, "model": {"class": kind, "params": MODEL}}
    history.apply(Header("made", "u", declaration, {}, DATA if data is None else data, 0.0))
    asks = tuple(Ask(i, i, {"learning_rate": 0.5, "l2": 1.0, **t.params}, i) for i, t in enumerate(trials))
    for epoch in range(1, max(t.epochs for t in trials) + 1):
        rows = tuple(t.row(i, epoch) for i, t in enumerate(trials) if epoch <= t.epochs)
        ends = tuple(Decision(i, "complete", "done", "epochs") for i, t in enumerate(trials) if epoch == t.epochs)
        history.apply(Tick(epoch - 1, 0.0, asks if epoch == 1 else (), rows, ends))
    return history


FINE = [Made(), Made(0.9695), Made(0.9692, params={"learning_rate": 0.4}), Made(0.9698, params={"l2": 0.5})]

CASES: dict[str, tuple[str, Made]] = {
    "as good as the best": ("good", Made(0.9694)),
    "λ=50 on MNIST: 95.6 where 97.7 is to be had": ("lambda dominating", Made(0.956, 0.5, {"l2": 50.0})),
    "a large η, and no leap": ("learning rate too large", Made(0.93, 0.5, {"learning_rate": 2.5})),
    "a small η that had all the epochs": (
        "learning rate too small",
        Made(0.95, 0.5, {"learning_rate": 0.05}, pace=0.3),
    ),
    "a small η with a strong λ": ("lambda dominating", Made(0.9, 0.9, {"learning_rate": 0.45, "l2": 50.0})),
    "the same as the good ones, stopped early": ("not converged", Made(epochs=4)),
    "a 96 % network in its first epochs": ("not converged", Made(epochs=5, cost=0.21)),
    "fits better, is worse": ("overfitting", Made(0.95, 0.01, {"l2": 0.0})),
    "saturated from the start": ("saturated neurons", Made(0.93, 0.6, metrics={"saturated_1": 0.4})),
    "rectified neurons that are off": (
        "dead units",
        Made(0.3, 2.5, {"activation": "relu", "learning_rate": 5.0}, metrics={"saturated_1": 0.9}),
    ),
    "worse, and nobody knows why": ("unclear", Made(0.95, 0.22)),
}


@pytest.mark.parametrize("name", CASES)
def test_a_trial_is_judged_by_the_good_ones_of_its_study(name: str) -> None:
    label, trial = CASES[name]
    diagnosed = diagnoses(study([*FINE, trial]))
    assert diagnosed[4].label == label, diagnosed[4]
    assert all(diagnosed[i].label == "good" for i in range(4)), diagnosed
    assert "\n" not in diagnosed[4].reason


def test_the_order_of_the_trials_and_more_of_the_same_change_no_label() -> None:
    labels = {name: label for name, (label, _) in CASES.items()}
    trials = [trial for _, trial in CASES.values()]
    diagnosed = diagnoses(study([*trials, *FINE]))
    assert [diagnosed[i].label for i in range(len(trials))] == list(labels.values())


def test_good_trials_without_any_lambda_do_not_make_every_lambda_dominate() -> None:
    fine = [Made(0.97 - i / 10_000, params={"l2": 0.0}) for i in range(4)]
    trials = [
        Made(0.93, 0.5, {"learning_rate": 5.0}),
        Made(0.93, 0.5, {"learning_rate": 0.05}),
        Made(0.93, 0.9, {"l2": 50.0}),
    ]
    diagnosed = diagnoses(study([*fine, *trials]))
    assert [diagnosed[i].label for i in (4, 5, 6)] == [
        "learning rate too large",
        "learning rate too small",
        "lambda dominating",
    ]


def test_labels_without_any_meaning_leave_every_trial_at_chance_level() -> None:
    diagnosed = diagnoses(study([Made(0.1), Made(0.102), Made(0.098), Made(0.1)]))
    assert {diagnosis.label for diagnosis in diagnosed.values()} == {"at chance level"}


def test_features_that_are_far_too_large_are_named_and_behind_a_scaler_they_are_not() -> None:
    trials = [Made(0.8), Made(0.7), Made(0.6), Made(0.5)]
    labels = [
        {diagnosis.label for diagnosis in diagnoses(study(trials, {**DATA, "feature_size": 80.0}, kind)).values()}
        for kind in ("hpsearch.models.MLPClassifier", "sklearn.pipeline.Pipeline")
    ]
    assert labels[0] == {"data not scaled"}
    assert "data not scaled" not in labels[1]


def test_the_header_notes_the_size_of_the_features_and_the_most_frequent_class() -> None:
    dataset = datasets.load("digits")
    noted = describe_data(dataset)
    X = dataset.X_train.astype(float)
    assert noted["feature_size"] == pytest.approx(np.sqrt((X**2).mean()), abs=1e-5)
    assert noted["majority"] == pytest.approx(max(np.mean(dataset.y_train == c) for c in range(10)), abs=1e-5)


def test_a_log_that_notes_neither_is_judged_all_the_same() -> None:
    assert diagnoses(study([*FINE, CASES["a large η, and no leap"][1]], {}))[4].label == "learning rate too large"


def test_fewer_than_four_trials_are_judged_each_by_itself() -> None:
    assert "best of its study" not in diagnoses(study(FINE[:3]))[0].reason


def test_the_diagnosis_does_not_depend_on_when_a_trial_ended_and_is_tagged_at_the_end() -> None:
    history = study([*FINE, CASES["λ=50 on MNIST: 95.6 where 97.7 is to be had"][1]])
    assert content.diagnosis_tags(history)[4]["hpsearch.diagnosis"] == "lambda dominating"
    assert "hpsearch.diagnosis" not in content.trial_outcome(history.trials[4], "COMPLETE", history.declaration)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("a large η, and no leap", {"learning_rate": 0.5}),
        ("a small η that had all the epochs", {"learning_rate": 0.5}),
        ("λ=50 on MNIST: 95.6 where 97.7 is to be had", {"l2": 1.0}),
        ("the same as the good ones, stopped early", {"max_epochs": 20}),
        ("fits better, is worse", {"l2": 1.0}),
        ("saturated from the start", {"weight_init": "scaled"}),
        ("rectified neurons that are off", {"learning_rate": 0.5, "activation": "sigmoid"}),
        ("worse, and nobody knows why", None),
        ("as good as the best", None),
    ],
)
def test_a_remedy_is_what_the_good_trials_have(name: str, change: dict[str, Any] | None) -> None:
    history = study([*FINE, CASES[name][1]])
    remedied = remedy(history, history.trials[4], diagnoses(history)[4])
    assert (None if remedied is None else remedied.params) == change
    assert remedied is None or remedied.expected == history.ranked()[0].value


@pytest.mark.parametrize(("rate", "change"), [(0.9, {"learning_rate": 0.5}), (0.5, None)])
def test_a_remedy_that_changes_nothing_is_none(rate: float, change: dict[str, Any] | None) -> None:
    params = {"weight_init": "scaled", "learning_rate": rate}
    history = study([*FINE, Made(0.93, 0.6, params, metrics={"saturated_1": 0.4})])
    diagnosis = diagnoses(history)[4]
    assert diagnosis.label == "saturated neurons"
    remedied = remedy(history, history.trials[4], diagnosis)
    assert (None if remedied is None else remedied.params) == change


def regression(values: Sequence[tuple[float, dict[str, Any], float]]) -> History:
    """Trials of a regression, on 600 validation samples: each one's R², its parameters, and its training cost."""
    history = History(Goal("val_r2", "maximize"))
    declaration = {"space": {}, "model": {"class": "hpsearch.models.MLPRegressor", "params": MODEL}}
    history.apply(Header("made", "u", declaration, {}, {"name": "made", "sizes": {"valid": 600}}, 0.0))
    asks = tuple(Ask(i, i, {"learning_rate": 0.5, "l2": 1.0, **p}, i) for i, (_, p, _) in enumerate(values))
    for epoch in range(1, 13):
        way = math.exp(-epoch)
        rows = tuple(
            Row(i, i, epoch, {"val_r2": r2 * (1 - way), "train_cost": cost + (0.5 - cost) * way})
            for i, (r2, _, cost) in enumerate(values)
        )
        ends = tuple(Decision(i, "complete", "done", "epochs") for i in range(len(values))) if epoch == 12 else ()
        history.apply(Tick(epoch - 1, 0.0, asks if epoch == 1 else (), rows, ends))
    return history


def test_one_regression_that_exploded_does_not_make_all_others_equal() -> None:
    good = [(0.85, {}, 0.22), (0.849, {}, 0.22), (0.848, {}, 0.22), (0.847, {}, 0.22)]
    diagnosed = diagnoses(
        regression([*good, (0.7, {"learning_rate": 0.01}, 0.26), (-900.0, {"learning_rate": 9.0}, 0.4)])
    )
    assert [diagnosed[i].label for i in range(4)] == ["good"] * 4
    assert diagnosed[4].label == "learning rate too small", "though noise is most of its training cost"
    assert diagnosed[5].label == "learning rate too large"


def test_a_regression_is_as_good_as_another_within_the_error_of_its_r2() -> None:
    diagnosed = diagnoses(regression([(0.85, {}, 0.22), (0.835, {}, 0.22), (0.83, {}, 0.22), (0.6, {"l2": 90.0}, 0.4)]))
    assert [diagnosed[i].label for i in range(4)] == ["good", "good", "good", "lambda dominating"]


def test_a_regression_that_does_not_beat_the_mean_is_at_chance_level() -> None:
    diagnosed = diagnoses(regression([(0.01, {}, 0.5), (-0.02, {}, 0.49), (0.0, {}, 0.48), (-0.5, {}, 0.3)]))
    assert {diagnosis.label for diagnosis in diagnosed.values()} == {"at chance level"}


def test_a_large_learning_rate_is_no_matter_of_age() -> None:
    old = [Made(epochs=60, cost=0.9), Made(0.9695, 0.9, epochs=60), Made(0.9692, 0.9), Made(0.9698, 0.9)]
    diagnosed = diagnoses(study([*old, Made(0.93, 1.05, {"learning_rate": 7.5})]))
    assert diagnosed[4].label == "learning rate too large"
