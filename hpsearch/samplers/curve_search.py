"""Freeze-thaw search over curves: for each free lane it decides which curve begins or goes on, and to which epoch.

Everything is a function of the curves (in the order in which their epochs were known), of the number of the decision
and of the seed; nothing is remembered that could not be computed again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from scipy.stats import qmc

from hpsearch.samplers.curve_choice import Move, Point, band, best_move, improvement, promising
from hpsearch.samplers.curve_evidence import Curve, Evidence, State, evidence_of, rungs_of
from hpsearch.samplers.curve_kernel import Inputs, remaining_of
from hpsearch.samplers.curve_posterior import CurvePosterior, Fit, fit
from hpsearch.samplers.curve_startup import halved, stale
from hpsearch.samplers.gp_encoding import Array, Encoding
from hpsearch.study.epoch_cost import Cost

_STREAM = 0x54484157
"""Keeps the search's draws apart from every other stream of a study."""

_EVERYWHERE = 256
"""Points that are looked at, spread over the space."""

_LEADERS = 4
"""Best curves around which more of them are drawn."""

_AROUND = ((0.2, 12), (0.05, 12))
"""Standard deviation and number of the points around each of the best curves."""

_REFINED = (0.07, 0.03)
"""Standard deviations of those around the best points found, round after round."""

_KEPT = 16
"""Points that are looked at rung by rung."""

_FITTED_ROWS = 128
"""Observations that a kernel is fitted to; more cost seconds and change little."""


def fitted_at(n_epochs: int) -> int:
    """Return after how many epochs of a study the kernel in use was fitted: a quarter more each time, from 8 on."""
    last_fit = 8
    while (next_fit := max(last_fit + 1, int(last_fit * 1.25))) <= n_epochs:
        last_fit = next_fit
    return last_fit


def unit_cost(params: dict[str, Any]) -> float:
    """Return 1, the cost of an epoch where the study declares none, or where it is not measured yet."""
    return 1.0


@dataclass(frozen=True)
class Settings:
    """The settings of a freeze-thaw search.

    Attributes:
        n_startup: Points that are spread evenly before the process is asked.
        explore: Share of new points that are drawn at random; it grows, up to four times, while nothing improves.
        worthwhile: A search that begins no more points ends once going on with any curve is expected to improve by
            less than this share of the spread of losses.
    """

    n_startup: int = 8
    explore: float = 0.1
    worthwhile: float = 0.001


