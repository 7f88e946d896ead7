"""Does a small problem rank η and λ as the full one does, and is the λ rule any help? ρ with bootstrap intervals.

    HPSEARCH_DATA=… python tests/benchmarks/lambda_rule.py --seeds 5 --out rule.json

The same points everywhere: 24 random ones of η and λ (ρ of both), and 12 of λ alone at η = 0.5 (ρ of λ). MNIST, 30
hidden neurons; the full problem trains 8 epochs. A small one trains as many epochs, which is n'/n of the updates, or as
many updates.
Each seed draws points, subset, initial weights and orders anew; a seed that is in --out already is not trained again.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from hpsearch.judging.calibration import spearman
from hpsearch.models.datasets import Dataset, load
from hpsearch.models.datasets.subset import subset
from hpsearch.models.training.population import Member, Population
from hpsearch.objectives.outputs import training_data

EPOCHS, RANDOM, ALONE, LANES = 8, 24, 12, 12
RATES = (0.05, 5.0)
DECAYS = (0.1, 1000.0)
SAMPLES = 2_000
"""Bootstrap samples."""


def points(seed: int) -> list[tuple[float, float]]:
    """(η, λ): the random ones, then those of λ alone."""
    rng = np.random.default_rng((seed, 1))
    drawn = np.exp(rng.uniform(np.log([RATES[0], DECAYS[0]]), np.log([RATES[1], DECAYS[1]]), (RANDOM, 2)))
    alone = np.geomspace(*DECAYS, ALONE)
    return [*((float(eta), float(decay)) for eta, decay in drawn), *((0.5, float(decay)) for decay in alone)]


def values(data: Dataset, chosen: list[tuple[float, float]], epochs: int, share: float, seed: int) -> list[float]:
    """Best validation accuracy of each point; λ is multiplied by share. Points that diverge are worth 0."""
    best = [0.0] * len(chosen)
    arrays = training_data(data, "float32")
    for start in range(0, len(chosen), LANES):
        part = range(start, min(start + LANES, len(chosen)))
        members = [
            Member({"learning_rate": chosen[i][0], "l2": chosen[i][1] * share, "max_epochs": epochs}, (seed, i))
            for i in part
        ]
        lanes = Population(members, arrays)
        for epoch in range(epochs):
            for i, result in zip(part, lanes.run_epoch((seed, 2, epoch)), strict=True):
                value = result.metrics.get("val_accuracy", 0.0)
                best[i] = max(best[i], value) if result.failure is None and np.isfinite(value) else best[i]
    return best


def measure(name: str, seed: int, sizes: list[int]) -> dict[str, Any]:
    """One seed: the points, and what they are worth on each problem."""
    dataset = load(name)
    chosen = points(seed)
    n = len(dataset.y_train)
    worth: dict[str, Any] = {"points": chosen, "full": values(dataset, chosen, EPOCHS, 1.0, seed)}
    for size in sizes:
        small = subset(dataset, seed, train=size, valid=min(2_000, len(dataset.y_valid)))
        for length, epochs in (("epochs", EPOCHS), ("updates", EPOCHS * n // size)):
            for rule, share in (("with", size / n), ("without", 1.0)):
                worth[f"{size} {length} {rule}"] = values(small, chosen, epochs, share, seed)
                print(seed, size, length, rule, flush=True)
    return worth


def interval(gains: list[tuple[np.ndarray, np.ndarray]], other: list[np.ndarray] | None = None) -> tuple[float, ...]:
    """Mean ρ over the seeds, or of its difference to another's, and its 95 % bootstrap interval: seeds, then points."""
    rng = np.random.default_rng(0)

    def one(rows: list[np.ndarray]) -> float:
        rhos = []
        for (a, b), pick, rest in zip(gains, rows, other or [None] * len(gains), strict=True):
            rho = spearman(a[pick], b[pick])
            rhos.append(rho if rest is None else rho - spearman(rest[pick], b[pick]))
        return float(np.nanmean(rhos))

    sizes = [len(a) for a, _ in gains]
    drawn = [one([rng.integers(size, size=size) for size in sizes]) for _ in range(SAMPLES)]
    return one([np.arange(size) for size in sizes]), *np.percentile(drawn, (2.5, 97.5)).tolist()


def report(seeds: dict[str, dict[str, Any]]) -> None:
    """Print a row per small problem."""
    first_seed = next(iter(seeds.values()))
    for label, selected in (("η and λ", slice(0, RANDOM)), ("λ alone", slice(RANDOM, None))):
        print(f"\n{label}, {len(seeds)} seeds: mean ρ [95 % interval]; the rule's gain is of the same points")
        for key in [key for key in first_seed if key.endswith(" with")]:
            base = key.removesuffix(" with")
            pairs = {
                rule: [(np.array(s[f"{base} {rule}"])[selected], np.array(s["full"])[selected]) for s in seeds.values()]
                for rule in ("with", "without")
            }
            intervals = {rule: interval(pairs_of_rule) for rule, pairs_of_rule in pairs.items()}
            gain = interval(pairs["with"], [a for a, _ in pairs["without"]])
            columns = "  ".join(f"{rule} {m:.2f} [{a:.2f}, {b:.2f}]" for rule, (m, a, b) in intervals.items())
            print(f"n' = {base:14}  {columns}  gain {gain[0]:+.2f} [{gain[1]:+.2f}, {gain[2]:+.2f}]")


def main() -> None:
    """Measure the seeds that are missing, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--out", type=Path, default=Path("lambda_rule.json"))
    options = parser.parse_args()
    measured = json.loads(options.out.read_text()) if options.out.exists() else {}
    with threadpool_limits(limits=1):
        for seed in range(options.seeds):
            if str(seed) not in measured:
                measured[str(seed)] = measure(options.data, seed, options.sizes)
                options.out.write_text(json.dumps(measured))
    report(measured)


if __name__ == "__main__":
    main()
