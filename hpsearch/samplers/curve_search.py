"""Freeze-thaw search over curves: at each free lane one begins or goes on, and it is known to which epoch.

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

from hpsearch.samplers.curve_book import Curve, Evidence, State, evidence, rungs_of
from hpsearch.samplers.curve_choice import Move, Point, band, best_move, improvement, promising
from hpsearch.samplers.curve_kernel import Places, rest_of
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


def fitted_at(known: int) -> int:
    """Return after how many epochs of a study the kernel in use was fitted: a quarter more each time, from 8 on."""
    found = 8
    while (later := max(found + 1, int(found * 1.25))) <= known:
        found = later
    return found


def unit_cost(params: dict[str, Any]) -> float:
    """Return the cost of an epoch where nothing is said of it, or nothing is known before it was measured."""
    return 1.0


@dataclass(frozen=True)
class Settings:
    """How a freeze-thaw search goes about it.

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
        encoding: Says where points lie.
        seed: The study's seed.
        settings: How it goes about it.
        even: Returns the point with a number of an evenly spread sequence.
        draw: Returns a random feasible point, given its number and the number of the attempt.
        feasible: Whether a point meets the constraints; None where there are none.
        epochs: The epochs of a whole training of a point.
        cost: What an epoch of a point costs; by default all cost the same.
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
        self._shown: tuple[int, Evidence | None] | None = None  # what was shown, and when that was
        self._process: tuple[Evidence, CurvePosterior] | None = None  # what follows from it
        self._prospect: tuple[State, CurvePosterior, list[Point]] | None = None

    def curve(self, number: int, params: dict[str, Any]) -> Curve:
        """Return the curve of a configuration that has begun."""
        units, codes = self.encoding.place([params])
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
            state: Says whether the curves are what they were when it was last asked, so that what followed from them
                need not be worked out again; None: it is.
        """
        rng = np.random.default_rng(np.random.SeedSequence((self._seed, _STREAM, number)))
        own = [curve for curve in curves if curve.number >= 0]
        if len(own) < self._settings.n_startup and begins:
            return self._begin(curves, self._spread(own, number), 1, "startup")
        started, ready = halved(own[: self._settings.n_startup])
        if started is not None and continues:
            return started
        shown = self._evidence(curves, state) if ready else None
        if shown is None:
            # Nothing to go by yet: what is under way may bring it.
            return self._begin(curves, self._spread(own, number), None, "startup") if begins else None
        if begins and rng.random() < self._share(curves):
            drawn = self._first_fresh((self._draw(number, i) for i in range(16)), _begun(curves))
            if drawn is not None:
                return self._begin(curves, drawn, None, "random")
        prospect = self._look(curves, shown, rng, state, begins=begins)
        return self._improve(curves, shown, number, *prospect, begins=begins, continues=continues)

    def best_point(self, curves: Sequence[Curve], number: int) -> Array | None:
        """Return the point that is expected to end best, trained to its end, shape (dims,); None where none is left.

        Args:
            curves: All curves, those under way included.
            number: The point's number.
        """
        if (shown := evidence(curves)) is None:
            return None
        rng = np.random.default_rng(np.random.SeedSequence((self._seed, _STREAM, number)))
        points = self._points(curves, shown, self.posterior(curves, shown), rng)
        return points[0].units if points else None

    def _evidence(self, curves: Sequence[Curve], state: State | None) -> Evidence | None:
        """Return what the process is shown: again what it was shown before, where nothing was observed since."""
        if state is None:
            return evidence(curves)
        if self._shown is None or self._shown[0] != state.observed:
            self._shown = state.observed, evidence(curves)
        return self._shown[1]

    def _look(
        self, curves: Sequence[Curve], shown: Evidence, rng: np.random.Generator, state: State | None, *, begins: bool
    ) -> tuple[CurvePosterior, list[Point]]:
        """Return what is known of all curves, and the points that could begin, if one can.

        A lane asks first whether a curve goes on, and where none does which point begins: the points are the same.
        """
        if begins and state is not None and self._prospect is not None and self._prospect[0] == state:
            return self._prospect[1:]
        process = self.posterior(curves, shown)
        points = self._points(curves, shown, process, rng) if begins else []
        if begins and state is not None:
            self._prospect = state, process, points
        return process, points

    def _improve(
        self,
        curves: Sequence[Curve],
        shown: Evidence,
        number: int,
        process: CurvePosterior,
        points: Sequence[Point],
        *,
        begins: bool,
        continues: bool,
    ) -> Move | None:
        paused = promising(shown, process) if continues else []
        move = best_move(shown, process, paused, points)
        if move is None:
            return self._begin(curves, self._spread(curves, number), None, "random") if begins else None
        if not begins and move.worth < self._settings.worthwhile:
            return None
        chosen = move.curve or move.point
        assert chosen is not None, "a move is of one of them"
        facts = {**move.facts, "why": "improvement", "band": band(shown, process, chosen)}
        return Move(move.curve, move.point, move.until, move.worth, facts)

    def posterior(self, curves: Sequence[Curve], shown: Evidence) -> CurvePosterior:
        """Return what is known of all curves; those under way count as observed at their predicted mean."""
        if self._process is None or self._process[0] is not shown:
            self._process = shown, CurvePosterior(self.model(curves).kernel, shown.places, shown.target)
        process = self._process[1]
        under_way = [curve for curve in curves if curve.under_way]
        if not under_way:
            return process
        until = [min(curve.until or curve.most, curve.most) for curve in under_way]
        rest = [float(rest_of(epoch, curve.most)) for epoch, curve in zip(until, under_way, strict=True)]
        codes = np.stack([c.codes for c in under_way])
        numbers = np.array([c.number for c in under_way])
        return process.believing(Places(codes, numbers, np.array(rest)))

    def model(self, curves: Sequence[Curve]) -> Fit:
        """Return the kernel in use: fitted to the first so many epochs that were known, whenever that is done."""
        known = fitted_at(sum(len(curve.losses) for curve in curves if curve.number >= 0))
        if known not in self._fits:
            shown = evidence(curves, known) or evidence(curves)
            assert shown is not None, "something was shown, or there would be nothing to decide by"
            places = shown.places
            target = shown.target
            if len(target) > _FITTED_ROWS:
                rng = np.random.default_rng(np.random.SeedSequence((self._seed, _STREAM, known, 1)))
                some = np.sort(rng.permutation(len(target))[:_FITTED_ROWS])
                places = places.rows(some)
                target = target[some]
            self._fits = {known: fit(places, target)}
        return self._fits[known]

    def _points(
        self, curves: Sequence[Curve], shown: Evidence, process: CurvePosterior, rng: np.random.Generator
    ) -> list[Point]:
        """Return the points that could begin and are expected to end best."""
        encoding = self.encoding
        leaders = np.stack([curve.units for curve in shown.curves[:_LEADERS]])
        draws = [(self._grid + rng.random(encoding.dims)) % 1.0]
        draws += [encoding.perturb(np.repeat(leaders, many, axis=0), scale, rng) for scale, many in _AROUND]
        begun = _begun(curves)
        units, codes = self._fresh(np.vstack(draws), begun)
        for scale in (*_REFINED, None):
            if not len(units):
                return []
            ends = Places(codes, np.arange(-len(codes) - 1_000_000, -1_000_000), np.zeros(len(codes)))
            mean, solved = process.at(ends)
            worth, _ = improvement(mean, process.deviation(ends.rest, solved), shown.best)
            if self._cost is not unit_cost:  # else dear points around a dear leader would leave no room for cheap ones
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

    def _begin(self, curves: Sequence[Curve], units: Array, until: int | None, why: str) -> Move:
        codes = self.encoding.codes(units[None], self.encoding.existing(units[None]))[0]
        point = self._point(units, codes)
        rungs = rungs_of(point.most)
        return Move(None, point, int(rungs[min(3, len(rungs) - 1)]) if until is None else until, 0.0, {"why": why})

    def _spread(self, curves: Sequence[Curve], number: int) -> Array:
        """Return a point of the evenly spread sequence, or where that has begun, one that has not."""
        even = self._even(len(curves))
        found = self._first_fresh(chain([even], (self._draw(number, i) for i in range(64))), _begun(curves))
        if found is None:
            found = self.encoding.place([even])[0][0]
        return found

    def _first_fresh(self, points: Iterable[dict[str, Any]], begun: Set[bytes]) -> Array | None:
        """Return the units of the first feasible one of these points that has not begun, or None; no more are drawn."""
        for point in points:
            units, _ = self.encoding.place([point])
            if len(self._fresh(units, begun)[0]):
                found: Array = units[0]
                return found
        return None

    def _fresh(self, units: Array, begun: Set[bytes]) -> tuple[Array, Array]:
        """Return the feasible ones of these points that have not begun, each once: their units and their codes.

        A model that gives each configuration a part of its own takes a repeat for a new draw: it would be proposed
        again and again.

        Args:
            units: The points, shape (n, dims).
            begun: Keys of those that have begun.
        """
        codes = self.encoding.codes(units, self.encoding.existing(units))
        first: dict[bytes, int] = {}
        whole = codes.tobytes()
        size = codes.itemsize * codes.shape[1]
        for i in range(len(codes)):
            key = whole[i * size : (i + 1) * size]
            if key not in begun:
                first.setdefault(key, i)
        kept = list(first.values())
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
