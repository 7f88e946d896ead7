"""The grid: every combination once, by number, in any number of lanes and after any resume."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hpsearch.errors import UserError
from hpsearch.history import History
from hpsearch.samplers.base import Sampler
from hpsearch.space import Choice, Dimension, Float, Int, is_active
from hpsearch.study import Study

MOST_POINTS = 1_000_000


@dataclass(frozen=True)
class Grid:
    """Declares the exhaustive grid over stepped ranges, whole numbers and choices."""

    def build(self, study: Study) -> Sampler:
        """Return the sampler for a study.

        Raises:
            UserError: The space is a function, a range is continuous, or there are more than a million points.
        """
        if callable(study.space):
            raise UserError("sampler 'grid' needs a space of dimensions, not a function: take 'tpe' or 'random'")
        cells = Cells(study.dimensions)
        if cells.size > MOST_POINTS:
            raise UserError(
                f"a grid of {cells.size:,} points (more than {MOST_POINTS:,}): use fewer values or 'random'"
            )
        return GridPoints(cells, study.enqueue)


class GridPoints:
    """Point n is the n-th cell that was not given by hand."""

    reads_history = False

    def __init__(self, cells: Cells, given: Sequence[Mapping[str, Any]] = ()) -> None:
        self._cells = cells
        self._first = len(given)
        self._skipped = sorted({number for point in given if (number := cells.number(point)) is not None})
        self.size: int | None = cells.size - len(self._skipped)

    def ask(self, history: History, point: int) -> dict[str, Any]:
        """Return the point with this number; the history is not looked at.

        Raises:
            IndexError: The grid has no such point.
        """
        number = point - self._first
        for skipped in self._skipped:
            number += skipped <= number
        return self._cells.at(number)


class Cells:
    """The cells of a space, numbered in mixed radix: the last dimension turns fastest, as in nested loops.

    A dimension that does not exist in a cell is absent from it, so that no cell occurs twice.

    Attributes:
        size: How many cells there are.
    """

    def __init__(self, space: Mapping[str, Dimension]) -> None:
        """Count the cells.

        Args:
            space: The dimensions; none continuous.

        Raises:
            UserError: A range is continuous or has more than a million values.
        """
        self._dims = list(space.items())
        for name, dim in self._dims:
            size = dim.count()
            if size is None:
                raise UserError(
                    f"space[{name!r}]: grid over a continuous range {dim!r}; give step= or Choice([…]) with the values"
                )
            if size > MOST_POINTS:
                raise UserError(f"space[{name!r}]: {size:,} grid values in {dim!r}; give step= or Choice([…])")
        # Names on whose values the existence of dimension i or a later one depends: nothing else changes their count.
        self._asked = [
            {other for _, later in self._dims[i:] for other in later.when or {}} for i in range(len(self._dims) + 1)
        ]
        self._counts: dict[tuple[int, str], int] = {}
        self.size = self._count(0, {})

    def at(self, number: int) -> dict[str, Any]:
        """Return the cell with this number.

        Raises:
            IndexError: There is no such cell.
        """
        if not 0 <= number < self.size:
            raise IndexError(f"cell {number} of a grid of {self.size}")
        found: dict[str, Any] = {}
        for i, (name, dim) in enumerate(self._dims):
            if not is_active(dim, found):
                continue
            if name not in self._asked[i + 1]:
                index, number = divmod(number, self._count(i + 1, found))
                found[name] = dim.at(index)
                continue
            for index in range(dim.count() or 0):
                found[name] = dim.at(index)
                block = self._count(i + 1, found)
                if number < block:
                    break
                number -= block
        return found

    def number(self, point: Mapping[str, Any]) -> int | None:
        """Return the number of the cell that equals a point, or None where none does."""
        number = 0
        found: dict[str, Any] = {}
        for i, (name, dim) in enumerate(self._dims):
            if not is_active(dim, found):
                continue
            if not dim.contains(point[name]):
                return None
            place = dim.index(point[name]) if isinstance(dim, Choice) else _place(dim, point[name])
            if name in self._asked[i + 1]:
                number += sum(self._count(i + 1, {**found, name: dim.at(index)}) for index in range(place))
                found[name] = dim.at(place)
            else:
                found[name] = dim.at(place)
                number += place * self._count(i + 1, found)
        return number

    def _count(self, i: int, found: dict[str, Any]) -> int:
        # Cells of the dimensions from i on, given the values before them.
        if i == len(self._dims):
            return 1
        key = (i, repr(sorted((name, value) for name, value in found.items() if name in self._asked[i])))
        if key not in self._counts:
            name, dim = self._dims[i]
            if not is_active(dim, found):
                count = self._count(i + 1, found)
            elif name not in self._asked[i + 1]:
                count = (dim.count() or 0) * self._count(i + 1, found)
            else:
                count = sum(self._count(i + 1, {**found, name: dim.at(index)}) for index in range(dim.count() or 0))
            self._counts[key] = count
        return self._counts[key]


def _place(dim: Float | Int, value: float) -> int:
    return round((value - dim.low) / (dim.step or 1))
