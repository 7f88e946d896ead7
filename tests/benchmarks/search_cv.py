"""StudySearchCV against scikit-learn's searchers (and Optuna's, where optuna-integration is installed).

Each searcher tunes the same estimator class on the same rows with the same folds, one process; rows that no searcher
sees decide. Two comparisons: at equal trials, and at equal time (ours stops when RandomizedSearchCV had ended). Beside
them: after how many seconds ours had the cross-validated score that RandomizedSearchCV ended with.

    [HPSEARCH_DATA=folder] python tests/benchmarks/search_cv.py [--quick] [--seeds 10] [--trials 32]

With HPSEARCH_DATA the first 10,000 training images of MNIST are a data set too. ``--quick``: two data sets, three
seeds, twelve trials; some minutes.
"""

from __future__ import annotations

import argparse
import math
import os
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from statistics import fmean, median, stdev
from typing import Any

import numpy as np
from scipy.stats import loguniform, randint
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401 - HalvingRandomSearchCV is behind it
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import GridSearchCV, HalvingRandomSearchCV, RandomizedSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hpsearch import Choice, Float, Int, MLPClassifier, StudySearchCV
from hpsearch.engine.observer import Silent
from hpsearch.log.history import History
from hpsearch.log.records import Tick
from hpsearch.running.in_memory import run_in_memory

FOLDS = 5


@dataclass(frozen=True)
class Task:
    """An estimator, the space of ours, and the same space as scikit-learn's searchers and Optuna's have it."""

    estimator: Any
    space: dict[str, Any]
    distributions: dict[str, Any]
    grid: dict[str, list[Any]]


def tasks() -> dict[str, Task]:
    """Return the estimators by name."""
    network = MLPClassifier(hidden_layer_sizes=(30,), max_epochs=20, random_state=0)
    sizes = [(10,), (30,), (100,)]
    return {
        "scaler + MLPClassifier": Task(
            make_pipeline(StandardScaler(), network),
            {
                "mlpclassifier__learning_rate": Float(0.005, 2, log=True),
                "mlpclassifier__l2": Float(0.001, 10, log=True),
                "mlpclassifier__hidden_layer_sizes": Choice(sizes),
            },
            {
                "mlpclassifier__learning_rate": loguniform(0.005, 2),
                "mlpclassifier__l2": loguniform(0.001, 10),
                "mlpclassifier__hidden_layer_sizes": sizes,
            },
            {
                "mlpclassifier__learning_rate": [0.01, 0.05, 0.2, 1.0],
                "mlpclassifier__l2": [0.01, 1.0],
                "mlpclassifier__hidden_layer_sizes": sizes,
            },
        ),
        "scaler + SGDClassifier": Task(
            make_pipeline(StandardScaler(), SGDClassifier(random_state=0)),
            {"sgdclassifier__alpha": Float(1e-6, 1, log=True), "sgdclassifier__l1_ratio": Float(0, 1)},
            {"sgdclassifier__alpha": loguniform(1e-6, 1), "sgdclassifier__l1_ratio": np.linspace(0, 1, 50)},
            {"sgdclassifier__alpha": list(np.logspace(-6, 0, 8)), "sgdclassifier__l1_ratio": [0.15, 0.5, 0.85]},
        ),
        "HistGradientBoosting": Task(
            HistGradientBoostingClassifier(max_iter=30, random_state=0),
            {"learning_rate": Float(0.01, 1, log=True), "max_leaf_nodes": Int(2, 64, log=True)},
            {"learning_rate": loguniform(0.01, 1), "max_leaf_nodes": randint(2, 65)},
            {"learning_rate": [0.02, 0.05, 0.1, 0.2, 0.5, 1.0], "max_leaf_nodes": [4, 8, 16, 32]},
        ),
    }


def data_sets(quick: bool) -> Iterator[tuple[str, Any, Any]]:
    """Yield each data set: its name, samples and labels."""
    yield "digits", *load_digits(return_X_y=True)
    yield "breast cancer", *load_breast_cancer(return_X_y=True)
    if quick:
        return
    yield "wine", *load_wine(return_X_y=True)
    if "HPSEARCH_DATA" in os.environ:
        from hpsearch.models.datasets import load

        mnist = load("mnist")
        yield "MNIST 10,000", mnist.X_train[:10_000], mnist.y_train[:10_000]


class Watched(StudySearchCV):
    """A search that notes when its best score got better."""

    def _run(self, study: Any, dataset: Any) -> History:
        watch = Watch(time.perf_counter())
        history = run_in_memory(study, dataset, watch)
        self.reached_ = watch.reached
        return history


class Watch(Silent):
    """Notes the seconds at which each best value was there.

    Args:
        begun: When the search began.
    """

    def __init__(self, begun: float) -> None:
        self._begun = begun
        self.reached: list[tuple[float, float]] = []

    def tick(self, history: History, record: Tick) -> None:
        """Note the best value of now."""
        best = None if history.best is None else history.best.value
        if best is not None and (not self.reached or best > self.reached[-1][1]):
            self.reached.append((time.perf_counter() - self._begun, best))


