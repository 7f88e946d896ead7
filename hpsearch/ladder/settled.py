"""Points as the user settled them after a study was begun: enqueued ones completed, fixed parameters held."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hpsearch.errors import UserError
from hpsearch.ladder.base import Proposal
from hpsearch.log.history import History
from hpsearch.samplers.base import Sampler
from hpsearch.space import active, from_units
from hpsearch.space.constraints import violated
from hpsearch.study.study import Study

QUEUE = 1_000_000_000
"""Number of the first enqueued point: a grid counts its own cells from 0, whatever is enqueued meanwhile."""

_STREAM = 0x51554555
"""Keeps what completes points apart from the other streams of a study."""

ATTEMPTS = 1_000
"""Draws for the values that a point lacks before constraints are said to leave nothing."""


@dataclass(frozen=True)
class Settled:
    """Completes enqueued points, and sets the parameters that the user has fixed.

    Attributes:
        study: The study; its space is a dict of dimensions.
    """

    study: Study

    def enqueued(self, history: History, sampler: Sampler, position: int, repeat: int) -> Proposal:
        """Return a trial of the point at a position in the queue; the sampler proposes the values that it lacks.

        Only a sampler that takes any number for a point (``any_point``) is asked; otherwise the values are drawn at
        random.

        Raises:
            UserError: Nothing that meets the constraints completes it.
        """
        point = QUEUE + position
        if repeat:
            params = next(trial.params for trial in reversed(history.trials) if trial.ask.point == point)
            return Proposal(params, point, repeat, enqueued=True)
        wanted = {**(history.declaration.fixed or {}), **history.queue[position]}
        proposed: dict[str, Any] = {}
        if getattr(sampler, "any_point", False) and not self._is_complete(wanted):
            proposed = sampler.ask(history, point)
        return Proposal(self._complete(wanted, proposed, point), point, enqueued=True)

    def fixed(self, history: History, params: dict[str, Any], point: int) -> dict[str, Any]:
        """Return a proposal with the values that are fixed by now.

        Raises:
            UserError: Nothing that meets the constraints has them.
        """
        held = history.declaration.fixed or {}
        return self._complete(held, params, point) if held else params

    def _is_complete(self, wanted: Mapping[str, Any]) -> bool:
        return all(name in wanted for name in active(self.study.dimensions, wanted))

    def _complete(self, wanted: Mapping[str, Any], proposed: Mapping[str, Any], point: int) -> dict[str, Any]:
        """Return a point with the given values, else the proposed ones, else values drawn at random."""
        space = self.study.dimensions
        name = None
        for attempt in range(ATTEMPTS):
            # Once a constraint rejects what was proposed, all but the given values are drawn.
            values = {**(proposed if attempt == 0 else {}), **wanted}
            # Conditions do not matter here: what does not exist in the point is left out below.
            free = {key: replace(dim, when=None) for key, dim in space.items() if key not in values}
            rng = np.random.default_rng(np.random.SeedSequence((self.study.seed, _STREAM, point, attempt)))
            values |= from_units(free, rng.random(len(free)).tolist())
            params = {key: values[key] for key in active(space, values)}
            if (name := violated(self.study.constraints, space, params)) is None:
                return params
            if self._is_complete(wanted):
                break
        raise UserError(f"study {self.study.name!r}: no point with {dict(wanted)!r} meets constraint {name}")
