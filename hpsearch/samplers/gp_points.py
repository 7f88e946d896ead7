"""Bayesian optimization over a study's history: each ask returns the point with the highest expected improvement."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.stats import qmc
from sklearn.gaussian_process.kernels import Kernel

from hpsearch.log.history import History
from hpsearch.models.threads import limited
from hpsearch.samplers.feasible import Feasible
from hpsearch.samplers.gp_curves import CurvePoints
from hpsearch.samplers.gp_encoding import Array, Encoding, Mask
from hpsearch.samplers.gp_model import (
    Posterior,
    expected_improvement,
    fit_kernel,
    refitted_at,
    standardize,
    warp,
)
from hpsearch.samplers.gp_observations import Observation, Observations
from hpsearch.samplers.qmc import SobolPoints
from hpsearch.samplers.seeding import point_sequence
from hpsearch.study.registry import RULES
from hpsearch.study.study import Study

_FANTASIES = 32
"""Imagined outcomes of the points under way, over which expected improvement is averaged."""

_EVERYWHERE = 256
"""Candidates spread over the space."""

_LEADERS = 4
"""Points around which more candidates are drawn: first the best known, then the best candidates so far."""

_AROUND = ((0.2, 12), (0.05, 12))
"""Standard deviation and number of the candidates around each of the best known points."""

_REFINED = ((0.05, 12), (0.02, 12))
"""The same for the best candidates, round after round."""

Target = Callable[[Sequence[Observation]], Array]
"""Returns what a process models of n observations, standardized, shape (n,)."""


def rule_of(history: History) -> int:
    """Return the version of the rule that a study began with; new studies have 2.

    Version 1 takes the best value of a pruned trial for that of a full one.
    """
    if history.header is None:
        return RULES["gp"]
    return int(history.header.environment.get("rules", {}).get("gp", 1))


class GPPoints:
    """Draws candidates everywhere and around the best points, and takes the one with the highest expected improvement.

    Everything is computed from the history: the kernel in use at n observations is fitted to the first
    ``refitted_at(n)`` of them, whether that was done in this process or is done again after a resume.
    """

    reads_history = True
    any_order = True
    observes = True
    size = None

    def __init__(self, study: Study, n_startup: int, per_second: bool, by_curves: CurvePoints | None = None) -> None:
        """Set up.

        Args:
            study: What is searched.
            n_startup: Points with a value that must be known before the process is asked.
            per_second: Whether improvement is divided by the seconds that it is expected to cost.
            by_curves: What proposes where a pruner leaves curves unfinished, or None where none does.
        """
        self._by_curves = by_curves
        self._seed = study.seed
        self._n_startup = n_startup
        self._per_second = per_second
        self._encoding = Encoding(study.dimensions)
        self._startup = SobolPoints(study)
        self._feasible = Feasible(study)
        self.rejected = 0
        self._even: Array = qmc.Sobol(self._encoding.dims, scramble=False).random(_EVERYWHERE)
        self._observations = Observations(self._encoding, study.repeats)
        self._kernels: dict[Target, tuple[Sequence[Observation], Kernel]] = {}

    def ask(self, history: History, point: int) -> dict[str, Any]:
        """Return the point with this number."""
        self._observations.follow(history)
        observed = self._observations.ended
        if sum(observation.loss is not None for observation in observed) < self._n_startup:
            params = self._startup.ask(history, point)
            self.rejected = self._startup.rejected
            return params
        self.rejected = 0
        # The last bits of a matrix product depend on the number of threads.
        with limited():
            if self._by_curves is not None and rule_of(history) > 1:
                by_curves = self._by_curves.ask(history, point)
                if by_curves is not None:
                    return by_curves
            return self._improve(observed, point)

    def _improve(self, observed: Sequence[Observation], point: int) -> dict[str, Any]:
        encoding = self._encoding
        rng = np.random.default_rng(point_sequence(self._seed, point))
        worth, expected = self._worth(observed, rng)
        leaders = np.stack([observed[i].units for i in np.argsort(expected, kind="stable")[:_LEADERS]])
        # Another shift of the even points each time keeps them even.
        draws = [(self._even + rng.random(encoding.dims)) % 1.0]
        draws += [encoding.perturb(np.repeat(leaders, count, axis=0), scale, rng) for scale, count in _AROUND]
        candidates = self._allowed(np.vstack(draws))
        if not len(candidates):
            drawn = self._feasible.first(lambda attempt: self._feasible.draw(point, attempt), point)
            candidates = encoding.encode([drawn])[0]
        score, is_taken = worth(candidates)
        for scale, count in _REFINED:
            best = candidates[_order(score, is_taken)[:_LEADERS]]
            further = self._allowed(encoding.perturb(np.repeat(best, count, axis=0), scale, rng))
            if not len(further):
                continue
            further_score, further_taken = worth(further)
            candidates = np.vstack([candidates, further])
            score = np.concatenate([score, further_score])
            is_taken = np.concatenate([is_taken, further_taken])
        return encoding.decode(candidates[_order(score, is_taken)[0]])

    def _allowed(self, units: Array) -> Array:
        """Return the rows of units, shape (n, dims), whose points meet the constraints."""
        if self._feasible.free:
            return units
        feasible = np.array([self._feasible(self._encoding.decode(row)) for row in units], dtype=bool)
        self.rejected += int(len(feasible) - feasible.sum())
        allowed: Array = units[feasible]
        return allowed

    def _worth(
        self, observed: Sequence[Observation], rng: np.random.Generator
    ) -> tuple[Callable[[Array], tuple[Array, Mask]], Array]:
        """Return a function that scores candidates, and the expected loss of each observed point.

        The function takes units of shape (m, dims) and returns their scores, shape (m,), and whether each is a point
        that was observed or is under way.
        """
        encoding = self._encoding
        model = self._model(observed, _losses)
        expected = model.fitted
        codes = np.stack([observation.codes for observation in observed])
        if params_under_way := self._observations.running():
            _, pending = encoding.encode(params_under_way)
            model = model.imagine(pending, rng.normal(size=(len(pending), _FANTASIES)))
            codes = np.vstack([codes, pending])
        timed = [observation for observation in observed if observation.seconds] if self._per_second else []
        cost = self._model(timed, _log_seconds) if len(timed) >= self._n_startup else None
        unit = np.std(np.log(_seconds(timed))) if timed else 0.0
        seen = {row.tobytes() for row in codes}
        best = model.fitted.min(axis=0)

        def worth(units: Array) -> tuple[Array, Mask]:
            candidates = encoding.codes(units, encoding.active(units))
            score = expected_improvement(*model.predict(candidates), best)
            if cost is not None:
                score = score / np.exp(unit * cost.predict(candidates)[0])
            return score, np.array([row.tobytes() in seen for row in candidates])

        return worth, expected

    def _model(self, observed: Sequence[Observation], target: Target) -> Posterior:
        fitted_to = observed[: refitted_at(len(observed))]
        if target not in self._kernels or self._kernels[target][0] != fitted_to:
            codes = np.stack([observation.codes for observation in fitted_to])
            self._kernels[target] = (fitted_to, fit_kernel(codes, target(fitted_to)))
        codes = np.stack([observation.codes for observation in observed])
        return Posterior.observing(self._kernels[target][1], codes, target(observed))


def _losses(observed: Sequence[Observation]) -> Array:
    # A point without a value counts as the worst that has one. (The first few may all lack one.)
    values = [observation.loss for observation in observed if observation.loss is not None]
    worst = max(values, default=0.0)
    return warp(np.array([worst if observation.loss is None else observation.loss for observation in observed]))


def _log_seconds(observed: Sequence[Observation]) -> Array:
    return standardize(np.log(_seconds(observed)))


def _seconds(observed: Sequence[Observation]) -> Array:
    return np.array([observation.seconds for observation in observed], dtype=float)


def _order(score: Array, is_taken: Mask) -> Any:
    # A point that is known or under way is asked for again only where nothing else is left.
    return np.lexsort((-score, is_taken))
