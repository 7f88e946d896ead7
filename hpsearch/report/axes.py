"""Hyper-parameters as axes of a figure: every value a place on a line, with the ticks that people read there."""

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
"""A range given by no space is drawn on a logarithmic axis where it spans more powers of ten than this."""


MOST_WHOLE = 10
"""A range of whole numbers that is no longer has a tick at each of them."""


def counted(most: int) -> dict[str, Any]:
    """Return the ticks of an axis that counts from 0 to so many, for a figure: none between two whole numbers."""
    return {"rangemode": "tozero", **({"dtick": 1} if most <= MOST_WHOLE else {})}


@dataclass(frozen=True)
class Axis:
    """One hyper-parameter as a line.

    Attributes:
        name: The parameter.
        options: The values of a choice, in order; None for a range of numbers.
        log: Whether the logarithm of a number is its place.
        whole: Whether its values are whole numbers, and so its ticks.
    """

    name: str
    options: tuple[Any, ...] | None = None
    log: bool = False
    whole: bool = False

    def place(self, value: Any) -> float:
        """Return where a value stands; NaN for one that the trial does not have."""
        if value is None and (self.options is None or None not in self.options):
            return math.nan
        if self.options is not None:
            return float(self.options.index(value)) if value in self.options else math.nan
        return math.log10(value) if self.log else float(value)

    def ticks(self, places: NDArray[np.float64]) -> tuple[list[float], list[str]] | None:
        """Return places and texts of the ticks over these places; None where the figure's own are as good."""
        if self.options is not None:
            return [float(i) for i in range(len(self.options))], [param(option) for option in self.options]
        if np.isnan(places).all():
            return None
        low, high = float(np.nanmin(places)), float(np.nanmax(places))
        if not self.log:
            if not self.whole or high - low > MOST_WHOLE:
                return None  # over a longer range a figure's own ticks are whole
            return [float(i) for i in range(int(low), int(high) + 1)], [f"{i}" for i in range(int(low), int(high) + 1)]
        marks = (1,) if high - low > 2 else (1, 2, 5)
        known = [
            (math.log10(mark) + power, f"{mark * 10.0**power:.4g}")
            for power in range(math.floor(low), math.ceil(high) + 1)
            for mark in marks
        ]
        inside = [tick for tick in known if low - 1e-9 <= tick[0] <= high + 1e-9]
        return [place for place, _ in inside], [text for _, text in inside]


def axes(history: History) -> list[Axis]:
    """Return an axis for every parameter that differs between trials, in the order of the space.

    Where the space is a function its ranges are unknown: then the values that were tried tell.
    """
    dims = history.declaration.dimensions
    names = dict.fromkeys([*dims, *(name for trial in history.trials for name in trial.params)])
    found = []
    for name in names:
        values = [trial.params[name] for trial in history.trials if name in trial.params]
        if any(value != values[0] for value in values) or 0 < len(values) < len(history.trials):
            found.append(_axis(name, dims.get(name), values))
    return found


def _axis(name: str, dim: Choice | Float | Int | None, values: Sequence[Any]) -> Axis:
    if isinstance(dim, Choice):
        return _choice(name, dim.grid())
    if dim is not None:
        return Axis(name, log=dim.log, whole=isinstance(dim, Int))
    if not all(_is_number(value) for value in values):
        return _choice(name, sorted(_distinct(values), key=lambda value: (type(value).__name__, param(value))))
    return Axis(name, log=_is_wide(values), whole=all(isinstance(value, int) for value in values))


def _choice(name: str, options: Sequence[Any]) -> Axis:
    # Numbers to choose from are a range to the eye: mini-batches of 1, 10 and 100 in this order, evenly apart.
    ordered = sorted(options) if all(_is_number(option) for option in options) else options
    return Axis(name, tuple(ordered))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_wide(values: Sequence[float]) -> bool:
    return min(values) > 0 and math.log10(max(values) / min(values)) > DECADES


def _distinct(values: Sequence[Any]) -> list[Any]:
    known: list[Any] = []
    for value in values:
        if value not in known:
            known.append(value)
    return known


def matrix(trials: Sequence[Trial], known: Sequence[Axis]) -> NDArray[np.float64]:
    """Return the places of some trials, shape (n_trials, n_axes)."""
    rows = [[axis.place(trial.params.get(axis.name)) for axis in known] for trial in trials]
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(known))
