"""Every layer of hpsearch, as its files define them: nobody has to list one for the tests' sake."""

from __future__ import annotations

import inspect
import pkgutil
from importlib import import_module
from typing import Any

from hpsearch.models import layers, names
from hpsearch.models.layers.base import Layer


def declared() -> list[Any]:
    """Return the layers that users write: those with a row in `hpsearch.models.names`."""
    return [getattr(layers, name) for name, home in names.HOMES.items() if home.startswith(".layers.")]


def computing() -> list[Any]:
    """Return the classes of `models/layers/` that compute."""
    modules = [import_module(f"{layers.__name__}.{module.name}") for module in pkgutil.iter_modules(layers.__path__)]
    classes = {cls for module in modules for _, cls in inspect.getmembers(module, inspect.isclass)}
    of_layers = {cls for cls in classes if cls.__module__.startswith(layers.__name__) and cls is not Layer}
    return [cls for cls in of_layers if hasattr(cls, "jvp")]
