"""Measures pairs of sampler and pruner under a budget of epochs, on tables of real learning curves.

A table holds the validation metric of each point of a grid after each of T epochs. A search may train 20 · T epochs in
all; each epoch is charged, whoever trains it. Regret after 25, 50 and 100 % of the budget is that of the best value
seen so far: 0 is the table's best value, 1 what a random point shows at its best, on average. All pairs meet the same
tables and seeds, so that differences are paired; s.e. is the standard error over seeds of the mean over tables.

Ours run on a simulated clock with the library's own samplers, pruners and history: in a tick every lane trains an
epoch, then all that arrived is judged. Optuna's are asked and told by its own interface, an epoch a lane and round;
hyperopt, which has no pruners, trains each point to its end.

    pip install -e '.[bench]'
    python tests/benchmarks/curves.py FOLDER                      # makes tables
    python tests/benchmarks/joint_quality.py FOLDER [FOLDER …] --results FILE

FILE keeps what was run, so that a second call goes on; joint_report.py tells what is in it, and writes that into
docs/search.md. ``--quick`` takes two tables and two seeds.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from joint_report import MARKS, read, report

from hpsearch import Choice, Int, Study, pruners, samplers
from hpsearch.log.history import History
from hpsearch.log.records import Ask, Decision, Resume, Row, Tick
from hpsearch.models.threads import limited
from hpsearch.samplers.base import Allotment, Pausing

TRAININGS = 20
"""Whole trainings' worth of epochs that a search may spend."""

Point = dict[str, Any]


class Spent(Exception):
    """The budget of epochs is spent."""


@dataclass(frozen=True)
class Table:
    """Learning curves of a grid of points.

    Attributes:
        name: The table's name.
        curves: The metric, more is better, shape (…, epochs); NaN from where a training diverged.
        options: Whether each axis is an option without order.
    """

    name: str
    curves: np.ndarray
    options: tuple[bool, ...]

    @property
    def epochs(self) -> int:
        """Epochs of a whole training."""
        return int(self.curves.shape[-1])

    @property
    def axes(self) -> dict[str, int]:
        """The number of values of each parameter."""
        return {f"a{i}": size for i, size in enumerate(self.curves.shape[:-1])}


def load(path: Path) -> Table:
    """Return the table in an npz file: ``curves``, and perhaps ``options``, which says what axes have no order."""
    with np.load(path, allow_pickle=False) as file:
        curves = np.asarray(file["curves"], dtype=float)
        options = file["options"].tolist() if "options" in file else [False] * (curves.ndim - 1)
    return Table(path.stem, curves, tuple(options))


class Run:
    """A search on a table: trains epochs and keeps account.

    Attributes:
        table: The table.
        regrets: Normalized regret after each epoch that was trained.
    """

    def __init__(self, table: Table) -> None:
        best = np.nanmax(table.curves.reshape(-1, table.epochs), axis=1)
        self.table, self._top = table, float(best.max())
        self._unit = self._top - float(best.mean())
        self._best = -np.inf
        self.regrets: list[float] = []

    def train(self, point: Point, epoch: int) -> float:
        """Return what a point shows after an epoch, counted from 1.

        Raises:
            Spent: The budget was spent before.
        """
        if len(self.regrets) >= TRAININGS * self.table.epochs:
            raise Spent
        value = float(self.table.curves[(*(int(point[name]) for name in self.table.axes), epoch - 1)])
        if value > self._best:
            self._best = value
        self.regrets.append((self._top - self._best) / self._unit if np.isfinite(self._best) else np.inf)
        return value


