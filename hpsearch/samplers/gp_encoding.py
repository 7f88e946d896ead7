"""Points as vectors that a kernel can compare: numbers warped and rounded, options one-hot, inactive dimensions marked.

There are two forms: *units*, a number in [0, 1] per dimension, which are drawn and perturbed; and *codes*, what the
kernel sees. Units are first turned into the values that they stand for and these into codes, so that the kernel is
constant between two values of a stepped dimension (Garrido-Merchán and Hernández-Lobato, 2020).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpsearch.errors import UserError
from hpsearch.space import Choice, Dimension, Float, Int, check_point, is_active
from hpsearch.space.dimensions import listed
from hpsearch.space.distributions import to_unit

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

_NEUTRAL = 0.5
"""The unit and the code of a number that is not active at a point."""

_ONE_HOT = math.sqrt(0.5)
"""Puts two options at distance 1, as far as the ends of a range."""


class Encoding:
    """Turns points into units, and units into codes.

    A number is one column: its position in the range, or in the range's logarithm. A choice is a column per option. A
    dimension that is not active at a point has a neutral code, and a column per condition (``when=``) says whether that
    condition holds.

    Attributes:
        dims: How many dimensions the space has: columns of units.
        width: Columns of codes.
    """

    def __init__(self, space: Mapping[str, Dimension]) -> None:
        self._space = dict(space)
        self._names = list(space)
        conditions = {repr(dim.when): name for name, dim in self._space.items() if dim.when}
        self._conditional = list(conditions.values())  # one dimension to stand for each condition
        self._parents = {other for dim in self._space.values() for other in dim.when or {}}
        self.dims = len(self._space)
        self.width = sum(_columns(dim) for dim in self._space.values()) + len(self._conditional)

    def encode(self, points: Sequence[Mapping[str, Any]]) -> tuple[Array, Array]:
        """Return units of shape (n, dims) and codes of shape (n, width) of points."""
        dims = list(self._space.items())
        units = [[to_unit(dim, point[name]) if name in point else _NEUTRAL for name, dim in dims] for point in points]
        active = np.array([[name in point for name, _ in dims] for point in points])
        return np.array(units), self.codes(np.array(units), active)

    def holds(self, point: Mapping[str, Any]) -> bool:
        """Return whether a point lies in the space."""
        try:
            check_point(self._space, point, "point")
        except UserError:
            return False
        return True

    def active(self, units: Array) -> Mask:
        """Return which dimensions are active at units of shape (n, dims), in the same shape."""
        active = np.ones(units.shape, dtype=bool)
        values: dict[str, list[Any]] = {}
        for i, (name, dim) in enumerate(self._space.items()):
            for other, allowed in (dim.when or {}).items():
                column = self._names.index(other)
                active[:, i] &= active[:, column] & [listed(value) in allowed for value in values[other]]
            if name in self._parents:
                values[name] = [dim.from_unit(unit) for unit in units[:, i].tolist()]
        return active

    def codes(self, units: Array, active: Mask) -> Array:
        """Return codes of shape (n, width), given units and which dimensions are active, both of shape (n, dims)."""
        columns: list[Array] = []
        for i, dim in enumerate(self._space.values()):
            columns += _encode(dim, units[:, i], active[:, i])
        columns += [active[:, self._names.index(name)].astype(float) for name in self._conditional]
        return np.stack(columns, axis=1)

    def perturb(self, units: Array, scale: float, rng: np.random.Generator) -> Array:
        """Return random units near some others, both of shape (n, dims).

        Each row changes in at least one dimension: numbers by a normal step of this scale, reflected at the ends of the
        range and no shorter than to the next value of a stepped one; an option becomes any option.
        """
        n, dims = units.shape
        change = rng.random((n, dims)) < max(2.0 / dims, 0.3)
        change[np.arange(n), rng.integers(dims, size=n)] = True
        steps = rng.normal(size=(n, dims))
        fresh = rng.random((n, dims))
        moved = units.copy()
        for i, dim in enumerate(self._space.values()):
            if isinstance(dim, Choice):
                target = fresh[:, i]
            else:
                target = np.abs(units[:, i] + _at_least(dim, steps[:, i] * scale))
                target = np.clip(np.where(target > 1, 2 - target, target), 0.0, np.nextafter(1.0, 0.0))
            moved[:, i] = np.where(change[:, i], target, units[:, i])
        return moved

    def decode(self, units: Array) -> dict[str, Any]:
        """Return the point at units of shape (dims,): native values of the active dimensions."""
        point: dict[str, Any] = {}
        for (name, dim), unit in zip(self._space.items(), units.tolist(), strict=True):
            if is_active(dim, point):
                point[name] = dim.from_unit(unit)
        return point


def _columns(dim: Dimension) -> int:
    return dim.count() if isinstance(dim, Choice) else 1


def _encode(dim: Dimension, unit: Array, active: Mask) -> list[Array]:
    if isinstance(dim, Choice):
        size = dim.count()
        index = np.minimum((unit * size).astype(int), size - 1)
        return [np.where(active, (index == option) * _ONE_HOT, _ONE_HOT / size) for option in range(size)]
    if isinstance(dim, Int) and dim.log:
        low, high = dim.log_ends()
        value = np.clip(np.round(np.exp(low + unit * (high - low))), dim.low, dim.high)
        position = (np.log(value) - low) / (high - low)
    elif (size_or_none := dim.count()) is not None:
        position = (np.minimum(np.floor(unit * size_or_none), size_or_none - 1) + 0.5) / size_or_none
    else:
        position = unit
    return [np.where(active, position, _NEUTRAL)]


def _at_least(dim: Float | Int, step: Array) -> Array:
    # A smaller step than from one value to the next changes nothing; on a log range of whole numbers the next one is
    # at different distances, and steps are left as they are.
    size = dim.count()
    if size is None or dim.log:
        return step
    return np.where(np.abs(step) < 1 / size, np.sign(step) / size, step)
