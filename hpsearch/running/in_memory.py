"""A study that is run in memory: nothing is written, nothing is delivered, and nothing is left to be resumed."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from hpsearch import ladder, pruners, samplers
from hpsearch.engine.checkpoints import Checkpoints
from hpsearch.engine.executor import Executor, executor_name
from hpsearch.engine.local_crew import LocalCrew
from hpsearch.engine.observer import Observer, Silent
from hpsearch.engine.opening import describe_data
from hpsearch.engine.stopping import Limits
from hpsearch.log.history import History
from hpsearch.log.records import MINOR, Header, Record
from hpsearch.log.writer import Log
from hpsearch.models.datasets import Dataset
from hpsearch.objectives.base import Objective, Start
from hpsearch.objectives.staged import prepare
from hpsearch.objectives.surroundings import surrounded, surroundings
from hpsearch.running.clocks import check, clock_of
from hpsearch.running.plan import costed, pace_of, settled_value
from hpsearch.study.declaration import declare, identity
from hpsearch.study.study import Study


class Unwritten(Log):
    """A log that is not written: the caller keeps the history."""

    def __init__(self) -> None:
        super().__init__(Path("nowhere"))

    def append(self, record: Record, *, synced: bool = True) -> None:
        """Drop the record."""

    def sync(self) -> None:
        """Do nothing: nothing waits."""

    def written(self) -> list[Record]:
        """Return nothing."""
        return []


class Unsaved(Checkpoints):
    """Checkpoints that are not saved: the study is never resumed."""

    def __init__(self) -> None:
        super().__init__(Path("nowhere"), "")

    def save(self, tick: int, trials: list[Start]) -> None:  # type: ignore[override]
        """Save nothing."""

    def clear(self) -> None:
        """Do nothing."""


def _warn_of_lost_worker(message: str) -> None:
    """Warn of a worker that was lost; others do its work."""
    warnings.warn(message, stacklevel=2)


def run_in_memory(
    study: Study,
    dataset: Dataset,
    observer: Observer | None = None,
    interrupted: Callable[[], bool] = lambda: False,
    workers: int = 1,
) -> History:
    """Run a study to its end and return its history.

    The trials are those of the same study with a log: what they find does not depend on where it is written.

    Args:
        study: A flat study with a model.
        dataset: Its data.
        observer: Shows the run; None shows nothing.
        interrupted: Called after each tick; where it returns True the run ends.
        workers: Processes that train; 1 trains in this one. It changes no result.

    Raises:
        UserError: The study is invalid, or there are no workers.
    """
    prepared = prepare(study, dataset)
    study = settled_value(study, prepared)
    sampler = samplers.build(costed(study, dataset))
    pruner = pruners.build(study, prepared.epochs)
    check(study, sampler, pruner)
    history = History(study.goal)
    declaration = declare(study)
    about = describe_data(dataset)
    uid = identity({**declaration, "dataset": about.get("digest")})
    history.apply(Header(study.name, uid, declaration, {"threads": study.threads}, about, 0.0, minor=MINOR))
    limits = Limits.of(study)
    trial_ladder = ladder.build(
        study,
        study.n_trials,
        lambda history: limits.reached(history) is not None,
        len(dataset.y_train),
        sampler=sampler,
    )
    with ExitStack() as stack, surroundings(study.threads):
        make = partial(surrounded, prepared.make, study.threads)
        objective: Objective = make(dataset)  # also where workers train, to find mistakes early
        if workers > 1:
            crew = stack.enter_context(LocalCrew(workers, make, dataset))
            objective = stack.enter_context(Executor(crew, executor_name(uid), prepared.epochs, _warn_of_lost_worker))
        clock = clock_of(study, prepared.epochs)(
            Unwritten(),
            history,
            objective,
            trial_ladder,
            pruner,
            study.lanes,
            Unsaved(),
            observer or Silent(),
            limits,
            interrupted=interrupted,
            pace=pace_of(study, dataset, history),
        )
        clock.run()
    return history
