"""A trial-epoch inside a real study against one of scikit-learn: MNIST, 784-30-10, batch 10, float32.

The study has its log and its tracking on; its seconds are those between the ticks of its log, so that they include
validation on 10,000 images, judging, the log's fsync and whatever the delivery beside it takes. scikit-learn's epoch is
training alone. Both run in turn, in one process; scikit-learn's has one BLAS thread, its best at this
shape. The table gives medians.

    HPSEARCH_DATA=folder python tests/benchmarks/study_speed.py [--rounds 5]
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from pathlib import Path
from statistics import median

from sklearn.neural_network import MLPClassifier as Peer
from threadpoolctl import threadpool_limits

from hpsearch import Float, MLPClassifier, Study
from hpsearch.log.lines import read
from hpsearch.log.records import Tick
from hpsearch.models.datasets import Dataset, load
from hpsearch.running.api import run

EPOCHS = 4


def study_seconds(lanes: int) -> float:
    """Return seconds per trial and epoch of a study that fills its lanes once."""
    study = Study(
        name="speed",
        model=MLPClassifier(hidden_layer_sizes=(30,), max_epochs=EPOCHS),
        space={"learning_rate": Float(0.1, 1.0, log=True), "l2": Float(0.1, 10.0, log=True)},
        data="mnist",
        sampler="random",
        pruner="none",
        n_trials=lanes,
        lanes=lanes,
    )
    with tempfile.TemporaryDirectory() as root:
        run(study, root, quiet=True)
        log = Path(root) / "studies" / "speed" / "log.jsonl"
        ends = [record.time for record, _ in read(log) if isinstance(record, Tick)]
    return (ends[-1] - ends[0]) / (len(ends) - 1) / lanes


def peer_seconds(data: Dataset) -> float:
    """Return seconds of one epoch of scikit-learn's network by plain stochastic gradient descent."""
    network = Peer(
        (30,),
        activation="logistic",
        solver="sgd",
        momentum=0.0,
        nesterovs_momentum=False,
        batch_size=10,
        learning_rate_init=0.5,
        alpha=5.0 * 10 / len(data.X_train),
        max_iter=1,
        random_state=0,
    )
    begun = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one epoch does not converge
        with threadpool_limits(1):
            network.fit(data.X_train, data.y_train)
    return time.perf_counter() - begun


def main() -> None:
    """Measure in turn and print the medians and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    data = load("mnist")
    times: dict[str, list[float]] = {"scikit-learn, training alone": [], "study, 8 lanes": [], "study, 16 lanes": []}
    for _ in range(rounds):
        times["scikit-learn, training alone"].append(peer_seconds(data))
        times["study, 8 lanes"].append(study_seconds(8))
        times["study, 16 lanes"].append(study_seconds(16))
    base = median(times["scikit-learn, training alone"])
    print("| 784-30-10, 50,000 images, a trial and epoch | ms (median) | × scikit-learn |\n|---|---|---|")
    for what, values in times.items():
        print(f"| {what} | {1e3 * median(values):.0f} | {base / median(values):.1f} |")


if __name__ == "__main__":
    main()
