"""Measures what each knob adds to an epoch of the training core, on MNIST: a markdown table.

784-H-10, sigmoid, cross-entropy and L2, batch 10, float32. Every variant runs once a round, in turn,
so that a slow spell of the machine hits all of them; the table gives medians over rounds, of ms per network. Every
epoch includes what is always there: training cost and accuracy from the mini-batches, and the monitors.

    HPSEARCH_DATA=folder python tests/benchmarks/knob_cost.py [--quick]
"""

from __future__ import annotations

import argparse
import time
from statistics import median
from typing import Any

import numpy as np

from hpsearch.models.datasets import load
from hpsearch.models.training.population import Member, Population, TrainingData

BASE = {"learning_rate": 0.1, "l2": 5.0}
KNOBS: dict[str, dict[str, Any]] = {
    "sgd with L2": {},
    "without L2": {"l2": 0.0},
    "L1": {"l1": 1.0},
    "max-norm": {"max_norm": 3.0},
    "dropout ½": {"dropout": 0.5},
    "input dropout 0.2": {"input_dropout": 0.2},
    "batch norm": {"batch_norm": True},
    "momentum": {"optimizer": "momentum", "momentum": 0.9, "learning_rate": 0.02},
    "nesterov": {"optimizer": "nesterov", "momentum": 0.9, "learning_rate": 0.02},
    "rmsprop": {"optimizer": "rmsprop", "learning_rate": 0.001},
    "adam": {"optimizer": "adam", "learning_rate": 0.001},
    "tanh": {"activation": "tanh"},
    "relu": {"activation": "relu"},
    "gelu": {"activation": "gelu"},
    "softmax": {"output": "softmax", "cost": "log_likelihood"},
    "sample weights": {"weighted": True},
    "exact training metrics": {"exact_train_metrics": True},
    "affine augmentation": {"augmentation": "affine"},
    "elastic augmentation": {"augmentation": "elastic"},
}


def population(params: dict[str, Any], hidden: int, lanes: int, data: dict[bool, TrainingData]) -> Population:
    """Return a population with one knob turned."""
    settings = {**BASE, "hidden_layer_sizes": (hidden,), **params}
    weighted = settings.pop("weighted", False)
    return Population([Member(settings, (0, k)) for k in range(lanes)], data[weighted])


def main() -> None:
    """Print a table for each size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="5,000 images, three rounds")
    quick = parser.parse_args().quick
    mnist = load("mnist")
    n, rounds = (5_000, 3) if quick else (20_000, 5)
    X = np.ascontiguousarray(mnist.X_train[:n], np.float32)
    y = mnist.y_train[:n]
    weights = np.random.default_rng(0).random(n)
    data = {w: TrainingData.from_arrays(X, y, 10, sample_weight=weights if w else None) for w in (False, True)}
    for hidden, lanes in ((30, 1), (30, 8), (100, 8)):
        standing = {name: population(params, hidden, lanes, data) for name, params in KNOBS.items()}
        times: dict[str, list[float]] = {name: [] for name in KNOBS}
        monitors = []
        for turn in range(rounds + 1):  # the first one compiles
            for name, trained in standing.items():
                start = time.perf_counter()
                results = trained.run_epoch((turn,))
                times[name].append((time.perf_counter() - start) / lanes * 1e3)
                if any(r.failure for r in results):
                    raise SystemExit(f"{name}: {results[0].failure}")
            start = time.perf_counter()
            standing["sgd with L2"]._monitor.run()
            monitors.append((time.perf_counter() - start) / lanes * 1e3)
        base = median(times["sgd with L2"][1:])
        print(f"\n| 784-{hidden}-10, {n:,} images, {lanes} fused | ms an epoch | × plain |\n|---|---|---|")
        for name, measured in times.items():
            middle = median(measured[1:])
            print(f"| {name} | {middle:,.0f} | {middle / base:.2f} |", flush=True)
        print(f"| (of each: monitors) | {median(monitors[1:]):,.2f} | {median(monitors[1:]) / base:.3f} |", flush=True)


if __name__ == "__main__":
    main()
