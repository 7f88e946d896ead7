"""The attributes of an object, as far as they say what it does."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

_INERT = ("_thread", "threading", "_io", "io", "queue", "_queue", "weakref", "_asyncio", "concurrent.futures")
"""Modules of objects whose attributes mean nothing for a result: locks, files, queues."""

_RANDOM = frozenset(
    {"LazyRandomState", "RandomState", "Generator", "IntersectionSearchSpace", "_GroupDecomposedSearchSpace"}
)
"""Classes of what an Optuna sampler keeps to itself: it is seeded anew for every point."""


def state_of(value: Any) -> Mapping[str, Any] | None:
    """Return what an object holds by name, sorted; None where it cannot be told."""
    cls = type(value)
    if cls.__module__.startswith(_INERT):
        return {}
    if isinstance(value, logging.Logger):
        return {"name": value.name}
    if hasattr(value, "get_params"):
        return dict(sorted(value.get_params(deep=False).items()))
    if is_dataclass(value):
        return {item.name: getattr(value, item.name) for item in fields(value) if hasattr(value, item.name)}
    if hasattr(value, "bit_generator"):
        return {"state": value.bit_generator.state}
    if cls.__module__ == "random" or (cls.__name__ == "RandomState" and hasattr(value, "get_state")):
        return {"state": value.getstate() if hasattr(value, "getstate") else value.get_state(legacy=False)}
    if hasattr(value, "__array__") and hasattr(value, "shape"):
        return _array(value)
    attributes = _attributes(value)
    if cls.__module__.partition(".")[0] == "optuna":
        attributes = {name: item for name, item in attributes.items() if type(item).__name__ not in _RANDOM}
    if attributes or cls.__module__ == "__main__" or hasattr(value, "__dict__"):
        return dict(sorted(attributes.items()))
    text = repr(value)
    return None if " at 0x" in text else {"repr": text}


def _attributes(value: Any) -> dict[str, Any]:
    attributes = dict(getattr(value, "__dict__", {}))
    for cls in type(value).__mro__:
        slots = cls.__dict__.get("__slots__", ())
        for name in [slots] if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__") and hasattr(value, name):
                attributes.setdefault(name, getattr(value, name))
    return attributes


def _array(value: Any) -> Mapping[str, Any] | None:
    import numpy as np  # whoever has such a value has imported it

    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError):
        return None
    labels = {
        name: list(getattr(value, name))
        for name in ("columns", "index")
        if hasattr(value, name) and not callable(getattr(value, name))
    }
    return {"array": array, **labels}
