"""A layer as users write it: a frozen value that is built once the shape of what comes in is known."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, fields
from numbers import Integral, Real
from typing import Any, ClassVar, Literal

from ..activations import ACTIVATIONS, Activation
from ..initializers import Initializer
from .base import Layer
from .shapes import Shape

IDENTITY = "identity"
"""The name of no activation."""


class Declared(ABC):
    """A layer of a chain, without weights; subclasses are frozen dataclasses.

    Its fields are what can be searched, under names such as ``layers__0__filters``.
    """

    within: ClassVar[tuple[str, ...]] = ()
    """Fields that hold chains of layers themselves."""

    goes_before: ClassVar[Literal["", "implied", "monotone"]] = ""
    """Before which activations of the layer below it stands: those that weights imply (a norm), monotone ones (a
    maximum, which gives the same and leaves the activation less to do), or none."""

    by_place: ClassVar[bool] = False
    """Whether the order in which the places of an image are stored makes no difference to it."""

    pools: ClassVar[bool] = False
    """Whether it makes one number of each window of an image, by `size` and `stride`."""

    def check(self) -> None:  # noqa: B027
        """Raise a ValueError for fields that are out of range."""

    @abstractmethod
    def build(self, site: Site) -> list[Layer]:
        """Return what computes the layer, and set the site's shape to that of what goes out.

        Raises:
            ValueError: What comes in does not suit it.
        """

    def group(self) -> Declared:
        """Return a value that is equal for layers that can train side by side in one program."""
        return self


@dataclass(frozen=True)
class Pending:
    """An activation that has not been placed yet.

    Attributes:
        function: The activation.
        implied: Whether norms may come before it.
        scales: Whether it gives itself the factor that it wishes its input to have.
    """

    function: Activation
    implied: bool
    scales: bool


@dataclass
class Site:
    """Where a layer is built: what comes in from below, and what stands above.

    Attributes:
        shape: The shape of what comes in; a layer sets it to what goes out.
        initializer: Rule for initial weights and biases.
        activation: Name of the estimator's activation.
        above: The declared layers above the one that is being built.
        rates: Fractions of the dropout layers built so far.
        pending: The activation of the layer below, which some layers go before.
        counters: How many of each kind have been built, by name.
    """

    shape: Shape
    initializer: Initializer
    activation: str
    above: Sequence[Declared] = ()
    rates: list[float] | None = None
    pending: Pending | None = None
    counters: dict[str, int] | None = None

    def number(self, kind: str) -> int:
        """Return how many of a kind have been built before: the next one's index."""
        counters = self.counters = {} if self.counters is None else self.counters
        counters[kind] = counters.get(kind, -1) + 1
        return counters[kind]

    def dropped(self, rate: float) -> int:
        """Return the index of another dropout layer, of that fraction."""
        self.rates = [*(self.rates or []), float(rate)]
        return len(self.rates) - 1

    def activated(self, name: str | None, *, implied: bool = True) -> float:
        """Have an activation placed above the layer that is being built.

        Args:
            name: Its name; None for the estimator's.
            implied: Whether it belongs to a layer with weights, so that norms come before it.

        Returns:
            The factor that the layer is to give its output: what the activation wishes, where nothing comes between.
        """
        chosen = self.activation if name is None else name
        if chosen == IDENTITY:
            return 1.0
        function = ACTIVATIONS[chosen]
        scaled_below = implied and not (self.above and self.above[0].goes_before == "implied")
        self.pending = Pending(function, implied, not scaled_below)
        return function.gain if scaled_below else 1.0


def walk(layers: Sequence[Declared]) -> Iterator[Declared]:
    """Yield declared layers and those within them, in order."""
    for layer in layers:
        yield layer
        for name in layer.within:
            yield from walk(getattr(layer, name) or ())


def as_written(layer: Declared) -> str:
    """Return a layer as users write it, without the layers within it."""
    values = (f"{f.name}={getattr(layer, f.name)!r}" for f in fields(layer) if f.name not in layer.within)  # type: ignore[arg-type]
    return f"{type(layer).__name__}({', '.join(values)})"


def is_integer(value: Any, least: int = 1) -> bool:
    """Return whether a value is a whole number of at least so much."""
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= least


def check_positive(layer: Declared, *names: str) -> None:
    """Raise a ValueError unless these fields are positive integers."""
    for name in names:
        if not is_integer(getattr(layer, name)):
            raise ValueError(f"{as_written(layer)}: {name}={getattr(layer, name)!r} must be a positive integer")


def check_fraction(layer: Declared, name: str) -> None:
    """Raise a ValueError unless a field is a number in [0, 1)."""
    value = getattr(layer, name)
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= float(value) < 1:
        raise ValueError(f"{as_written(layer)}: {name}={value!r} must be a number in [0, 1)")


def check_name(layer: Declared, name: str, allowed: Collection[str]) -> None:
    """Raise a ValueError unless a field is one of these names."""
    value = getattr(layer, name)
    if value not in allowed:
        raise ValueError(f"{as_written(layer)}: {name}={value!r} is unknown (known: {', '.join(sorted(allowed))})")


def check_activation(layer: Any) -> None:
    """Raise a ValueError unless a layer's activation is one, "identity" or None."""
    if layer.activation is not None:
        check_name(layer, "activation", (IDENTITY, *ACTIVATIONS))


def pair(layer: Declared, name: str, least: int = 1) -> tuple[int, int]:
    """Return a field that is an integer, for both directions, or a pair of them (rows, columns).

    Raises:
        ValueError: It is neither.
    """
    value = getattr(layer, name)
    both = (value, value) if is_integer(value, least) else value
    if not isinstance(both, tuple | list) or len(both) != 2 or not all(is_integer(side, least) for side in both):
        raise ValueError(f"{as_written(layer)}: {name}={value!r} must be an integer ≥ {least}, or a pair of them")
    return int(both[0]), int(both[1])
