"""Constraints on points: what a sampler proposes is looked at before it is trained, and proposed anew if it violates.

Everything here is a function of the study and of what is proposed, so a resumed study meets the same points again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from hpsearch.errors import UserError
from hpsearch.samplers.seeding import point_sequence
from hpsearch.space import from_units
from hpsearch.space.constraints import violated
from hpsearch.study.study import Study

ATTEMPTS = 10_000
"""Proposals for one point before a study is given up."""

CALLS = 1_000
"""The same where the space is a function: fewer, as Optuna takes a while for each."""

SAMPLER_PROPOSALS = 32
"""How many of them are the sampler's own; further ones are drawn at random, as it knows nothing of what is rejected."""


class Feasible:
    """Tells points that meet a study's constraints from those that do not.

    Attributes:
        rejected: How many proposals for the last point violated one.
        free: Whether there are no constraints at all.
    """

    def __init__(self, study: Study) -> None:
        self.rejected = 0
        self.free = not study.constraints
        self._constraints = study.constraints
        self._space = study.dimensions
        self._seed = study.seed

    def __call__(self, params: Mapping[str, Any]) -> bool:
        """Return whether a point meets all constraints."""
        return violated(self._constraints, self._space, params) is None

    def first(self, propose: Callable[[int], dict[str, Any]], point: int) -> dict[str, Any]:
        """Return the first feasible proposal for a point, and note in ``rejected`` how many came before it.

        Args:
            propose: Returns proposal number 0, 1, 2 …; asked for the first SAMPLER_PROPOSALS, and for all where the
                space is a function.
            point: The point's number.

        Raises:
            UserError: None of the first proposals is feasible.
        """
        counts: Counter[str] = Counter()
        for attempt in range(ATTEMPTS if self._space else CALLS):
            params = propose(attempt) if attempt < SAMPLER_PROPOSALS or not self._space else self.draw(point, attempt)
            name = violated(self._constraints, self._space, params)
            if name is None:
                self.rejected = attempt
                return params
            counts[name] += 1
        raise UserError(nothing_feasible(counts, "proposals"))

    def draw(self, point: int, attempt: int) -> dict[str, Any]:
        """Return a random point of the dimensions, from a stream of its own for each attempt."""
        rng = np.random.default_rng(point_sequence(self._seed, point, attempt))
        return from_units(self._space, rng.random(len(self._space)).tolist())


def nothing_feasible(counts: Mapping[str, int], what: str) -> str:
    """Return the message that nothing is feasible, with the constraint that was violated most.

    Args:
        counts: How often each constraint was the first to be violated.
        what: What was looked at, such as ``proposals``.
    """
    worst = max(counts, key=lambda name: counts[name])
    return (
        f"constraint {worst} is never met: none of {sum(counts.values()):,} {what} is feasible "
        f"({counts[worst]:,} violate it); loosen it or change the space"
    )
