"""A dimension in Optuna's words: as a distribution, and its values there and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hpsearch.space.dimensions import Choice, Dimension, Float, Int

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution


def distribution(dim: Dimension) -> BaseDistribution:
    """Return the dimension as an Optuna distribution.

    Lists among options stand in it as text, which is all that Optuna can hold, and the values of a stepped Float as
    their numbers: Optuna's own stepped ranges lose their last value to rounding now and then.
    """
    from optuna import distributions  # slow to import, and not every study needs it

    if isinstance(dim, Choice):
        return distributions.CategoricalDistribution([to_optuna(dim, option) for option in dim.grid()])
    if isinstance(dim, Int):
        return distributions.IntDistribution(dim.low, dim.at(dim.count() - 1), log=dim.log, step=dim.step or 1)
    if (size := dim.count()) is not None:
        return distributions.IntDistribution(0, size - 1)
    return distributions.FloatDistribution(dim.low, dim.high, log=dim.log)


def to_optuna(dim: Dimension, value: Any) -> Any:
    """Return a JSON value of this dimension as Optuna holds it."""
    if isinstance(dim, Choice):
        return repr(value) if isinstance(value, list) else value
    return round((value - dim.low) / dim.step) if isinstance(dim, Float) and dim.step is not None else value


def from_optuna(dim: Dimension, value: Any) -> Any:
    """Return what Optuna suggested as a native JSON value of this dimension."""
    if isinstance(dim, Choice):
        return dim.at([to_optuna(dim, option) for option in dim.grid()].index(value))
    return dim.at(value) if isinstance(dim, Float) and dim.step is not None else dim.snap(value)
