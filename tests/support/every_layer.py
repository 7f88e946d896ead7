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
    modules = [import_module(f"{layers.__name__}.{each.name}") for each in pkgutil.iter_modules(layers.__path__)]
    found = (each for module in modules for _, each in inspect.getmembers(module, inspect.isclass))
    own = {each for each in found if each.__module__.startswith(layers.__name__) and each is not Layer}
    return [each for each in own if hasattr(each, "jvp")]
