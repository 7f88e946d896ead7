"""The networks of all folds as lanes of one population, where few trials share their shapes.

Where many trials do, those of one fold already fill a population of their own, whose lanes share their mini-batches;
then the folds train one after the other. Both ways give the same bits.
"""

from __future__ import annotations

import time
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from hpsearch.log.records import Row
from hpsearch.models.training.folds import FoldPopulation
from hpsearch.objectives.base import Objective
from hpsearch.objectives.mlp import MLPPopulation

FEW = 3
"""Most trials of one shape whose folds train side by side."""

VACANT = 4
"""Most populations without trials that are kept: what was compiled for them serves the next one of the same shape."""

Lane = tuple[int, int]
"""(number of the fold, number of the trial)."""


@runtime_checkable
class Networked(Protocol):
    """An objective whose trials are networks of ours."""

    def networks(self, trial: int) -> MLPPopulation | None:
        """Return the population that has a trial's network; None where the trial failed before it had one."""


@dataclass
class _Side:
    """Lanes that train side by side, and the population that trains them."""

    lanes: tuple[Lane, ...]
    population: FoldPopulation


class FoldLanes:
    """Advances the trials of all folds, side by side where that is faster.

    Args:
        folds: Trains the models of each fold.
    """

    def __init__(self, folds: Sequence[Objective]) -> None:
        self._folds = list(folds)
        self._sides: dict[Hashable, _Side] = {}
        self._vacant: dict[Hashable, FoldPopulation] = {}

    def advance(self, going: Sequence[Sequence[int]], tick: int) -> dict[Lane, Row]:
        """Train trials for one epoch.

        Args:
            going: The trials of each fold.
            tick: The tick.
        """
        groups = self._groups(going, tick)
        together = {key: lanes for key, lanes in groups.items() if key is not None and _few(lanes)}
        apart = {lane for key, lanes in groups.items() if key not in together for lane in lanes}
        for lane in sorted(apart):
            self.release(*lane)
        rows: dict[Lane, Row] = {}
        for key, lanes in together.items():
            rows |= self._train(key, tuple(lanes), tick)
        for fold, objective in enumerate(self._folds):
            numbers = [number for number in going[fold] if (fold, number) in apart]
            for row in objective.advance(numbers, tick) if numbers else ():
                rows[fold, row.trial] = row
        return rows

    def release(self, fold: int, trial: int) -> None:
        """Give the states of a lane, and of those beside it, back to the populations that own them."""
        for key, side in list(self._sides.items()):
            if (fold, trial) in side.lanes:
                self._collect(side)
                del self._sides[key]
                self._vacant[self._vacancy_key(key, side.lanes)] = side.population
        while len(self._vacant) > VACANT:
            del self._vacant[next(iter(self._vacant))]

    def collect(self) -> None:
        """Give copies of all states to the populations that own them."""
        for side in self._sides.values():
            self._collect(side)

    def _groups(self, going: Sequence[Sequence[int]], tick: int) -> dict[Hashable, list[Lane]]:
        groups: dict[Hashable, list[Lane]] = {}
        for fold, numbers in enumerate(going):
            for number in numbers:
                networks = self._networks(fold, number)
                key = None if networks is None else networks.side_key(number, tick)
                groups.setdefault(key, []).append((fold, number))
        return groups

    def _networks(self, fold: int, trial: int) -> MLPPopulation | None:
        objective = self._folds[fold]
        return objective.networks(trial) if isinstance(objective, Networked) else None

    def _owner(self, lane: Lane) -> MLPPopulation:
        networks = self._networks(*lane)
        assert networks is not None, "a lane is a network"
        return networks

    def _train(self, key: Hashable, lanes: tuple[Lane, ...], tick: int) -> dict[Lane, Row]:
        population = self._population(key, lanes)
        order = self._owner(lanes[0]).order(lanes[0][1], tick)
        begun = time.perf_counter()
        results = population.run_epoch(order)
        seconds = (time.perf_counter() - begun) / len(lanes)
        return {
            lane: self._owner(lane).row(lane[1], result, seconds, population, index)
            for index, (lane, result) in enumerate(zip(lanes, results, strict=True))
        }

    def _population(self, key: Hashable, lanes: tuple[Lane, ...]) -> FoldPopulation:
        existing = self._sides.get(key)
        if existing is not None and existing.lanes == lanes:
            return existing.population
        for lane in (*lanes, *(existing.lanes if existing is not None else ())):
            self.release(*lane)
        members, data = zip(*(self._owner(lane).lend(lane[1]) for lane in lanes), strict=True)
        empty = self._vacant.pop(self._vacancy_key(key, lanes), None)
        if empty is not None and empty.trains_on(data):
            empty.replace(members)  # what was compiled for as many lanes serves again
            population = empty
        else:
            population = FoldPopulation(members, data)
        self._sides[key] = _Side(lanes, population)
        return population

    def _collect(self, side: _Side) -> None:
        for (fold, number), state in zip(side.lanes, side.population.states(), strict=True):
            self._owner((fold, number)).give_back(number, state)

    @staticmethod
    def _vacancy_key(key: Hashable, lanes: Sequence[Lane]) -> Hashable:
        return key, tuple(fold for fold, _ in lanes)


def _few(lanes: Sequence[Lane]) -> bool:
    """Return whether lanes are those of several folds, and of few trials in each."""
    folds: dict[int, int] = {}
    for fold, _ in lanes:
        folds[fold] = folds.get(fold, 0) + 1
    return len(folds) > 1 and max(folds.values()) <= FEW
