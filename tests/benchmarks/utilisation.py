"""How busy workers are where epochs differ in cost: ticks against virtual time, and Optuna's n_jobs beside them.

Trials cost 1 to SPREAD for an epoch (log-uniform, a function of their parameter) and live up to 9 epochs; an epoch
sleeps for its cost times lognormal noise, so that many workers fit on few cores. Workers are threads behind the
interface of a crew: what is measured is who waits for whom. Busy is the sleep that the log holds over workers times the
clock, until the last trial has begun; beside it the same until all is done. Optuna's trials wait for nobody, and depend
on who came first: its time is what there is to gain.

    python tests/benchmarks/utilisation.py [--workers 2,12,32] [--spread 1,3,100] [--noise 0.1,0.5] [--pruner none,asha]
        [--lanes 1,2,4] [--trials 10] [--unit 0.02]
"""

from __future__ import annotations

import argparse
import math
import queue
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hpsearch.engine.clock import Clock
from hpsearch.engine.crew import Answer
from hpsearch.engine.executor import Executor
from hpsearch.engine.lane_executor import LaneExecutor
from hpsearch.engine.observer import Silent
from hpsearch.engine.pace import Ticks, VirtualTime
from hpsearch.engine.remote import Bench, Job
from hpsearch.ladder.base import Flat
from hpsearch.log.history import Goal, History
from hpsearch.log.records import Header, Record, Row, Tick
from hpsearch.objectives.base import Start
from hpsearch.objectives.portable import Maker, pack
from hpsearch.pruners.asha import ASHA
from hpsearch.pruners.none import NoPruner
from hpsearch.running.in_memory import Unsaved, Unwritten
from hpsearch.samplers.base import Sampler
from hpsearch.study.study import Study

EPOCHS = 9


@dataclass(frozen=True)
class World:
    """What trials cost and bring.

    Attributes:
        spread: How many times as much the costliest epoch costs as the cheapest.
        noise: Standard deviation of the logarithm of what an epoch really takes over its cost.
        unit: Seconds that an epoch of mean cost takes.
    """

    spread: float
    noise: float
    unit: float

    def cost(self, params: Mapping[str, Any]) -> float:
        """Return the declared cost of an epoch; 1 on the mean."""
        mean = (self.spread - 1) / math.log(self.spread) if self.spread > 1 else 1.0
        return float(self.spread ** params["x"] / mean)

    def seconds(self, params: Mapping[str, Any], trial: int, epoch: int) -> float:
        """Return what an epoch takes."""
        drawn = np.random.default_rng((99, trial, epoch)).standard_normal()
        return self.unit * self.cost(params) * math.exp(self.noise * drawn - self.noise**2 / 2)

    def score(self, params: Mapping[str, Any], epoch: int) -> float:
        """Return a curve that rises to a height of its own."""
        return float((1 - 0.6**epoch) * np.random.default_rng((7, int(params["x"] * 1e9))).random())


class Points:
    """Proposes points that depend on their numbers alone."""

    reads_history, rejected, size = True, 0, None

    def ask(self, history: History, point: int) -> dict[str, Any]:
        """Return a point."""
        return {"x": float(np.random.default_rng((5, point)).random())}


class Sleeping:
    """Sleeps for each epoch, and notes when."""

    epochs = EPOCHS

    def __init__(self, world: World, slept: list[tuple[int, int, float, float]]) -> None:
        self._world, self._slept = world, slept
        self._trials: dict[int, tuple[Start, int]] = {}

    def start(self, trial: Start) -> None:
        """Take a trial in."""
        self._trials[trial.ask.trial] = trial, trial.epoch

    def advance(self, trials: Sequence[int], tick: int) -> list[Row]:
        """Sleep an epoch for each."""
        return [self._advance(number) for number in trials]

    def _advance(self, number: int) -> Row:
        start, done = self._trials[number]
        epoch, begun = done + 1, time.perf_counter()
        self._trials[number] = start, epoch
        time.sleep(self._world.seconds(start.ask.params, number, epoch))
        ended = time.perf_counter()
        self._slept.append((number, epoch, begun, ended))
        metrics = {"score": self._world.score(start.ask.params, epoch)}
        return Row(number, start.ask.lane, epoch, metrics, ended - begun, epoch == EPOCHS)

    def states(self) -> list[Start]:
        """Return the trials, which have hardly any state."""
        return [Start(start.ask, epoch, {"epoch": np.array(epoch)}) for start, epoch in self._trials.values()]

    def stop(self, trial: int) -> None:
        """Forget a trial."""
        del self._trials[trial]


