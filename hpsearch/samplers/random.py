"""Random search: every point is drawn by itself (Bergstra and Bengio, 2012)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hpsearch.log.history import History
from hpsearch.samplers.base import Sampler
from hpsearch.samplers.feasible import Feasible
from hpsearch.study.study import Study


@dataclass(frozen=True)
class Random:
    """Declares random search.

    Examples:
        >>> from hpsearch import Float, Study, samplers
        >>> def objective(trial):
        ...     return trial["x"]
        >>> study = Study("drawn", objective=objective, space={"x": Float(0, 1)}, sampler=samplers.Random(), n_trials=3)
        >>> study.run(tracking=False, quiet=True).trials["params.x"].round(3).tolist()
        [0.702, 0.309, 0.467]
    """

    def build(self, study: Study) -> Sampler:
        """Return the sampler for a study; Optuna's where the space is a function."""
        if callable(study.space):
            from optuna.samplers import RandomSampler

            from hpsearch.samplers.fresh import FreshSampler

            return FreshSampler(study, lambda seed, valueless: RandomSampler(seed=seed))
        return RandomPoints(study)


class RandomPoints:
    """Draws each point from a stream of its own."""

    reads_history = False
    size = None

    def __init__(self, study: Study) -> None:
        self._feasible = Feasible(study)

    @property
    def rejected(self) -> int:
        """Proposals for the last point that violated a constraint."""
        return self._feasible.rejected

    def ask(self, history: History, point: int) -> dict[str, Any]:
        """Return the point with this number; the history is not looked at."""
        return self._feasible.first(lambda attempt: self._feasible.draw(point, attempt), point)
