"""What it costs not to say OPENBLAS_NUM_THREADS=1: `fit` with and without it in the environment.

784-30-10 on 10,000 images of MNIST (where it is at hand) and 64-30-10 on digits, mini-batches of 10. Pinned and not,
in turn, each in a process of its own, whose fit is timed; the table gives medians over the pairs, and the median of
the pairs' ratios with its quartiles: of the time on the clock, and of the processor's time over all threads, which
other programs disturb less.

    HPSEARCH_DATA=folder python tests/benchmarks/threads.py [--pairs 15] [--epochs 10]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from statistics import median, quantiles

FIT = """
import sys, time
from hpsearch.models.datasets import load
from hpsearch.models.estimators.classifier import MLPClassifier
data, epochs = load(sys.argv[1]), int(sys.argv[2])
X, y = data.X_train[:10_000], data.y_train[:10_000]
epochs *= 10_000 // len(X)
MLPClassifier(max_epochs=1, random_state=0).fit(X, y)
begun = time.perf_counter(), time.process_time()
MLPClassifier(max_epochs=epochs, random_state=0).fit(X, y)
print((time.perf_counter() - begun[0]) / epochs * 1000, (time.process_time() - begun[1]) / epochs * 1000)
"""

COUNTS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")


def milliseconds(data: str, epochs: int, pinned: bool) -> list[float]:
    """Return the milliseconds of an epoch of a fit in a fresh process: on the clock, and the processor's."""
    environment = {name: value for name, value in os.environ.items() if name not in COUNTS}
    environment |= dict.fromkeys(COUNTS, "1") if pinned else {}
    command = [sys.executable, "-c", FIT, data, str(epochs)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return [float(word) for word in done.stdout.split()]


def main() -> None:
    """Measure in turn and print a markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--epochs", type=int, default=10)
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores\n")
    print("| an epoch | | pinned, ms | unpinned, ms | ratio, median (quartiles) |\n|---|---|---|---|---|")
    for data in ("mnist", "digits") if os.environ.get("HPSEARCH_DATA") else ("digits",):
        pairs = [[milliseconds(data, options.epochs, pinned) for pinned in (True, False)] for _ in range(options.pairs)]
        for place, kind in enumerate(("clock", "processor")):
            bound, free = ([pair[which][place] for pair in pairs] for which in (0, 1))
            low, middle, high = quantiles([b / a for a, b in zip(bound, free, strict=True)], n=4)
            ratio = f"{middle:.3f} ({low:.3f} to {high:.3f})"
            print(f"| {data} | {kind} | {median(bound):.1f} | {median(free):.1f} | {ratio} |", flush=True)


if __name__ == "__main__":
    main()
