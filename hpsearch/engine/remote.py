"""What runs inside a worker: an objective that stays between jobs, and the function that serves it.

A trial's state has one owner. A worker trains only what stands where the coordinator expects it: each job names the
epoch of every trial that should be there, and whatever else is left of a trial is dropped before it is taken up anew.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import numpy as np

from hpsearch.engine.resume import catch_up, difference
from hpsearch.errors import UserError
from hpsearch.log.records import Row
from hpsearch.objectives.base import Objective, Start
from hpsearch.objectives.isolated import Isolated
from hpsearch.objectives.portable import unpack


@dataclass(frozen=True)
class TakeUp:
    """A trial to be taken up: a state, and what was trained since it was saved.

    Attributes:
        start: The trial as it was last saved, or as it begins.
        since: What it brought at the ticks that the state lacks, in their order; it is trained through them again.
        digest: Of its state after them, where that is to be verified, else None.
    """

    start: Start
    since: tuple[tuple[int, Row], ...] = ()
    digest: str | None = None

    @property
    def epoch(self) -> int:
        """Epochs done once it has been taken up."""
        return self.start.epoch + len(self.since)


@dataclass(frozen=True)
class Job:
    """What a worker is asked to do.

    Attributes:
        stops: Trials to forget.
        starts: Trials to take up.
        residents: Trials that are there already, with the epochs that each has done.
        ticks: The ticks at which to train them all; a trial that finishes or fails skips the rest.
        save: Whether to bring the states back too.
        verify: Whether to bring a digest of each trial's state too.
        drops: Objectives of this worker that nothing is trained with any more, by name.
        apart: Whether to train in a child of this process, which a trial may take with it.
    """

    stops: tuple[int, ...]
    starts: tuple[TakeUp, ...]
    residents: Mapping[int, int]
    ticks: tuple[int, ...]
    save: bool
    verify: bool = False
    drops: tuple[str, ...] = ()
    apart: bool = False


@dataclass(frozen=True)
class Report:
    """What a job brought.

    Attributes:
        rows: By tick; None where this process does not have the residents as they should stand: nothing was done.
        saved: The trials' states, where they were asked for.
        digests: Of the trials' states by number, where they were asked for.
    """

    rows: dict[int, list[Row]] | None
    saved: list[Start]
    digests: dict[int, str]


class _Resident:
    """An objective in this worker process, and where each of its trials stands: lane and epochs done."""

    def __init__(self, objective: Objective) -> None:
        self.objective = objective
        self.lanes: dict[int, int] = {}
        self.epochs: dict[int, int] = {}

    def drop(self, trial: int) -> None:
        """Forget a trial; nothing where it is not here."""
        if self.lanes.pop(trial, None) is not None:
            del self.epochs[trial]
            self.objective.stop(trial)

    def take_up(self, starts: tuple[TakeUp, ...]) -> None:
        """Bring trials to where they stood; what is left of them here is dropped first."""
        for entry in starts:
            self.drop(entry.start.ask.trial)
            self.lanes[entry.start.ask.trial] = entry.start.ask.lane
            self.epochs[entry.start.ask.trial] = entry.start.epoch
        logged = {(tick, row.trial): row for entry in starts for tick, row in entry.since}
        for tick, row in catch_up(
            self.objective, [(entry.start, [tick for tick, _ in entry.since]) for entry in starts]
        ):
            if (problem := difference(logged[tick, row.trial], row)) is not None:
                raise UserError(f"trial {row.trial}, epoch {row.epoch}, taken up by another worker: {problem}")
            self.epochs[row.trial] = row.epoch

    def train(self, trials: list[int], ticks: tuple[int, ...]) -> dict[int, list[Row]]:
        """Train trials at each of these ticks, in lane order; those that end skip the rest."""
        going = sorted(trials, key=lambda trial: self.lanes[trial])
        rows: dict[int, list[Row]] = {}
        for tick in ticks:
            if going:
                rows[tick] = self.objective.advance(going, tick)
                self.epochs.update({row.trial: row.epoch for row in rows[tick]})
                going = [row.trial for row in rows[tick] if not row.ended]
        return rows


class Bench:
    """The objectives that a worker process holds, by name."""

    def __init__(self) -> None:
        self._residents: dict[str, _Resident] = {}
        # A worker that lost its scheduler for a moment may be given a job while the one before still runs.
        self._lock = threading.RLock()

    def serve(self, name: str, maker: bytes, data: Any, job: Job) -> Report:
        """Do a job on one of the objectives.

        Args:
            name: Which; it is made where there is none of this name yet.
            maker: What makes it, packed.
            data: The study's data, held once by each worker.
            job: What to do.

        Raises:
            UserError: What was trained again is not what was trained before.
        """
        with self._lock:
            for unused in job.drops:
                self._drop(unused)
            if name not in self._residents:
                self._residents[name] = _Resident(_made(maker, data, job.apart))
            resident = self._residents[name]
            for trial in job.stops:
                resident.drop(trial)
            if any(resident.epochs.get(trial) != epoch for trial, epoch in job.residents.items()):
                return Report(None, [], {})
            resident.take_up(job.starts)
            expected = {entry.start.ask.trial: entry.digest for entry in job.starts if entry.digest is not None}
            if expected and not job.apart:  # a child's states are not seen
                _verify(resident.objective, expected)
            numbers = [entry.start.ask.trial for entry in job.starts] + list(job.residents)
            rows = resident.train(numbers, job.ticks)
            saved = resident.objective.states() if job.save or job.verify else []
            trained = [start for start in saved if start.ask.trial in numbers]
            digests = {start.ask.trial: start.digest() for start in trained if start.state is not None}
            return Report(rows, trained if job.save else [], digests if job.verify else {})

    def forget(self, name: str) -> None:
        """Drop the objectives whose names begin like this."""
        with self._lock:
            for held in [held for held in self._residents if held.startswith(name)]:
                self._drop(held)

    def _drop(self, name: str) -> None:
        resident = self._residents.pop(name, None)
        if resident is not None and isinstance(resident.objective, Isolated):
            resident.objective.close()


_bench = Bench()


def serve(name: str, maker: bytes, data: Any, job: Job) -> Report:
    """Do a job on this process's bench; see :meth:`Bench.serve`."""
    return _bench.serve(name, maker, data, job)


def forget(name: str) -> None:
    """Drop the objectives of this process whose names begin like this."""
    _bench.forget(name)


def _made(maker: bytes, data: Any, apart: bool) -> Objective:
    objective = unpack(maker)(aligned(data))
    return Isolated(maker, data, objective.epochs) if apart and not isinstance(objective, Isolated) else objective


def _verify(objective: Objective, expected: Mapping[int, str]) -> None:
    """Compare the states of trials that were taken up with what their last owner said of them.

    Raises:
        UserError: One is another.
    """
    standing = {start.ask.trial: start for start in objective.states()}
    for trial, digest in expected.items():
        if trial not in standing or standing[trial].digest() != digest:
            raise UserError(f"trial {trial} was taken up by another worker, and does not stand where it stood before")


def aligned(data: Any) -> Any:
    """Return a data set whose arrays lie at addresses that suit their dtype.

    Arrays that came by the network begin wherever their message did; NumPy copies such an array in every operation,
    which makes training more than three times slower.
    """
    if not is_dataclass(data) or isinstance(data, type):
        return data
    copies = {}
    for field in fields(data):
        value = getattr(data, field.name)
        if isinstance(value, np.ndarray) and not value.flags.aligned:
            copies[field.name] = value.copy()
            copies[field.name].flags.writeable = value.flags.writeable
    return replace(data, **copies) if copies else data
