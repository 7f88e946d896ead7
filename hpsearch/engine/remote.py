"""What runs inside a worker of a cluster: an objective that stays between tasks, and the function that serves it."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import numpy as np

from hpsearch.engine.resume import catch_up
from hpsearch.log.records import Row
from hpsearch.objectives.base import Objective, Start
from hpsearch.objectives.portable import unpack


@dataclass(frozen=True)
class Job:
    """What a worker is asked to do in one task.

    Attributes:
        stops: Trials to forget.
        starts: Trials to take up, each with the ticks that its state lacks.
        residents: Trials that are there already.
        ticks: The ticks at which to train them all; a trial that finishes or fails skips the rest.
        save: Whether to bring the states back too.
    """

    stops: tuple[int, ...]
    starts: tuple[tuple[Start, tuple[int, ...]], ...]
    residents: tuple[int, ...]
    ticks: tuple[int, ...]
    save: bool


@dataclass(frozen=True)
class Report:
    """What a task brought: rows by tick, and the trials' states where they were asked for.

    ``rows`` is None where this process does not have the residents: it is not the one that had them.
    """

    rows: dict[int, list[Row]] | None
    saved: list[Start]


class _Resident:
    """An objective in this worker process, and the lanes of the trials that it holds."""

    def __init__(self, objective: Objective) -> None:
        self.objective = objective
        self.lanes: dict[int, int] = {}


_residents: dict[str, _Resident] = {}


def serve(name: str, maker: bytes, data: Any, job: Job) -> Report:
    """Do a job on this worker's objective.

    Args:
        name: Which objective; it is made when the name is first heard.
        maker: What makes it, packed.
        data: The study's data, held once by each worker.
        job: What to do.
    """
    if name not in _residents:
        _residents[name] = _Resident(unpack(maker)(aligned(data)))
    resident = _residents[name]
    objective, lanes = resident.objective, resident.lanes
    for trial in job.stops:
        if lanes.pop(trial, None) is not None:
            objective.stop(trial)
    if not set(job.residents) <= set(lanes):
        return Report(None, [])
    lanes.update({start.ask.trial: start.ask.lane for start, _ in job.starts})
    for _ in catch_up(objective, job.starts):
        pass  # the coordinator has these rows already
    asked = [start.ask.trial for start, _ in job.starts] + list(job.residents)
    going = sorted(asked, key=lambda trial: lanes[trial])
    rows: dict[int, list[Row]] = {}
    for tick in job.ticks:
        if going:
            rows[tick] = objective.advance(going, tick)
            going = [row.trial for row in rows[tick] if not row.finished and row.failure is None]
    return Report(rows, objective.states() if job.save else [])


def aligned(data: Any) -> Any:
    """Return a data set whose arrays lie at addresses that suit their dtype.

    Arrays that came by the network begin wherever their message did; NumPy copies such an array in every operation,
    which makes training more than three times slower.
    """
    if not is_dataclass(data) or isinstance(data, type):
        return data
    moved = {}
    for each in fields(data):
        value = getattr(data, each.name)
        if isinstance(value, np.ndarray) and not value.flags.aligned:
            moved[each.name] = value.copy()
            moved[each.name].flags.writeable = value.flags.writeable
    return replace(data, **moved) if moved else data


def forget(name: str) -> None:
    """Drop the objectives whose names begin like this."""
    for known in [known for known in _residents if known.startswith(name)]:
        del _residents[known]
