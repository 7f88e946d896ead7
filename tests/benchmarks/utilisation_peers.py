"""How busy sleeping workers are, and how soon a study is done: ours beside Ray Tune, Syne Tune and Optuna.

    pip install "ray[tune]" syne-tune
    python tests/benchmarks/utilisation_peers.py [--workers 12] [--spread 100] [--noise 0.5] [--pruner none,asha]
        [--trials 6] [--unit 0.5] [--seeds 1] [--only ray syne optuna]

The objective is that of utilisation.py, in real time: an epoch sleeps for its seconds, so that more workers than cores
can be busy. All get the same points in the same order, TRIALS for each worker, and stop by asynchronous successive
halving or not at all; ours runs in strict order with two or four lanes a worker, the declared cost and processes of
this machine: a function goes on only in the one that began it, of which there are twice as many as workers, and as many
as there are workers train at a time. Ray Tune and Syne Tune (local back end) have as many trials at a time as there are
workers, Optuna as many threads (``n_jobs``). What is not installed is left out, and that is said.

Each epoch writes down when it began and ended, so that all are measured alike: from the first epoch's begin on, without
the start of processes before it. Busy is the training that counted over workers times the time until the last trial
began; epochs of ours that are trained ahead and thrown away do not count. Syne Tune starts a process for each trial:
on few cores that is what it waits for.
"""

from __future__ import annotations

import argparse
import itertools
import json
import pickle
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import chdir
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

from utilisation import EPOCHS, World, numbers

from hpsearch import Choice, Study, pruners


class Epoch(NamedTuple):
    """An epoch that was trained: of which point, and from when to when."""

    point: int
    epoch: int
    begun: float
    ended: float


Counted = set[tuple[int, int]]
"""Points and their epochs that count; empty where all do."""


@dataclass(frozen=True)
class Race:
    """What all run.

    Attributes:
        world: What trials cost and bring.
        workers: How many there are.
        trials: How many begin.
        prunes: Whether trials are stopped by asynchronous successive halving (first rung 1, reduction 4).
        unit: Seconds of a mean epoch.
        place: A folder for this run alone.
    """

    world: World
    workers: int
    trials: int
    prunes: bool
    unit: float
    place: Path

    def epochs(self, point: int) -> Iterator[float]:
        """Sleep through the epochs of a point, write each down, and yield its score."""
        params = self.world.point(point)
        for epoch in range(1, EPOCHS + 1):
            begun = time.time()
            time.sleep(self.unit * self.world.seconds(params, epoch))
            line = json.dumps(Epoch(point, epoch, begun, time.time())) + "\n"
            with open(self.place / "diary", "a", encoding="utf-8") as diary:
                diary.write(line)
            yield self.world.score(params, epoch)


def ours(race: Race, lanes: int) -> Counted:
    """Run a study in strict order, with so many lanes for each worker."""

    def objective(trial: Any) -> Iterator[float]:
        yield from race.epochs(trial["point"])

    study = Study(
        "busy", objective=objective, space={"point": Choice(list(range(race.trials)))}, sampler="grid", epochs=EPOCHS,
        pruner=pruners.ASHA() if race.prunes else "none", lanes=lanes * race.workers,
        cost=lambda params: race.world.cost(race.world.point(params["point"])),
    )  # fmt: skip
    result = study.run(race.place / "runs", workers=race.workers, tracking=False, quiet=True)
    return {(trial.params["point"], row.epoch) for trial in result.history.trials for row in trial.rows}


def rays(race: Race) -> Counted:
    """Run Ray Tune."""
    import ray
    from ray import tune

    def objective(config: dict[str, Any]) -> None:
        for epoch, score in enumerate(race.epochs(config["point"]), 1):
            tune.report({"score": score, "epoch": epoch})

    ray.init(num_cpus=race.workers, include_dashboard=False, log_to_driver=False, logging_level="error")
    rungs = tune.schedulers.ASHAScheduler(
        "epoch", "score", "max", max_t=EPOCHS, grace_period=1, reduction_factor=4, stop_last_trials=False
    )
    config = tune.TuneConfig(
        scheduler=rungs if race.prunes else None, max_concurrent_trials=race.workers, reuse_actors=True
    )
    where = tune.RunConfig(storage_path=str(race.place / "ray"), verbose=0)
    try:
        points = {"point": tune.grid_search(list(range(race.trials)))}
        tune.Tuner(objective, param_space=points, tune_config=config, run_config=where).fit()
    finally:
        ray.shutdown()
    return set()


