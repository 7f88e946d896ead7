"""What is searched: a mapping from names to dimensions, in the order in which they are sampled.

A dimension that says ``when={"optimizer": "momentum"}`` exists only where an earlier one has that value. A space may
also be a function of an Optuna trial (define-by-run); what such a function suggests is known only once it has run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from hpsearch.errors import UserError, did_you_mean
from hpsearch.space.dimensions import Choice, Dimension, Float, Int, json_value, listed
from hpsearch.space.written import dimension

__all__ = [
    "Choice",
    "Dimension",
    "Float",
    "Int",
    "Space",
    "SpaceFunction",
    "active",
    "behind",
    "check_point",
    "check_space",
    "check_value",
    "from_json",
    "from_units",
    "is_active",
    "restore",
    "to_json",
]

Space = Mapping[str, Dimension]
SpaceFunction = Callable[[Any], Any]
_KINDS: dict[str, type[Dimension]] = {"Float": Float, "Int": Int, "Choice": Choice}


def check_space(space: Mapping[str, Any]) -> dict[str, Dimension]:
    """Return the space as a dict of dimensions; see :func:`hpsearch.space.written.dimension` for what becomes one.

    Raises:
        UserError: A name is no text, a value is nothing to search in, or a ``when`` can never hold.
    """
    checked: dict[str, Dimension] = {}
    for name, value in space.items():
        if not isinstance(name, str) or not name:
            raise UserError(f"space: the name {name!r} must be a text")
        dim = dimension(name, value)
        for other, allowed in (dim.when or {}).items():
            if other not in checked:
                suggestion = did_you_mean(other, checked) if checked else ""
                raise UserError(
                    f"space[{name!r}]: when names {other!r}, which no earlier dimension is called{suggestion}"
                )
            for option in allowed:
                if not checked[other].contains(option):
                    raise UserError(
                        f"space[{name!r}]: when={other!r} never holds: {option!r} is not in {checked[other]!r}"
                    )
        checked[name] = dim
    return checked


def active(space: Space, params: Mapping[str, Any]) -> list[str]:
    """Return the names of the dimensions that exist for these values, in order."""
    names: list[str] = []
    for name, dim in space.items():
        if is_active(dim, {other: params[other] for other in names if other in params}):
            names.append(name)
    return names


def is_active(dim: Dimension, params: Mapping[str, Any]) -> bool:
    """Return whether a dimension exists, given the values of the active dimensions before it."""
    return all(other in params and listed(params[other]) in allowed for other, allowed in (dim.when or {}).items())


def check_point(space: Space, params: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Return a point given by hand as JSON values.

    Raises:
        UserError: A value is missing, unknown, inactive or outside its dimension.
    """
    point = {name: json_value(value, f"{place}[{name!r}]") for name, value in params.items()}
    for name in point:
        if name not in space:
            raise UserError(f"{place}: {name!r} is not in the space{did_you_mean(name, space)}")
    names = active(space, point)
    for name in names:
        if name not in point:
            raise UserError(f"{place}: no value for {name!r}")
        if not space[name].contains(point[name]):
            raise UserError(f"{place}: {name}={point[name]!r} is not in {space[name]!r}")
    for name in point:
        if name not in names:
            raise UserError(f"{place}: {name!r} does not exist here (when={dict(space[name].when or {})!r})")
    return {name: float(point[name]) if isinstance(space[name], Float) else point[name] for name in names}


def check_value(space: Space, name: str, value: Any, place: str) -> None:
    """Raise a UserError where a space has no such dimension, or the dimension no such value."""
    if name not in space:
        raise UserError(f"{place}: {name!r} is not in the space{did_you_mean(name, space)}")
    if not space[name].contains(json_value(value, f"{place} {name}")):
        raise UserError(f"{place}: {name}={value!r} is not in {space[name]!r}")


def restore(space: Space, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return JSON values as the user wrote them: tuples of a Choice, and in the place of names the objects behind."""
    return {
        name: dim.value(value) if isinstance(dim := space.get(name), Choice) else value
        for name, value in params.items()
    }


def behind(space: Space, name: str, value: Any) -> Any:
    """Return the object behind a value that is a name in a choice of objects; any other value as it is."""
    dim = space.get(name)
    return dim.value(value) if isinstance(dim, Choice) and dim.objects else value


def from_units(space: Space, units: Sequence[float]) -> dict[str, Any]:
    """Return the point at these fractions of the dimensions' ranges, without the dimensions that do not exist there."""
    point: dict[str, Any] = {}
    for (name, dim), unit in zip(space.items(), units, strict=True):
        if is_active(dim, point):
            point[name] = dim.from_unit(unit)
    return point


def to_json(space: Space) -> dict[str, Any]:
    """Return the space as JSON values; what has its default is left out, as are the objects behind names."""
    written: dict[str, Any] = {}
    for name, dim in space.items():
        values = {field.name: getattr(dim, field.name) for field in fields(dim) if field.name != "objects"}
        settings = {key: listed(value) for key, value in values.items() if value is not None and value is not False}
        written[name] = {"type": type(dim).__name__, **settings}
    return written


def from_json(value: Mapping[str, Any], original: Space | None = None) -> dict[str, Dimension]:
    """Return the space that :func:`to_json` wrote.

    Args:
        value: The JSON values; descriptions of objects that go by names may stand beside.
        original: A space that has the objects.
    """
    space: dict[str, Dimension] = {}
    for name, written in value.items():
        arguments = {key: item for key, item in written.items() if key not in ("type", "objects")}
        dim = None if original is None else original.get(name)
        if isinstance(dim, Choice) and dim.objects:
            arguments["objects"] = dim.objects
        space[name] = _KINDS[written["type"]](**arguments)
    return space
