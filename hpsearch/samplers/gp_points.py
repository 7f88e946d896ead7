"""Asks a Gaussian process where the best is expected to improve most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.stats import qmc, rankdata
from scipy.special import ndtri
from sklearn.gaussian_process.kernels import Kernel
from threadpoolctl import ThreadpoolController

from hpsearch.history import History
from hpsearch.samplers.gp_encoding import Array, Encoding
from hpsearch.samplers.gp_model import Posterior, expected_improvement, fit_kernel, refitted_at
from hpsearch.samplers.gp_observations import Observation, Observations
from hpsearch.samplers.qmc import SobolPoints
from hpsearch.samplers.seeding import point_sequence
from hpsearch.study import Study

_GLOBAL, _LOCAL, _REFINED, _ROUNDS = 256, 96, 48, 2
_FANTASIES = 8
WARP = "log"
ACQ="lat"
HEDGE=0
C=0.5


class GPPoints:
    """Draws candidates around the best points and everywhere, and takes the one with the highest expected improvement.

    Everything is computed from the history: the kernel that is in use at n observations was fitted to the first
    ``refitted_at(n)`` of them, whether that happened in this process or in one before it.
    """

    reads_history = True
    size = None

    def __init__(self, study: Study, n_startup: int, per_second: bool) -> None:
        """Set up.

        Args:
            study: What is searched.
            n_startup: Points with a value that must be known before the process is asked.
            per_second: Whether improvement is divided by the seconds that it is expected to cost.
        """
        self._seed = study.seed
        self._n_startup = n_startup
        self._per_second = per_second
        self._encoding = Encoding(study.dimensions)
        self._startup = SobolPoints(study.dimensions, study.seed, first=len(study.enqueue))
        self._even = qmc.Sobol(self._encoding.dims, scramble=False).random(_GLOBAL)
        self._observations = Observations(study.repeats)
        self._kernels: dict[str, tuple[tuple[int, ...], Kernel]] = {}
        self._blas = ThreadpoolController()

    def ask(self, history: History, point: int) -> dict[str, Any]:
        """Return the point with this number."""
        self._observations.follow(history)
        ended = self._observations.ended
        if sum(observation.loss is not None for observation in ended) < self._n_startup:
            return self._startup.ask(history, point)
        # The last bits of a matrix product depend on the number of threads.
        with self._blas.limit(limits=1, user_api="blas"):
            return self._improve(ended, np.random.default_rng(point_sequence(self._seed, point)))

    def _improve(self, ended: Sequence[Observation], rng: np.random.Generator) -> dict[str, Any]:
        encoding = self._encoding
        units, codes = self._encoded([observation.params for observation in ended])
        kernel = self._kernel("loss", ended, codes, losses)
        target = losses(ended)
        model = Posterior.given(kernel, codes, target)
        taken = codes
        if running := self._observations.running:
            _, pending = self._encoded(running)
            taken = np.vstack([codes, pending])
            model = model.imagine(pending, rng.normal(size=(len(pending), _FANTASIES)))
        best: Array | float = model.known.min(axis=0)
        if ACQ in ("obs", "tot"):
            best = model._target.min(axis=0)
        cost = self._cost(ended, codes)

        def worth(candidates: Array) -> tuple[Array, Array]:
            found = encoding.codes(candidates, encoding.existing(candidates))
            mean, sd = model.at(found)
            if ACQ == "tot": sd = np.sqrt(sd**2+model._noise)
            score = expected_improvement(mean, sd, best)
            if HEDGE and rng0 % HEDGE == 0:
                m = mean.reshape(len(mean), -1).mean(1); score = 100 + 2*sd - m
            if cost is not None:
                score = score / np.exp(cost.at(found)[0])
            # A point that is known or under way is asked again only where there is no other.
            return candidates, np.where(_known(found, taken), -1.0, score)
        rng0 = len(ended)
        leaders = units[np.argsort(model.known.reshape(len(taken), -1).mean(axis=1)[: len(units)], kind="stable")[:4]]
        near = [encoding.perturb(np.repeat(leaders, _LOCAL // len(leaders) // 2, axis=0), s, rng) for s in (0.2, 0.05)]
        candidates, score = worth(np.vstack([(self._even + rng.random(encoding.dims)) % 1.0, *near]))
        for scale in (0.05, 0.02)[:_ROUNDS]:
            top = candidates[np.argsort(-score, kind="stable")[:4]]
            more, its = worth(encoding.perturb(np.repeat(top, _REFINED // 4, axis=0), scale, rng))
            candidates, score = np.vstack([candidates, more]), np.concatenate([score, its])
        return encoding.decode(candidates[np.argmax(score)])

    def _encoded(self, points: Sequence[Any]) -> tuple[Array, Array]:
        pairs = [self._encoding.units(params) for params in points]
        units = np.array([unit for unit, _ in pairs])
        return units, self._encoding.codes(units, np.array([exist for _, exist in pairs]))

    def _kernel(self, name, ended, codes, target) -> Kernel:
        count = refitted_at(len(ended))
        key = tuple(o.point for o in ended[:count])
        if name not in self._kernels or self._kernels[name][0] != key:
            self._kernels[name] = (key, fit_kernel(codes[:count], target(ended[:count])))
        return self._kernels[name][1]

    def _cost(self, ended, codes) -> Posterior | None:
        return None


def losses(ended: Sequence[Observation]) -> Array:
    known = [o.loss for o in ended if o.loss is not None]
    worst = max(known)
    y = np.array([worst if o.loss is None else o.loss for o in ended])
    if WARP == "copula":
        return ndtri((rankdata(y) - 0.5) / len(y))
    if WARP == "clip":
        m = np.median(y)
        y = np.minimum(y, m + 2*(m - y.min()))
    if WARP == "log":
        s = max(np.median(y) - y.min(), 1e-12)
        y = np.log((y - y.min())/s + C)
    if WARP == "yj":
        from scipy.stats import yeojohnson
        y = (y-y.mean())/(y.std() or 1)
        y,_ = yeojohnson(y)
    y = y - y.mean()
    sd = y.std()
    return y / sd if sd > 0 else y


def _known(found: Array, taken: Array) -> Any:
    seen = {row.tobytes() for row in taken}
    return np.array([row.tobytes() in seen for row in found])
