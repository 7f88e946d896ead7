"""Imports within functions: what the names that they bind stand for."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from hpsearch.study.code_places import own_folder

Imported = tuple[str, int, str | None]
"""A module's name, the level of a relative import, and what is taken from the module; None for the module itself."""


def local_imports(code: ast.AST | Iterable[ast.AST]) -> dict[str, Imported]:
    """Return what the import statements anywhere in code bind."""
    imported: dict[str, Imported] = {}
    for node in [code] if isinstance(code, ast.AST) else code:
        for part in ast.walk(node):
            if isinstance(part, ast.Import):
                for alias in part.names:
                    # import a.b binds a; import a.b as c binds a.b
                    whole = alias.name if alias.asname else alias.name.partition(".")[0]
                    imported[alias.asname or whole] = (whole, 0, None)
            elif isinstance(part, ast.ImportFrom):
                for alias in part.names:
                    imported[alias.asname or alias.name] = (part.module or "", part.level, alias.name)
    return imported


def module_of(
    imported: Imported, namespace: Mapping[str, Any], folders: frozenset[Path] = frozenset()
) -> ModuleType | None:
    """Return the module that an import names; it is imported here only where it lies in one of these folders."""
    name, level, _ = imported
    if level:
        try:
            name = importlib.util.resolve_name("." * level + name, str(namespace.get("__package__") or ""))
        except ImportError:
            return None
    if name in sys.modules or not name:
        return sys.modules.get(name)
    try:
        spec = importlib.util.find_spec(name) if "." not in name or name.rpartition(".")[0] in sys.modules else None
    except (ImportError, ValueError, AttributeError):
        return None
    folder = own_folder(spec.origin) if spec is not None and isinstance(spec.origin, str) else None
    if folder is None or not any(folder.is_relative_to(own) for own in folders):
        return None
    return importlib.import_module(name)


def bound_by(imports: Mapping[str, Imported], namespace: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of imported names, as far as their modules have been loaded."""
    values: dict[str, Any] = {}
    for name, imported in imports.items():
        module = module_of(imported, namespace)
        if module is not None:
            value = module if imported[2] is None else vars(module).get(imported[2])
            if value is not None:
                values[name] = value
    return values
