"""What a class means: its code, the values of its constants, and what its methods use."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any, NamedTuple

from hpsearch.study import aliases, code_source
from hpsearch.study.code_globals import cell_text, names
from hpsearch.study.code_imports import local_imports
from hpsearch.study.code_notes import Follows, literal
from hpsearch.study.code_places import defining_module, owns
from hpsearch.study.code_tree import canonical, effective, names_used
from hpsearch.study.code_volatile import volatile
from hpsearch.study.plain_values import plain


def class_text(walk: Follows, cls: type[Any], label: str) -> str:
    """Return the text of a class: its code where the study's own folder defines it, else its name."""
    name = aliases.public(f"{defining_module(cls)}.{cls.__qualname__}")
    namespace = code_source.namespace_of(cls)
    if not owns(walk.notes.folders, namespace.get("__file__"), cls.__module__):
        return f"(named {name})"
    definition = code_source.of_class(cls)
    if definition is None:
        walk.notes.unread.append(f"{label}: the source of class {cls.__qualname__} cannot be read")
        return f"(unread {name})"
    source, node = definition
    body = _body(walk, cls, node, namespace, label)
    walk.notes.code(label, node, body.code)
    cells = {
        cell: contents
        for method in code_source.functions_of(cls)
        for cell, contents in zip(method.__code__.co_freevars, method.__closure__ or (), strict=True)
        if cell != "__class__"
    }
    owner = source.parents.get(node)
    texts = [body.code, *body.constants]
    for cell, contents in sorted(cells.items()):
        texts.append(f"{cell}={cell_text(walk, contents, cell, owner, namespace, label)}")
    used = names_used(body.statements)
    used = {name: chains for name, chains in used.items() if name not in cells and name != cls.__name__}
    texts += names(walk, namespace, used, local_imports(body.statements))
    return f"(class {' '.join(texts)})"


class _Body(NamedTuple):
    """The body of a class.

    Attributes:
        code: Its code without plain constants, as text.
        constants: The plain constants by their values, a text for each.
        statements: What is left to be followed: decorators, bases, keywords and the statements without the constants.
    """

    code: str
    constants: list[str]
    statements: list[ast.stmt]


def _body(walk: Follows, cls: type[Any], node: ast.ClassDef, namespace: Mapping[str, Any], label: str) -> _Body:
    """Return the body of a class, its plain constants apart."""
    statements: list[ast.stmt] = []
    constants = []
    for statement in effective(node.body, in_class=True):
        target = statement.targets[0] if isinstance(statement, ast.Assign) and len(statement.targets) == 1 else None
        target = statement.target if isinstance(statement, ast.AnnAssign) and statement.value is not None else target
        value = statement.value if isinstance(statement, ast.Assign | ast.AnnAssign) else None
        if isinstance(target, ast.Name) and value is not None and target.id in vars(cls):
            constant = vars(cls)[target.id]
            constant_text = None if volatile(value, namespace) else plain(constant, walk.notes.folders)
            if constant_text is not None:
                hint = canonical(statement.annotation) if isinstance(statement, ast.AnnAssign) else ""
                constants.append(f"{target.id}:{hint}={constant_text}")
                walk.notes.value(f"{label}.{target.id}", constant, constant_text, literal=literal([value]))
                continue
        statements.append(statement)
    head = ast.ClassDef(
        name="", bases=node.bases, keywords=node.keywords, body=statements, decorator_list=node.decorator_list
    )
    followed = [*map(ast.Expr, node.decorator_list), *_exprs(node), *statements]
    return _Body(canonical(head), constants, followed)


def _exprs(node: ast.ClassDef) -> list[ast.stmt]:
    return [ast.Expr(expression) for expression in (*node.bases, *(keyword.value for keyword in node.keywords))]