class Lanes:
    """Our samplers and pruners on a simulated clock."""

    def __init__(self, run: Run, sampler: Any, pruner: Any, seed: int, lanes: int) -> None:
        dims = run.table.axes.items()
        space = {
            name: Choice(list(range(size))) if option else Int(0, size - 1)
            for (name, size), option in zip(dims, run.table.options, strict=True)
        }
        study = Study(
            "quality", objective=run.train, space=space, metric="value", epochs=run.table.epochs, sampler=sampler,
            pruner=pruner, seed=seed, lanes=lanes,
        )  # fmt: skip
        self._run, self._lanes = run, lanes
        self.sampler, self._pruner = samplers.build(study), pruners.build(study, run.table.epochs)
        self.history = History(study.goal)
        self.seconds: list[float] = []

    def go(self) -> None:
        """Search until the budget is spent."""
        while True:
            self._tick()

    def _tick(self) -> None:
        history, asks, resumes = self.history, [], []
        busy = {trial.lane for trial in history.running()}
        for lane in sorted(set(range(self._lanes)) - busy):
            start = time.process_time()
            going = self.sampler.resume(history, begins=True) if isinstance(self.sampler, Pausing) else None
            if going is not None:
                resumes.append(Resume(going.trial, lane, going.until, going.reason, going.rule, going.evidence))
                history.resume_trial(resumes[-1])
            else:
                number = len(history.trials)
                params = self.sampler.ask(history, number)
                allotted = self.sampler.allotment if isinstance(self.sampler, Pausing) else Allotment()
                asks.append(Ask(number, lane, params, number, until=allotted.until, evidence=allotted.evidence))
                history.begin(asks[-1])
            self.seconds.append(time.process_time() - start)
        rows = tuple(self._row(trial) for trial in sorted(history.running(), key=lambda trial: trial.lane))
        tick = Tick(history.tick + 1, 0.0, tuple(asks), rows, (), resumes=tuple(resumes))
        history.arrive(tick)
        ends = [Decision(row.trial, "fail", row.failure, "failure") for row in rows if row.failure]
        ends += [Decision(row.trial, "complete", "done", "epochs") for row in rows if row.finished]
        ends += self._pruner.judge(history, [row for row in rows if not row.finished and not row.failure])
        ended = {decision.trial for decision in ends}
        for row in rows:
            until = history.trials[row.trial].until
            if row.trial not in ended and until is not None and row.epoch >= until:
                ends.append(Decision(row.trial, "pause", "as was decided", "until"))
        history.decide(replace(tick, decisions=tuple(sorted(ends, key=lambda each: each.trial))))

    def _row(self, trial: Any) -> Row:
        epoch = trial.epoch + 1
        value = self._run.train(trial.params, epoch)
        if not np.isfinite(value):
            return Row(trial.number, trial.lane, epoch, {}, failure="diverged")
        last = epoch == self._run.table.epochs
        return Row(trial.number, trial.lane, epoch, {"value": value}, finished=last)


def ours(sampler: Any, pruner: Any) -> Callable[[Run, int, int], list[float]]:
    """Return a searcher with our sampler and pruner; it returns the seconds of each of its decisions."""

    def search(run: Run, seed: int, lanes: int) -> list[float]:
        clock = Lanes(run, sampler, pruner, seed, lanes)
        try:
            clock.go()
        except Spent:
            return clock.seconds
        raise AssertionError("a search ends with its budget")

    return search


def optunas(pruner: Callable[[Table], Any]) -> Callable[[Run, int, int], list[float]]:
    """Return a searcher with Optuna's TPE and one of its pruners."""

    def search(run: Run, seed: int, lanes: int) -> list[float]:
        study = optuna.create_study(
            direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed), pruner=pruner(run.table)
        )
        seconds: list[float] = []

        def curve() -> Iterator[None]:
            start = time.process_time()
            trial = study.ask()
            point = {
                name: trial.suggest_categorical(name, range(size)) if option else trial.suggest_int(name, 0, size - 1)
                for (name, size), option in zip(run.table.axes.items(), run.table.options, strict=True)
            }
            seconds.append(time.process_time() - start)
            best = -np.inf
            for epoch in range(1, run.table.epochs + 1):
                value = run.train(point, epoch)
                if not np.isfinite(value):
                    study.tell(trial, state=optuna.trial.TrialState.FAIL)
                    return
                best = max(best, value)
                trial.report(best, epoch)
                yield
                if epoch < run.table.epochs and trial.should_prune():
                    study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                    return
            study.tell(trial, best)

        going: list[Iterator[None]] = []
        try:
            while True:
                going += [curve() for _ in range(lanes - len(going))]
                going = [each for each in going if next(each, going) is None]
        except Spent:
            return seconds

    return search


