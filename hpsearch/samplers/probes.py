"""Points and values for the chapter's procedure to probe: orders of magnitude, multiples, a few values of a range."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from hpsearch.space import Choice, Dimension, Float, Int, Space, active

Point = dict[str, Any]
"""A value for every dimension, those that do not exist at the point included."""

POSITIONS = (0.125, 0.375, 0.625, 0.875)
"""Where a range is probed that has no scale of its own, as fractions of it."""


def project(space: Space, point: Mapping[str, Any]) -> Point:
    """Return the values of the dimensions that exist at a point, in the order of the space."""
    return {name: point[name] for name in active(space, point)}


def distinct(space: Space, points: Iterable[Point]) -> list[Point]:
    """Return the points without those that train the same as an earlier one."""
    distinct_points: dict[str, Point] = {}
    for point in points:
        distinct_points.setdefault(repr(project(space, point)), dict(point))
    return list(distinct_points.values())


def orders(dim: Dimension) -> list[Any]:
    """Return 2.5 · 10ᵏ within a range, ascending; a few values of it where there are fewer than two of them."""
    if isinstance(dim, Choice):
        return dim.grid()
    if dim.low > 0 or dim.high > 0:
        low = max(dim.low, dim.high * 1e-6)
        exponents = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(dim.high)) + 1)
        values = [dim.snap(number) for k in exponents if dim.low <= (number := float(f"2.5e{k}")) <= dim.high]
        if len(dict.fromkeys(values)) > 1:
            return list(dict.fromkeys(values))
    return scan(dim)


def scan(dim: Dimension) -> list[Any]:
    """Return every option of a choice, and a few values of a range."""
    if isinstance(dim, Choice):
        return dim.grid()
    if (count := dim.count()) is not None and count <= len(POSITIONS):
        return dim.grid()
    return list(dict.fromkeys(rounded(dim, dim.from_unit(position)) for position in POSITIONS))


def scaled(dim: Float | Int, value: float, factor: float) -> Any:
    """Return the value of a range nearest to a multiple of another."""
    return rounded(dim, value * factor)


def rounded(dim: Float | Int, value: float) -> Any:
    """Return the value of a range nearest to a number, in three digits: probes are to be read."""
    return dim.snap(float(f"{value:.3g}"))


def short(value: Any) -> str:
    """Return a value for people."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
