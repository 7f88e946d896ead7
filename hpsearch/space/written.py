"""What people write in a space becomes a dimension: lists, ranges, arrays, frozen distributions, fixed values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hpsearch.errors import UserError
from hpsearch.space.dimensions import Choice, Dimension, Float, Int
from hpsearch.space.values import native

UNIFORM = ("uniform", "loguniform", "reciprocal", "randint")
"""Distributions of scipy.stats that are a range."""


def dimension(name: str, value: Any) -> Dimension:
    """Return the dimension that a value in a space means.

    A list or an array is a choice of its items, a range of whole numbers an Int. ``scipy.stats.uniform``,
    ``loguniform`` and ``randint``, frozen, are a Float or an Int. Any other value, also a tuple, is the one that the
    parameter has.

    Args:
        name: The parameter.
        value: The value that the space has for it.

    Raises:
        UserError: It is nothing that can be searched; the message says what to write.
    """
    if isinstance(value, Float | Int | Choice):
        return value
    place = f"space[{name!r}]"
    if isinstance(value, type) and issubclass(value, Float | Int | Choice):
        raise UserError(f"{place}: {value.__name__} is the class; write {value.__name__}(…)")
    if isinstance(value, Mapping):
        raise UserError(f"{place}: a dict of options is Choice({{…}}), and a single dict as value is Choice([{{…}}])")
    if hasattr(value, "rvs"):
        return _distribution(place, value)
    try:
        return _written(native(value))
    except UserError as error:
        raise UserError(f"{place}: {error}") from error


def _written(value: Any) -> Dimension:
    if isinstance(value, range) and len(value) > 1 and value.step > 0:
        return Int(value[0], value[-1], step=None if value.step == 1 else value.step)
    if isinstance(value, list | range):
        return Choice(value)
    return Choice([value])


def _distribution(place: str, value: Any) -> Dimension:
    """Return a frozen distribution of scipy.stats as a range."""
    inner = getattr(value, "dist", None)
    if inner is None or not hasattr(value, "support"):
        raise UserError(f"{place}: {type(value).__name__} needs its arguments: scipy.stats.uniform(0, 1), for example")
    low, high = (native(end) for end in value.support())
    if inner.name in UNIFORM:
        if inner.name == "randint":
            return Int(int(low), int(high)) if low < high else Choice([int(low)])
        return Float(float(low), float(high), log=inner.name != "uniform")
    low_quantile, high_quantile = (float(native(value.ppf(share))) for share in (0.01, 0.99))
    is_discrete = hasattr(inner, "pmf")
    ends = (
        f"Int({low_quantile:.0f}, {high_quantile:.0f})"
        if is_discrete
        else f"Float({low_quantile:.3g}, {high_quantile:.3g})"
    )
    raise UserError(
        f"{place}: a search needs the ends of a range, and {inner.name} is none; write {ends}, its 1 % and 99 % "
        "quantiles, with log=True where the logarithm counts"
    )
