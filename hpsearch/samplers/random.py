"""Random search: every point is drawn by itself (Bergstra and Bengio, 2012)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hpsearch.history import History
from hpsearch.samplers.base import Sampler
from hpsearch.samplers.seeding import point_seed, point_sequence
from hpsearch.space import Dimension, is_active
from hpsearch.study import Study


@dataclass(frozen=True)
class Random:
    """Declares random search."""

    def build(self, study: Study) -> Sampler:
        """Return the sampler for a study; Optuna's where the space is a function."""
        if callable(study.space):
            from optuna.samplers import RandomSampler

            from hpsearch.samplers.fresh import FreshSampler

            return FreshSampler(study, lambda point: RandomSampler(seed=point_seed(study.seed, point)))
        return RandomPoints(study.dimensions, study.seed)


class RandomPoints:
    """Draws each point from a stream of its own."""

    reads_history = False
    size = None

    def __init__(self, space: dict[str, Dimension], seed: int) -> None:
        self._space = space
        self._seed = seed

    def ask(self, history: History, point: int) -> dict[str, Any]:
        """Return the point with this number; the history is not looked at."""
        units = np.random.default_rng(point_sequence(self._seed, point)).random(len(self._space))
        return from_units(self._space, units.tolist())


def from_units(space: dict[str, Dimension], units: list[float]) -> dict[str, Any]:
    """Return the point at these fractions of the dimensions' ranges, without the dimensions that do not exist there."""
    found: dict[str, Any] = {}
    for (name, dim), unit in zip(space.items(), units, strict=True):
        if is_active(dim, found):
            found[name] = dim.from_unit(unit)
    return found
