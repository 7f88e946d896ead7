"""Which worker trains which trial. Where a trial trains never changes its rows, so measured seconds may decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from hpsearch.log.records import Row
from hpsearch.objectives.base import Start

WORTH_MOVING = 0.8
"""A trial moves only where the busiest worker is left with less than this share of its load."""


@dataclass
class Placed:
    """A trial as the coordinator knows it.

    Attributes:
        saves: Its last two saved states, the newest last.
        since: What it brought since the newest, with the ticks.
        ahead: Rows that the clock has not asked for yet, by tick.
        epoch: Epochs that the clock has had.
        logged: Those of them that the log has, where the clock is ahead of it; else None.
        worker: Where it trains, or None.
        name: The objective on that worker that has it.
        resident: That objective has it as it stands after ``since``.
        deaths: How often its worker died since it was last acquitted.
        cost: Seconds of its last epoch.
        digest: Of its state as it stands, where its worker told.
    """

    saves: list[Start]
    epoch: int
    since: list[tuple[int, Row]] = field(default_factory=list)
    ahead: dict[int, Row] = field(default_factory=dict)
    worker: str | None = None
    name: str = ""
    resident: bool = False
    deaths: int = 0
    cost: float = 0.0
    digest: str | None = None
    logged: int | None = None

    @property
    def whole(self) -> list[Start]:
        """The newest saved state that is not ahead of the log: what a resumed study needs; nothing where none is."""
        last_epoch = self.epoch if self.logged is None else self.logged
        logged = [start for start in self.saves if start.epoch <= last_epoch]
        return logged[-1:]

    @property
    def moves(self) -> bool:
        """Whether it can go on at any worker as it stands: its state has been saved."""
        return not self.since and self.saves[-1].state is not None

    @property
    def trained(self) -> int:
        """Epochs trained, those included that the clock has not asked for yet."""
        return self.saves[-1].epoch + len(self.since)


@dataclass(frozen=True)
class Errand:
    """A task under way: where, for which trials, at which tick, and until when."""

    worker: str
    numbers: list[int]
    tick: int
    limit: float | None


@dataclass
class Load:
    """What a worker has to do.

    Attributes:
        seconds: What the jobs that are under way there take, as far as is known.
        staying: How many trials it holds that cannot go on elsewhere.
    """

    seconds: float = 0.0
    staying: int = 0


class Move(NamedTuple):
    """A trial that should train on another worker.

    Attributes:
        trial: Its number.
        worker: That worker.
    """

    trial: int
    worker: str


def place(where: Mapping[int, str | None], costs: Mapping[int, float], workers: Sequence[str]) -> dict[int, str]:
    """Return a worker for each trial that has none: the costliest first, to the least busy worker.

    Args:
        where: Each trial's worker, or None.
        costs: Seconds that each trial's epoch takes, 0 where that is not known yet.
        workers: The workers there are.
    """
    loads = _loads({trial: worker for trial, worker in where.items() if worker is not None}, costs, workers)
    placed = {}
    for trial in sorted((t for t, worker in where.items() if worker is None), key=lambda t: (-costs[t], t)):
        worker = min(workers, key=lambda w: (loads[w], w))
        loads[worker] += _cost(trial, costs)
        placed[trial] = worker
    return placed


def move(where: Mapping[int, str], costs: Mapping[int, float], workers: Sequence[str]) -> Move | None:
    """Return the move by which all finish a tick sooner, or None."""
    loads = _loads(where, costs, workers)
    busiest = max(workers, key=lambda w: (loads[w], w))
    idlest = min(workers, key=lambda w: (loads[w], w))
    candidates = [trial for trial, worker in where.items() if worker == busiest]
    if busiest == idlest or not candidates:
        return None
    gap = loads[busiest] - loads[idlest]
    trial = min(candidates, key=lambda t: (abs(_cost(t, costs) - gap / 2), t))
    after = max(loads[busiest] - _cost(trial, costs), loads[idlest] + _cost(trial, costs))
    return Move(trial, idlest) if after < WORTH_MOVING * loads[busiest] else None


def _cost(trial: int, costs: Mapping[int, float]) -> float:
    measured = [cost for cost in costs.values() if cost > 0]
    return costs[trial] or (sum(measured) / len(measured) if measured else 1.0)


def _loads(where: Mapping[int, str], costs: Mapping[int, float], workers: Sequence[str]) -> dict[str, float]:
    loads = dict.fromkeys(workers, 0.0)
    for trial, worker in where.items():
        loads[worker] += _cost(trial, costs)
    return loads
