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
from typing import Any, NamedTuple

import numpy as np
from scipy.special import ndtr

from hpsearch.samplers.curve_evidence import Curve, Evidence, rungs_of
from hpsearch.samplers.curve_kernel import Inputs, remaining_of
from hpsearch.samplers.curve_posterior import CurvePosterior
from hpsearch.samplers.gp_encoding import Array

CONSIDERED = 80
"""Paused curves whose end is predicted: the best so many by their loss so far."""

CONTINUED = 24
"""Of these, the so many that may end best are looked at rung by rung."""

_NORMAL90 = 1.6449
"""Nine tenths of a normal distribution lie within so many deviations of its mean."""

_FRESH = -1_000_000
"""Numbers of points that could begin count down from here, so that none is the number of a curve."""


@dataclass(frozen=True)
class Point:
    """A point that could begin.

    Attributes:
        units: The point as numbers in [0, 1], one per dimension, shape (dims,).
        codes: The same as the kernel sees it, shape (width,).
        max_epochs: Epochs of a full training.
        cost: What an epoch costs.
    """

    units: Array
    codes: Array
    max_epochs: int
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


class BandPoint(NamedTuple):
    """What is predicted of a curve at an epoch.

    Attributes:
        epoch: The epoch.
        low: The loss that the curve stays below with a probability of 5 %.
        middle: The loss that it stays below with a probability of 50 %.
        high: The loss that it stays below with a probability of 95 %.
    """

    epoch: int
    low: float
    middle: float
    high: float


def improvement(mean: Array, deviation: Array, best: float) -> tuple[Array, Array]:
    """Return by how much a loss N(mean, deviation²) is expected to fall below the best, and with which probability."""
    z = (best - mean) / deviation
    likely = ndtr(z)
    expected: Array = (best - mean) * likely + deviation * np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi)
    return np.maximum(expected, 0.0), likely


def promising(evidence: Evidence, posterior: CurvePosterior) -> list[Curve]:
    """Return the paused curves that may end best: those worth looking at rung by rung."""
    candidates = (
        curve
        for curve in evidence.curves
        if not curve.over and not curve.under_way and curve.epoch < curve.max_epochs and np.isfinite(curve.loss)
    )
    paused = list(islice(candidates, CONSIDERED))
    if len(paused) <= CONTINUED:
        return paused
    ends = Inputs(
        np.stack([curve.codes for curve in paused]),
        np.array([curve.number for curve in paused]),
        np.zeros(len(paused)),
    )
    mean, solved = posterior.predict(ends)
    top = np.argsort(mean - posterior.deviation(ends.remaining, solved), kind="stable")[:CONTINUED]
    return [paused[i] for i in sorted(top)]


def best_move(
    evidence: Evidence, posterior: CurvePosterior, curves: Sequence[Curve], points: Sequence[Point]
) -> Move | None:
    """Return the move with the highest score, or None where there is none.

    Args:
        evidence: The observations.
        posterior: What they say of all curves; those under way count as observed where they will be paused.
        curves: Curves that could go on.
        points: Points that could begin.
    """
    if not curves and not points:
        return None
    options: list[Curve | Point] = [*curves, *points]
    codes = np.stack([*(curve.codes for curve in curves), *(point.codes for point in points)])
    owners = np.array([*(curve.number for curve in curves), *(_FRESH - i for i in range(len(points)))])
    epochs = [option.epoch if isinstance(option, Curve) else 0 for option in options]
    # A move is an option and a rung above its epoch: the arrays below have an entry per move.
    moves = [
        (i, rung)
        for i, option in enumerate(options)
        for rung in rungs_of(option.max_epochs).tolist()
        if rung > epochs[i]
    ]
    option_of = np.array([i for i, _ in moves])
    target = np.array([rung for _, rung in moves])
    epochs_done = np.array([epochs[i] for i, _ in moves])
    max_epochs = np.array([options[i].max_epochs for i, _ in moves])
    cost = [options[i].cost for i, _ in moves]
    ends = Inputs(codes, owners, np.zeros(len(codes)))
    kx = posterior.kx(codes)
    mean, solved = posterior.predict(ends, kx)
    remaining = np.log(max_epochs / target) / np.log(np.maximum(max_epochs, 2))
    later = Inputs(codes[option_of], owners[option_of], remaining)
    solved_later = posterior.solved(later, np.ascontiguousarray(kx.T)[option_of])
    spread = posterior.shift(np.zeros(len(option_of)), solved.T[option_of].T, remaining, solved_later)
    worth, likely = improvement(mean[option_of], spread, evidence.best)
    score = worth / (np.array(cost) * (target - epochs_done + likely * (max_epochs - target)))
    k = int(np.argmax(score))
    chosen = int(option_of[k])
    curve = curves[chosen] if chosen < len(curves) else None
    point = None if curve is not None else points[chosen - len(curves)]
    continues = option_of < len(curves)
    facts = {
        "improvement": worth[k] * evidence.scale.slope,
        "epochs": float(target[k] - epochs_done[k]),
        "cost": cost[k] if cost[k] != 1.0 or len({*cost}) > 1 else None,
        "expected_epochs": float(target[k] - epochs_done[k] + likely[k] * (max_epochs[k] - target[k])),
        "continue_score": float(score[continues].max()) * evidence.scale.slope if continues.any() else None,
        "begin_score": float(score[~continues].max()) * evidence.scale.slope if not continues.all() else None,
        "continued": len(curves),
        "begun": len(points),
    }
    return Move(curve, point, int(target[k]), float(worth[k]), facts)


def band(evidence: Evidence, posterior: CurvePosterior, option: Curve | Point) -> list[BandPoint]:
    """Return the band in which a curve is predicted to go on, at each rung above its epoch."""
    epoch = option.epoch if isinstance(option, Curve) else 0
    number = option.number if isinstance(option, Curve) else _FRESH
    rungs = [rung for rung in rungs_of(option.max_epochs).tolist() if rung > epoch]
    remaining = remaining_of(np.array(rungs), option.max_epochs)
    inputs = Inputs(np.repeat(option.codes[None], len(rungs), axis=0), np.full(len(rungs), number), remaining)
    mean, solved = posterior.predict(inputs)
    half = _NORMAL90 * posterior.deviation(remaining, solved)
    to_loss = evidence.scale.loss
    return [
        BandPoint(rung, to_loss(m - h), to_loss(m), to_loss(m + h))
        for rung, m, h in zip(rungs, mean.tolist(), half.tolist(), strict=True)
    ]
