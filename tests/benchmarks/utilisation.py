"""How busy workers are where epochs differ in cost: ticks, virtual time, decisions that look back; Optuna beside them.

Trials cost 1 to SPREAD for an epoch (log-uniform, a function of their parameter) and live up to 9 epochs; an epoch
takes its cost times lognormal noise. The engine is the real one, and time is simulated: a crew answers for each job
once its seconds have passed on a clock of its own, so that many workers fit on one core and a busy machine changes no
figure. What is measured is who waits for whom; the way to a worker and back takes no time. Busy is the training that
the log holds over workers times the clock, until the last trial has begun; beside it the same until all is done, the
seconds of that, and the best value. Optuna's trials (its n_jobs, on such a clock) wait for nobody, and what it finds
depends on who came first: its time is what there is to gain.

    python tests/benchmarks/utilisation.py [--workers 2,12,32] [--spread 1,3,100] [--noise 0.1,0.5]
        [--pruner none,asha,hyperband] [--lanes 2,4] [--lookback 0,2] [--trials 10] [--seeds 1] [--stays]
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, NamedTuple

import numpy as np

from hpsearch import pruners
from hpsearch.engine.clock import Clock
from hpsearch.engine.crew import Answer
from hpsearch.engine.executor import Executor
from hpsearch.engine.lane_executor import LaneExecutor, spare_workers
from hpsearch.engine.looking_back import LookingBack
from hpsearch.engine.observer import Silent
from hpsearch.engine.pace import Ticks, VirtualTime
from hpsearch.engine.remote import Bench, Job
from hpsearch.ladder.base import Flat
from hpsearch.ladder.dealt import Dealt
from hpsearch.log.history import Goal, History
from hpsearch.log.records import Header, Row
from hpsearch.objectives.base import Start
from hpsearch.objectives.portable import pack
from hpsearch.running.in_memory import Unsaved, Unwritten
from hpsearch.study.study import Study

EPOCHS = 9


@dataclass(frozen=True)
class World:
    """What trials cost and bring.

    Attributes:
        spread: How many times as much the costliest epoch costs as the cheapest.
        noise: Standard deviation of the logarithm of what an epoch really takes over its cost.
        seed: Draws the points, what epochs take, and their values.
        stays: Whether a trial stays with the process that began it, as a user's function and scikit-learn's estimators
            do; there are more processes then than workers, of which as many as there are workers train at a time.
    """

    spread: float
    noise: float
    seed: int = 0
    stays: bool = False

    def cost(self, params: Mapping[str, Any]) -> float:
        """Return the declared cost of an epoch in seconds; 1 on the mean."""
        mean = (self.spread - 1) / math.log(self.spread) if self.spread > 1 else 1.0
        return float(self.spread ** params["x"] / mean)

    def seconds(self, params: Mapping[str, Any], epoch: int) -> float:
        """Return what an epoch takes."""
        drawn = np.random.default_rng((99, self.seed, int(params["x"] * 1e9), epoch)).standard_normal()
        return self.cost(params) * math.exp(self.noise * drawn - self.noise**2 / 2)

    def score(self, params: Mapping[str, Any], epoch: int) -> float:
        """Return a curve that rises to a height of its own."""
        height = np.random.default_rng((7, self.seed, int(params["x"] * 1e9))).random()
        return float((1 - 0.6**epoch) * height)

    def point(self, number: int) -> dict[str, Any]:
        """Return a point, which depends on its number alone."""
        return {"x": float(np.random.default_rng((5, self.seed, number)).random())}


@dataclass(frozen=True)
class Points:
    """Proposes the points of a world."""

    world: World
    reads_history = True
    rejected = 0
    size = None

    def ask(self, history: History, point: int) -> dict[str, Any]:
        """Return a point."""
        return self.world.point(point)


class Costed:
    """Says what each epoch takes and brings."""

    epochs = EPOCHS

    def __init__(self, world: World) -> None:
        self._world = world
        self._trials: dict[int, tuple[Start, int]] = {}

    def start(self, trial: Start) -> None:
        """Take a trial in."""
        self._trials[trial.ask.trial] = trial, trial.epoch

    def advance(self, trials: Sequence[int], tick: int) -> list[Row]:
        """Return an epoch of each."""
        return [self._advance(number) for number in trials]

    def _advance(self, number: int) -> Row:
        start, done = self._trials[number]
        epoch, params = done + 1, start.ask.params
        self._trials[number] = start, epoch
        metrics = {"score": self._world.score(params, epoch)}
        seconds = self._world.seconds(params, epoch)
        return Row(number, start.ask.lane, epoch, metrics, seconds, epoch == EPOCHS)

    def states(self) -> list[Start]:
        """Return the trials, which have hardly any state; nothing where they cannot be moved."""
        if self._world.stays:
            return []
        return [Start(start.ask, epoch, {"epoch": np.array(epoch)}) for start, epoch in self._trials.values()]

    def stop(self, trial: int) -> None:
        """Forget a trial."""
        del self._trials[trial]


class Trained(NamedTuple):
    """An epoch that a worker trained: of which trial, by its key, and from when to when."""

    trial: int
    epoch: int
    begun: float
    ended: float


class Simulated:
    """Workers on a clock of their own: a job is done at once, and its answer comes when its seconds have passed.

    Attributes:
        now: The time.
        trained: What was trained.
    """

    def __init__(self, size: int, world: World) -> None:
        self.now = 0.0
        self.trained: list[Trained] = []
        self._maker = pack(lambda data: Costed(world))
        self._benches = {f"{number:03d}": Bench() for number in range(size)}
        self._free = dict.fromkeys(self._benches, 0.0)
        self._coming: list[tuple[float, int, Answer]] = []

    def workers(self) -> list[str]:
        """Return all."""
        return sorted(self._benches)

    def send(self, errand: int, worker: str, name: str, job: Job) -> None:
        """Do a job, and have its answer come once the worker is through with it and with those before."""
        report = self._benches[worker].serve(name, self._maker, None, job)
        at = max(self.now, self._free[worker])
        for row in (row for rows in (report.rows or {}).values() for row in rows):
            self.trained.append(Trained(row.trial, row.epoch, at, at + row.seconds))
            at += row.seconds
        self._free[worker] = at
        heapq.heappush(self._coming, (at, errand, Answer(errand, report)))

    def answers(self, seconds: float) -> list[Answer]:
        """Return what has come; where nothing has, and it is waited for, the time is that of the next answer."""
        if seconds and self._coming:
            self.now = max(self.now, self._coming[0][0])
        came = []
        while self._coming and self._coming[0][0] <= self.now:
            came.append(heapq.heappop(self._coming)[2])
        return came

    def end(self, worker: str) -> None:
        """Do nothing: nobody hangs."""

    def forget(self, name: str) -> None:
        """Do nothing."""


class Found(NamedTuple):
    """Busy shares until the last trial has begun and until all is done, the seconds of that, and the best value."""

    busy: float
    whole: float
    seconds: float
    best: float


def measured(world: World, workers: int, lanes: int, pruner: str, trials: int, lookback: float | None) -> Found:
    """Run a study in simulated time.

    Args:
        world: What trials cost and bring.
        workers: How many there are.
        lanes: The study's.
        pruner: The study's.
        trials: How many begin.
        lookback: How far decisions look back in mean costs; 0: strict order; None: by ticks.
    """
    study = Study("busy", objective=print, space={}, pruner=pruner, epochs=EPOCHS)
    history = History(Goal("score", "maximize"))
    history.apply(Header("busy", "u", {"n_trials": trials, "repeats": 1}, {}, {}, 0.0))
    if lookback is None:
        crew = Simulated(workers, world)
        executor = Executor(crew, "busy", EPOCHS, print, now=lambda: crew.now)
    else:
        crew = Simulated(workers + (spare_workers(workers, lanes) if world.stays else 0), world)
        executor = LaneExecutor(crew, "busy", EPOCHS, print, now=lambda: crew.now, most_busy=workers)
    points, stops = Points(world), pruners.build(study, EPOCHS)
    rest: tuple[Any, ...] = (Unwritten(), history, executor, Flat(points, trials), stops, lanes, Unsaved(), Silent())
    with executor:
        if lookback:
            LookingBack(
                *rest, pace=VirtualTime(world.cost), lookback=lookback,
                desk=lambda lane: (Dealt(points, lane, lanes, trials), pruners.build(study, EPOCHS)),
            ).run()  # fmt: skip
        else:
            Clock(*rest, pace=Ticks() if lookback is None else VirtualTime(world.cost)).run()
    logged = {(trial.ask.key, row.epoch) for trial in history.trials for row in trial.rows}
    last = history.trials[-1].ask.key
    shares = []
    for until in (next(each.begun for each in crew.trained if each.trial == last), crew.now):
        useful = {
            (each.trial, each.epoch): max(0.0, min(each.ended, until) - each.begun)
            for each in crew.trained
            if (each.trial, each.epoch) in logged
        }
        shares.append(sum(useful.values()) / (workers * until))
    return Found(*shares, crew.now, history.best.value if history.best and history.best.value else math.nan)


def optuna_beside(world: World, workers: int, pruner: str, trials: int) -> Found:
    """Return the same of Optuna with so many jobs: whoever is free asks for the next trial, on a simulated clock."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    chosen: optuna.pruners.BasePruner = optuna.pruners.NopPruner()
    if pruner == "asha":
        chosen = optuna.pruners.SuccessiveHalvingPruner(reduction_factor=4)
    elif pruner == "hyperband":
        chosen = optuna.pruners.HyperbandPruner(max_resource=EPOCHS)
    study = optuna.create_study(direction="maximize", pruner=chosen, sampler=optuna.samplers.RandomSampler(seed=0))
    begun, now, last = 0, 0.0, 0.0
    spans: list[tuple[float, float]] = []
    coming: list[tuple[float, int, Any, dict[str, Any], int]] = []

    def train(trial: Any, params: dict[str, Any], epoch: int) -> None:
        took = world.seconds(params, epoch)
        spans.append((now, now + took))
        heapq.heappush(coming, (now + took, len(spans), trial, params, epoch))

    def ask() -> None:
        nonlocal begun, last
        if begun < trials:
            last, begun = now, begun + 1
            train(study.ask(), world.point(begun - 1), 1)

    for _ in range(workers):
        ask()
    while coming:
        now, _, trial, params, epoch = heapq.heappop(coming)
        trial.report(world.score(params, epoch), epoch)
        if epoch == EPOCHS or trial.should_prune():
            study.tell(trial, world.score(params, epoch))
            ask()
        else:
            train(trial, params, epoch + 1)
    shares = [
        sum(max(0.0, min(end, until) - start) for start, end in spans) / (workers * until) for until in (last, now)
    ]
    return Found(*shares, now, study.best_value)