class Threads:
    """A crew of threads, each with a bench of its own."""

    def __init__(self, size: int, maker: Maker) -> None:
        self._maker = pack(lambda data: None) if maker is None else maker
        self._jobs: dict[str, queue.Queue[Any]] = {f"{number:03d}": queue.Queue() for number in range(size)}
        self._came: queue.Queue[Answer] = queue.Queue()
        for jobs in self._jobs.values():
            threading.Thread(target=self._work, args=(jobs,), daemon=True).start()

    def _work(self, jobs: queue.Queue[Any]) -> None:
        bench = _Bench(self._maker)
        while (given := jobs.get()) is not None:
            errand, name, job = given
            self._came.put(Answer(errand, bench.serve(name, b"", None, job)))

    def workers(self) -> list[str]:
        """Return all."""
        return sorted(self._jobs)

    def send(self, errand: int, worker: str, name: str, job: Job) -> None:
        """Queue a job."""
        self._jobs[worker].put((errand, name, job))

    def answers(self, seconds: float) -> list[Answer]:
        """Return what comes within that time."""
        came = []
        try:
            came.append(self._came.get(timeout=seconds) if seconds else self._came.get_nowait())
            while True:
                came.append(self._came.get_nowait())
        except queue.Empty:
            return came

    def end(self, worker: str) -> None:
        """Do nothing: threads cannot be ended."""

    def forget(self, name: str) -> None:
        """Have the threads end."""
        for jobs in self._jobs.values():
            jobs.put(None)


class _Bench(Bench):
    """A bench that makes its objectives in this process, with nothing sent."""

    def __init__(self, maker: Maker) -> None:
        super().__init__()
        self._made = maker

    def serve(self, name: str, maker: bytes, data: Any, job: Job) -> Any:
        """Do a job."""
        if name not in self._residents:
            from hpsearch.engine.remote import _Resident

            self._residents[name] = _Resident(self._made(None))
        return super().serve(name, maker, data, job)


@dataclass
class Noted(Unwritten):
    """A log in memory that notes when its last trial began."""

    begun_at: float = 0.0
    rows: set[tuple[int, int]] = field(default_factory=set)
    best: float = -math.inf

    def __post_init__(self) -> None:
        super().__init__()

    def append(self, record: Record, *, synced: bool = True) -> None:
        """Note it."""
        if isinstance(record, Tick):
            self.rows |= {(row.trial, row.epoch) for row in record.rows}
            self.best = max([self.best, *(row.metrics["score"] for row in record.rows)])


class Timed(Flat):
    """The flat ladder, which notes when it was last asked in earnest."""

    def next(self, history: History) -> Any:
        """Return the next trial."""
        proposal = super().next(history)
        if proposal is not None:
            LAST[0] = time.perf_counter()
        return proposal


LAST = [0.0]


