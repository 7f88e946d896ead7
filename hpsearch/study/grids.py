"""A list of grids, as scikit-learn's ``param_grid``: its points, and the space that they form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from hpsearch.errors import UserError
from hpsearch.space import Choice, Float, Int
from hpsearch.space.values import json_value, listed, native

Objects = dict[str, dict[str, Any]]
"""By parameter: the objects that some of its options stand for, by their names."""


def points_of(grids: Sequence[Mapping[str, Any]], defaults: Mapping[str, Any]) -> tuple[list[dict[str, Any]], Objects]:
    """Return every point of a list of grids, in the order in which they are written, and the objects behind names.

    Args:
        grids: Each maps parameters to a value or, as a list, an array, a Choice or an Int, to several; all combinations
            of one grid are its points, the last parameter turning fastest. A parameter that one grid names and another
            does not has its default there; one of a step that is an option itself does not exist there.
        defaults: The model's own values.

    Raises:
        UserError: A grid is none, a parameter has no default, or a point comes twice.
    """
    for number, grid in enumerate(grids):
        if not isinstance(grid, Mapping):
            raise UserError(f"space[{number}]: a list as space holds dicts, one per grid, not {grid!r}")
    order = list(dict.fromkeys(name for grid in grids for name in grid))
    order.sort(key=lambda name: _outer(name, order) is not None)  # a step stands before what depends on it
    points: list[dict[str, Any]] = []
    objects: Objects = {}
    for number, grid in enumerate(grids):
        choices: dict[str, Choice] = {}
        for name in order:
            if name in grid:
                choices[name] = _options(f"space[{number}][{name!r}]", grid[name])
            elif _outer(name, order) is None:
                if name not in defaults:
                    raise UserError(f"space[{number}]: no value for {name!r}, which another grid has")
                choices[name] = Choice([defaults[name]])
        for name, choice in choices.items():
            objects.setdefault(name, {}).update(choice.objects)
        points += [
            dict(zip(choices, values, strict=True))
            for values in product(*(choice.listed_options for choice in choices.values()))
        ]
    seen: list[Any] = []
    for point in points:
        value = {name: json_value(item, f"space: {name}") for name, item in point.items()}
        if value in seen:
            raise UserError(f"space: the point {point!r} comes twice")
        seen.append(value)
    return points, objects


def choices_of(points: Sequence[Mapping[str, Any]], objects: Objects) -> dict[str, Choice]:
    """Return the space of these points: for each parameter the values that it takes, in order of appearance.

    Args:
        points: Values by parameter.
        objects: What options stand for that go by names.
    """
    space: dict[str, Choice] = {}
    names = list(dict.fromkeys(name for point in points for name in point))
    for name in names:
        points_with_it = [point for point in points if name in point]
        when = None
        if len(points_with_it) < len(points) and (outer := _outer(name, names)) is not None:
            when = {outer: _distinct(point[outer] for point in points_with_it)}
        options = _distinct(point[name] for point in points_with_it)
        space[name] = Choice(options, when=when, objects=objects.get(name, {}))
    return dict(sorted(space.items(), key=lambda item: item[1].when is not None))


def _distinct(values: Any) -> list[Any]:
    """Return the values without repeats, in their order; a tuple and a list of the same items are the same."""
    distinct: list[Any] = []
    seen_as_json: list[Any] = []
    for value in values:
        if (plain := listed(value)) not in seen_as_json:
            seen_as_json.append(plain)
            distinct.append(value)
    return distinct


def _outer(name: str, names: Sequence[str]) -> str | None:
    """Return the innermost step that a parameter ``step__parameter`` belongs to, among these names; or None."""
    pieces = name.split("__")
    outer = ("__".join(pieces[:length]) for length in range(len(pieces) - 1, 0, -1))
    return next((step for step in outer if step in names), None)


def _options(place: str, value: Any) -> Choice:
    value = native(value)
    if isinstance(value, Choice):
        return value
    if isinstance(value, Int | Float):
        return Choice(value.grid())
    try:
        return Choice(value if isinstance(value, list | range) else [value])
    except UserError as error:
        raise UserError(f"{place}: {error}") from error