@dataclass(frozen=True)
class Outcome:
    """What a searcher came to: cross-validated and held-out score, seconds, and when it had which score."""

    inner: float
    held_out: float
    seconds: float
    reached: tuple[tuple[float, float], ...] = ()


def searchers(task: Task, trials: int, seed: int) -> dict[str, Callable[[], Any]]:
    """Return what makes each peer, by name."""
    shared = {"cv": FOLDS}
    found: dict[str, Callable[[], Any]] = {
        "RandomizedSearchCV": lambda: RandomizedSearchCV(
            task.estimator, task.distributions, n_iter=trials, random_state=seed, **shared
        ),
        "GridSearchCV": lambda: GridSearchCV(task.estimator, task.grid, **shared),
        "HalvingRandomSearchCV": lambda: HalvingRandomSearchCV(
            task.estimator, task.distributions, n_candidates=trials, random_state=seed, **shared
        ),
    }
    if find_spec("optuna_integration") is not None:
        found["OptunaSearchCV"] = lambda: optuna_search(task, trials, seed)
    return found


def optuna_search(task: Task, trials: int, seed: int) -> Any:
    """Return Optuna's searcher over the same space."""
    import optuna
    from optuna_integration import OptunaSearchCV

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    space: dict[str, Any] = {}
    for name, dimension in task.space.items():
        if isinstance(dimension, Choice):
            space[name] = optuna.distributions.CategoricalDistribution(list(dimension.options))
        elif isinstance(dimension, Int):
            space[name] = optuna.distributions.IntDistribution(dimension.low, dimension.high, log=dimension.log)
        else:
            space[name] = optuna.distributions.FloatDistribution(dimension.low, dimension.high, log=dimension.log)
    return OptunaSearchCV(task.estimator, space, cv=FOLDS, n_trials=trials, random_state=seed, verbose=0)


def ours(task: Task, trials: int | None, seed: int, timeout: float | None = None) -> StudySearchCV:
    """Return our search."""
    return Watched(task.estimator, task.space, cv=FOLDS, n_trials=trials or 100_000, random_state=seed, timeout=timeout)


def outcome(search: Any, rows: tuple[Any, Any, Any, Any]) -> Outcome:
    """Fit a searcher and score it on rows that it has not seen."""
    X, X_held, y, y_held = rows
    begun = time.perf_counter()
    search.fit(X, y)
    seconds = time.perf_counter() - begun
    return Outcome(
        float(search.best_score_), float(search.score(X_held, y_held)), seconds, tuple(getattr(search, "reached_", ()))
    )


def interval(values: list[float]) -> str:
    """Return a mean with its 95 % interval."""
    if len(values) < 2:
        return f"{fmean(values):+.4f}"
    from scipy.special import stdtrit

    half = float(stdtrit(len(values) - 1, 0.975)) * stdev(values) / math.sqrt(len(values))
    return f"{fmean(values):+.4f} ± {half:.4f}"


def compare(name: str, X: Any, y: Any, task: Task, trials: int, seeds: int) -> None:
    """Print the rows of one data set and estimator."""
    found: dict[str, list[Outcome]] = {}
    sooner: list[float] = []
    for seed in range(seeds):
        rows = train_test_split(X, y, test_size=0.3, stratify=y, random_state=seed)
        for peer, make in searchers(task, trials, seed).items():
            found.setdefault(peer, []).append(outcome(make(), rows))
        random = found["RandomizedSearchCV"][-1]
        found.setdefault("StudySearchCV, equal trials", []).append(outcome(ours(task, trials, seed), rows))
        timed = outcome(ours(task, None, seed, timeout=random.seconds), rows)
        found.setdefault("StudySearchCV, equal time", []).append(timed)
        hit = next((at for at, score in timed.reached if score >= random.inner), math.inf)
        sooner.append(random.seconds / hit)
    base = found["RandomizedSearchCV"]
    for peer, outcomes in found.items():
        more = [each.held_out - other.held_out for each, other in zip(outcomes, base, strict=True)]
        extra = f"{median(sooner):.1f}×" if peer.endswith("equal time") else ""
        cells = (
            f"{fmean(each.inner for each in outcomes):.4f}", f"{fmean(each.held_out for each in outcomes):.4f}",
            interval(more) if outcomes is not base else "", f"{fmean(each.seconds for each in outcomes):.1f}", extra,
        )  # fmt: skip
        print(f"| {name} | {peer} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--trials", type=int)
    parser.add_argument("--only", help="a part of an estimator's name")
    options = parser.parse_args()
    seeds, trials = options.seeds or (3 if options.quick else 10), options.trials or (12 if options.quick else 24)
    warnings.simplefilter("ignore")
    for title, task in tasks().items():
        if options.only and options.only.lower() not in title.lower():
            continue
        print(f"\n{title}: {trials} trials, {seeds} seeds\n")
        print("| data | searcher | CV score | held out | held out − random | seconds | sooner than random |")
        print("|---|---|---|---|---|---|---|")
        for name, X, y in data_sets(options.quick):
            compare(name, X, y, task, trials, seeds)


if __name__ == "__main__":
    main()
