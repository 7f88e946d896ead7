"""Points that a sampler proposes a second time: they are trained again, left out, or get the known result."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from hpsearch.errors import UserError
from hpsearch.ladder.base import HoldFixed, NewPoint
from hpsearch.ladder.settled import QUEUE
from hpsearch.log.history import History
from hpsearch.samplers.base import Sampler
from hpsearch.samplers.feasible import Feasible
from hpsearch.samplers.grid import Cells
from hpsearch.samplers.seeding import point_sequence
from hpsearch.space import Float
from hpsearch.study.study import Study

SAMPLER_PROPOSALS = 32
"""Proposals that the sampler makes for a trial, before a new point is drawn at random."""

MOST_CELLS = 100_000
"""A space of more points than this is taken for one without end."""

DRAWS = 1_000
"""Draws at random in a space without end, before it is taken to hold nothing new."""


class Duplicates:
    """Tells points that were tried from those that were not.

    Args:
        study: What is searched, and what becomes of a point that comes again.
    """

    def __init__(self, study: Study) -> None:
        self._study = study
        self._feasible = Feasible(study)
        self._cells = _cells(study)
        self._history: History | None = None
        self._n_seen = 0
        self._seen: dict[str, list[int]] = {}
        self._last = -1
        self._gave_up = ""

    def earlier(self, history: History, params: Mapping[str, Any], repeat: int) -> int | None:
        """Return the first trial of this point and repeat that trains as one would now and has not failed, or None."""
        self._follow(history)
        for number in self._seen.get(self._key(params), ()):
            trial = history.trials[number]
            if trial.ask.repeat == repeat and trial.state != "FAILED" and number >= history.alike:
                return number
        return None

    def last_point(self, history: History) -> int:
        """Return the number of the last point that the sampler was asked for, or -1."""
        self._follow(history)
        return self._last

    def fresh(self, history: History, sampler: Sampler, hold_fixed: HoldFixed) -> NewPoint | None:
        """Return a point that was not tried.

        Numbers of proposals that were tried before stay unused, so that each number stands for one proposal.

        Args:
            history: The study so far.
            sampler: Proposes points.
            hold_fixed: Gives a proposal the values that are fixed by now.

        Returns:
            None where nothing new is left.
        """
        self._follow(history)
        if self.exhausted(history):
            return None
        number = self._last
        for _ in range(SAMPLER_PROPOSALS):
            if sampler.size is not None and number + 1 >= sampler.size:
                break
            number += 1
            params = hold_fixed(sampler.ask(history, number), number)
            if self._key(params) not in self._seen:
                return NewPoint(params, number, sampler.rejected)
        if sampler.size is None and self._study.dimensions:
            number += 1
            drawn = self._drawn(history, number, hold_fixed)
            if drawn is not None:
                return NewPoint(drawn, number, 0)
        self._gave_up = f"{number - self._last} proposals in a row were of points that have been tried"
        return None

    def exhausted(self, history: History) -> str | None:
        """Return in words that nothing new is left to try, or None."""
        self._follow(history)
        cells = self._allowed(history)
        if cells is not None and len(self._seen) >= len(cells) and all(key in self._seen for key in cells):
            return f"all {len(cells):,} points of the space have been tried"
        return self._gave_up or None

    def _drawn(self, history: History, number: int, hold_fixed: HoldFixed) -> dict[str, Any] | None:
        """Return a point that was not tried, drawn at random, or None."""
        if (cells := self._allowed(history)) is not None:
            untried = [point for key, point in cells.items() if key not in self._seen]
            rng = np.random.default_rng(point_sequence(self._study.seed, number, SAMPLER_PROPOSALS))
            return untried[int(rng.integers(len(untried)))] if untried else None
        for attempt in range(DRAWS):
            params = hold_fixed(self._feasible.draw(number, attempt), number)
            if self._feasible(params) and self._key(params) not in self._seen:
                return params
        return None

    def _allowed(self, history: History) -> dict[str, dict[str, Any]] | None:
        """Return all points of a finite space that have the values which are fixed by now, by their keys."""
        fixed = history.declaration.fixed
        if self._cells is None or not fixed:
            return self._cells
        return {
            key: point
            for key, point in self._cells.items()
            if all(point.get(name, value) == value for name, value in fixed.items())
        }

    def _follow(self, history: History) -> None:
        if history is not self._history:
            self._history = history
            self._n_seen = 0
            self._seen = {}
            self._last = -1
            self._gave_up = ""
        for trial in history.trials[self._n_seen :]:
            self._seen.setdefault(self._key(trial.params), []).append(trial.number)
            if trial.ask.point < QUEUE:
                self._last = max(self._last, trial.ask.point)
        self._n_seen = len(history.trials)

    def _key(self, params: Mapping[str, Any]) -> str:
        """Return a text that is equal for equal points; numbers of a stepped range are those of its cells."""
        space = self._study.dimensions
        point = {
            name: dim.snap(value) if isinstance(dim := space.get(name), Float) and dim.step is not None else value
            for name, value in params.items()
        }
        return json.dumps(point, sort_keys=True)


def _cells(study: Study) -> dict[str, dict[str, Any]] | None:
    """Return all points of a finite space that meet the constraints, by their keys; None where there is no end."""
    space = study.dimensions
    if not space or any(dim.count() is None for dim in space.values()):
        return None
    try:
        cells = Cells(space)
    except UserError:
        return None  # too many to count
    if cells.size > MOST_CELLS:
        return None
    allowed = Feasible(study)
    points = (cells.at(number) for number in range(cells.size))
    return {json.dumps(point, sort_keys=True): point for point in points if allowed(point)}
