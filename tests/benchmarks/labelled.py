"""Trainings whose trouble is known because it was set: one knob off from a good setting, a study per data set."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

import numpy as np

from hpsearch import MLPClassifier, MLPRegressor, Study
from hpsearch import space as spaces
from hpsearch.engine.opening import describe_data
from hpsearch.log.history import History, Trial
from hpsearch.log.records import Ask, Decision, Header, Tick
from hpsearch.models.datasets import load
from hpsearch.models.datasets.dataset import Dataset
from hpsearch.models.datasets.subset import subset
from hpsearch.objectives.base import Start
from hpsearch.objectives.mlp import MLPPopulation
from hpsearch.objectives.outputs import Values
from hpsearch.space import Dimension, Float
from hpsearch.study.declaration import declare

LARGE, SMALL, LAMBDA = "learning rate too large", "learning rate too small", "lambda dominating"
OVERFIT, SHORT, SATURATED, DEAD = "overfitting", "not converged", "saturated neurons", "dead units"
CHANCE, UNSCALED, GOOD = "at chance level", "data not scaled", "good"


@dataclass(frozen=True)
class Setting:
    """A good setting for a data set: η, λ and epochs; and the least factor on η that hurts."""

    rate: float
    l2: float
    epochs: int
    too_much: float


GOOD_SETTINGS = {
    "digits": Setting(0.5, 0.5, 40, 15),
    "wine": Setting(0.5, 0.1, 100, 40),
    "mnist": Setting(0.25, 0.5, 12, 15),
    "iris": Setting(0.5, 0.05, 100, 40),
    "made_up": Setting(1.0, 0.05, 120, 15),
    "breast_cancer": Setting(0.5, 0.5, 60, 40),
    "hastie": Setting(0.3, 1.0, 100, 15),
    "quantiles": Setting(0.25, 1.0, 100, 15),
    "friedman": Setting(0.02, 0.5, 120, 15),
    "diabetes": Setting(0.02, 0.1, 60, 40),
    "moons": Setting(0.25, 0.3, 80, 40),
    "mixture": Setting(0.5, 0.2, 60, 15),
    "blobs": Setting(0.5, 0.1, 60, 15),
    "swiss": Setting(0.08, 0.05, 60, 12),
}
TUNED = ("digits", "wine", "breast_cancer", "iris")
"""The data sets on which the rules were tuned."""

KNOWN = ("mnist", "made_up", "hastie", "quantiles", "friedman")
"""Data sets that were first only measured, and whose first results changed the rules."""

FRESH = ("diabetes", "moons")
"""Data sets that no rule was tuned on."""

IMAGES, STANDARD = ("digits", "mnist"), ("hastie", "quantiles", "moons")
"""Data sets of images; those whose features are drawn from N(0, 1) and stay as they are."""


def problem(name: str) -> Dataset:
    """Return a data set, its features in [0, 1] or from N(0, 1).

    Of the tables a fifth of the training targets are drawn anew: without that, nothing overfits them. They are
    scikit-learn's tables, and made-up ones: clusters (`made_up`), whether a point lies outside a sphere (`hastie`:
    Hastie, Tibshirani and Friedman 2009, example 10.2), four shells around a centre (`quantiles`), two half moons
    among eight features of noise (`moons`), and a regression (`friedman`: Friedman 1991, the first); `diabetes` is a
    regression, too.
    """
    if name == "mnist":
        return subset(load("mnist"), 0, train=10_000, valid=2_000)
    digits = load("digits")
    if name == "digits":
        return subset(digits, 0, train=400)
    from sklearn import datasets as tables

    if name == "made_up":
        X, y = tables.make_classification(
            2000, 30, n_informative=12, n_redundant=6, n_classes=5, class_sep=1.5, random_state=0
        )
    elif name == "hastie":
        X, y = tables.make_hastie_10_2(2000, random_state=0)
        y = (y > 0).astype(int)
    elif name == "quantiles":
        X, y = tables.make_gaussian_quantiles(n_samples=2000, n_features=6, n_classes=4, random_state=0)
    elif name == "moons":
        X, y = tables.make_moons(2000, noise=0.2, random_state=0)
        X = np.hstack([X, np.random.default_rng(0).normal(size=(len(y), 8))])
    elif name == "mixture":
        X, y = tables.make_classification(700, 12, n_informative=8, n_classes=3, class_sep=1.5, random_state=3)
    elif name == "blobs":
        X, y = tables.make_blobs(700, 8, centers=7, cluster_std=4.0, random_state=0)
    elif name == "swiss":
        X, y = tables.make_swiss_roll(700, noise=0.5, random_state=0)
    elif name == "friedman":
        X, y = tables.make_friedman1(1200, 10, noise=1.0, random_state=0)
    else:
        X, y = getattr(tables, f"load_{name}")(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    X, y = X[order], y[order]
    low, n = X.min(axis=0), len(y) // 2
    if name not in STANDARD:
        X = (X - low) / (X.max(axis=0) - low)
    X = X.astype("float32")
    rng = np.random.default_rng(1)
    wrong = np.flatnonzero(rng.random(n) < 0.2)
    y[wrong] = rng.choice(np.unique(y), len(wrong))
    return replace(
        digits,
        name=name,
        X_train=X[:n],
        y_train=y[:n],
        X_valid=X[n:],
        y_valid=y[n:],
        X_test=None,
        y_test=None,
        image_shape=None,
    )


def unscaled(dataset: Dataset) -> Dataset:
    """Return the data with features a hundred times as large."""
    return replace(dataset, X_train=100 * dataset.X_train, X_valid=100 * dataset.X_valid)


def shuffled(dataset: Dataset) -> Dataset:
    """Return the data with labels that have nothing to do with the features."""
    rng = np.random.default_rng(0)
    return replace(dataset, y_train=rng.permutation(dataset.y_train), y_valid=rng.permutation(dataset.y_valid))


def settings(name: str) -> Iterator[tuple[frozenset[str], dict[str, Any]]]:
    """Yield trials' parameters with the labels that are right for them."""
    good = GOOD_SETTINGS[name]

    def off(labels: Sequence[str], **knobs: Any) -> tuple[frozenset[str], dict[str, Any]]:
        base = {"learning_rate": good.rate, "l2": good.l2, "max_epochs": good.epochs}
        return frozenset(labels), {**base, **knobs}

    for factor in (0.7, 1.0, 1.4):
        yield off([GOOD], learning_rate=good.rate * factor)
    for factor in (0.5, 1.5):
        yield off([GOOD], l2=good.l2 * factor)
    for factor in (0.004, 0.006, 0.01, 0.015, 0.02):
        yield off([SMALL], learning_rate=good.rate * factor)
    for factor in (1, 1.7, 3, 7, 25):
        yield off([LARGE], learning_rate=good.rate * good.too_much * factor)
    for factor in (40, 60, 100, 200, 1000):
        yield off([LAMBDA], l2=good.l2 * factor)
    for factor in (1, 2):
        for longer in (3, 5):
            epochs = 2 * longer * good.epochs // 3 if name == "mnist" else longer * good.epochs
            yield off([OVERFIT], l2=0.0, learning_rate=good.rate * factor, max_epochs=epochs)
    if name in IMAGES:
        for factor in (0.3, 1, 2):
            yield off([SATURATED], weight_init="gaussian", cost="quadratic", learning_rate=good.rate * factor)
    for factor in (20, 40, 100):  # dead because η is too large: both are right
        yield off([DEAD, LARGE], activation="relu", learning_rate=good.rate * factor)
    for epochs in (3, 4, 5):
        yield off([SHORT], max_epochs=max(epochs, round(good.epochs * epochs / 40)), learning_rate=good.rate / 2)


