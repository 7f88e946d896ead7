"""What five folds cost beside one training on all rows: CPU seconds an epoch, interleaved, medians.

    [HPSEARCH_DATA=folder] python tests/benchmarks/fold_speed.py [--epochs 15]

Folds hold different rows: digits, a table of mixed columns, and with HPSEARCH_DATA 10,000 images of MNIST.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

from hpsearch import MLPClassifier, Study, Table
from hpsearch.log.records import Ask
from hpsearch.models.datasets import Dataset, load
from hpsearch.models.datasets.subset import subset
from hpsearch.objectives.base import Objective, Start
from hpsearch.objectives.staged import prepare
from hpsearch.tables import door
from hpsearch.tables.folds import development

FOLDS = 5


def data_sets() -> Iterator[tuple[str, Any]]:
    """Yield each data set by name, as a study takes it."""
    yield "digits, 64-30-10", "digits"
    rng = np.random.default_rng(0)
    n = 3_000
    y = rng.integers(0, 2, n)
    frame = pd.DataFrame({f"x{i}": rng.normal(size=n) + y * (i < 3) for i in range(8)})
    frame["city"] = np.array(["Rome", "Oslo", "Lima", "Nuuk"])[rng.integers(0, 4, n)]
    frame["kind"] = np.where(y, "a", "b")
    yield "a table, 3,000 rows", Table(frame, target="kind")
    if "HPSEARCH_DATA" in os.environ:
        yield "MNIST, 10,000 images, 784-30-10", subset(load("mnist"), 0, train=8_000, valid=2_000)


def begun(study: Study, dataset: Dataset, trials: int) -> Objective:
    """Return the objective of a study with so many trials begun and trained for an epoch."""
    objective = prepare(study, dataset).make(dataset)
    for number in range(trials):
        objective.start(Start(Ask(number, number, {"learning_rate": 0.1 + 0.05 * number}, number)))
    objective.advance(range(trials), 0)
    return objective


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=15)
    epochs = parser.parse_args().epochs
    print("| data | trials of one shape | ms an epoch, all rows | five folds | × |\n|---|---|---|---|---|")
    for name, data in data_sets():
        for trials in (1, 2, 8):
            model = MLPClassifier(hidden_layer_sizes=(30,), max_epochs=10_000)
            dataset = door.load(data, model)
            all_rows, _ = development(dataset)
            plain = Study("plain", model, data=data)
            objectives = (
                begun(plain, all_rows, trials),
                begun(Study("folds", model, data=data, cv=FOLDS), dataset, trials),
            )
            seconds: tuple[list[float], list[float]] = [], []
            for tick in range(1, epochs + 1):
                for objective, times in zip(objectives, seconds, strict=True):
                    start = time.process_time()
                    objective.advance(range(trials), tick)
                    times.append(time.process_time() - start)
            alone, folds = (1e3 * median(times) for times in seconds)
            print(f"| {name} | {trials} | {alone:.1f} | {folds:.1f} | {folds / alone:.2f} |", flush=True)


if __name__ == "__main__":
    main()
