"""What the diagnosis says of trainings on MNIST: its thresholds were set on digits alone.

    HPSEARCH_DATA=… python tests/benchmarks/diagnosis_on_mnist.py [--train 10000] [--epochs 20]

A line per training with what a reader of the chapter would say of it, and what the diagnosis says. 30 hidden neurons,
mini-batches of 10.
"""

from __future__ import annotations

import argparse
from typing import Any

from threadpoolctl import threadpool_limits

from hpsearch.judging.diagnosis import diagnose
from hpsearch.log.history import Trial
from hpsearch.log.records import Ask, Decision, Row
from hpsearch.models.datasets import load
from hpsearch.models.datasets.subset import subset
from hpsearch.models.training.population import Member, Population
from hpsearch.objectives.outputs import training_data

LARGE, SMALL = "learning rate too large", "learning rate too small"
CASES: list[tuple[str, dict[str, Any], int | None]] = [
    ("good or not converged", {"learning_rate": 0.5, "l2": 1.0}, None),
    ("good", {"learning_rate": 0.5, "l2": 5.0}, None),
    ("overfitting", {"learning_rate": 0.5}, None),
    (LARGE, {"learning_rate": 5.0, "l2": 1.0}, None),
    (LARGE, {"learning_rate": 10.0}, None),
    (LARGE, {"learning_rate": 25.0}, None),
    (LARGE, {"learning_rate": 250.0}, None),
    (LARGE, {"learning_rate": 1e5}, None),
    (SMALL, {"learning_rate": 0.001}, None),
    (SMALL, {"learning_rate": 0.0001}, None),
    ("not converged", {"learning_rate": 0.02}, None),
    ("not converged", {"learning_rate": 0.05, "max_epochs": 5}, None),
    ("lambda dominating", {"learning_rate": 0.5, "l2": 100.0}, None),
    ("lambda dominating", {"learning_rate": 0.5, "l2": 1000.0}, None),
    ("lambda dominating", {"learning_rate": 0.1, "l2": 1000.0}, None),
    ("saturated neurons", {"learning_rate": 0.15, "cost": "quadratic", "weight_init": "gaussian"}, None),
    ("saturated neurons", {"learning_rate": 100.0, "cost": "quadratic"}, None),
    ("saturated neurons or " + LARGE, {"learning_rate": 2.5, "activation": "relu"}, None),
    ("overfitting", {"learning_rate": 0.5, "hidden_layer_sizes": (100,), "max_epochs": 100}, 300),
    ("overfitting", {"learning_rate": 0.5, "hidden_layer_sizes": (), "max_epochs": 100}, 300),
    ("good or overfitting", {"learning_rate": 0.001, "optimizer": "adam"}, None),
]


def main() -> None:
    """Print a line per training."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=20)
    given = parser.parse_args()
    whole, agreed = load("mnist"), 0
    for expected, own, images in CASES:
        data = training_data(subset(whole, 0, train=images or given.train, valid=2_000), "float32")
        params = {"hidden_layer_sizes": (30,), "batch_size": 10, "max_epochs": given.epochs, **own}
        trial = Trial(Ask(0, 0, params, 0), 0.0)
        with threadpool_limits(limits=1):
            population = Population([Member(params, (0, 1, 0))], data)
            for tick in range(params["max_epochs"]):
                (result,) = population.run_epoch((0, 2, 0, 0, tick))
                trial.rows.append(Row(0, 0, tick + 1, result.metrics))
                if result.failure:
                    trial.decision = Decision(0, "fail", result.failure, "failure")
                    break
        found = diagnose(trial)
        accuracy = trial.curve("val_accuracy")
        agreed += found.label in expected
        mark = " " if found.label in expected else "!"
        print(f"{mark} {own} {images or given.train:,} images, {max(accuracy, default=0):.3f}, last {accuracy[-1:]}")
        print(f"    expected {expected}; said {found.label}: {found.reason}", flush=True)
    print(f"{agreed} of {len(CASES)} as expected")


if __name__ == "__main__":
    main()
