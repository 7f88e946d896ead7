"""Many classes: an epoch of 20,000 × 100 samples, 1,000 classes, 100 neurons, batch 100, Adam and softmax, one core.

Beside it, in the same interleaved run: its five large matrix products alone, these with the softmax, and scikit-learn's
MLPClassifier. Processor seconds, and their ratio to the five products of the same round: medians over rounds in which
all take turns.

On an EPYC core with 1 MiB of second-level cache an epoch of ours takes 1.65 times the products alone (medians of three
runs of seven rounds, on a machine that had other work: 1.45, 1.65, 1.85). Of the .65, the softmax is .27 (half of it
the exponential), Adam's eleven passes over 111,120 weights .25, the L2 term .03, sums and additions of biases .05, and
all that is counted (hits, costs, the gathering of samples) .03.

python tests/benchmarks/wide_softmax.py [--samples 20000] [--features 100] [--classes 1000] [--rounds 5]
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable

import numpy as np
from sklearn.neural_network import MLPClassifier as Peer

from hpsearch.models.costs import OUTPUTS
from hpsearch.models.kernels import Op, accumulate_outer, project, project_back, run
from hpsearch.models.threads import limited
from hpsearch.models.training.population import Member, Population, TrainingData

HIDDEN, BATCH = 100, 100


def timed(call: Callable[[], object]) -> float:
    """Return the processor seconds of a call."""
    begun = time.process_time()
    call()
    return time.process_time() - begun


def ours(X: np.ndarray, y: np.ndarray, classes: int) -> Callable[[], object]:
    """Return an epoch of our network."""
    params = {
        "hidden_layer_sizes": (HIDDEN,),
        "activation": "relu",
        "output": "softmax",
        "optimizer": "adam",
        "batch_size": BATCH,
        "l2": 0.1,
        "max_epochs": 1000,
    }
    population = Population([Member(params, (0,))], TrainingData.from_arrays(X, y, classes))
    return lambda: population.run_epoch((population.members[0].epoch,))


def theirs(X: np.ndarray, y: np.ndarray) -> Callable[[], object]:
    """Return an epoch of scikit-learn's."""
    model = Peer((HIDDEN,), activation="relu", solver="adam", batch_size=BATCH, max_iter=1)
    model.partial_fit(X, y, classes=np.unique(y))
    return lambda: model.partial_fit(X, y)


def products(samples: int, features: int, classes: int, *, softmax: bool) -> Callable[[], object]:
    """Return the five large products of all steps of an epoch, and the softmax where asked."""
    rng = np.random.default_rng(0)

    def array(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype(np.float32)

    x = array(BATCH, features)
    w0 = array(HIDDEN, features)
    z = array(BATCH, HIDDEN)
    w1 = array(classes, HIDDEN)
    u = array(BATCH, classes)
    h = array(BATCH, classes)
    d = array(BATCH, HIDDEN)
    g0 = np.zeros_like(w0)
    g1 = np.zeros_like(w1)
    ops: list[Op] = [
        project(x, w0, 1.0, 0.0, z),
        project(z, w1, 1.0, 0.0, u),
        *(OUTPUTS["softmax"].apply(u, h) if softmax else ()),
        project_back(h, w1, d),
        accumulate_outer(1e-6, h, z, 0.0, g1),
        accumulate_outer(1e-6, d, x, 0.0, g0),
    ]
    steps = samples // BATCH

    def epoch() -> None:
        for _ in range(steps):
            run(ops)

    return epoch


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in (("samples", 20_000), ("features", 100), ("classes", 1_000), ("rounds", 5)):
        parser.add_argument(f"--{name}", type=int, default=value)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    X = rng.random((options.samples, options.features), np.float32)
    y = np.arange(options.samples) % options.classes
    with limited(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kinds = {
            "the five products": products(options.samples, options.features, options.classes, softmax=False),
            "with the softmax": products(options.samples, options.features, options.classes, softmax=True),
            "ours": ours(X, y, options.classes),
            "scikit-learn": theirs(X, y),
        }
        seconds: dict[str, list[float]] = {name: [] for name in kinds}
        for number in range(options.rounds + 1):
            for name, epoch in kinds.items():
                taken = timed(epoch)
                if number:  # the first compiles and warms up
                    seconds[name].append(taken)
    for name, taken_each in seconds.items():
        pairs = zip(taken_each, seconds["the five products"], strict=True)
        ratio = statistics.median(taken / least for taken, least in pairs)
        print(f"{name}: {statistics.median(taken_each) * 1e3:.0f} ms an epoch, {ratio:.2f} of the five products")


if __name__ == "__main__":
    main()
