"""Quasi-random search: a scrambled Sobol sequence fills the space more evenly than chance (Owen, 1998)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from hpsearch.errors import UserError
from hpsearch.log.history import History
from hpsearch.samplers.base import Sampler
from hpsearch.samplers.feasible import ATTEMPTS, Feasible, nothing_feasible
from hpsearch.samplers.seeding import point_seed
from hpsearch.space import from_units
from hpsearch.space.constraints import violated
from hpsearch.study.study import Study


@dataclass(frozen=True)
class QMC:
    """Declares quasi-random search; powers of two are the best numbers of trials.

    Examples:
        >>> from hpsearch import Float, Study, samplers
        >>> def objective(trial):
        ...     return trial["x"]
        >>> study = Study("even", objective=objective, space={"x": Float(0, 1)}, sampler=samplers.QMC(), n_trials=4)
        >>> points = study.run(tracking=False, quiet=True).trials["params.x"]
        >>> sorted((points // 0.25).tolist())  # one point in each quarter
        [0.0, 1.0, 2.0, 3.0]
    """

    def build(self, study: Study) -> Sampler:
        """Return the sampler for a study.

        Raises:
            UserError: The space is a function.
        """
        if callable(study.space):
            raise UserError("sampler 'qmc' needs a space of dimensions, not a function: take 'tpe' or 'random'")
        return SobolPoints(study)


class SobolPoints:
    """Point n is the n-th feasible one of the sequence, whenever and wherever it is asked for."""

    reads_history = False
    size = None

    def __init__(self, study: Study) -> None:
        self._study = study
        self._feasible = Feasible(study)
        self._feasible_indices: list[int] = []
        self.rejected = 0

    def ask(self, history: History, point: int) -> dict[str, Any]:
        """Return the point with this number; the history is not looked at.

        Raises:
            UserError: A stretch of ATTEMPTS points in a row violates the constraints.
        """
        index = point - len(self._study.enqueue)
        if self._feasible.free:
            return self._point_at(index)
        while len(self._feasible_indices) <= index:
            start = self._feasible_indices[-1] + 1 if self._feasible_indices else 0
            self._feasible_indices.append(self._next_feasible(start))
        previous = self._feasible_indices[index - 1] if index else -1
        self.rejected = self._feasible_indices[index] - previous - 1
        return self._point_at(self._feasible_indices[index])

    def _point_at(self, index: int) -> dict[str, Any]:
        return next(self._points_from(index))

    def _points_from(self, index: int) -> Iterator[dict[str, Any]]:
        """Yield the points of the sequence from this place on."""
        from scipy.stats import qmc  # slow to import

        # Given as a generator, the seed means the same to every version of SciPy.
        sobol = qmc.Sobol(len(self._study.dimensions), seed=np.random.default_rng(point_seed(self._study.seed, 0)))
        if index:
            sobol.fast_forward(index)
        while True:
            yield from_units(self._study.dimensions, sobol.random(1)[0].tolist())

    def _next_feasible(self, start: int) -> int:
        """Return the place of the first feasible point from a place on."""
        counts: Counter[str] = Counter()
        for index, params in enumerate(islice(self._points_from(start), ATTEMPTS), start=start):
            name = violated(self._study.constraints, self._study.dimensions, params)
            if name is None:
                return index
            counts[name] += 1
        raise UserError(nothing_feasible(counts, "proposals"))
