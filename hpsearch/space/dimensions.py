"""One hyper-parameter: a range of numbers or a choice of options, declared once and frozen.

Values are JSON values (a tuple is written as a list), so that the log gives back exactly what a sampler proposed.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from hpsearch.errors import UserError
from hpsearch.space.values import json_value as json_value
from hpsearch.space.values import listed as listed
from hpsearch.space.values import named_options, native

When = Mapping[str, Any]

LARGEST = 2**1023
"""Whole numbers beyond this cannot become floats, which samplers need."""


@dataclass(frozen=True)
class Float:
    """A real number in [low, high].

    Attributes:
        low: Smallest value.
        high: Largest value.
        log: Whether the logarithm is sampled evenly; needs low > 0.
        step: Distance of the values that are tried, counted from low, or None for a continuum.
        when: Values that earlier dimensions must have; a list gives alternatives.

    Examples:
        >>> from hpsearch import Float
        >>> Float(0.001, 1.0, log=True).contains(0.01), Float(0, 1, step=0.25).contains(0.3)
        (True, False)
    """

    low: float
    high: float
    log: bool = False
    step: float | None = None
    when: When | None = None

    def __post_init__(self) -> None:
        _check_range(self, float)
        object.__setattr__(self, "when", _check_when(self))

    def __repr__(self) -> str:
        return _repr(self)

    def contains(self, value: object) -> bool:
        """Return whether value is a number of this dimension; a stepped one holds only the values of its steps."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not self.low <= value <= self.high:
            return False
        return self.step is None or math.isclose(self.snap(value), value, rel_tol=1e-9, abs_tol=1e-9 * self.step)

    def count(self) -> int | None:
        """Return how many values there are, or None for a continuum."""
        if self.step is None:
            return None
        return int((_decimal(self.high) - _decimal(self.low)) / _decimal(self.step)) + 1

    def at(self, index: int) -> float:
        """Return the value at an index of a stepped range, from 0, without the rounding errors of repeated addition."""
        assert self.step is not None, "a continuous range has no numbered values"
        return float(_decimal(self.low) + index * _decimal(self.step))

    def grid(self) -> list[float]:
        """Return every value.

        Raises:
            UserError: The range is continuous.
        """
        size = self.count()
        if size is None:
            raise UserError(f"grid over a continuous range: {self!r}; give step= or Choice([…]) with the values to try")
        return [self.at(index) for index in range(size)]

    def from_unit(self, unit: float) -> float:
        """Return the value at this fraction, in [0, 1), of the range (of its logarithm where log)."""
        size = self.count()
        if size is not None:
            return self.at(min(int(unit * size), size - 1))
        if self.log:
            low, high = math.log(self.low), math.log(self.high)
            return min(max(math.exp(low + unit * (high - low)), self.low), self.high)
        width = self.high - self.low
        if math.isinf(width):  # the distance of the ends is no float, though both are
            return min(max((1 - unit) * self.low + unit * self.high, self.low), self.high)
        return min(max(self.low + unit * width, self.low), self.high)

    def snap(self, value: float) -> float:
        """Return the value of this dimension that is nearest to a number."""
        value = min(max(float(value), self.low), self.high)
        size = self.count()
        if self.step is None or size is None:
            return value
        return self.at(min(max(self.index(value), 0), size - 1))

    def index(self, value: float) -> int:
        """Return the index of the value of a stepped range that is nearest to a number."""
        assert self.step is not None, "a continuous range has no numbered values"
        steps = (value - self.low) / self.step
        if math.isinf(steps):
            steps = value / self.step - self.low / self.step
        return round(steps)


