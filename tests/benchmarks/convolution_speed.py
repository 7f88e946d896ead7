"""A convolutional network against PyTorch: an epoch's time, one network and eight fused, in one interleaved run.

28×28 pixels, 20 filters of 5×5, 2×2 max pooling, 100 neurons, softmax; stochastic gradient descent in batches of 10 and
64 on MNIST images, one core. The times are processor seconds, medians over rounds in which all take turns.

HPSEARCH_DATA=… python tests/benchmarks/convolution_speed.py [--images 10000] [--rounds 3] [--batch 10 64]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np

from hpsearch.models import datasets
from hpsearch.models.layers import Conv2D, Dense, MaxPool2D
from hpsearch.models.threads import limited
from hpsearch.models.training.population import Member, Population, TrainingData

LAYERS = (Conv2D(20, 5), MaxPool2D(2), Dense(100))
LIMITS = {10: (0.85, 0.45), 64: (1.0, 0.8)}
"""By batch size: what one network, and each of eight fused, may take of PyTorch's time."""


def samples(images: int) -> tuple[np.ndarray, np.ndarray]:
    """Return images in [0, 1], shape (n, 784), and digits; random ones where MNIST is not there."""
    try:
        data = datasets.load("mnist")
    except (FileNotFoundError, ValueError):
        rng = np.random.default_rng(0)
        return rng.random((images, 784), np.float32), rng.integers(10, size=images)
    return np.ascontiguousarray(data.X_train[:images], np.float32), np.asarray(data.y_train[:images], np.intp)


def ours(X: np.ndarray, y: np.ndarray, batch: int, lanes: int) -> Callable[[int], float]:
    """Return an epoch of a population: (number of the epoch) -> processor seconds a network."""
    data = TrainingData.from_arrays(X, y, 10)
    params = {
        "layers": LAYERS,
        "activation": "relu",
        "output": "softmax",
        "weight_init": "he",
        "optimizer": "sgd",
        "learning_rate": 0.05,
        "batch_size": batch,
        "max_epochs": 1000,
    }
    population = Population([Member(params, (0, k)) for k in range(lanes)], data)

    def epoch(number: int) -> float:
        begun = time.process_time()
        population.run_epoch((number,))
        return (time.process_time() - begun) / lanes

    return epoch


def theirs(X: np.ndarray, y: np.ndarray, batch: int) -> Callable[[int], float]:
    """Return an epoch of PyTorch; see `ours`."""
    import torch

    torch.set_num_threads(1)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(1, 20, 5),
        torch.nn.MaxPool2d(2),
        torch.nn.ReLU(),
        torch.nn.Flatten(),
        torch.nn.Linear(2880, 100),
        torch.nn.ReLU(),
        torch.nn.Linear(100, 10),
    )
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05)
    loss = torch.nn.CrossEntropyLoss()
    inputs = torch.tensor(X).reshape(-1, 1, 28, 28)
    targets = torch.tensor(y)

    def epoch(number: int) -> float:
        begun = time.process_time()
        order = np.random.default_rng(number).permutation(len(X))
        for start in range(0, len(X), batch):
            rows = order[start : start + batch]
            optimizer.zero_grad()
            loss(network(inputs[rows]), targets[rows]).backward()
            optimizer.step()
        return time.process_time() - begun

    return epoch


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, nargs="+", default=[10, 64])
    options = parser.parse_args()
    X, y = samples(options.images)
    with limited():
        for batch in options.batch:
            contestants = {"PyTorch": theirs(X, y, batch), "one": ours(X, y, batch, 1), "8 fused": ours(X, y, batch, 8)}
            seconds: dict[str, list[float]] = {name: [] for name in contestants}
            for number in range(options.rounds + 1):
                for name, epoch in contestants.items():
                    taken = epoch(number)
                    if number:  # the first compiles and warms up
                        seconds[name].append(taken)
            median = {name: statistics.median(rounds) for name, rounds in seconds.items()}
            peer = median["PyTorch"]
            print(f"batch {batch}: PyTorch {peer * 1e3:.0f} ms an epoch of {len(X)} images")
            for name, limit in zip(("one", "8 fused"), LIMITS.get(batch, (np.nan, np.nan)), strict=True):
                print(f"  {name}: {median[name] * 1e3:.0f} ms each, {median[name] / peer:.2f} of PyTorch (≤ {limit})")


if __name__ == "__main__":
    main()
