"""Measures an epoch of MLPClassifier's training core against scikit-learn's MLPClassifier, on MNIST.

784-H-10, sigmoid, cross-entropy and L2, batch 10, 50,000 images, float32; and 784-800-10 with a batch of 200. Ours
runs as users run it, with nothing in the environment; scikit-learn and the two products are timed with one BLAS
thread, which is their best at these shapes. JAX (an epoch as one program, by jit and by vmap) is compared too where it
is installed. Every variant runs once a round, in turn, so that a slow spell of the machine hits all of them; the table
gives medians over rounds. Ours always includes the training cost and accuracy of the epoch; "validated" includes the
10,000 validation images as well. "Two products" are the two large matrix products of a step alone, x·W and xᵀ·δ with
np.matmul into preallocated arrays: what NumPy code without in-place BLAS cannot go below.

    HPSEARCH_DATA=folder python tests/benchmarks/training_speed.py [--quick]
"""

from __future__ import annotations

import argparse
import importlib.util
import time
import warnings
from collections.abc import Callable
from statistics import median

import numpy as np
from sklearn.neural_network import MLPClassifier as Peer
from threadpoolctl import threadpool_limits

from hpsearch.models.datasets import load
from hpsearch.models.training.population import Member, Population, TrainingData

RATE, L2 = 0.5, 5.0
JAX = importlib.util.find_spec("jax") is not None


def ours(data: TrainingData, hidden: int, lanes: int, batch: int = 10) -> Callable[[], None]:
    """Return a call that trains a population for one epoch."""
    params = {"hidden_layer_sizes": (hidden,), "learning_rate": RATE, "l2": L2, "batch_size": batch}
    members = [Member(params, (0, k)) for k in range(lanes)]
    population, epoch = Population(members, data), iter(range(10**6))
    return lambda: check(population.run_epoch((0, next(epoch))))


def check(results: list) -> None:
    """Stop the benchmark where a network has not learnt: the time of a diverged one says nothing."""
    worst = min(r.metrics["train_accuracy"] for r in results)
    if worst < 0.3:  # chance is 0.1; the first epoch with large batches is slow
        raise SystemExit(f"a network reached only {worst:.1%}")


def peer(X: np.ndarray, y: np.ndarray, hidden: int, batch: int = 10) -> Callable[[], None]:
    """Return a call that trains scikit-learn's network for one epoch by plain stochastic gradient descent."""
    # scikit-learn divides its penalty by the batch: alpha·batch/n·… = λ/n needs alpha = λ·batch/n
    network = Peer(
        (hidden,),
        activation="logistic",
        solver="sgd",
        momentum=0.0,
        nesterovs_momentum=False,
        batch_size=batch,
        learning_rate_init=RATE,
        alpha=L2 * batch / len(X),
        max_iter=1,
        warm_start=True,
        random_state=0,
    )

    def epoch() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # one epoch does not converge
            with threadpool_limits(1):
                network.fit(X, y)

    return epoch


def two_products(n: int, d: int, hidden: int, batch: int = 10) -> Callable[[], None]:
    """Return a call that multiplies as often and as large as an epoch does in the first layer."""
    rng = np.random.default_rng(0)
    x, w, delta = (rng.random(shape, np.float32) for shape in ((batch, d), (d, hidden), (batch, hidden)))
    z, gradient = np.empty_like(delta), np.empty_like(w)

    def epoch() -> None:
        with threadpool_limits(1):
            for _ in range(n // batch):
                np.matmul(x, w, z)
                np.matmul(x.T, delta, gradient)

    return epoch


def main() -> None:
    """Print a markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="10,000 images, three rounds")
    quick = parser.parse_args().quick
    mnist = load("mnist")
    n, rounds = (10_000, 3) if quick else (50_000, 5)
    X, y = np.ascontiguousarray(mnist.X_train[:n], np.float32), mnist.y_train[:n]
    data = TrainingData.from_arrays(X, y, 10)
    validated = TrainingData.from_arrays(X, y, 10, mnist.X_valid, mnist.y_valid)
    for hidden in (30, 100):
        variants: dict[str, tuple[Callable[[], None], int]] = {
            "scikit-learn MLPClassifier": (peer(X, y, hidden), 1),
            "one network": (ours(data, hidden, 1), 1),
            "one network, validated": (ours(validated, hidden, 1), 1),
            "8 fused, each": (ours(data, hidden, 8), 8),
            "8 fused, validated, each": (ours(validated, hidden, 8), 8),
            "16 fused, each": (ours(data, hidden, 16), 16),
            "16 fused, validated, each": (ours(validated, hidden, 16), 16),
            "two products": (two_products(n, X.shape[1], hidden), 1),
        }
        if JAX:
            import jax_peer

            for name, lanes in (("JAX jit, one network", 1), ("JAX vmap of 16, each", 16)):
                variants[name] = jax_peer.peer(X, data.T_train, hidden, 10, RATE, L2, lanes), lanes
        table(f"784-{hidden}-10, {n:,} images", variants, rounds)
    wide: dict[str, tuple[Callable[[], None], int]] = {
        "scikit-learn MLPClassifier": (peer(X, y, 800, 200), 1),
        "one network": (ours(data, 800, 1, 200), 1),
        "4 fused, each": (ours(data, 800, 4, 200), 4),
        "two products": (two_products(n, X.shape[1], 800, 200), 1),
    }
    table(f"784-800-10, batch 200, {n:,} images", wide, 3)


def table(title: str, variants: dict[str, tuple[Callable[[], None], int]], rounds: int) -> None:
    """Run the variants in turn and print a line for each."""
    times: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(rounds):
        for name, (epoch, lanes) in variants.items():
            start = time.perf_counter()
            epoch()
            times[name].append((time.perf_counter() - start) / lanes * 1e3)
    base, limit = median(times["scikit-learn MLPClassifier"]), median(times["two products"])
    print(f"\n| {title} | ms an epoch | × scikit-learn | of the two products |\n|---|---|---|---|")
    for name, measured in times.items():
        middle = median(measured)
        print(f"| {name} | {middle:,.0f} | {base / middle:.1f} | {middle / limit:.2f} |", flush=True)


if __name__ == "__main__":
    main()