def hyperopts(run: Run, seed: int, lanes: int) -> list[float]:
    """Search with hyperopt's own loop, each point to its end."""
    import hyperopt

    space = {
        name: hyperopt.hp.choice(name, range(size)) if option else hyperopt.hp.quniform(name, -0.499, size - 0.501, 1)
        for (name, size), option in zip(run.table.axes.items(), run.table.options, strict=True)
    }

    def whole(point: Point) -> float:
        values = []
        for epoch in range(1, run.table.epochs + 1):
            values.append(run.train({name: round(value) for name, value in point.items()}, epoch))
            if not np.isfinite(values[-1]):
                break
        return -max(values) if np.isfinite(values).all() else 1e3

    start = time.process_time()
    with contextlib.suppress(Spent):
        hyperopt.fmin(
            whole, space, hyperopt.tpe.suggest, 10 * TRAININGS, rstate=np.random.default_rng(seed),
            show_progressbar=False, verbose=False,
        )  # fmt: skip
    return [(time.process_time() - start) / TRAININGS]


def _hyperband(table: Table) -> Any:
    return optuna.pruners.HyperbandPruner(min_resource=1, max_resource=table.epochs)


SEARCHERS: dict[str, Callable[[Run, int, int], list[float]]] = {
    "freeze_thaw": ours("freeze_thaw", None),
    **{
        f"{sampler} + {pruner}": ours(sampler, pruner)
        for sampler in ("gp", "tpe", "random")
        for pruner in ("none", "median", "asha", "hyperband")
    },
    "Optuna TPE + none": optunas(lambda table: optuna.pruners.NopPruner()),
    "Optuna TPE + median": optunas(lambda table: optuna.pruners.MedianPruner()),
    "Optuna TPE + Hyperband": optunas(_hyperband),
    "hyperopt TPE": hyperopts,
}
ONE_LANE = {"hyperopt TPE"}
"""Searchers that have no lanes on one machine."""

Job = tuple[str, str, int, int]
"""Path of a table, name of a searcher, lanes, seed."""


def work(job: Job) -> dict[str, Any]:
    """Run a search and return what it came to."""
    path, name, lanes, seed = job
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    run = Run(load(Path(path)))
    with limited():
        seconds = SEARCHERS[name](run, seed, lanes)
    n = len(run.regrets)
    regrets = [run.regrets[max(n * mark // 100, 1) - 1] for mark in MARKS]
    spent = {"mean_ms": 1e3 * float(np.mean(seconds)), "worst_ms": 1e3 * float(np.max(seconds)), "asked": len(seconds)}
    return {"table": Path(path).stem, "searcher": name, "lanes": lanes, "seed": seed, "regrets": regrets, **spent}


def main() -> None:
    """Run what was not run yet, and print markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path, help="folders with npz tables")
    parser.add_argument("--results", type=Path, help="a file of JSON lines that keeps what was run")
    parser.add_argument("--seeds", type=int, default=20, help="how many")
    parser.add_argument("--lanes", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--only", nargs="+", help="searchers by name")
    parser.add_argument("--tables", nargs="+", help="tables by name")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--quick", action="store_true", help="two tables, two seeds")
    options = parser.parse_args()
    paths = sorted(path for folder in options.folders for path in folder.glob("*.npz"))
    paths = [path for path in paths if not options.tables or path.stem in options.tables]
    if not paths:
        raise SystemExit(f"no table in {', '.join(map(str, options.folders))}: tests/benchmarks/curves.py makes some")
    seeds = 2 if options.quick else options.seeds
    known: list[dict[str, Any]] = []
    if options.results is not None and options.results.exists():
        known = read(options.results)
    done = {(row["table"], row["searcher"], row["lanes"], row["seed"]) for row in known}
    jobs: list[Job] = [
        (str(path), name, lanes, seed)
        for seed in range(seeds)
        for path in paths[: 2 if options.quick else None]
        for lanes in options.lanes
        for name in options.only or SEARCHERS
        if (lanes == 1 or name not in ONE_LANE) and (path.stem, name, lanes, seed) not in done
    ]
    with multiprocessing.get_context("spawn").Pool(options.jobs) as pool:
        for row in pool.imap_unordered(work, jobs):
            known.append(row)
            if options.results is not None:
                with options.results.open("a") as file:
                    file.write(json.dumps(row) + "\n")
    print(report(known))


if __name__ == "__main__":
    main()
