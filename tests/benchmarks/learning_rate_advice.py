"""Does a network trained at the learning rate that ``hpsearch lr-range`` suggests do as well as at the best one?

    HPSEARCH_DATA=… python tests/benchmarks/learning_rate_advice.py [--data digits] [--case adam:relu] [--root DIR]

For each optimizer, kind of network and data set: the test on the training set, then the declared epochs at every
learning rate of its table (the best is chosen on seeds of its own), and at the suggested and the best one with ten
other seeds, paired. A value is the best validation accuracy over the epochs, as a study counts it. An advice holds
where the mean difference is at most 0.5 points plus two standard errors. Exit code 1 where fewer than 90 % hold or
one costs more than 2 points. 30 hidden neurons, mini-batches of 10; a regression on diabetes, by R² in percent. With
--root each case's result is kept as a file, and the command goes on where it was interrupted; a case whose suggestion
is another than the kept one is trained anew at that suggestion.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from hpsearch import MLPClassifier, MLPRegressor, Study
from hpsearch.models.datasets import load
from hpsearch.models.datasets.dataset import Dataset
from hpsearch.models.datasets.subset import subset
from hpsearch.models.training.population import Member, Population, TrainingData
from hpsearch.objectives.outputs import training_data
from hpsearch.running.lr_range import lr_range

OPTIMIZERS = ("sgd", "momentum", "nesterov", "rmsprop", "adam")
KINDS: dict[str, dict[str, Any]] = {
    "sigmoid": {},
    "softmax": {"output": "softmax", "cost": "log_likelihood"},
    "relu": {"activation": "relu"},
}
EPOCHS = {"digits": 30, "mnist": 10, "diabetes": 60}
TABLE_SEEDS, SEEDS = 3, 10
EARLY, KEPT = 3, 6
"""After so many epochs so many learning rates of the table are trained on: one far behind then is not the best."""

MARGIN, WORST, SHARE = 0.5, 2.0, 0.9


@dataclass(frozen=True)
class Case:
    """One advice: a data set, an optimizer and a kind of network."""

    data: str
    optimizer: str
    kind: str

    @property
    def params(self) -> dict[str, Any]:
        """The network's parameters."""
        own = {} if self.data == "diabetes" else KINDS[self.kind]
        return {"optimizer": self.optimizer, "max_epochs": EPOCHS[self.data], **own}


@dataclass(frozen=True)
class Outcome:
    """What became of it: the suggested and the table's best η, and per cent by seed at each."""

    case: Case
    suggestion: float | None
    best: float
    at_suggestion: tuple[float, ...]
    at_best: tuple[float, ...]

    @property
    def lost(self) -> float:
        """Points that the suggestion costs, the mean over the seeds."""
        return statistics.fmean(b - s for s, b in zip(self.at_suggestion, self.at_best, strict=True))

    @property
    def error(self) -> float:
        """Its standard error."""
        pairs = [b - s for s, b in zip(self.at_suggestion, self.at_best, strict=True)]
        return statistics.stdev(pairs) / math.sqrt(len(pairs))

    @property
    def holds(self) -> bool:
        """Whether the advice holds."""
        return self.suggestion is not None and self.lost <= MARGIN + 2 * self.error


@dataclass
class Kept:
    """Trainings of a case.

    Attributes:
        place: Their file, or None where nothing is kept.
        rates: The learning rates of the table.
        table: Mean best validation value in per cent at each.
        trained: The same by seed, for the learning rates that were compared.
    """

    place: Path | None
    rates: list[float]
    table: list[float]
    trained: dict[str, list[float]]

    @classmethod
    def open(cls, root: Path | None, case: Case, rates: list[float]) -> Kept:
        """Return what is kept of a case; nothing where its table is of other learning rates."""
        place = None if root is None else root / f"{case.data}-{case.optimizer}-{case.kind}.json"
        if place is not None and place.exists():
            stored = json.loads(place.read_text())
            if stored["rates"] == rates:
                return cls(place, **stored)
        return cls(place, rates, [], {})

    def save(self) -> None:
        """Write it down."""
        if self.place is not None:
            self.place.parent.mkdir(parents=True, exist_ok=True)
            self.place.write_text(json.dumps({"rates": self.rates, "table": self.table, "trained": self.trained}))


def problem(name: str) -> Dataset:
    """Return a data set: MNIST's first 10,000 of a stratified order, digits, or scikit-learn's diabetes, scaled."""
    if name == "mnist":
        return subset(load("mnist"), 0, train=10_000, valid=2_000)
    if name == "digits":
        return load("digits")
    from sklearn.datasets import load_diabetes

    X, y = load_diabetes(return_X_y=True, scaled=False)
    order = np.random.default_rng(0).permutation(len(y))
    X = X[order]
    y = y[order].astype(float)
    X = (X - X[:300].mean(0)) / X[:300].std(0)
    y = (y - y[:300].mean()) / y[:300].std()
    digits = load("digits")
    return replace(
        digits,
        name="diabetes",
        X_train=X[:300],
        y_train=y[:300],
        X_valid=X[300:],
        y_valid=y[300:],
        X_test=None,
        y_test=None,
        image_shape=None,
    )


