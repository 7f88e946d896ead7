"""What an objective reports, as metrics: a number, several, a dict of them, or nothing yet."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping, Sequence
from typing import Any

from hpsearch.objectives.broken import shortened

LONGEST_NAME = 250
"""Most characters of a metric's name: stores take no more."""


def metrics_of(reported: Any, names: Sequence[str]) -> dict[str, float]:
    """Return a report as metrics by name.

    Args:
        reported: A number or anything with ``.item()``; a tuple or list of as many as the study has metrics; a dict
            of them, in which None stands for a metric that was not measured; or None for nothing measured.
        names: The study's metrics.

    Raises:
        TypeError: Something in it is no number, or a name is no text.
        ValueError: There are more or fewer numbers than metrics.
    """
    if reported is None:
        return {}
    if isinstance(reported, Mapping):
        by_name = {_name(name): value for name, value in reported.items()}
        return {name: _as_number(name, value) for name, value in by_name.items() if value is not None}
    if isinstance(reported, tuple | list):
        if len(reported) != len(names):
            raise ValueError(
                f"{len(reported)} values were reported, and the study has {len(names)} metrics ({', '.join(names)})"
            )
        return {name: _as_number(name, value) for name, value in zip(names, reported, strict=True) if value is not None}
    return {names[0]: _as_number(names[0], reported)}


def attribute_of(name: str, value: Any) -> Any:
    """Return the value of a trial's attribute as a JSON value.

    Raises:
        TypeError: It is nothing that JSON can hold.
    """
    if hasattr(value, "tolist"):  # arrays, NumPy's numbers, tensors
        value = value.tolist()
    try:
        encoded = json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError(f"trial.set({name}=...): {type(value).__name__} is no JSON value ({error})") from error
    return json.loads(encoded.encode("utf-8", "backslashreplace"))


def _name(name: Any) -> str:
    if not isinstance(name, str):
        raise TypeError(f"a metric's name must be a text, not {type(name).__name__}")
    if not name.strip() or len(name) > LONGEST_NAME or shortened(name, LONGEST_NAME) != name or not name.isprintable():
        raise ValueError(f"a metric cannot be called {shortened(repr(name), 80)}")
    return str(name)


def _as_number(name: str, value: Any) -> float:
    if isinstance(value, str | bytes | bytearray | complex):
        raise TypeError(f"metric {name!r} is a {type(value).__name__}, not a number")
    if inspect.iscoroutine(value):
        value.close()
        raise TypeError(f"metric {name!r} comes from an async function; write it with def, and asyncio.run inside")
    try:
        return float(value.item() if hasattr(value, "item") else value)
    except Exception as error:  # whatever an object of the user's does when it is asked for its number
        raise TypeError(f"metric {name!r} is no number: {_described(value)} ({type(error).__name__})") from error


def _described(value: Any) -> str:
    """Return the type of a value in words, of an array or a tensor with its shape."""
    type_name = type(value).__name__
    shape = getattr(value, "shape", None)
    try:
        sides = tuple(int(side) for side in shape) if shape is not None else ()
    except (TypeError, ValueError):
        sides = ()
    return f"{type_name} of shape {sides}; report one number, such as its mean" if sides else type_name
