"""Points as vectors that a kernel can compare: warped, rounded, one-hot, and told what does not exist in them.

Two forms: *units*, a number in [0, 1] per dimension, which are drawn and perturbed; and *codes*, what the kernel sees.
Units become codes by way of the values that they stand for, so that a kernel is constant where the values are (Garrido-
Merchán and Hernández-Lobato, 2020): half-way between two whole numbers lies nothing.
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
_ONE_HOT = math.sqrt(0.5)
"""Puts two options at distance 1, as far as the ends of a range."""


class Encoding:
    """Turns points into units, and units into codes.

    A number is one column: its place in the range, or in the range's logarithm. An option is a column per option. What
    does not exist stands at a neutral value, and a column per condition (``when=``) says whether that condition holds.

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

    def place(self, points: Sequence[Mapping[str, Any]]) -> tuple[Array, Array]:
        """Return units of shape (n, dims) and codes of shape (n, width) of points."""
        names = list(self._space.items())
        units = [[to_unit(dim, point[name]) if name in point else _NEUTRAL for name, dim in names] for point in points]
        exist = np.array([[name in point for name, _ in names] for point in points])
        return np.array(units), self.codes(np.array(units), exist)

    def holds(self, point: Mapping[str, Any]) -> bool:
        """Return whether a point lies in the space."""
        try:
            check_point(self._space, point, "point")
        except UserError:
            return False
        return True

    def existing(self, units: Array) -> Mask:
        """Return which dimensions exist at units of shape (n, dims), in the same shape."""
        exist = np.ones(units.shape, dtype=bool)
        values: dict[str, list[Any]] = {}
        for i, (name, dim) in enumerate(self._space.items()):
            for other, allowed in (dim.when or {}).items():
                column = self._names.index(other)
                exist[:, i] &= exist[:, column] & [listed(value) in allowed for value in values[other]]
            if name in self._parents:
                values[name] = [dim.from_unit(unit) for unit in units[:, i].tolist()]
        return exist

    def codes(self, units: Array, exist: Mask) -> Array:
        """Return codes of shape (n, width) of units, and of which dimensions exist there, both of shape (n, dims)."""
        columns: list[Array] = []
        for i, dim in enumerate(self._space.values()):
            columns += _encode(dim, units[:, i], exist[:, i])
        columns += [exist[:, self._names.index(name)].astype(float) for name in self._conditional]
        return np.stack(columns, axis=1)

    def perturb(self, units: Array, scale: float, rng: np.random.Generator) -> Array:
        """Return units of shape (n, dims) near the given ones.

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
        """Return the point at units of shape (dims,): native values of the dimensions that exist."""
        point: dict[str, Any] = {}
        for (name, dim), unit in zip(self._space.items(), units.tolist(), strict=True):
            if is_active(dim, point):
                point[name] = dim.from_unit(unit)
        return point


def _columns(dim: Dimension) -> int:
    return dim.count() if isinstance(dim, Choice) else 1


def _encode(dim: Dimension, unit: Array, exist: Mask) -> list[Array]:
    if isinstance(dim, Choice):
        size = dim.count()
        index = np.minimum((unit * size).astype(int), size - 1)
        return [np.where(exist, (index == option) * _ONE_HOT, _ONE_HOT / size) for option in range(size)]
    if isinstance(dim, Int) and dim.log:
        low, high = dim.log_ends()
        value = np.clip(np.round(np.exp(low + unit * (high - low))), dim.low, dim.high)
        place = (np.log(value) - low) / (high - low)
    elif (size_or_none := dim.count()) is not None:
        place = (np.minimum(np.floor(unit * size_or_none), size_or_none - 1) + 0.5) / size_or_none
    else:
        place = unit
    return [np.where(exist, place, _NEUTRAL)]


def _at_least(dim: Float | Int, step: Array) -> Array:
    # A smaller step than from one value to the next changes nothing; on a log range of whole numbers the next one is
    # at different distances, and steps are left as they are.
    size = dim.count()
    if size is None or dim.log:
        return step
    return np.where(np.abs(step) < 1 / size, np.sign(step) / size, step)