@dataclass(frozen=True)
class Int:
    """A whole number in [low, high].

    Attributes:
        low: Smallest value.
        high: Largest value.
        log: Whether the logarithm is sampled evenly; needs low >= 1.
        step: Distance of the values that are tried, counted from low; None means 1.
        when: Values that earlier dimensions must have; a list gives alternatives.

    Examples:
        >>> from hpsearch import Int
        >>> Int(10, 100, step=10).contains(30), Int(10, 100, step=10).contains(35)
        (True, False)
    """

    low: int
    high: int
    log: bool = False
    step: int | None = None
    when: When | None = None

    def __post_init__(self) -> None:
        _check_range(self, int)
        object.__setattr__(self, "when", _check_when(self))

    def __repr__(self) -> str:
        return _repr(self)

    def contains(self, value: object) -> bool:
        """Return whether value is an int of this dimension."""
        if isinstance(value, bool) or not isinstance(value, int):
            return False
        return self.low <= value <= self.high and (value - self.low) % (self.step or 1) == 0

    def count(self) -> int:
        """Return how many values there are."""
        return (self.high - self.low) // (self.step or 1) + 1

    def at(self, index: int) -> int:
        """Return the value at an index, from 0."""
        return self.low + index * (self.step or 1)

    def grid(self) -> list[int]:
        """Return every value."""
        return [self.at(index) for index in range(self.count())]

    def from_unit(self, unit: float) -> int:
        """Return the value at this fraction, in [0, 1), of the range (of its logarithm where log)."""
        if self.log:
            low, high = self.log_ends()
            return min(max(round(math.exp(low + unit * (high - low))), self.low), self.high)
        return self.at(min(int(unit * self.count()), self.count() - 1))

    def log_ends(self) -> tuple[float, float]:
        """Return the logarithms of the ends, each half a unit further out, so that both get their full share."""
        return math.log(self.low - 0.5), math.log(self.high + 0.5)

    def snap(self, value: float) -> int:
        """Return the value of this dimension that is nearest to a number."""
        if self.contains(value):
            return int(value)  # a quotient would lose the last digits of a large one
        return self.at(min(max(round((value - self.low) / (self.step or 1)), 0), self.count() - 1))


@dataclass(frozen=True)
class Choice:
    """One of several options, without order.

    Attributes:
        options: JSON scalars, or lists and tuples of them; no two are equal. An array or a range holds several. Any
            other object (an estimator, a function, a class, a dict) goes by a name: give ``{name: object}``; in a list
            its name is that of the function or class, or else its ``repr``.
        when: Values that earlier dimensions must have; a list gives alternatives.
        objects: What the options stand for that go by names.

    Examples:
        >>> from hpsearch import Choice, Float
        >>> optimizer = Choice(["sgd", "momentum"])
        >>> space = {"optimizer": optimizer, "momentum": Float(0.5, 0.99, when={"optimizer": "momentum"})}
        >>> optimizer.contains("adam")
        False
    """

    options: Sequence[Any] | Mapping[str, Any]
    when: When | None = None
    objects: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        options, objects = named_options(self.options, self.objects)
        object.__setattr__(self, "options", options)
        object.__setattr__(self, "objects", objects)
        if not options:
            raise UserError("Choice([]): there is nothing to choose from")
        earlier: list[Any] = []
        for option in options:
            value = json_value(option, f"Choice option {option!r}")
            if value in earlier:
                raise UserError(f"{self!r}: option {option!r} equals an earlier one")
            earlier.append(value)
        object.__setattr__(self, "when", _check_when(self))

    def __repr__(self) -> str:
        return _repr(self)

    def contains(self, value: object) -> bool:
        """Return whether value is one of the options; a tuple and a list of the same items are the same option."""
        return listed(value) in self.grid()

    def count(self) -> int:
        """Return how many options there are."""
        return len(self.options)

    @property
    def listed_options(self) -> tuple[Any, ...]:
        """The options as the user wrote them, objects by their names."""
        return tuple(self.options)

    def at(self, index: int) -> Any:
        """Return the option at an index, from 0, as a JSON value."""
        return listed(self.listed_options[index])

    def value(self, option: Any) -> Any:
        """Return what an option stands for: the value as the user wrote it, or a copy of the object behind a name."""
        if isinstance(option, str) and option in self.objects:
            return deepcopy(self.objects[option])
        if self.contains(option):
            return self.listed_options[self.index(option)]
        if self.objects:
            raise UserError(f"{option!r} is no longer among the options of {self!r}, so nothing says what it stood for")
        # Of a trial from before the option was taken out: a list is written as the others are.
        tuples = any(isinstance(choice, tuple) for choice in self.listed_options)
        return tuple(option) if tuples and isinstance(option, list) else option

    def grid(self) -> list[Any]:
        """Return every option as a JSON value."""
        return [listed(option) for option in self.listed_options]

    def from_unit(self, unit: float) -> Any:
        """Return the option at this fraction, in [0, 1), of the list."""
        return self.at(min(int(unit * len(self.options)), len(self.options) - 1))

    def index(self, value: object) -> int:
        """Return the index of the option that equals value."""
        return self.grid().index(listed(value))


