"""The surroundings in which trials train: the same in every process, whatever its environment and its user have set.

Both the number of BLAS's threads and NumPy's error state decide a trial's results: the former their last bits, the
latter whether a division by zero raises. Neither may depend on where a trial happens to train.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from hpsearch.errors import UserError
from hpsearch.log.records import Row
from hpsearch.models.datasets import Dataset
from hpsearch.models.threads import ThreadsConflictError, limited, refresh
from hpsearch.objectives.base import Foldered, Keeping, KeptModel, Objective, Start
from hpsearch.study.declared import Declaration


class surroundings:
    """Hold the number of threads, and the error state with which NumPy begins, for a block.

    What a study file sets by ``numpy.seterr`` would not reach a worker; so it has no effect in any process.

    Args:
        threads: Threads that BLAS and OpenMP may use; None for as many as this process has.

    Raises:
        UserError: Another thread of this process trains with another number.
    """

    __slots__ = ("_errors", "_limit")

    def __init__(self, threads: int | None) -> None:
        self._limit = None if threads is None else limited(threads)
        self._errors = np.errstate(divide="warn", over="warn", under="ignore", invalid="warn")

    def __enter__(self) -> None:
        if self._limit is not None:
            try:
                self._limit.__enter__()
            except ThreadsConflictError as error:
                raise UserError(str(error)) from error
            refresh()
        self._errors.__enter__()

    def __exit__(self, *raised: Any) -> None:
        self._errors.__exit__(*raised)
        if self._limit is not None:
            self._limit.__exit__(*raised)


def declared_threads(declaration: Declaration, environment: Mapping[str, Any]) -> int | None:
    """Return how many threads the trials of a log train with; None for as many as a process has.

    Logs of version 0.1 do not say. Their models trained with one; their functions with what the process had, and so
    they go on.

    Args:
        declaration: The log's declaration.
        environment: The environment in the log's header.
    """
    if "threads" in environment:
        return declaration.threads
    return None if declaration.objective is not None else 1


class Surrounded:
    """An objective that does everything in its surroundings, in whatever process it is.

    Args:
        objective: Trains.
        threads: See :func:`surroundings`.
    """

    def __init__(self, objective: Objective, threads: int | None) -> None:
        self.epochs = objective.epochs
        self._objective = objective
        self._threads = threads
        self._holds = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """Stay in the surroundings for a block of calls, none of which then enters them anew."""
        with surroundings(self._threads):
            self._holds = True
            try:
                yield
            finally:
                self._holds = False

    def _entered(self) -> AbstractContextManager[None]:
        return nullcontext() if self._holds else surroundings(self._threads)

    def place(self, folder: Path) -> None:
        """Keep the files of the trials in a study's folder, where the objective has any."""
        if isinstance(self._objective, Foldered):
            self._objective.place(folder)

    def start(self, trial: Start) -> None:
        """Take a trial in."""
        with self._entered():
            self._objective.start(trial)

    def advance(self, trials: Sequence[int], tick: int) -> list[Row]:
        """Train each of these trials for one epoch."""
        if self._holds:
            return self._objective.advance(trials, tick)
        with surroundings(self._threads):
            return self._objective.advance(trials, tick)

    def states(self) -> list[Start]:
        """Return the trials that can be saved."""
        return self._objective.states()

    def keep(self, trial: int) -> None:
        """Keep a trial's model, where the objective can."""
        if isinstance(self._objective, Keeping):
            self._objective.keep(trial)

    def kept(self) -> KeptModel | None:
        """Return whose model is kept, or None."""
        return self._objective.kept() if isinstance(self._objective, Keeping) else None

    def model(self) -> Any:
        """Return the kept model as a fitted scikit-learn estimator."""
        assert isinstance(self._objective, Keeping), "a model is kept"
        with self._entered():
            return self._objective.model()

    def stop(self, trial: int) -> None:
        """Forget a trial, whose generator is closed."""
        with self._entered():
            self._objective.stop(trial)


def surrounded(make: Callable[[Dataset | None], Objective], threads: int | None, dataset: Dataset | None) -> Objective:
    """Return an objective made from its data, in its surroundings."""
    with surroundings(threads):
        return Surrounded(make(dataset), threads)
