"""Values as Python users write them, and the JSON values that stand for them in a log.

NumPy's scalars are numbers, an array and a range are lists. What JSON cannot hold (an estimator, a function, a class, a
dict) goes by a name.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from hpsearch.errors import UserError

LONGEST = 80
"""Characters of a repr that still serves as a name."""


def json_value(value: object, place: str) -> Any:
    """Return value as the JSON value that stands for it: tuples as lists.

    Raises:
        UserError: It is no finite number, text, boolean, None, or list or tuple of them.
    """
    value = native(value)
    if isinstance(value, list | tuple):
        return [json_value(item, place) for item in value]
    if is_plain(value):
        return value
    raise UserError(f"{place}: only finite numbers, texts, booleans, None and lists or tuples of them can be recorded")


def is_plain(value: object) -> bool:
    """Return whether a value is a finite number, a text, a boolean, None, or a list or tuple of them."""
    if isinstance(value, list | tuple):
        return all(is_plain(native(item)) for item in value)
    return value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value))


def native(value: Any) -> Any:
    """Return a scalar of NumPy as Python's own, an array as a list; anything else as it is."""
    if type(value).__module__ == "numpy" and hasattr(value, "dtype") and hasattr(value, "tolist"):
        return value.tolist()
    return value


def listed(value: Any) -> Any:
    """Return a value with every tuple in it as a list."""
    if isinstance(value, Mapping):
        return {key: listed(item) for key, item in value.items()}
    return [listed(item) for item in value] if isinstance(value, list | tuple) else value


def named_options(options: Any, objects: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the options of a choice, objects among them by their names, and those objects by name.

    Args:
        options: A list or another sequence, an array, or a dict of objects by name.
        objects: Objects whose names may be among the options.

    Raises:
        UserError: There are no options in it, or an object has no name that would be the same tomorrow.
    """
    if isinstance(options, Mapping):
        for name in options:
            if not isinstance(name, str) or not name:
                raise UserError(f"Choice: the name {name!r} of an option must be a text")
        return tuple(options), dict(options)
    options = native(options)
    if isinstance(options, str | bytes) or not isinstance(options, Sequence):
        raise UserError(f"Choice({options!r}): give a list of options, or a dict of them by name")
    items = [_native_items(item) for item in options]
    names = [item for item in items if isinstance(item, str)]
    objects_by_name = {name: value for name, value in objects.items() if name in names}
    named: list[Any] = []
    for item in items:
        if is_plain(item) or _has_no_number(item):
            named.append(item)
            continue
        name = name_of(item)
        if name in named:
            raise UserError(f"Choice: two options are called {name!r}; give them names: Choice({{'name': …}})")
        named.append(name)
        objects_by_name[name] = item
    return tuple(named), objects_by_name


def name_of(value: Any) -> str:
    """Return the name of an object that is an option.

    Raises:
        UserError: It has none that would be the same tomorrow, or a long one.
    """
    has_name = callable(value) and isinstance(getattr(value, "__name__", None), str)
    name = value.__name__ if has_name else " ".join(repr(value).split())
    if name == "<lambda>" or " at 0x" in name or len(name) > LONGEST:
        raise UserError(f"Choice: the option {name[:LONGEST]} needs a name: write Choice({{'name': …}})")
    return name


def _has_no_number(value: Any) -> bool:
    """Return whether a value holds NaN or an infinity, which cannot be recorded, not even by a name."""
    if isinstance(value, list | tuple):
        return any(map(_has_no_number, value))
    return isinstance(value, float) and not math.isfinite(value)


def _native_items(value: Any) -> Any:
    value = native(value)
    if type(value) in (list, tuple):
        return type(value)(_native_items(item) for item in value)
    return value
