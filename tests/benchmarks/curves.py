"""Trains learning-curve tables for tests/benchmarks/joint_quality.py: our networks on a grid of points, all to the end.

Nine tables of other data, shapes and metrics: with validation noise (the accuracy of a few hundred rows, in steps) and
without much of it (the cost, which is smooth). What has diverged is NaN from there on. Data come with scikit-learn or
are drawn at random, so that nothing is downloaded.

    python tests/benchmarks/curves.py FOLDER [--tables NAME …]    # --quick: every third value of each axis
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from sklearn import datasets
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from hpsearch import Choice, MLPClassifier, MLPRegressor, Study
from hpsearch.log.records import Ask
from hpsearch.models.datasets import load
from hpsearch.models.threads import limited
from hpsearch.objectives.base import Start
from hpsearch.objectives.build import prepare

Arrays = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Recipe:
    """What makes a table.

    Attributes:
        data: Returns features and targets.
        axes: The values of each parameter, in order unless named in ``options``.
        epochs: Epochs of a whole training.
        metric: ``val_accuracy``, or ``val_cost``, whose negative the table then holds.
        options: Parameters whose values have no order.
        fixed: Parameters that are the same at every point.
        regression: Whether targets are numbers.
    """

    data: Callable[[], Arrays]
    axes: dict[str, list[Any]]
    epochs: int
    metric: str = "val_accuracy"
    options: tuple[str, ...] = ()
    fixed: dict[str, Any] = field(default_factory=dict)
    regression: bool = False


def _spaced(low: float, high: float, n: int) -> list[float]:
    return [float(f"{value:.4g}") for value in np.geomspace(low, high, n)]


def _rings() -> Arrays:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(900, 4))
    y = np.digitize(np.linalg.norm(X[:, :2], axis=1) + 0.1 * rng.normal(size=900), [0.8, 1.5])
    return X, y


def _sparse() -> Arrays:
    X, y = datasets.make_classification(1000, 40, n_informative=5, n_redundant=5, flip_y=0.1, random_state=1)
    return X, y


def _classes() -> Arrays:
    X, y = datasets.make_classification(
        1200, 16, n_informative=8, n_redundant=2, n_classes=6, n_clusters_per_class=1, class_sep=0.7, random_state=2
    )
    return X, y


def _bundled(name: str) -> Callable[[], Arrays]:
    def read() -> Arrays:
        X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
        return X, y

    return read


RECIPES: dict[str, Recipe] = {
    "digits_adam": Recipe(
        _bundled("digits"),
        {
            "learning_rate": _spaced(1e-4, 0.3, 8), "l2": [0.0, 0.1, 1.0, 10.0], "batch_size": [16, 64, 256],
            "hidden_layer_sizes": [(8,), (32,), (32, 32)],
        },
        40, fixed={"activation": "relu", "optimizer": "adam"},
    ),
    "digits_cost": Recipe(
        _bundled("digits"),
        {
            "learning_rate": _spaced(0.01, 10, 9), "l2": [0.0, 0.1, 1.0, 10.0],
            "batch_size": [16, 128], "dropout": [0.0, 0.2, 0.5],
        },
        50, "val_cost", fixed={"hidden_layer_sizes": (24,)},
    ),
    "cancer": Recipe(
        _bundled("breast_cancer"),
        {
            "learning_rate": _spaced(1e-3, 3, 8), "l2": [0.0, 0.1, 1.0, 10.0], "batch_size": [8, 64],
            "optimizer": ["sgd", "momentum", "nesterov", "rmsprop"],
        },
        50, options=("optimizer",), fixed={"hidden_layer_sizes": (10,)},
    ),
    "cancer_cost": Recipe(
        _bundled("breast_cancer"),
        {
            "learning_rate": _spaced(0.01, 10, 10), "l2": [0.0, 0.03, 0.3, 3.0],
            "batch_size": [8, 32, 128], "hidden_layer_sizes": [(4,), (16,)],
        },
        60, "val_cost",
    ),
    "wine": Recipe(
        _bundled("wine"),
        {
            "learning_rate": _spaced(1e-3, 10, 10), "l2": [0.0, 0.1, 1.0],
            "batch_size": [4, 16, 64], "hidden_layer_sizes": [(3,), (10,), (30,)],
        },
        30,
    ),
    "rings": Recipe(
        _rings,
        {
            "learning_rate": _spaced(0.01, 10, 8), "l2": [0.0, 0.01, 0.1],
            "hidden_layer_sizes": [(4,), (12,), (12, 12)],
            "activation": ["sigmoid", "tanh", "relu"],
        },
        81, options=("activation",), fixed={"batch_size": 32},
    ),
    "sparse": Recipe(
        _sparse,
        {
            "learning_rate": _spaced(0.01, 3, 7), "l1": [0.0, 0.3, 3.0, 10.0],
            "dropout": [0.0, 0.3, 0.6], "batch_size": [16, 64, 256],
        },
        27, fixed={"hidden_layer_sizes": (20,), "activation": "relu", "optimizer": "momentum"},
    ),
    "classes_cost": Recipe(
        _classes,
        {
            "learning_rate": _spaced(1e-4, 0.1, 9), "l2": [0.0, 0.1, 1.0, 10.0],
            "batch_size": [16, 64, 256], "hidden_layer_sizes": [(8,), (32,)],
        },
        40, "val_cost", fixed={"activation": "tanh", "optimizer": "adam"},
    ),
    "diabetes_cost": Recipe(
        _bundled("diabetes"),
        {
            "learning_rate": _spaced(1e-3, 1, 8), "l2": [0.0, 1.0, 10.0, 100.0],
            "batch_size": [8, 32, 128], "hidden_layer_sizes": [(5,), (30,)],
        },
        60, "val_cost", fixed={"activation": "relu"}, regression=True,
    ),
}  # fmt: skip


def _data(recipe: Recipe) -> tuple[Arrays, Arrays]:
    """Return a training and a validation part, features standardised by the former, and numbers too."""
    X, y = recipe.data()
    stratify = None if recipe.regression else y
    X_train, X_valid, y_train, y_valid = train_test_split(X, y, test_size=0.35, random_state=0, stratify=stratify)
    scaler = StandardScaler().fit(X_train)
    if recipe.regression:
        mean, deviation = y_train.mean(), y_train.std()
        y_train, y_valid = (y_train - mean) / deviation, (y_valid - mean) / deviation
    return (scaler.transform(X_train), y_train), (scaler.transform(X_valid), y_valid)


def train(recipe: Recipe, step: int = 1) -> np.ndarray:
    """Return the curves of a recipe's points, shape (…, epochs); of each axis every so manieth value.

    A cost counts at most as much as that after no training would: what has gone astray is all alike.
    """
    axes = {name: values[::step] for name, values in recipe.axes.items()}
    model = (MLPRegressor if recipe.regression else MLPClassifier)(max_epochs=recipe.epochs, **recipe.fixed)
    study = Study(
        "curves",
        model=model,
        data=_data(recipe),
        space={name: Choice(values) for name, values in axes.items()},
        metric=recipe.metric,
        direction="minimize" if recipe.metric == "val_cost" else "maximize",
        sampler="grid",
    )
    points = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
    dataset = load(study.data)
    found = np.full((len(points), recipe.epochs), np.nan)
    for first in range(0, len(points), 64):  # so many fit into the cache side by side
        objective = prepare(study, dataset).make(dataset)
        alive = list(range(first, min(first + 64, len(points))))
        for point in alive:
            objective.start(Start(Ask(point, 0, points[point], point)))
        for epoch in range(recipe.epochs):
            rows = objective.advance(alive, epoch)
            for row in rows:
                found[row.trial, epoch] = row.metrics.get(recipe.metric, np.nan)
            alive = [row.trial for row in rows if row.failure is None and np.isfinite(found[row.trial, epoch])]
    if recipe.metric == "val_cost":
        found = -np.minimum(found, 2.0 * float(np.nanmedian(found[:, 0])))
    return found.reshape(*map(len, axes.values()), recipe.epochs)


def main() -> None:
    """Write tables that are not there yet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tables", nargs="+", choices=RECIPES, default=list(RECIPES))
    parser.add_argument("--quick", action="store_true", help="every third value of each axis")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    for name in options.tables:
        path, recipe = options.folder / f"{name}.npz", RECIPES[name]
        if path.exists():
            continue
        start = time.process_time()
        with limited():
            curves = train(recipe, 3 if options.quick else 1)
        np.savez_compressed(path, curves=curves, options=[axis in recipe.options for axis in recipe.axes])
        best = np.nanmax(curves.reshape(-1, recipe.epochs), axis=1)
        print(
            f"{name}: {curves.shape}, {np.isnan(curves[..., -1]).mean():.0%} diverged, best {best.max():.4f}, median "
            f"{np.median(best):.4f}, {time.process_time() - start:.0f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