def numbers(text: str) -> list[float]:
    """Read numbers with commas between them."""
    return [float(word) for word in text.split(",")]


def main() -> None:
    """Measure and print a markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=numbers, default=[2, 12, 32])
    parser.add_argument("--spread", type=numbers, default=[1, 3, 100])
    parser.add_argument("--noise", type=numbers, default=[0.1, 0.5])
    parser.add_argument("--lanes", type=numbers, default=[2, 4], help="lanes for each worker")
    parser.add_argument("--lookback", type=numbers, default=[0, 2], help="in mean costs; 0: strict order")
    parser.add_argument("--pruner", type=lambda text: text.split(","), default=["none", "asha", "hyperband"])
    parser.add_argument("--trials", type=int, default=10, help="for each worker")
    parser.add_argument("--seeds", type=int, default=1, help="worlds to take the mean over")
    parser.add_argument("--stays", action="store_true", help="a trial stays with the process that began it")
    asked = parser.parse_args()
    ways = [(int(lanes), lookback) for lanes in asked.lanes for lookback in asked.lookback]
    print("busy until the last trial has begun (until all is done), seconds, best value\n")
    heads = [f"{lanes} lanes a worker, lookback {lookback:g}" for lanes, lookback in ways]
    print("| workers | spread | noise | pruner | ticks, 1 lane a worker |", " | ".join(heads), "| Optuna n_jobs |")
    print("|---" * (6 + len(heads)) + "|")
    for workers, spread, noise, pruner in itertools.product(
        map(int, asked.workers), asked.spread, asked.noise, asked.pruner
    ):
        worlds = [World(spread, noise, seed, asked.stays) for seed in range(asked.seeds)]
        trials = asked.trials * workers
        cells = [said([measured(world, workers, workers, pruner, trials, None) for world in worlds])]
        for lanes, lookback in ways:
            cells.append(said([measured(each, workers, lanes * workers, pruner, trials, lookback) for each in worlds]))
        cells.append(said([optuna_beside(world, workers, pruner, trials) for world in worlds]))
        print(f"| {workers} | {spread:g} | {noise:g} | {pruner} |", " | ".join(cells), "|", flush=True)


def said(found: Sequence[Found]) -> str:
    """Return the means of measurements in words."""
    busy, whole, seconds, best = (fmean(column) for column in zip(*found, strict=True))
    return f"{busy:.2f} ({whole:.2f}), {seconds:.0f} s, {best:.3f}"


if __name__ == "__main__":
    main()