class CurveSearch:
    """Decides what to train next.

    Args:
        encoding: Turns points into numbers and back.
        seed: The study's seed.
        settings: The search's own settings.
        even: Returns the point with a number of an evenly spread sequence.
        draw: Returns a random feasible point, given its number and the number of the attempt.
        feasible: Whether a point meets the constraints; None where there are none.
        epochs: Returns the epochs of a full training of a point.
        cost: Returns what an epoch of a point costs; by default all cost the same.
    """

    def __init__(
        self,
        encoding: Encoding,
        seed: int,
        settings: Settings,
        *,
        even: Callable[[int], dict[str, Any]],
        draw: Callable[[int, int], dict[str, Any]],
        feasible: Callable[[dict[str, Any]], bool] | None = None,
        epochs: Callable[[dict[str, Any]], int],
        cost: Cost = unit_cost,
    ) -> None:
        self.encoding = encoding
        self._seed = seed
        self._settings = settings
        self._even = even
        self._draw = draw
        self._feasible = feasible
        self._epochs = epochs
        self._cost = cost
        self._grid: Array = qmc.Sobol(encoding.dims, scramble=False).random(_EVERYWHERE)
        self._fits: dict[int, Fit] = {}
        self._last_evidence: tuple[int, Evidence | None] | None = None  # with the State.observed that it belongs to
        self._last_posterior: tuple[Evidence, CurvePosterior] | None = None  # with what it was computed from
        self._last_prospects: tuple[State, CurvePosterior, list[Point]] | None = None

    def curve(self, number: int, params: dict[str, Any]) -> Curve:
        """Return the curve of a configuration that has begun."""
        units, codes = self.encoding.encode([params])
        return Curve(number, params, units[0], codes[0], self._epochs(params), self._cost(params))

    def decide(
        self,
        curves: Sequence[Curve],
        number: int,
        *,
        begins: bool,
        continues: bool = True,
        state: State | None = None,
    ) -> Move | None:
        """Return the next move, or None where there is none that is worth its cost.

        Args:
            curves: All curves, those under way included.
            number: The number of the decision, from 0: what began and what went on before it.
            begins: Whether a point can begin.
            continues: Whether a curve can go on.
            state: The version of the curves. What was computed for the same version is used again; None: nothing is.
        """
        rng = np.random.default_rng(np.random.SeedSequence((self._seed, _STREAM, number)))
        study_curves = [curve for curve in curves if curve.number >= 0]
        if len(study_curves) < self._settings.n_startup and begins:
            return self._begin(self._spread(study_curves, number), 1, "startup")
        halving, ready = halved(study_curves[: self._settings.n_startup])
        if halving is not None and continues:
            return halving
        evidence = self._evidence(curves, state) if ready else None
        if evidence is None:
            # There is no evidence yet; what is under way may bring some.
            return self._begin(self._spread(study_curves, number), None, "startup") if begins else None
        if begins and rng.random() < self._share(curves):
            drawn = self._first_fresh((self._draw(number, i) for i in range(16)), _begun(curves))
            if drawn is not None:
                return self._begin(drawn, None, "random")
        prospects = self._prospects(curves, evidence, rng, state, begins)
        return self._improve(curves, evidence, number, *prospects, begins=begins, continues=continues)

    def best_point(self, curves: Sequence[Curve], number: int) -> Array | None:
        """Return the point that is expected to end best, trained to its end, shape (dims,); None where none is left.

        Args:
            curves: All curves, those under way included.
            number: The point's number.
        """
        if (evidence := evidence_of(curves)) is None:
            return None
        rng = np.random.default_rng(np.random.SeedSequence((self._seed, _STREAM, number)))
        points = self._points(curves, evidence, self.posterior(curves, evidence), rng)
        return points[0].units if points else None

    def _evidence(self, curves: Sequence[Curve], state: State | None) -> Evidence | None:
        """Return the observations to learn from: those of the last call, where nothing was observed since."""
        if state is None:
            return evidence_of(curves)
        if self._last_evidence is None or self._last_evidence[0] != state.observed:
            self._last_evidence = state.observed, evidence_of(curves)
        return self._last_evidence[1]

    def _prospects(
        self, curves: Sequence[Curve], evidence: Evidence, rng: np.random.Generator, state: State | None, begins: bool
    ) -> tuple[CurvePosterior, list[Point]]:
        """Return the posterior of all curves, and the points that could begin, if one can.

        A lane asks first whether a curve goes on and then, where none does, which point begins. Both are decided over
        the same points, so they are kept from the first question to the second.
        """
        if begins and state is not None and self._last_prospects is not None and self._last_prospects[0] == state:
            return self._last_prospects[1:]
        posterior = self.posterior(curves, evidence)
        points = self._points(curves, evidence, posterior, rng) if begins else []
        if begins and state is not None:
            self._last_prospects = state, posterior, points
        return posterior, points

    def _improve(
        self,
        curves: Sequence[Curve],
        evidence: Evidence,
        number: int,
        posterior: CurvePosterior,
        points: Sequence[Point],
        *,
        begins: bool,
        continues: bool,
    ) -> Move | None:
        paused = promising(evidence, posterior) if continues else []
        move = best_move(evidence, posterior, paused, points)
        if move is None:
            return self._begin(self._spread(curves, number), None, "random") if begins else None
        if not begins and move.worth < self._settings.worthwhile:
            return None
        chosen = move.curve or move.point
        assert chosen is not None, "a move is of one of them"
        facts = {**move.facts, "why": "improvement", "band": band(evidence, posterior, chosen)}
        return Move(move.curve, move.point, move.until, move.worth, facts)

    def posterior(self, curves: Sequence[Curve], evidence: Evidence) -> CurvePosterior:
        """Return the posterior of all curves; those under way count as observed at their predicted mean."""
        if self._last_posterior is None or self._last_posterior[0] is not evidence:
            self._last_posterior = evidence, CurvePosterior(self.model(curves).kernel, evidence.inputs, evidence.target)
        posterior = self._last_posterior[1]
        under_way = [curve for curve in curves if curve.under_way]
        if not under_way:
            return posterior
        until = [min(curve.until or curve.max_epochs, curve.max_epochs) for curve in under_way]
        remaining = [
            float(remaining_of(epoch, curve.max_epochs)) for epoch, curve in zip(until, under_way, strict=True)
        ]
        codes = np.stack([curve.codes for curve in under_way])
        numbers = np.array([curve.number for curve in under_way])
        return posterior.believing(Inputs(codes, numbers, np.array(remaining)))

    def model(self, curves: Sequence[Curve]) -> Fit:
        """Return the kernel in use: the one fitted to the first ``fitted_at(n)`` of the n epochs known by now."""
        n_epochs = fitted_at(sum(len(curve.losses) for curve in curves if curve.number >= 0))
        if n_epochs not in self._fits:
            evidence = evidence_of(curves, n_epochs) or evidence_of(curves)
            assert evidence is not None, "a curve has a value, or there would be nothing to decide by"
            rows: Any = slice(None)
            if len(evidence.target) > _FITTED_ROWS:
                rng = np.random.default_rng(np.random.SeedSequence((self._seed, _STREAM, n_epochs, 1)))
                rows = np.sort(rng.permutation(len(evidence.target))[:_FITTED_ROWS])
            self._fits = {n_epochs: fit(evidence.inputs.rows(rows), evidence.target[rows])}
        return self._fits[n_epochs]

    def _points(
        self, curves: Sequence[Curve], evidence: Evidence, posterior: CurvePosterior, rng: np.random.Generator
    ) -> list[Point]:
        """Return the points that could begin and are expected to end best."""
        encoding = self.encoding
        leaders = np.stack([curve.units for curve in evidence.curves[:_LEADERS]])
        draws = [(self._grid + rng.random(encoding.dims)) % 1.0]
        draws += [encoding.perturb(np.repeat(leaders, count, axis=0), scale, rng) for scale, count in _AROUND]
        begun = _begun(curves)
        units, codes = self._fresh(np.vstack(draws), begun)
        for scale in (*_REFINED, None):
            if not len(units):
                return []
            ends = Inputs(codes, np.arange(-len(codes) - 1_000_000, -1_000_000), np.zeros(len(codes)))
            mean, solved = posterior.predict(ends)
            worth, _ = improvement(mean, posterior.deviation(ends.remaining, solved), evidence.best)
            if (
                self._cost is not unit_cost
            ):  # else expensive points around an expensive leader would crowd out cheap ones
                worth = worth / np.array([self._cost(encoding.decode(row)) for row in units])
            top = np.argsort(-worth, kind="stable")[:_KEPT]
            if scale is None:
                break
            near = encoding.perturb(np.repeat(units[top[:_LEADERS]], 12, axis=0), scale, rng)
            units, codes = self._fresh(np.vstack([units[top], near]), begun)
        return [self._point(units[i], codes[i]) for i in top]

    def _point(self, units: Array, codes: Array) -> Point:
        params = self.encoding.decode(units)
        return Point(units, codes, self._epochs(params), self._cost(params))

    def _begin(self, units: Array, until: int | None, why: str) -> Move:
        codes = self.encoding.codes(units[None], self.encoding.active(units[None]))[0]
        point = self._point(units, codes)
        rungs = rungs_of(point.max_epochs)
        return Move(None, point, int(rungs[min(3, len(rungs) - 1)]) if until is None else until, 0.0, {"why": why})

    def _spread(self, curves: Sequence[Curve], number: int) -> Array:
        """Return a point of the evenly spread sequence, or where that has begun, one that has not."""
        even = self._even(len(curves))
        units = self._first_fresh(chain([even], (self._draw(number, i) for i in range(64))), _begun(curves))
        if units is None:
            units = self.encoding.encode([even])[0][0]
        return units

    def _first_fresh(self, points: Iterable[dict[str, Any]], begun: Set[bytes]) -> Array | None:
        """Return the units of the first feasible one of these points that has not begun, or None; no more are drawn."""
        for point in points:
            encoded, _ = self.encoding.encode([point])
            if len(self._fresh(encoded, begun)[0]):
                units: Array = encoded[0]
                return units
        return None

    def _fresh(self, units: Array, begun: Set[bytes]) -> tuple[Array, Array]:
        """Return the feasible ones of these points that have not begun, each once: their units and their codes.

        The kernel gives each configuration a term of its own, so it would take a repeat for a new draw and propose it
        again and again.

        Args:
            units: The points, shape (n, dims).
            begun: Keys of the configurations that have begun.
        """
        codes = self.encoding.codes(units, self.encoding.active(units))
        first_index: dict[bytes, int] = {}
        all_keys = codes.tobytes()
        size = codes.itemsize * codes.shape[1]
        for i in range(len(codes)):
            key = all_keys[i * size : (i + 1) * size]
            if key not in begun:
                first_index.setdefault(key, i)
        kept = list(first_index.values())
        if self._feasible is not None:
            kept = [i for i in kept if self._feasible(self.encoding.decode(units[i]))]
        return units[kept], codes[kept]

    def _share(self, curves: Sequence[Curve]) -> float:
        """Return the share of random points: it grows while nothing improves."""
        explore = self._settings.explore
        return min(4.0 * explore, explore * (1.0 + stale(curves) / 5.0), 1.0)


def _begun(curves: Sequence[Curve]) -> Set[bytes]:
    """Return the keys of the configurations that have begun."""
    return {curve.key for curve in curves}