def measured(world: World, workers: int, lanes: int, pruner: str, trials: int, *, virtual: bool) -> tuple[float, ...]:
    """Return the busy shares until the last trial has begun and until all is done, the seconds, and the best value."""
    slept: list[tuple[int, int, float, float]] = []
    history = History(Goal("score", "maximize"))
    history.apply(Header("busy", "u", {"n_trials": trials, "repeats": 1}, {}, {}, 0.0))
    log = Noted()
    crew = Threads(workers, lambda data: Sleeping(world, slept))
    executor = (LaneExecutor if virtual else Executor)(crew, "busy", EPOCHS, print)
    stops = ASHA().build(Study("busy", space={}, epochs=EPOCHS), EPOCHS) if pruner == "asha" else NoPruner()
    pace = VirtualTime(world.cost) if virtual else Ticks()
    sampler: Sampler = Points()
    begun = time.perf_counter()
    with executor:
        Clock(
            log, history, executor, Timed(sampler, trials), stops, lanes, Unsaved(), Silent(), pace=pace
        ).run()  # fmt: skip
    ended = time.perf_counter()
    shares = []
    for until in (LAST[0], ended):
        useful = sum(
            max(0.0, min(end, until) - start) for trial, epoch, start, end in slept if (trial, epoch) in log.rows
        )
        shares.append(useful / (workers * (until - begun)))
    return (*shares, ended - begun, log.best)


def optuna_beside(world: World, workers: int, pruner: str, trials: int) -> tuple[float, float]:
    """Return the seconds and the best value of Optuna with so many jobs in threads."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)

    def objective(trial: optuna.Trial) -> float:
        params = {"x": float(np.random.default_rng((5, trial.number)).random())}
        trial.suggest_float("x", params["x"], params["x"])
        for epoch in range(1, EPOCHS + 1):
            time.sleep(world.seconds(params, trial.number, epoch))
            trial.report(world.score(params, epoch), epoch)
            if trial.should_prune():
                raise optuna.TrialPruned
        return world.score(params, EPOCHS)

    chosen = optuna.pruners.SuccessiveHalvingPruner() if pruner == "asha" else optuna.pruners.NopPruner()
    study = optuna.create_study(direction="maximize", pruner=chosen, sampler=optuna.samplers.RandomSampler(seed=0))
    begun = time.perf_counter()
    study.optimize(objective, n_trials=trials, n_jobs=workers)
    return time.perf_counter() - begun, study.best_value


def numbers(text: str) -> list[float]:
    """Read numbers with commas between them."""
    return [float(word) for word in text.split(",")]


def main() -> None:
    """Measure and print a markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=numbers, default=[2, 12, 32])
    parser.add_argument("--spread", type=numbers, default=[1, 3, 100])
    parser.add_argument("--noise", type=numbers, default=[0.1, 0.5])
    parser.add_argument("--lanes", type=numbers, default=[1, 2, 4], help="lanes for each worker")
    parser.add_argument("--pruner", type=lambda text: text.split(","), default=["none", "asha"])
    parser.add_argument("--trials", type=int, default=10, help="for each worker")
    parser.add_argument("--unit", type=float, default=0.02, help="seconds of an epoch of mean cost")
    asked = parser.parse_args()
    print("busy until the last trial has begun (until all is done), seconds, best value\n")
    heads = [f"virtual, {int(m)} lanes a worker" for m in asked.lanes]
    print("| workers | spread | noise | pruner | ticks, 1 lane a worker |", " | ".join(heads), "| Optuna n_jobs |")
    print("|---" * (6 + len(heads)) + "|")
    for workers in map(int, asked.workers):
        for spread in asked.spread:
            for noise in asked.noise:
                for pruner in asked.pruner:
                    world, trials = World(spread, noise, asked.unit), asked.trials * workers
                    cells = [said(measured(world, workers, workers, pruner, trials, virtual=False))]
                    for m in map(int, asked.lanes):
                        cells.append(said(measured(world, workers, m * workers, pruner, trials, virtual=True)))
                    seconds, best = optuna_beside(world, workers, pruner, trials)
                    cells.append(f"{seconds:.1f} s, {best:.3f}")
                    print(f"| {workers} | {spread:g} | {noise:g} | {pruner} |", " | ".join(cells), "|", flush=True)


def said(found: tuple[float, ...]) -> str:
    """Return a measurement in words."""
    begun, done, seconds, best = found
    return f"{begun:.2f} ({done:.2f}), {seconds:.1f} s, {best:.3f}"


if __name__ == "__main__":
    main()