def synes(race: Race) -> Counted:
    """Run Syne Tune with its local back end; each trial is this script, started with a point."""
    from syne_tune import StoppingCriterion, Tuner
    from syne_tune.backend import LocalBackend
    from syne_tune.config_space import randint
    from syne_tune.optimizer.baselines import ASHA, RandomSearch

    (race.place / "race").write_bytes(pickle.dumps(race))
    space = {"point": randint(0, race.trials - 1), "race": str(race.place / "race")}
    points = [{"point": point} for point in range(race.trials)]
    if race.prunes:
        scheduler: Any = ASHA(
            space, "score", "epoch", EPOCHS, do_minimize=False, random_seed=0, reduction_factor=4,
            points_to_evaluate=points,
        )  # fmt: skip
    else:
        scheduler = RandomSearch(space, ["score"], do_minimize=False, random_seed=0, points_to_evaluate=points)
    with chdir(race.place):  # it leaves a file where it runs
        Tuner(
            LocalBackend(str(Path(__file__).resolve())), scheduler,
            StoppingCriterion(max_num_trials_started=race.trials), race.workers,
            sleep_time=0.05, results_update_interval=0.05, print_update_interval=1e6, save_tuner=False,
            wait_trial_completion_when_stopping=True, trial_backend_path=str(race.place / "syne"),
        ).run()  # fmt: skip
    return set()


def syne_trial(race: Path, point: int) -> None:
    """Be a trial of Syne Tune."""
    from syne_tune import Reporter

    report = Reporter()
    for epoch, score in enumerate(pickle.loads(race.read_bytes()).epochs(point), 1):
        report(score=score, epoch=epoch)


def optunas(race: Race) -> Counted:
    """Run Optuna in threads."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    pruner: Any = optuna.pruners.SuccessiveHalvingPruner(1, 4) if race.prunes else optuna.pruners.NopPruner()
    study = optuna.create_study(direction="maximize", pruner=pruner)
    for point in range(race.trials):
        study.enqueue_trial({"point": point})

    def objective(trial: Any) -> float:
        score = 0.0
        for epoch, score in enumerate(race.epochs(trial.suggest_int("point", 0, race.trials - 1)), 1):
            trial.report(score, epoch)
            if epoch < EPOCHS and trial.should_prune():
                raise optuna.TrialPruned
        return score

    study.optimize(objective, race.trials, n_jobs=race.workers)
    return set()


RUNNERS: dict[str, tuple[str, Callable[[Race], Counted]]] = {
    "ours, 2 lanes": ("hpsearch", partial(ours, lanes=2)),
    "ours, 4 lanes": ("hpsearch", partial(ours, lanes=4)),
    "ray": ("ray", rays),
    "syne": ("syne_tune", synes),
    "optuna": ("optuna", optunas),
}
"""By name: the package that it needs, and what runs it."""


def outcome(race: Race, counted: Counted) -> tuple[float, float, float, float]:
    """Return the busy share, the seconds from the first epoch's begin to the end, epochs that count and the best."""
    lines = (race.place / "diary").read_text(encoding="utf-8").splitlines()
    epochs = [Epoch(*json.loads(line)) for line in lines]
    first = min(each.begun for each in epochs)
    last = max(each.begun for each in epochs if each.epoch == 1)
    useful = [each for each in epochs if not counted or (each.point, each.epoch) in counted]
    slept = sum(max(0.0, min(each.ended, last) - each.begun) for each in useful)
    best = max(race.world.score(race.world.point(each.point), each.epoch) for each in useful)
    busy = slept / (race.workers * (last - first))
    return busy, max(each.ended for each in epochs) - first, len(useful), best


def main() -> None:
    """Measure and print a markdown table; as a trial of Syne Tune, train it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=12)
    parser.add_argument("--spread", type=numbers, default=[100])
    parser.add_argument("--noise", type=float, default=0.5)
    parser.add_argument("--pruner", type=lambda text: text.split(","), default=["none", "asha"])
    parser.add_argument("--trials", type=int, default=6, help="for each worker")
    parser.add_argument("--unit", type=float, default=0.5, help="seconds of a mean epoch")
    parser.add_argument("--seeds", type=int, default=1, help="worlds to take the mean over")
    parser.add_argument("--only", nargs="+", choices=list(RUNNERS), default=list(RUNNERS))
    parser.add_argument("--point", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--race", type=Path, help=argparse.SUPPRESS)
    options, _ = parser.parse_known_args()
    if options.race is not None:
        syne_trial(options.race, options.point)
        return
    missing = [name for name in options.only if find_spec(RUNNERS[name][0]) is None]
    print("".join(f"{name} is not installed, and left out\n" for name in missing))
    print("| spread | pruner | | busy until the last trial began | seconds | epochs | best |")
    print("|---|---|---|---|---|---|---|")
    for spread, pruner in itertools.product(options.spread, options.pruner):
        for name in (name for name in options.only if name not in missing):
            found = []
            for seed in range(options.seeds):
                with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
                    world = World(spread, options.noise, seed)
                    trials = options.trials * options.workers
                    race = Race(world, options.workers, trials, pruner == "asha", options.unit, Path(place))
                    found.append(outcome(race, RUNNERS[name][1](race)))
            busy, seconds, epochs, best = (fmean(each) for each in zip(*found, strict=True))
            print(
                f"| {spread:g} | {pruner} | {name} | {busy:.2f} | {seconds:.1f} | {epochs:.0f} | {best:.3f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
