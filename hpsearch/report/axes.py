"""Hyper-parameters as axes of a figure: the position of every value on a line, and the ticks that are shown there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpsearch.log.history import History, Trial
from hpsearch.report.words import param
from hpsearch.space.dimensions import Choice, Float, Int

DECADES = 2.0
"""A range that no space declares is drawn on a logarithmic axis where it spans more powers of ten than this."""

MOST_INTEGER_TICKS = 10
"""A range of whole numbers up to this long has a tick at each of them."""


def counting_ticks(most: int) -> dict[str, Any]:
    """Return the layout of an axis that counts from 0 to ``most``: a short one has no ticks between whole numbers."""
    return {"rangemode": "tozero", **({"dtick": 1} if most <= MOST_INTEGER_TICKS else {})}


@dataclass(frozen=True)
class Axis:
    """One hyper-parameter as the axis of a figure.

    Attributes:
        name: The parameter.
        options: The values of a choice, in order; None for a range of numbers.
        log: Whether a number stands at its logarithm to base 10.
        whole: Whether its values are whole numbers; then its ticks are, too.
    """

    name: str
    options: tuple[Any, ...] | None = None
    log: bool = False
    whole: bool = False

    def position(self, value: Any) -> float:
        """Return where a value stands on the axis; NaN for one that the trial does not have."""
        if value is None and (self.options is None or None not in self.options):
            return math.nan
        if self.options is not None:
            return float(self.options.index(value)) if value in self.options else math.nan
        return math.log10(value) if self.log else float(value)

    def ticks(self, positions: NDArray[np.float64]) -> tuple[list[float], list[str]] | None:
        """Return positions and labels of the ticks over these positions; None where those of the figure are as good."""
        if self.options is not None:
            return [float(i) for i in range(len(self.options))], [param(option) for option in self.options]
        if np.isnan(positions).all():
            return None
        low, high = float(np.nanmin(positions)), float(np.nanmax(positions))
        if not self.log:
            if not self.whole or high - low > MOST_INTEGER_TICKS:
                return None  # over a longer range a figure's own ticks are whole
            return [float(i) for i in range(int(low), int(high) + 1)], [f"{i}" for i in range(int(low), int(high) + 1)]
        marks = (1,) if high - low > 2 else (1, 2, 5)
        candidates = [
            (math.log10(mark) + power, f"{mark * 10.0**power:.4g}")
            for power in range(math.floor(low), math.ceil(high) + 1)
            for mark in marks
        ]
        inside = [tick for tick in candidates if low - 1e-9 <= tick[0] <= high + 1e-9]
        return [position for position, _ in inside], [label for _, label in inside]


def axes(history: History) -> list[Axis]:
    """Return an axis for every parameter that differs between trials, in the order of the space.

    The ranges of a space that is a function are unknown: then the axis follows from the values that were tried.
    """
    dims = history.declaration.dimensions
    names = dict.fromkeys([*dims, *(name for trial in history.trials for name in trial.params)])
    differing = []
    for name in names:
        values = [trial.params[name] for trial in history.trials if name in trial.params]
        if any(value != values[0] for value in values) or 0 < len(values) < len(history.trials):
            differing.append(_axis(name, dims.get(name), values))
    return differing


def _axis(name: str, dim: Choice | Float | Int | None, values: Sequence[Any]) -> Axis:
    if isinstance(dim, Choice):
        return _choice(name, dim.grid())
    if dim is not None:
        return Axis(name, log=dim.log, whole=isinstance(dim, Int))
    if not all(_is_number(value) for value in values):
        return _choice(name, sorted(_distinct(values), key=lambda value: (type(value).__name__, param(value))))
    return Axis(name, log=_is_wide(values), whole=all(isinstance(value, int) for value in values))


def _choice(name: str, options: Sequence[Any]) -> Axis:
    # Numbers to choose from are shown as a range: mini-batches of 1, 10 and 100 in this order, at equal distances.
    ordered = sorted(options) if all(_is_number(option) for option in options) else options
    return Axis(name, tuple(ordered))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_wide(values: Sequence[float]) -> bool:
    return min(values) > 0 and math.log10(max(values) / min(values)) > DECADES


def _distinct(values: Sequence[Any]) -> list[Any]:
    distinct: list[Any] = []
    for value in values:
        if value not in distinct:
            distinct.append(value)
    return distinct


def matrix(trials: Sequence[Trial], axes: Sequence[Axis]) -> NDArray[np.float64]:
    """Return the positions of trials on these axes, shape (n_trials, n_axes); NaN where a trial lacks a parameter."""
    rows = [[axis.position(trial.params.get(axis.name)) for axis in axes] for trial in trials]
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(axes))
