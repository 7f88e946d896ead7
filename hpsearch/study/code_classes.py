"""What a class means: its code, the values of its constants, and what its methods use."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from hpsearch.study import aliases, code_source
from hpsearch.study.code_globals import cell_text, names
from hpsearch.study.code_imports import local_imports
from hpsearch.study.code_notes import Follows, literal
from hpsearch.study.code_places import defining_module, owns
from hpsearch.study.code_tree import canonical, effective, names_used
from hpsearch.study.code_volatile import volatile
from hpsearch.study.plain_values import plain


def class_text(walk: Follows, cls: type[Any], label: str) -> str:
    """Return the text of a class: of one that the study's own folder defines its code, of others the name."""
    name = aliases.public(f"{defining_module(cls)}.{cls.__qualname__}")
    namespace = code_source.namespace_of(cls)
    if not owns(walk.notes.folders, namespace.get("__file__"), cls.__module__):
        return f"(named {name})"
    found_node = code_source.of_class(cls)
    if found_node is None:
        walk.notes.unread.append(f"{label}: the source of class {cls.__qualname__} cannot be read")
        return f"(unread {name})"
    node = found_node[1]
    own, constants, rest = _body(walk, cls, node, namespace, label)
    walk.notes.code(label, node, own)
    cells = {
        cell: contents
        for method in code_source.functions_of(cls)
        for cell, contents in zip(method.__code__.co_freevars, method.__closure__ or (), strict=True)
        if cell != "__class__"
    }
    owner = found_node[0].parents.get(node)
    parts = [own, *constants]
    parts += [f"{k}={cell_text(walk, v, k, owner, namespace, label)}" for k, v in sorted(cells.items())]
    used = names_used(rest)
    used = {k: v for k, v in used.items() if k not in cells and k != cls.__name__}
    parts += names(walk, namespace, used, local_imports(rest))
    return f"(class {' '.join(parts)})"


def _body(
    walk: Follows, cls: type[Any], node: ast.ClassDef, namespace: Mapping[str, Any], label: str
) -> tuple[str, list[str], list[ast.stmt]]:
    """Return a class's code without its plain constants, these by their values, and what is left to be followed."""
    kept: list[ast.stmt] = []
    constants = []
    for statement in effective(node.body, in_class=True):
        target = statement.targets[0] if isinstance(statement, ast.Assign) and len(statement.targets) == 1 else None
        target = statement.target if isinstance(statement, ast.AnnAssign) and statement.value is not None else target
        value = statement.value if isinstance(statement, ast.Assign | ast.AnnAssign) else None
        if isinstance(target, ast.Name) and value is not None and target.id in vars(cls):
            held = vars(cls)[target.id]
            text = None if volatile(value, namespace) else plain(held, walk.notes.folders)
            if text is not None:
                hint = canonical(statement.annotation) if isinstance(statement, ast.AnnAssign) else ""
                constants.append(f"{target.id}:{hint}={text}")
                walk.notes.value(f"{label}.{target.id}", held, text, literal=literal([value]))
                continue
        kept.append(statement)
    head = ast.ClassDef(
        name="", bases=node.bases, keywords=node.keywords, body=kept, decorator_list=node.decorator_list
    )
    return canonical(head), constants, [*map(ast.Expr, node.decorator_list), *_exprs(node), *kept]


def _exprs(node: ast.ClassDef) -> list[ast.stmt]:
    return [ast.Expr(expression) for expression in (*node.bases, *(keyword.value for keyword in node.keywords))]
