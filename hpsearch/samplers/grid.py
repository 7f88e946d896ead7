"""The grid: every combination once, by number, in any number of lanes and after any resume."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hpsearch.errors import UserError
from hpsearch.log.history import History
from hpsearch.samplers.base import Sampler
from hpsearch.samplers.feasible import nothing_feasible
from hpsearch.space import Choice, Dimension, Float, Int, from_json, is_active
from hpsearch.space.constraints import violated
from hpsearch.study.study import Study

MOST_POINTS = 1_000_000


@dataclass(frozen=True)
class Grid:
    """Declares the exhaustive grid over stepped ranges, whole numbers and choices.

    Examples:
        >>> from hpsearch import Choice, Float, Study, samplers
        >>> def objective(trial):
        ...     return trial["x"]
        >>> space = {"x": Float(0, 1, step=0.5), "kind": Choice(["a", "b"])}
        >>> study = Study("grid", objective=objective, space=space, sampler=samplers.Grid())
        >>> study.run(tracking=False, quiet=True).trials[["params.x", "params.kind"]].values.tolist()
        [[0.0, 'a'], [0.0, 'b'], [0.5, 'a'], [0.5, 'b'], [1.0, 'a'], [1.0, 'b']]
    """

    def build(self, study: Study) -> Sampler:
        """Return the sampler for a study.

        Raises:
            UserError: The space is a function, a range is continuous, or no cell meets the constraints.
        """
        if callable(study.space):
            raise UserError("sampler 'grid' needs a space of dimensions, not a function: take 'tpe' or 'random'")
        return GridPoints(study)


class GridPoints:
    """Point n is the n-th feasible cell that was not given by hand.

    A study whose space was widened goes through its first space to the end and then through what each wider one adds:
    so no point changes its number, and none is trained twice.

    Attributes:
        infeasible: Cells that violate a constraint.
        size: Cells that remain, without those that were given by hand.
    """

    reads_history = False
    rejected = 0

    def __init__(self, study: Study) -> None:
        self._study = study
        self._cells = Cells(study.dimensions)
        self._n_enqueued = len(study.enqueue)
        by_hand = (self._cells.number(point) for point in study.enqueue)
        self._skipped = sorted({number for number in by_hand if number is not None})
        self._widened_order: _WidenedOrder | None = None
        self.infeasible = self._infeasible() if study.constraints else 0
        self.size: int | None = self._cells.size - self.infeasible - len(self._skipped)

    def ask(self, history: History, point: int) -> dict[str, Any]:
        """Return the point with this number; of the history only the spaces that were declared are looked at.

        Raises:
            IndexError: The grid has no such point.
        """
        number = point - self._n_enqueued
        if len(history.spaces) < 2 and not self._study.constraints:
            for skipped in self._skipped:
                number += skipped <= number
            return self._cells.at(number)
        if self._widened_order is None or self._widened_order.spaces != history.spaces:
            self._widened_order = _WidenedOrder(self._study, list(history.spaces), self._cells)
        return self._widened_order.at(number)

    def _infeasible(self) -> int:
        study = self._study
        counts = Counter[str]()
        for number in range(self._cells.size):
            if (name := violated(study.constraints, study.dimensions, self._cells.at(number))) is not None:
                counts[name] += 1
        if counts.total() == self._cells.size:
            raise UserError(nothing_feasible(counts, "cells of the grid"))
        return counts.total()


class _WidenedOrder:
    """The cells of ever wider spaces, each once, without those that violate a constraint or were given by hand."""

    def __init__(self, study: Study, spaces: list[dict[str, Any]], last: Cells) -> None:
        self.spaces = spaces
        self._levels = [*(Cells(from_json(space)) for space in spaces[:-1]), last]
        self._study = study
        self._cell_of: list[tuple[int, int]] = []
        self._remaining = self._walk()

    def at(self, number: int) -> dict[str, Any]:
        """Return cell number n of this order.

        Raises:
            IndexError: There is no such cell.
        """
        while len(self._cell_of) <= number:
            level_and_cell = next(self._remaining, None)
            if level_and_cell is None:
                raise IndexError(f"point {number} of a grid of {len(self._cell_of)}")
            self._cell_of.append(level_and_cell)
        level, cell = self._cell_of[number]
        return self._levels[level].at(cell)

    def _walk(self) -> Iterator[tuple[int, int]]:
        study = self._study
        for level, cells in enumerate(self._levels):
            by_hand = {cells.number(point) for point in study.enqueue}
            for number in range(cells.size):
                point = cells.at(number)
                # A wider space holds all that the one before it held.
                in_smaller = level > 0 and self._levels[level - 1].number(point) is not None
                if in_smaller or number in by_hand:
                    continue
                if violated(study.constraints, study.dimensions, point) is None:
                    yield level, number


def check_size(study: Study) -> None:
    """Raise a UserError where the grid of a study has more cells than anybody means to train."""
    size = 0 if callable(study.space) else Cells(study.dimensions).size
    if size > MOST_POINTS:
        raise UserError(
            f"a grid of {size:,} points (more than {MOST_POINTS:,}): use fewer values or sampler 'random', or say --yes"
        )


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
            UserError: A range is continuous, or one that a ``when`` depends on has more than a million values.
        """
        self._dims = list(space.items())
        for name, dim in self._dims:
            size = dim.count()
            if size is None:
                raise UserError(
                    f"space[{name!r}]: grid over a continuous range {dim!r}; give step= or Choice([…]) with the values"
                )
            if size > MOST_POINTS and any(name in (other.when or {}) for other in space.values()):
                raise UserError(f"space[{name!r}]: {size:,} values in {dim!r}, on which when= depends; give step=")
        # Names on whose values the existence of dimension i or a later one depends: nothing else changes their count.
        self._conditions_after = [
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
        point: dict[str, Any] = {}
        for i, (name, dim) in enumerate(self._dims):
            if not is_active(dim, point):
                continue
            if name not in self._conditions_after[i + 1]:
                index, number = divmod(number, self._count(i + 1, point))
                point[name] = dim.at(index)
                continue
            for index in range(dim.count() or 0):
                point[name] = dim.at(index)
                block = self._count(i + 1, point)
                if number < block:
                    break
                number -= block
        return point

    def number(self, point: Mapping[str, Any]) -> int | None:
        """Return the number of the cell that equals a point, or None where none does."""
        number = 0
        values: dict[str, Any] = {}
        for i, (name, dim) in enumerate(self._dims):
            if not is_active(dim, values):
                continue
            if not dim.contains(point[name]):
                return None
            index = dim.index(point[name]) if isinstance(dim, Choice) else _index(dim, point[name])
            if name in self._conditions_after[i + 1]:
                number += sum(self._count(i + 1, {**values, name: dim.at(smaller)}) for smaller in range(index))
                values[name] = dim.at(index)
            else:
                values[name] = dim.at(index)
                number += index * self._count(i + 1, values)
        return number

    def _count(self, i: int, values: dict[str, Any]) -> int:
        # Cells of the dimensions from i on, given the values before them.
        if i == len(self._dims):
            return 1
        key = (i, repr(sorted((name, value) for name, value in values.items() if name in self._conditions_after[i])))
        if key not in self._counts:
            name, dim = self._dims[i]
            if not is_active(dim, values):
                count = self._count(i + 1, values)
            elif name not in self._conditions_after[i + 1]:
                count = (dim.count() or 0) * self._count(i + 1, values)
            else:
                count = sum(self._count(i + 1, {**values, name: dim.at(index)}) for index in range(dim.count() or 0))
            self._counts[key] = count
        return self._counts[key]


def _index(dim: Float | Int, value: float) -> int:
    return round((value - dim.low) / (dim.step or 1))
