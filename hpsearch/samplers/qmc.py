"""Quasi-random search: a scrambled Sobol sequence fills the space more evenly than chance (Owen, 1998)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hpsearch.errors import UserError
from hpsearch.history import History
from hpsearch.samplers.base import Sampler
from hpsearch.samplers.random import from_units
from hpsearch.samplers.seeding import point_seed
from hpsearch.space import Dimension
from hpsearch.study import Study


@dataclass(frozen=True)
class QMC:
    """Declares quasi-random search; powers of two are the best numbers of trials."""

    def build(self, study: Study) -> Sampler:
        """Return the sampler for a study.

        Raises:
            UserError: The space is a function.
        """
        if callable(study.space):
            raise UserError("sampler 'qmc' needs a space of dimensions, not a function: take 'tpe' or 'random'")
        return SobolPoints(study.dimensions, study.seed, first=len(study.enqueue))


class SobolPoints:
    """Point n is the n-th of the sequence, whenever and wherever it is asked for."""

    reads_history = False
    size = None

    def __init__(self, space: dict[str, Dimension], seed: int, first: int = 0) -> None:
        self._space = space
        self._seed = seed
        self._first = first

    def ask(self, history: History, point: int) -> dict[str, Any]:
        """Return the point with this number; the history is not looked at."""
        from scipy.stats import qmc  # slow to import

        # Given as a generator, the seed means the same to every version of SciPy.
        sobol = qmc.Sobol(len(self._space), seed=np.random.default_rng(point_seed(self._seed, 0)))
        if index := point - self._first:
            sobol.fast_forward(index)
        return from_units(self._space, sobol.random(1)[0].tolist())
