"""Names that code takes from its module: constants by their values, functions and classes by what they mean."""

from __future__ import annotations

import ast
import builtins
import functools
from collections.abc import Iterable, Mapping, Sequence
from types import FunctionType, MethodType, ModuleType
from typing import Any

from hpsearch.study import code_source
from hpsearch.study.code_imports import Imported, local_imports, module_of
from hpsearch.study.code_notes import Follows, literal, one_line
from hpsearch.study.code_places import owns
from hpsearch.study.code_tree import canonical, names_used
from hpsearch.study.code_volatile import SECRET, volatile
from hpsearch.study.plain_values import plain


def names(
    walk: Follows,
    namespace: Mapping[str, Any],
    used: Mapping[str, Iterable[tuple[str, ...]]],
    imports: Mapping[str, Imported],
) -> list[str]:
    """Return the texts of the global names that code uses, and of those that it imports itself.

    Names of Python's own count by themselves.
    """
    texts = []
    for name, chains in sorted(used.items()):
        if name.startswith("__") and name.endswith("__") and name != "__file__":
            continue
        if name in imports:
            texts += _imported(walk, imports[name], namespace, name, chains)
            continue
        if name not in namespace:
            if not hasattr(builtins, name):
                texts.append(f"{name}=(undefined)")
            continue
        value = namespace[name]
        if isinstance(value, ModuleType):
            texts += [f"{name}{_attribute(walk, value, chain, name)}" for chain in sorted(set(chains))]
        else:
            texts.append(f"{name}={global_(walk, namespace, name, value)}")
    return texts


def _imported(
    walk: Follows, imported: Imported, namespace: Mapping[str, Any], name: str, chains: Iterable[tuple[str, ...]]
) -> list[str]:
    """Return the texts of a name that a function imports when it runs.

    What lies outside of the study's folders counts by the name that is written, whether it has been loaded or not.
    """
    module = module_of(imported, namespace, walk.notes.folders)
    inner = imported.attribute
    if module is None or not owns(walk.notes.folders, getattr(module, "__file__", None), module.__name__):
        written = f"{'.' * imported.level}{imported.module}{'' if inner is None else f'.{inner}'}"
        return [f"{name}=(named {written})"]
    if inner is None or isinstance(vars(module).get(inner), ModuleType):
        module = module if inner is None else vars(module)[inner]
        return [f"{name}{_attribute(walk, module, chain, name)}" for chain in sorted(set(chains))]
    if inner not in vars(module):
        return [f"{name}=(undefined)"]
    return [f"{name}={global_(walk, vars(module), inner, vars(module)[inner])}"]


def _attribute(walk: Follows, module: ModuleType, chain: tuple[str, ...], label: str) -> str:
    """Return what a chain of attributes of a module leads to."""
    if not owns(walk.notes.folders, getattr(module, "__file__", None), module.__name__):
        return f"=(module {module.__name__})"
    if not chain:
        return f"={walk.value(module, label)}"
    inner = vars(module).get(chain[0])
    path = f"{label}.{chain[0]}"
    if isinstance(inner, ModuleType):
        return f".{chain[0]}{_attribute(walk, inner, chain[1:], path)}"
    if chain[0] not in vars(module):
        return f".{chain[0]}=(undefined)"
    return f".{chain[0]}={global_(walk, vars(module), chain[0], inner, path)}"


def global_(walk: Follows, namespace: Mapping[str, Any], name: str, value: Any, label: str | None = None) -> str:
    """Return a module's name by its value, or by the statements that made it."""
    label = label or walk.notes.label(namespace, name)
    if isinstance(value, FunctionType | MethodType | type | functools.partial | ModuleType):
        return walk.value(value, label)
    if any(base.__name__ == "Study" and base.__module__.startswith("hpsearch.") for base in type(value).__mro__):
        return "(study)"  # declared as such
    key = (id(namespace), name)
    if key in walk.notes.open:
        return f"(again {name})"
    walk.notes.open.add(key)
    try:
        source = code_source.of_module(namespace)
        statements = source.binding(name) if source is not None else []
        if SECRET.search(name) and isinstance(value, str | bytes):
            return canonical(statements)
        if statements:
            return constant_text(
                walk, value, statements, namespace, label, state=walk.notes.is_state(namespace, name, value)
            )
        imported = source.imported(name) if source is not None else None
        module = module_of(imported, namespace, walk.notes.folders) if imported is not None else None
        if imported is not None and imported.attribute is not None and module is not None:
            if owns(walk.notes.folders, getattr(module, "__file__", None), module.__name__):
                return global_(walk, vars(module), imported.attribute, value, label)
            value_text = plain(value, walk.notes.folders)
            return value_text if value_text is not None else f"(named {module.__name__}.{imported.attribute})"
        return walk.argument(value, label)
    finally:
        walk.notes.open.discard(key)


def constant_text(
    walk: Follows,
    value: Any,
    statements: Sequence[ast.AST],
    namespace: Mapping[str, Any],
    label: str,
    *,
    state: bool = False,
) -> str:
    """Return a constant by its value where that is plain, else by the code that made it and what that uses.

    Args:
        walk: Follows what it uses.
        value: The value.
        statements: The expressions or statements that made it.
        namespace: Where their names are looked up.
        label: What the code calls it.
        state: Whether the study's functions change it while they run.
    """
    value_text = None if state or volatile(statements, namespace) else plain(value, walk.notes.folders)
    if value_text is not None:
        walk.notes.value(label, value, value_text, literal=literal(statements))
        return value_text
    if isinstance(value, FunctionType | MethodType | type | functools.partial):
        return walk.value(value, label)
    code = " ".join(canonical(node) for node in statements)
    walk.notes.parts.setdefault(label, one_line(statements))
    bound = {name for node in statements if isinstance(node, ast.stmt) for name in code_source.names_set_by(node)}
    used = {name: chains for name, chains in names_used(statements).items() if name not in bound}
    return f"(made {' '.join([code, *names(walk, namespace, used, local_imports(statements))])})"


def cell_text(
    walk: Follows, cell: Any, name: str, owner: ast.AST | None, namespace: Mapping[str, Any], label: str
) -> str:
    """Return the text of a closure's value: what its function has under a name."""
    try:
        value = cell.cell_contents
    except ValueError:
        return "(empty)"
    if name == "__class__":
        return walk.value(value, name)
    statements = code_source.local_binding(owner, name)
    if statements and (walk.notes.is_state(cell, name, value) or volatile(statements, namespace)):
        return canonical(statements)
    return walk.argument(value, f"{label}.{name}" if isinstance(value, FunctionType | type) else name)
