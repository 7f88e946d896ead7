"""The parts of a study that are code or objects, as JSON values: what they are called and what they mean.

This is the second rule of a study's identity. The first, by a function's text, is that of logs which name none; they
are compared by it for as long as they live (see :mod:`hpsearch.study.declaration`).
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any

from hpsearch.space import Choice
from hpsearch.study import aliases, code_source
from hpsearch.study.code_places import defining_module, owns
from hpsearch.study.code_state import state_of
from hpsearch.study.fingerprint import folders_of, meaning
from hpsearch.study.plain_values import digest

if TYPE_CHECKING:
    from hpsearch.study.study import Study


class Described:
    """Describes the parts of one study.

    Attributes:
        unread: What could not be read, in words.
    """

    def __init__(self, study: Study) -> None:
        self.unread: list[str] = []
        self._folders: frozenset[Path] = folders_of(_code_holders(study))

    def function(self, function: Any, place: str) -> dict[str, Any]:
        """Return a function, or any other object that is called, by its name and its meaning."""
        code_meaning = meaning(function, place, self._folders)
        self.unread += code_meaning.unread
        name = getattr(function, "__qualname__", None) or getattr(
            getattr(function, "func", None), "__qualname__", type(function).__qualname__
        )
        return {"function": name, "meaning": code_meaning.digest, "parts": code_meaning.parts}

    def scoring(self, scoring: Any, place: str = "scoring") -> Any:
        """Return scorers by their names, functions by their meaning."""
        if isinstance(scoring, Mapping):
            return {name: self.scoring(scorer, f"{place}.{name}") for name, scorer in scoring.items()}
        return scoring if isinstance(scoring, str) else self.function(scoring, place)

    def part(self, part: Any, place: str) -> Any:
        """Return a sampler or pruner: its name, or its class and options."""
        if isinstance(part, str):
            return part
        if is_dataclass(part):
            return self.value(part, place)
        # An Optuna object keeps its options in private attributes, beside what it notes while it works.
        options = {name.lstrip("_"): value for name, value in (state_of(part) or {}).items()}
        return {
            "class": _class(part),
            **self._own_code(type(part), place),
            "options": {name: self.value(value, f"{place}.{name}") for name, value in options.items()},
        }

    def value(self, value: Any, place: str) -> Any:
        """Return any parameter as a JSON value."""
        if isinstance(value, float) and not math.isfinite(value):
            return {"float": str(float(value))}
        if value is None or isinstance(value, bool | int | float | str):
            return value
        if isinstance(value, list | tuple):
            return [self.value(item, f"{place}[{i}]") for i, item in enumerate(value)]
        if isinstance(value, Mapping):
            return {str(key): self.value(item, f"{place}.{key}") for key, item in value.items()}
        if isinstance(value, FunctionType | MethodType | type) or inspect.isroutine(value):
            name = aliases.public(f"{defining_module(value)}.{value.__qualname__}")
            return {"name": name, **self._own_code(value, place)}
        if hasattr(value, "get_params"):
            params = {k: self.value(v, f"{place}.{k}") for k, v in sorted(aliases.declared_params(value).items())}
            return {"class": _class(value), **self._own_code(type(value), place), "params": params}
        if is_dataclass(value):
            options = {e.name: self.value(getattr(value, e.name), f"{place}.{e.name}") for e in fields(value)}
            return {"class": _class(value), **self._own_code(type(value), place), "options": options}
        if hasattr(value, "tobytes") and hasattr(value, "dtype"):
            if getattr(value, "ndim", 0) == 0:
                return self.value(value.item(), place)
            return {"array": digest(value.tobytes()), "shape": list(value.shape), "dtype": str(value.dtype)}
        code_meaning = meaning(value, place, self._folders)
        self.unread += code_meaning.unread
        return {
            "class": _class(value),
            "meaning": code_meaning.digest,
            **({"parts": code_meaning.parts} if code_meaning.parts else {}),
        }

    def _own_code(self, definition: Any, place: str) -> dict[str, Any]:
        """Return the meaning of a function or class that the study's own folder defines; for others an empty dict."""
        inner = getattr(definition, "__func__", definition)
        space: Mapping[str, Any] | None = inner.__globals__ if isinstance(inner, FunctionType) else None
        if space is None and isinstance(inner, type):
            space = code_source.namespace_of(inner)
        if space is None or not owns(self._folders, space.get("__file__"), inner.__module__):
            return {}
        code_meaning = meaning(definition, place, self._folders)
        self.unread += code_meaning.unread
        return {"meaning": code_meaning.digest, "parts": code_meaning.parts}


def without_parts(value: Any) -> Any:
    """Return a description without what is only shown and not compared: the parts, and the names of functions."""
    if isinstance(value, Mapping):
        without = {
            key: without_parts(item) for key, item in value.items() if not (key == "parts" and "meaning" in value)
        }
        if "function" in without and "meaning" in without:
            del without["function"]
        return without
    return [without_parts(item) for item in value] if isinstance(value, list) else value


def _class(value: Any) -> str:
    return aliases.public(f"{defining_module(type(value))}.{type(value).__qualname__}")


def _code_holders(study: Study) -> Iterable[Any]:
    """Yield everything in a study that may be code of its own."""
    scoring = study.scoring if isinstance(study.scoring, Mapping) else {"": study.scoring}
    for function in (study.objective, study.space, study.cost, *study.constraints, *scoring.values()):
        if callable(function):
            yield function
    objects = [item for dim in study.dimensions.values() if isinstance(dim, Choice) for item in dim.objects.values()]
    yield from (item for item in objects if callable(item))
    for part in (study.model, study.sampler, study.pruner, *(item for item in objects if hasattr(item, "get_params"))):
        if part is None or isinstance(part, str):
            continue
        yield part
        inner = part.get_params(deep=True) if hasattr(part, "get_params") else getattr(part, "__dict__", {})
        yield from (item for item in inner.values() if callable(item) or hasattr(item, "get_params"))