def harmless(
    labels: frozenset[str], history: History, trial: Trial, good: Sequence[Trial], n_valid: int
) -> frozenset[str]:
    """Return the labels that are right once it is known what the knob did: "good" too where it did no harm.

    It did none where the trial is not behind the median good one by a standard error of a difference.

    Args:
        labels: What was set.
        history: The study.
        trial: The training.
        good: The trainings whose knobs are all as they should be.
        n_valid: Validation samples.
    """
    theirs = median(each.value for each in good if each.value is not None)
    error = math.sqrt(2 * variance(history.goal.metric, theirs) / n_valid)
    unharmed = trial.value is not None and history.goal.loss(trial.value) <= history.goal.loss(theirs) + error
    return labels | {GOOD} if unharmed else labels


def variance(metric: str, value: float) -> float:
    """Return the variance of an accuracy, or of an R² (Olkin and Finn 1995), times the number of samples."""
    return 4 * value * (1 - value) ** 2 if metric == "val_r2" else value * (1 - value)


def trained(
    name: str,
    dataset: Dataset,
    given: Sequence[dict[str, Any]],
    seed: int = 0,
    space: Mapping[str, Dimension] | None = None,
    **params: Any,
) -> History:
    """Return a study with these trials, trained side by side to their ends.

    Args:
        name: Of the study.
        dataset: A classification or, where it has no classes, a regression.
        given: Each trial's parameters.
        seed: The study's.
        space: What it says to search; None: any η and λ.
        **params: The model's parameters.
    """
    regression = dataset.classes is None
    model = (MLPRegressor if regression else MLPClassifier)(**params)
    study = Study(
        name,
        model,
        space=space or {"learning_rate": Float(1e-6, 1e6, log=True), "l2": Float(0.0, 1e6)},
        data=(dataset.X_train, dataset.y_train),
        pruner="none",
        seed=seed,
        metric="val_r2" if regression else "val_accuracy",
    )
    outputs = Values.of(dataset) if regression else None
    objective = MLPPopulation(model.get_params(), dataset, seed, int(params.get("max_epochs", 1)), outputs=outputs)
    history = History(study.goal)
    said = {**declare(replace(study, data="digits")), "space": spaces.to_json(study.dimensions)}
    history.apply(Header(name, "u", said, {}, describe_data(dataset), 0.0))
    asks = tuple(Ask(i, i, params, i) for i, params in enumerate(given))
    for ask in asks:
        objective.start(Start(ask))
    tick, running = 0, list(range(len(asks)))
    while running:
        rows = tuple(objective.advance(running, tick))
        ended = [row for row in rows if row.finished or row.failure]
        decisions = tuple(
            Decision(row.trial, "fail" if row.failure else "complete", row.failure or "all epochs done", "epochs")
            for row in ended
        )
        history.apply(Tick(tick, float(tick), asks if tick == 0 else (), rows, decisions))
        for row in ended:
            objective.stop(row.trial)
            running.remove(row.trial)
        tick += 1
    return history
