"""Dimensions as Optuna holds them, and as places in [0, 1].

Optuna takes texts, numbers, booleans and None as options, and ranges whose width is a float. What it cannot hold is
given to it in another form: a list as a text, the values of a stepped Float by their indices, and those of a range at
the limits of floats by their places in [0, 1].
"""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Any

from hpsearch.space.dimensions import Choice, Dimension, Float, Int

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

LARGEST_INT = 2**63
"""NumPy's whole numbers, and so Optuna's, end here."""


def distribution(dim: Dimension) -> BaseDistribution:
    """Return the dimension as an Optuna distribution.

    Optuna's own stepped ranges lose their last value to rounding now and then, so that the values of a stepped Float
    are counted instead.
    """
    from optuna import distributions  # slow to import, and not every study needs it

    if isinstance(dim, Choice):
        return distributions.CategoricalDistribution(_options(dim))
    if _is_extreme(dim):
        return distributions.FloatDistribution(0.0, 1.0)
    if isinstance(dim, Int):
        return distributions.IntDistribution(dim.low, dim.at(dim.count() - 1), log=dim.log, step=dim.step or 1)
    if (size := dim.count()) is not None:
        return distributions.IntDistribution(0, size - 1)
    return distributions.FloatDistribution(dim.low, dim.high, log=dim.log)


def to_optuna(dim: Dimension, value: Any) -> Any:
    """Return a JSON value of this dimension as Optuna holds it."""
    if isinstance(dim, Choice):
        return _options(dim)[dim.index(value)] if isinstance(value, list) else value
    if _is_extreme(dim):
        return to_unit(dim, value)
    return dim.index(value) if isinstance(dim, Float) and dim.step is not None else value


def from_optuna(dim: Dimension, value: Any) -> Any:
    """Return what Optuna suggested as a native JSON value of this dimension."""
    if isinstance(dim, Choice):
        return dim.at(_options(dim).index(value))
    if _is_extreme(dim):
        return dim.from_unit(value)
    return dim.at(value) if isinstance(dim, Float) and dim.step is not None else dim.snap(value)


def to_unit(dim: Dimension, value: Any) -> float:
    """Return the place of a value in its dimension, in [0, 1]: where :meth:`from_unit` finds it again."""
    if isinstance(dim, Choice):
        return (dim.index(value) + 0.5) / dim.count()
    if isinstance(dim, Float) and dim.step is None:
        low, high, value = (math.log(x) if dim.log else x for x in (dim.low, dim.high, value))
        if math.isinf(high - low):
            low, high, value = low / 2, high / 2, value / 2
        return float(min(max((value - low) / (high - low), 0.0), 1.0))
    if isinstance(dim, Int) and dim.log:
        low, high = dim.log_ends()
        return float((math.log(value) - low) / (high - low))
    index = dim.index(value) if isinstance(dim, Float) else round((value - dim.low) / (dim.step or 1))
    return float((index + 0.5) / (dim.count() or 1))


def _options(dim: Choice) -> list[Any]:
    """Return the options as Optuna holds them: a list as a text that is none of the other options."""
    texts = {option for option in dim.listed_options if isinstance(option, str)}
    held: list[Any] = []
    for option in dim.grid():
        as_held = repr(option) if isinstance(option, list) else option
        while isinstance(option, list) and as_held in texts:
            as_held = f"list {as_held}"
        held.append(as_held)
    return held


def _is_extreme(dim: Float | Int) -> bool:
    """Return whether the ends of a range, or their distance, are too large or too small for Optuna."""
    if isinstance(dim, Int):
        return max(abs(dim.low), abs(dim.high)) > LARGEST_INT
    if dim.step is not None:
        return False
    return not sys.float_info.min <= (dim.low if dim.log else dim.high - dim.low) < math.inf