def values(params: dict[str, Any], data: TrainingData, rates: Sequence[float], seed: int) -> list[float]:
    """Return the best validation value in per cent at each learning rate; 0 where it diverged or fell behind."""
    if data.y_train is None:
        params = {**params, "output": "identity", "cost": "quadratic"}
    metric = "val_accuracy" if data.y_train is not None else "val_r2"
    members = [Member({**params, "learning_rate": rate}, (seed, 1, 0)) for rate in rates]
    alive = list(range(len(rates)))
    best = [0.0] * len(rates)
    population = Population(members, data)
    for epoch in range(params["max_epochs"]):
        results = population.run_epoch((seed, 2, epoch))
        for lane, result in zip(alive, results, strict=True):
            value = result.metrics.get(metric, 0.0)
            best[lane] = max(best[lane], 100 * value if math.isfinite(value) else 0.0)
        states = population.states()
        kept = [i for i, result in enumerate(results) if not result.failure]
        if epoch + 1 == EARLY:
            kept = sorted(sorted(kept, key=lambda i: -best[alive[i]])[:KEPT])
        if len(kept) < len(alive):
            for i in kept:
                members[alive[i]].state = states[i]
            alive = [alive[i] for i in kept]
            if not alive:
                break
            population = Population([members[lane] for lane in alive], data)
    return best


def examine(case: Case, root: Path | None = None) -> Outcome:
    """Return what became of an advice; with a folder, trainings are taken from there and kept there."""
    dataset = problem(case.data)
    params = case.params
    model = MLPRegressor(**params) if case.data == "diabetes" else MLPClassifier(**params)
    advice = lr_range(Study("eta", model, data=(dataset.X_train, dataset.y_train)), dataset)
    model_params = model.get_params()
    if case.data == "diabetes":
        targets = [target.reshape(-1, 1) for target in (dataset.y_train, dataset.y_valid)]
        data = TrainingData.from_targets(dataset.X_train, targets[0], dataset.X_valid, targets[1])
    else:
        data = training_data(dataset, "float32")
    rates = [trace.learning_rate for trace in advice.traces]
    kept = Kept.open(root, case, rates)
    if not kept.table:
        kept.table = np.mean(
            [values(model_params, data, rates, 1000 + seed) for seed in range(TABLE_SEEDS)], axis=0
        ).tolist()
        kept.save()
    best = rates[int(np.argmax(kept.table))]
    suggestion = best if advice.suggestion is None else advice.suggestion
    if missing := [rate for rate in {best, suggestion} if str(rate) not in kept.trained]:
        by_seed = [values(model_params, data, missing, 2000 + seed) for seed in range(SEEDS)]
        kept.trained |= {
            str(rate): list(accuracies) for rate, accuracies in zip(missing, zip(*by_seed, strict=True), strict=True)
        }
        kept.save()
    return Outcome(case, advice.suggestion, best, tuple(kept.trained[str(suggestion)]), tuple(kept.trained[str(best)]))


def main() -> int:
    """Print a row per case, and how many of the advices hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", action="append", choices=sorted(EPOCHS), help="may be given several times")
    parser.add_argument("--case", action="append", help="OPTIMIZER:KIND alone; may be given several times")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--root", type=Path, help="folder that keeps the trainings")
    options = parser.parse_args()
    cases = [
        Case(data, optimizer, kind)
        for data in options.data or EPOCHS
        for optimizer in OPTIMIZERS
        for kind in (("regression",) if data == "diabetes" else KINDS)
        if options.case is None or f"{optimizer}:{kind}" in options.case
    ]
    print(
        "| data | optimizer | network | suggested η | best η | at the suggested (%) | at the best (%) | lost | 2 s.e. |"
    )
    print("|---|---|---|---:|---:|---:|---:|---:|---:|")
    outcomes = []
    with ProcessPoolExecutor(options.processes, get_context("spawn")) as pool:
        for outcome in pool.map(partial(examine, root=options.root), cases):
            outcomes.append(outcome)
            suggested = "none" if outcome.suggestion is None else f"{outcome.suggestion:g}"
            print(
                f"| {outcome.case.data} | {outcome.case.optimizer} | {outcome.case.kind} | {suggested} | "
                f"{outcome.best:g} | "
                f"{statistics.fmean(outcome.at_suggestion):.2f} | {statistics.fmean(outcome.at_best):.2f} | "
                f"{outcome.lost:+.2f}{'' if outcome.holds else ' (does not hold)'} | {2 * outcome.error:.2f} |",
                flush=True,
            )
    holding = sum(outcome.holds for outcome in outcomes)
    worst = max(outcome.lost for outcome in outcomes)
    print(f"\n{holding} of {len(outcomes)} advices hold; the worst costs {worst:.2f} points")
    return 0 if holding >= SHARE * len(outcomes) and worst <= WORST else 1


if __name__ == "__main__":
    sys.exit(main())
