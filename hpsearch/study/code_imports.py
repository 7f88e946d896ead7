"""Imports within functions: what the names that they bind stand for."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from hpsearch.study.code_places import own_folder


class Imported(NamedTuple):
    """What an import statement binds to a name.

    Attributes:
        module: The module's name.
        level: The level of a relative import, else 0.
        attribute: What is taken from the module; None for the module itself.
    """

    module: str
    level: int
    attribute: str | None


def local_imports(code: ast.AST | Iterable[ast.AST]) -> dict[str, Imported]:
    """Return what the import statements anywhere in code bind."""
    imported: dict[str, Imported] = {}
    for node in [code] if isinstance(code, ast.AST) else code:
        for statement in ast.walk(node):
            if isinstance(statement, ast.Import):
                for alias in statement.names:
                    # import a.b binds a; import a.b as c binds a.b
                    module = alias.name if alias.asname else alias.name.partition(".")[0]
                    imported[alias.asname or module] = Imported(module, 0, None)
            elif isinstance(statement, ast.ImportFrom):
                for alias in statement.names:
                    imported[alias.asname or alias.name] = Imported(statement.module or "", statement.level, alias.name)
    return imported


def module_of(
    imported: Imported, namespace: Mapping[str, Any], folders: frozenset[Path] = frozenset()
) -> ModuleType | None:
    """Return the module that an import names; it is imported here only where it lies in one of these folders."""
    name = imported.module
    if imported.level:
        try:
            name = importlib.util.resolve_name("." * imported.level + name, str(namespace.get("__package__") or ""))
        except ImportError:
            return None
    if name in sys.modules or not name:
        return sys.modules.get(name)
    try:
        spec = importlib.util.find_spec(name) if "." not in name or name.rpartition(".")[0] in sys.modules else None
    except (ImportError, ValueError, AttributeError):
        return None
    folder = own_folder(spec.origin) if spec is not None and isinstance(spec.origin, str) else None
    if folder is None or not any(folder.is_relative_to(study_folder) for study_folder in folders):
        return None
    return importlib.import_module(name)


def bound_by(imports: Mapping[str, Imported], namespace: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of imported names, as far as their modules have been loaded."""
    values: dict[str, Any] = {}
    for name, imported in imports.items():
        module = module_of(imported, namespace)
        if module is not None:
            value = module if imported.attribute is None else vars(module).get(imported.attribute)
            if value is not None:
                values[name] = value
    return values
