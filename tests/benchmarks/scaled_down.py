"""What the ladder of smaller problems saves: staged search against flat TPE + ASHA and flat random, at equal budget.

    HPSEARCH_DATA=… python tests/benchmarks/scaled_down.py --seeds 10 --root /tmp/ladder     MNIST; resumes where it was
    python tests/benchmarks/scaled_down.py --data digits --target 0.96 --budget 100          the same in a minute

The space is that of studies/scaled_down.py, the stages are those of `--stages auto`. Each search may cost --budget
epochs of the full problem; counted are those until a trial of the full problem first reaches --target, all lanes of
that tick included; and what the winner is worth on a fresh seed and, with another, on the test set. Epochs do not
depend on the machine's load.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hpsearch import Choice, Float, MLPClassifier, Scale, Study
from hpsearch.judging.calibration import calibrate
from hpsearch.log.history import History
from hpsearch.log.stages import full_epochs, stages

SPACE = {
    "learning_rate": Float(0.01, 10, log=True),
    "l2": Float(0.01, 100, log=True),
    "hidden_layer_sizes": Choice([(30,), (100,)]),
}
MANY = 200
"""More trials than any budget allows."""


def ladder(data: str, *, rule: bool) -> list[Scale]:
    """The stages, with the λ rule or without it."""
    if data == "digits":
        return [Scale(train=200, trials=24, promote=4, lambda_rule=rule), Scale(trials=MANY)]
    return [
        Scale(train=1_000, valid=1_000, trials=32, promote=8, calibration=4, lambda_rule=rule),
        Scale(train=5_000, valid=2_000, epochs=8, trials=16, promote=2, calibration=3, lambda_rule=rule),
        Scale(trials=MANY),
    ]


def searches(data: str, epochs: int, budget: float, target: float, seed: int) -> dict[str, Study]:
    """The searches that are compared; the one with the λ rule is only seen to the target."""
    flat = Study(
        name="flat",
        model=MLPClassifier(max_epochs=epochs),
        space=SPACE,
        data=data,
        n_trials=MANY,
        budget=budget,
        confirm=1,
        confirm_top=1,
        seed=seed,
    )
    staged = replace(flat, name="staged", n_trials=None, stages=ladder(data, rule=False))
    ruled = replace(staged, name="staged with the λ rule", stages=ladder(data, rule=True), confirm=0, until=target)
    chance = replace(flat, name="flat random", sampler="random", pruner="none")
    return {study.name: replace(study, name=f"{study.name} {seed}") for study in (staged, flat, chance, ruled)}


def spent_until(history: History, target: float) -> float | None:
    """Return the full-problem epochs until a trial of the full problem reached the target, or None."""
    share = {stage.number: stage.share for stage in stages(history)}
    rows = sorted(
        (tick, share[trial.ask.stage], trial.ask.stage, row.metrics.get("val_accuracy", 0.0))
        for trial in history.trials
        if trial.ask.stage <= history.full_stage
        for tick, row in zip(trial.ticks, trial.rows, strict=True)
    )
    hits = [tick for tick, _, stage, value in rows if stage == history.full_stage and value >= target]
    return sum(cost for tick, cost, *_ in rows if tick <= hits[0]) if hits else None


def tell(name: str, history: History, target: float) -> dict[str, Any]:
    """Print what a search came to, and return it."""
    epochs = spent_until(history, target)
    best = history.best
    assert best is not None, "the full problem was reached"
    fresh = {t.ask.stage - history.full_stage: t for t in history.trials if t.ask.stage > history.full_stage}
    confirmed = fresh[1].value if 1 in fresh else None
    tested = None
    if 2 in fresh and fresh[2].best_epoch is not None:
        tested = fresh[2].rows[fresh[2].best_epoch - 1].metrics["test_accuracy"]
    reached = "not reached" if epochs is None else f"{epochs:.1f}"
    outcomes = [reached, f"best {best.value:.4f}", *(f"{v:.4f}" for v in (confirmed, tested) if v is not None)]
    rho = [
        f"ρ = {calibration.rho:.2f} [{calibration.rho_low:.2f}, {calibration.rho_high:.2f}]"
        for calibration in calibrate(history)
    ]
    by_stage = [f"{len(stage.trials)} x {stage.share:g}: {stage.full_epochs:.1f}" for stage in stages(history)]
    print(
        f"{name:26} {full_epochs(history):6.1f} epochs; {target:.1%} after",
        ", ".join(outcomes),
        rho,
        by_stage,
        flush=True,
    )
    return {"epochs": epochs, "best": best.value, "confirmed": confirmed, "test": tested, "history": history}


def interval(values: list[float]) -> str:
    """Mean with its 95 % bootstrap interval over the seeds."""
    drawn = np.random.default_rng(0).choice(values, (4_000, len(values))).mean(1)
    low, high = np.percentile(drawn, (2.5, 97.5))
    return f"{np.mean(values):.4g} [{low:.4g}, {high:.4g}]"


def summary(runs_by_search: dict[str, list[dict[str, Any]]], target: float, budget: float) -> None:
    """Print a row per search. One that did not reach the target counts with its whole budget: a lower bound."""
    costs = {name: [run["epochs"] or budget for run in runs] for name, runs in runs_by_search.items()}
    for name, runs in runs_by_search.items():
        reached = sum(run["epochs"] is not None for run in runs)
        words = [f"{name:26} {target:.1%} reached {reached}/{len(runs)}, median {np.median(costs[name]):.1f}"]
        words.append(f"mean {interval(costs[name])}")
        for key in ("best", "confirmed", "test"):
            if values := [run[key] for run in runs if run[key] is not None]:
                spread = f" (standard deviation {np.std(values, ddof=1):.4f})" if len(values) > 1 else ""
                words.append(f"{key} {np.mean(values):.4f}{spread}")
        print(", ".join(words))
    for name in [name for name in runs_by_search if name != "flat"]:
        ratios = [a / b for a, b in zip(costs[name], costs["flat"], strict=True)]
        print(f"{name} / flat: median of the seeds {np.median(ratios):.2f}, mean {interval(ratios)}")
    same = [
        (spent_until(a["history"], b["best"]), spent_until(b["history"], b["best"]))
        for a, b in zip(runs_by_search["staged"], runs_by_search["flat"], strict=True)
    ]
    reached = [f"{a / b:.2f}" if a is not None and b is not None else "never" for a, b in same]
    print(f"staged / flat, epochs to the best value that flat saw in its budget: {', '.join(reached)}")


def main() -> None:
    """Run what is missing, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--target", type=float, default=0.975)
    parser.add_argument("--budget", type=float, default=64.0)
    parser.add_argument("--root", type=Path, default=Path("mlruns/scaled_down"))
    options = parser.parse_args()
    runs_by_search: dict[str, list[dict[str, Any]]] = {}
    for seed in range(options.first, options.first + options.seeds):
        for name, study in searches(options.data, options.epochs, options.budget, options.target, seed).items():
            history = study.run(options.root, quiet=True, tracking=False).history
            runs_by_search.setdefault(name, []).append(tell(study.name, history, options.target))
    summary(runs_by_search, options.target, options.budget)


if __name__ == "__main__":
    main()
