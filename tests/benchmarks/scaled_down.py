"""What the ladder of smaller problems saves, and whether it is to be trusted.

    python tests/benchmarks/scaled_down.py --seeds 3            time to a target, staged against flat, on MNIST
    python tests/benchmarks/scaled_down.py --what lambda        ρ with and without the λ rule, with intervals
    python tests/benchmarks/scaled_down.py --data digits        the same in a few seconds

MNIST is looked for where HPSEARCH_DATA points. Costs are counted in epochs of the full problem, seconds beside them.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from dataclasses import replace
from typing import Any

import numpy as np

from hpsearch import Choice, Float, MLPClassifier, Scale, Study
from hpsearch.calibration import calibrate
from hpsearch.history import History
from hpsearch.stages import stages

SPACE = {
    "learning_rate": Float(0.01, 10, log=True),
    "l2": Float(0.01, 100, log=True),
    "hidden_layer_sizes": Choice([(30,), (100,)]),
}


def studies(data: str, epochs: int, seed: int) -> dict[str, Study]:
    """The searches that are compared; each may go on until it reaches the target."""
    sizes = [1_000, 10_000] if data != "digits" else [270]
    trials = [32, 8] if data != "digits" else [24]
    flat = Study(
        name="flat-tpe-asha",
        model=MLPClassifier(max_epochs=epochs),
        space=SPACE,
        data=data,
        n_trials=48,
        seed=seed,
    )
    small = [Scale(train=size, valid=min(size, 2_000), trials=n) for size, n in zip(sizes, trials, strict=True)]
    small = [replace(scale, valid=None) if data == "digits" else scale for scale in small]
    ladder = [*small, Scale(trials=8)]
    return {
        "staged TPE+ASHA": replace(flat, name="staged", n_trials=None, stages=ladder),
        "flat TPE+ASHA": flat,
        "flat random": replace(flat, name="flat-random", sampler="random", pruner="none", n_trials=24),
    }


def spent_until(history: History, target: float) -> tuple[float, float] | None:
    """Return full-problem epochs and seconds of training until a trial on the full problem reached the target."""
    share = {stage.number: stage.share for stage in stages(history)}
    rows = sorted(
        (
            tick,
            trial.ask.lane,
            share[trial.ask.stage],
            row.seconds,
            trial.ask.stage,
            row.metrics.get("val_accuracy", 0.0),
        )
        for trial in history.trials
        for tick, row in zip(trial.ticks, trial.rows, strict=True)
    )
    cost, seconds, reached = 0.0, 0.0, None
    for tick, _, part, took, stage, value in rows:
        if reached is not None and tick > reached:
            return cost, seconds  # all lanes of the tick that reached it have been paid for
        cost, seconds = cost + part, seconds + took
        if stage == history.full_stage and value >= target:
            reached = tick
    return None if reached is None else (cost, seconds)


def compare(data: str, epochs: int, target: float, seeds: int, confirm: int) -> None:
    """Print what each search needs to reach the target, and what its winner is worth on fresh seeds."""
    needed: dict[str, list[float]] = {}
    for seed in range(seeds):
        for name, study in studies(data, epochs, seed).items():
            with tempfile.TemporaryDirectory() as root:
                result = replace(study, until=target, confirm=confirm, confirm_top=1).run(
                    root, quiet=True, tracking=False
                )
            found = spent_until(result.history, target)
            needed.setdefault(name, []).append(found[0] if found else float("inf"))
            best, verdict = result.best_trial, result.verdict
            told = f"{found[0]:7.1f} epochs {found[1]:6.1f} s" if found else f"not in {result.full_epochs:.1f} epochs"
            seen = "-" if best is None or best.value is None else f"{best.value:.4f}"
            sure = "" if verdict is None else f"  confirmed {verdict.winner.confirmed.mean:.4f}"
            tested = "" if verdict is None or not verdict.test else f"  test {verdict.test['test_accuracy'].mean:.4f}"
            print(f"seed {seed}  {name:16}  {told}  best {seen}{sure}{tested}", flush=True)
            for each in calibrate(result.history):
                print(
                    f"         stage {each.stage}: ρ = {each.rho:.2f} [{each.rho_low:.2f}, {each.rho_high:.2f}]",
                    flush=True,
                )
    for name, costs in needed.items():
        print(f"{name:16}  median {statistics.median(costs):7.1f} full-problem epochs to {target:.1%}  {costs}")


def lambda_rule(data: str, epochs: int, points: int, seeds: int) -> None:
    """Print ρ between a small and the full problem over random points of η and λ, with the rule and without."""
    sizes = [1_000, 10_000] if data != "digits" else [100, 270]
    space: dict[str, Any] = {name: SPACE[name] for name in ("learning_rate", "l2")}
    for size in sizes:
        gained = []
        for seed in range(seeds):
            rho = {}
            for rule in (True, False):
                small = Scale(train=size, trials=points, promote=1.0, calibration=0, lambda_rule=rule)
                study = Study(
                    name="rule", model=MLPClassifier(hidden_layer_sizes=(30,), max_epochs=epochs), space=space,
                    data=data, sampler="random", pruner="none", n_trials=2 * points, stages=[small, Scale()], seed=seed,
                )  # fmt: skip
                with tempfile.TemporaryDirectory() as root:
                    (found,) = calibrate(study.run(root, quiet=True, tracking=False).history)
                rho[rule] = found.rho
                print(
                    f"n' = {size:6}  seed {seed}  {'with   ' if rule else 'without'} the rule: ρ = {found.rho:.3f} "
                    f"[{found.rho_low:.3f}, {found.rho_high:.3f}], best {found.k} in common {found.overlap:.0%} "
                    f"({found.points} points)",
                    flush=True,
                )
            gained.append(rho[True] - rho[False])
        print(f"n' = {size:6}  gain of ρ by the rule: {np.round(gained, 3).tolist()}, mean {np.mean(gained):+.3f}")


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--what", choices=["compare", "lambda"], default="compare")
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--target", type=float, default=0.975)
    parser.add_argument("--points", type=int, default=24)
    parser.add_argument("--confirm", type=int, default=0)
    given = parser.parse_args()
    if given.what == "compare":
        compare(given.data, given.epochs, given.target, given.seeds, given.confirm)
    else:
        lambda_rule(given.data, given.epochs, given.points, given.seeds)


if __name__ == "__main__":
    main()
