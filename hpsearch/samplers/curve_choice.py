"""What to train next, and for how long: the move that promises most for what it costs.

Training the curve of x from epoch t to t' shows a value that moves the mean of its end by N(0, s²) in expectation. So

    score = EI(mean, s) / cost · (t' - t + P(mean, s) · (T - t'))

is the improvement on the best value so far, per epoch that it is expected to cost: the rest of the training, up to T,
is paid only if what is seen at t' turns out well. It is maximised over curves that were begun, points that were not,
and the rungs t' above t, so that how far to go comes with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from scipy.special import ndtr

from hpsearch.samplers.curve_book import Curve, Evidence, rungs_of
from hpsearch.samplers.curve_kernel import Places, rest_of
from hpsearch.samplers.curve_posterior import CurvePosterior
from hpsearch.samplers.gp_encoding import Array

CONSIDERED = 80
"""Paused curves whose end is predicted: the best so many by what they have shown."""

CONTINUED = 24
"""Of them so many, by how well they may end, are looked at rung by rung."""

_NORMAL90 = 1.6449
"""Nine tenths of a normal distribution lie within so many deviations of its mean."""


@dataclass(frozen=True)
class Point:
    """A point that could begin.

    Attributes:
        units: Where it lies, shape (dims,).
        codes: The same for the kernel, shape (width,).
        most: The epochs of a whole training there.
        cost: What an epoch costs there.
    """

    units: Array
    codes: Array
    most: int
    cost: float


@dataclass(frozen=True)
class Move:
    """What to train next.

    Attributes:
        curve: The curve that goes on, or None where a point begins.
        point: The point that begins, or None.
        until: The epoch to train to.
        worth: Expected improvement on the scale that is modelled.
        facts: Numbers behind the choice, in the units of losses.
    """

    curve: Curve | None
    point: Point | None
    until: int
    worth: float
    facts: dict[str, Any]


def improvement(mean: Array, deviation: Array, best: float) -> tuple[Array, Array]:
    """Return by how much a loss N(mean, deviation²) is expected to fall below the best, and with which probability."""
    z = (best - mean) / deviation
    likely = ndtr(z)
    expected: Array = (best - mean) * likely + deviation * np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi)
    return np.maximum(expected, 0.0), likely


def promising(shown: Evidence, process: CurvePosterior) -> list[Curve]:
    """Return the paused curves that may end best: those worth looking at rung by rung."""
    waiting = (
        curve
        for curve in shown.curves
        if not curve.over and not curve.under_way and curve.epoch < curve.most and np.isfinite(curve.loss)
    )
    paused = list(islice(waiting, CONSIDERED))
    if len(paused) <= CONTINUED:
        return paused
    ends = Places(np.stack([c.codes for c in paused]), np.array([c.number for c in paused]), np.zeros(len(paused)))
    mean, solved = process.at(ends)
    top = np.argsort(mean - process.deviation(ends.rest, solved), kind="stable")[:CONTINUED]
    return [paused[i] for i in sorted(top)]


def best_move(
    shown: Evidence, process: CurvePosterior, curves: Sequence[Curve], points: Sequence[Point]
) -> Move | None:
    """Return the move with the highest score, or None where there is none.

    Args:
        shown: What was observed.
        process: What is known of all curves, what is under way included.
        curves: Curves that could go on.
        points: Points that could begin.
    """
    if not curves and not points:
        return None
    moves: list[Curve | Point] = [*curves, *points]
    codes = np.stack([*(curve.codes for curve in curves), *(point.codes for point in points)])
    owners = np.array([*(curve.number for curve in curves), *(_FRESH - i for i in range(len(points)))])
    who = []
    until = []
    done = []
    most = []
    cost = []
    for i, each in enumerate(moves):
        epoch = each.epoch if isinstance(each, Curve) else 0
        for rung in rungs_of(each.most).tolist():
            if rung > epoch:
                who.append(i)
                until.append(rung)
                done.append(epoch)
                most.append(each.most)
                cost.append(each.cost)
    place = np.array(who)
    target = np.array(until)
    begun = np.array(done)
    last = np.array(most)
    ends = Places(codes, owners, np.zeros(len(codes)))
    near = process.near(codes)
    mean, solved = process.at(ends, near)
    rest = np.log(last / target) / np.log(np.maximum(last, 2))
    later = Places(codes[place], owners[place], rest)
    solved_later = process.solved(later, np.ascontiguousarray(near.T)[place])
    spread = process.shift(np.zeros(len(place)), solved.T[place].T, rest, solved_later)
    worth, likely = improvement(mean[place], spread, shown.best)
    score = worth / (np.array(cost) * (target - begun + likely * (last - target)))
    k = int(np.argmax(score))
    chosen = int(place[k])
    curve = curves[chosen] if chosen < len(curves) else None
    point = None if curve is not None else points[chosen - len(curves)]
    continues = place < len(curves)
    facts = {
        "improvement": worth[k] * shown.scale.slope,
        "epochs": float(target[k] - begun[k]),
        "cost": cost[k] if cost[k] != 1.0 or len({*cost}) > 1 else None,
        "expected_epochs": float(target[k] - begun[k] + likely[k] * (last[k] - target[k])),
        "continue_score": float(score[continues].max()) * shown.scale.slope if continues.any() else None,
        "begin_score": float(score[~continues].max()) * shown.scale.slope if not continues.all() else None,
        "continued": len(curves),
        "begun": len(points),
    }
    return Move(curve, point, int(target[k]), float(worth[k]), facts)


_FRESH = -1_000_000
"""Numbers of points that could begin count down from here: none is that of a curve."""


def band(shown: Evidence, process: CurvePosterior, each: Curve | Point) -> list[tuple[int, float, float, float]]:
    """Return what is predicted of a curve: at each rung above, the losses that it stays below with 5, 50 and 95 %."""
    epoch = each.epoch if isinstance(each, Curve) else 0
    number = each.number if isinstance(each, Curve) else _FRESH
    rungs = [rung for rung in rungs_of(each.most).tolist() if rung > epoch]
    rest = rest_of(np.array(rungs), each.most)
    places = Places(np.repeat(each.codes[None], len(rungs), axis=0), np.full(len(rungs), number), rest)
    mean, solved = process.at(places)
    half = _NORMAL90 * process.deviation(rest, solved)
    to_loss = shown.scale.loss
    return [
        (rung, to_loss(m - h), to_loss(m), to_loss(m + h))
        for rung, m, h in zip(rungs, mean.tolist(), half.tolist(), strict=True)
    ]
