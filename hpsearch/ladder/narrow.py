"""The space of the next stage: a box around the points that were promoted, in the warped units of each dimension."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hpsearch.space import Choice, Dimension, Float, Int
from hpsearch.space.dimensions import listed


def narrow(
    space: Mapping[str, Dimension],
    points: Sequence[Mapping[str, Any]],
    margin: float,
    others: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Dimension]:
    """Return the part of a space around some of its points.

    A range reaches from the lowest value of the points to the highest and beyond by the margin at both ends, in the
    range's own measure (its logarithm where log), and stays within the old one. Of options, those that the points have
    remain. A dimension that none of the points has stays as it is, as does a range that would become a single number;
    one whose ``when`` can no longer hold goes.

    Args:
        space: The space that the points come from.
        points: Parameters by name; a point lacks those that do not exist there.
        margin: A fraction of the old range.
        others: Points whose options remain too: what a margin is to a range.
    """
    narrowed: dict[str, Dimension] = {}
    for name, dim in space.items():
        conditions = _conditions(dim, narrowed)
        if conditions is not None and not all(conditions.values()):
            continue
        dim = replace(dim, when=conditions) if conditions is not None else dim
        values = [point[name] for point in points if name in point]
        if values and isinstance(dim, Choice):
            remaining = [listed(value) for value in [*values, *(point[name] for point in others if name in point)]]
            dim = replace(dim, options=[option for option in dim.listed_options if listed(option) in remaining])
        elif values and not isinstance(dim, Choice):
            dim = _range(dim, values, margin)
        narrowed[name] = dim
    return narrowed


def _conditions(dim: Dimension, space: Mapping[str, Dimension]) -> dict[str, list[Any]] | None:
    """Return what is left of a dimension's ``when`` in a narrower space; an empty list can never hold."""
    if dim.when is None:
        return None
    return {
        other: [value for value in allowed if other in space and space[other].contains(value)]
        for other, allowed in dim.when.items()
    }


def _range(dim: Float | Int, values: Sequence[float], margin: float) -> Float | Int:
    lowest = min(values)
    highest = max(values)
    if isinstance(dim, Float) and dim.step is None:
        reach = margin * (_warp(dim, dim.high) - _warp(dim, dim.low))
        # Warping there and back must not lose a promoted point at the very end.
        low = max(dim.low, min(_unwarp(dim, _warp(dim, lowest) - reach), lowest))
        high = min(dim.high, max(_unwarp(dim, _warp(dim, highest) + reach), highest))
        return replace(dim, low=low, high=high) if low < high else dim
    step = dim.step or 1
    if isinstance(dim, Int) and dim.log:
        reach = margin * (math.log(dim.high) - math.log(dim.low))
        low = max(dim.low, math.floor(math.exp(math.log(lowest) - reach)))
        high = min(dim.high, math.ceil(math.exp(math.log(highest) + reach)))
        return replace(dim, low=low, high=high) if low < high else dim
    last = (dim.count() or 1) - 1
    cells = max(1, math.ceil(margin * (last + 1)))
    first_cell = max(0, round((lowest - dim.low) / step) - cells)
    last_cell = min(last, round((highest - dim.low) / step) + cells)
    ends: dict[str, Any] = {"low": dim.at(first_cell), "high": dim.at(last_cell)}
    return replace(dim, **ends)


def _warp(dim: Float, value: float) -> float:
    return math.log(value) if dim.log else value


def _unwarp(dim: Float, value: float) -> float:
    return math.exp(value) if dim.log else value
