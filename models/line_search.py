"""The length of a step along a direction that leads down: a search for the strong Wolfe conditions.

A step of length t along a direction of slope φ′(0) < 0 is good where the cost has fallen by a part of what the slope
promised, φ(t) ≤ φ(0) + c₁·t·φ′(0), and where it has flattened, |φ′(t)| ≤ c₂·|φ′(0)| (Nocedal and Wright 2006, § 3.5).
The second is what makes a pair of steps and changes of gradient tell L-BFGS something true.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

FALL = 1e-3
"""c₁ of the Wolfe conditions, as in SciPy's L-BFGS-B: least fall of the cost, as a share of what the slope promises."""

FLATTEN = 0.9
"""c₂ of the Wolfe conditions, likewise: steepest slope that may be left, as a share of the slope at the start."""

MOST = 20
"""Most lengths that are tried."""

GROW = 4.0
"""A step whose end still leads down as steeply is made this many times longer."""

MARGIN = 0.1
"""A new length stays this part of the interval away from both of its ends."""


@dataclass(frozen=True)
class SearchPoint:
    """Cost and slope at one point along the direction.

    Attributes:
        length: t.
        value: φ(t), the cost there.
        slope: φ′(t), its slope along the direction.
    """

    length: float
    value: float
    slope: float


def search(
    evaluate: Callable[[float], SearchPoint], start: SearchPoint, first_length: float, max_points: int = MOST
) -> SearchPoint:
    """Return a point that meets the strong Wolfe conditions.

    Args:
        evaluate: (t) -> the point at that length. A cost that is not finite counts as a step too long.
        start: The point of length 0, whose slope is below 0.
        first_length: The first length to try.
        max_points: Most points that are tried.

    Returns:
        The point, or where there is none the lowest that meets the first condition, or else `start`.
    """
    low = start
    high = None
    length = first_length
    for _ in range(max_points):
        point = evaluate(length)
        if not _fell(point, start) or (low is not start and point.value >= low.value):
            high = point
        elif abs(point.slope) <= -FLATTEN * start.slope:
            return point
        else:
            falls_on = point.slope < 0 if high is None else point.slope * (high.length - low.length) < 0
            if not falls_on:
                high = low
            low = point
        length = GROW * low.length if high is None else _between(low, high)
        if length in (low.length, start.length) or not math.isfinite(length):
            break
    return low


def _fell(point: SearchPoint, start: SearchPoint) -> bool:
    """Return whether the cost fell, and by at least FALL of what the slope promised; NaN did not."""
    promised = start.value + FALL * point.length * start.slope
    return math.isfinite(point.slope) and point.value <= promised and point.value < start.value


def _between(low: SearchPoint, high: SearchPoint) -> float:
    """Return where the cubic through two points, with their slopes, is lowest; within them, and not too near an end."""
    width = high.length - low.length
    fraction = 0.5
    if math.isfinite(high.value) and math.isfinite(high.slope):
        # p(r) = value + slope·r + c·r² + d·r³ over r in [0, 1], which ends at the other point with its slope
        rise = high.value - low.value
        slope = low.slope * width
        end = high.slope * width
        d = slope + end - 2 * rise
        c = 3 * rise - 2 * slope - end
        root = c * c - 3 * d * slope
        if root >= 0 and (below := c + math.sqrt(root)) != 0:
            fraction = -slope / below
    return low.length + min(max(fraction, MARGIN), 1 - MARGIN) * width