Dimension = Float | Int | Choice


def _check_range(dim: Float | Int, kind: type[float] | type[int]) -> None:
    name = type(dim).__name__
    label = f"{name}({dim.low!r}, {dim.high!r}" + (f", step={dim.step!r})" if dim.step is not None else ")")
    for key in ("low", "high", "step"):
        value = native(getattr(dim, key))
        if value is None and key == "step":
            continue
        is_whole = not isinstance(value, bool) and hasattr(value, "__index__")
        is_real = is_whole or (not isinstance(value, bool) and isinstance(value, float))
        if not (is_whole if kind is int else is_real):
            raise UserError(f"{label}: {key} must be {'a whole number' if kind is int else 'a number'}")
        if is_whole and abs(operator.index(value)) > LARGEST:
            raise UserError(f"{name}: {key} must lie between -2**1023 and 2**1023, which is about 9e307")
        if not math.isfinite(value):
            raise UserError(f"{label}: {key} must be finite")
        object.__setattr__(dim, key, kind(value))
    if dim.low > dim.high:
        raise UserError(f"{label}: the range is inverted (low > high)")
    if dim.low == dim.high:
        raise UserError(f"{label}: the range is empty (low == high); a fixed value belongs to the model")
    if kind is int and dim.high - dim.low > LARGEST + LARGEST // 2:
        raise UserError(f"{name}: high - low must be at most 1.5 * 2**1023")
    if dim.step is not None and dim.step <= 0:
        raise UserError(f"{label}: step must be greater than 0")
    if dim.log and dim.step is not None:
        raise UserError(f"{label}: log=True and step= exclude each other; for a grid give Choice([…]) with the values")
    if dim.log and dim.low <= 0:
        raise UserError(f"{label}: a log range must start above 0")


def _check_when(dim: Dimension) -> dict[str, list[Any]] | None:
    # A list is a set of alternatives and a tuple is one value, so {"sizes": (30,)} means what it says.
    if dim.when is None:
        return None
    if not isinstance(dim.when, Mapping) or not dim.when:
        raise UserError(f"{type(dim).__name__}: when={dim.when!r} must be a dict such as {{'optimizer': 'momentum'}}")
    return {
        other: [
            json_value(option, f"when[{other!r}]") for option in (allowed if isinstance(allowed, list) else [allowed])
        ]
        for other, allowed in dim.when.items()
    }


def _repr(dim: Dimension) -> str:
    if isinstance(dim, Choice):
        arguments = [f"[{', '.join(repr(option) for option in dim.listed_options)}]"]
    else:
        arguments = [_number_text(dim.low), _number_text(dim.high)]
        arguments += ["log=True"] * dim.log
        arguments += [] if dim.step is None else [f"step={_number_text(dim.step)}"]
    if dim.when:
        conditions = {other: allowed[0] if len(allowed) == 1 else allowed for other, allowed in dim.when.items()}
        arguments.append(f"when={conditions!r}")
    return f"{type(dim).__name__}({', '.join(arguments)})"


def _number_text(value: float) -> str:
    short = str(value) if isinstance(value, int) else f"{value:g}"
    return short if float(short) == value else repr(value)


def _decimal(value: float) -> Decimal:
    # The shortest decimal that reads back as this float is the number that the user wrote.
    return Decimal(repr(value))
