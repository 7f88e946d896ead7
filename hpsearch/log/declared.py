"""What a declaration says, as a log holds it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def model_params(declaration: Mapping[str, Any]) -> dict[str, Any]:
    """Return a declared model's parameters; those of its parts by ``part__name``, as scikit-learn calls them."""
    found: dict[str, Any] = {}
    model = declaration.get("model")
    given = model.get("params", {}) if isinstance(model, Mapping) else {}
    for name, value in given.items():
        found[name] = value
        for inner, deep in model_params({"model": value}).items():
            found[f"{name}__{inner}"] = deep
        if name == "steps" and isinstance(value, list):
            for step, part in value:
                found.update({f"{step}__{inner}": deep for inner, deep in model_params({"model": part}).items()})
    return found
