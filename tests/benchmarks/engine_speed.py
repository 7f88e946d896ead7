"""What the engine costs: ``python tests/benchmarks/engine_speed.py [overhead] [workers] [trials]`` (default: all).

- overhead: engine, log and tracking as a share of training time, 8 lanes of 784-30-10 over 10,000 images (goal: 10 %);
- workers: epochs per second with 2 workers over 1, for 32 trials at 784-100-10 (goal: 1.85 on 2 cores);
- trials: 10,000 trials of 10 epochs of a generator that does nothing, without MLflow (goals: 300 trials/s, memory that
  does not depend on anything but the results, resumed in under 5 s).

Needs MNIST (`hpsearch data fetch mnist`, or HPSEARCH_DATA) for the first two.
"""

from __future__ import annotations

import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from hpsearch import Study
from hpsearch.engine.observer import Silent, StudyPlan
from hpsearch.log.catalogue import load_history
from hpsearch.log.history import History
from hpsearch.log.records import Tick
from hpsearch.models import datasets
from hpsearch.models.estimators.classifier import MLPClassifier
from hpsearch.space import Float

IMAGES = 10_000
ROUNDS = 3

AFTERWARDS = 10.0
"""Seconds for the last study's report, which is made once it is over, to be out of the next one's way."""


class Stopwatch(Silent):
    """Notes when a study began, and when its last tick was done.

    Args:
        warm_up: Ticks that the rate leaves out. Workers train ahead, so it must be whole lanefuls of trials: else their
            epochs would count and the time in which they were trained would not.
    """

    def __init__(self, warm_up: int = 0) -> None:
        self.warm_up = warm_up

    def begin(self, history: History, plan: StudyPlan) -> None:
        """Note the time."""
        self.begun = self.first = self.last = time.perf_counter()
        self.ticks = self.epochs = 0

    def tick(self, history: History, record: Tick) -> None:
        """Note the time, and count the epochs after the warm-up."""
        self.last = time.perf_counter()
        self.ticks += 1
        if self.ticks <= self.warm_up:
            self.first = self.last
        else:
            self.epochs += len(record.rows)

    @property
    def rate(self) -> float:
        """Epochs per second after the warm-up."""
        return self.epochs / (self.last - self.first)


def mnist() -> tuple[object, object]:
    """Return 10,000 training and 2,000 validation images."""
    whole = datasets.load("mnist")
    return (
        (whole.X_train[:IMAGES], whole.y_train[:IMAGES]),
        (whole.X_valid[:2000], whole.y_valid[:2000]),
    )


def networks(hidden: int, trials: int, epochs: int) -> Study:
    """Return a study over a network with so many hidden neurons."""
    return Study(
        name=f"hidden_{hidden}",
        model=MLPClassifier(hidden_layer_sizes=(hidden,), max_epochs=epochs),
        space={"learning_rate": Float(0.01, 1.0, log=True)},
        data=mnist(),
        sampler="random",
        pruner="none",
        n_trials=trials,
    )


def overhead() -> None:
    """Measure what is not training."""
    study = networks(30, 16, 10)
    shares = []
    for number in range(ROUNDS):
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as root:
            watch = Stopwatch()
            history = study.run(root, observer=watch).history
            time.sleep(AFTERWARDS)
            trained = sum(row.seconds for trial in history.trials for row in trial.rows)
            shares.append((watch.last - watch.begun) / trained - 1)
            print(f"  round {number}: {trained:.2f} s of training, overhead {100 * shares[-1]:.1f} %")
    print(f"overhead: {100 * statistics.median(shares):.1f} % of training time (goal: at most 10 %)")


def workers() -> None:
    """Measure two workers against one."""
    epochs = 8
    study = networks(100, 32, epochs)
    ratios = []
    for number in range(ROUNDS):
        rates = {}
        for count in (1, 2):
            with tempfile.TemporaryDirectory() as root:
                watch = Stopwatch(warm_up=epochs)
                study.run(root, observer=watch, workers=count, tracking=False)
                rates[count] = watch.rate
        ratios.append(rates[2] / rates[1])
        print(f"  round {number}: {rates[1]:.1f} and {rates[2]:.1f} epochs/s, ratio {ratios[-1]:.2f}")
    print(f"workers: 2 do {statistics.median(ratios):.2f} times the epochs per second of 1 (goal: 1.85)")


def nothing(trial: object) -> Iterator[float]:
    """Yield ten values."""
    for epoch in range(10):
        yield float(epoch)


def trials() -> None:
    """Measure many trials that cost nothing."""
    study = Study(
        name="trivial",
        objective=nothing,
        space={"x": Float(0, 1)},
        metric="score",
        epochs=10,
        sampler="random",
        pruner="none",
        n_trials=1000,
    )
    with tempfile.TemporaryDirectory() as root:
        for count in (1000, 10_000):
            begin = time.perf_counter()
            study = replace(study, n_trials=count, name=f"trivial_{count}")
            study.run(root, quiet=True, tracking=False)
            seconds = time.perf_counter() - begin
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(f"  {count:,} trials: {seconds:.1f} s, {count / seconds:,.0f} trials/s, peak memory {peak:,.0f} MB")
        begin = time.perf_counter()
        load_history(Path(root) / "studies" / study.name)
        print(f"  its log is folded in {time.perf_counter() - begin:.1f} s")
        begin = time.perf_counter()
        study.run(root, quiet=True, tracking=False)
        again = time.perf_counter() - begin
    print(f"trials: {count / seconds:,.0f} a second (goal: 300), resumed in {again:.1f} s (goal: under 5 s)")


if __name__ == "__main__":
    parts = {"overhead": overhead, "workers": workers, "trials": trials}
    for name in sys.argv[1:] or parts:
        parts[name]()
