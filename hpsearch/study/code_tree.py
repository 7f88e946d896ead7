"""Code by its meaning: a syntax tree as one text that stays the same where only the looks of the code change.

Formatting, comments, docstrings, type hints and statements that do nothing do not count. The text is our own, so that
it is the same under every version of Python: ``ast.dump`` writes empty fields in some of them, and ``repr`` of a text
depends on the version's Unicode tables.
"""

from __future__ import annotations

import ast
import copy
import json
from collections.abc import Iterable, Iterator
from typing import Any

_SKIPPED = frozenset({"ctx", "type_comment", "type_params", "returns", "annotation", "kind", "simple", "type_ignores"})
"""Fields that say nothing of what is computed, or that only some versions of Python have."""

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def canonical(node: ast.AST | Iterable[ast.AST], *, in_class: bool = False) -> str:
    """Return the text of a syntax tree, or of a list of statements.

    Args:
        node: The tree.
        in_class: Whether it stands in the body of a class, whose annotations count (dataclasses read them).
    """
    if isinstance(node, ast.AST):
        return _node(node, in_class)
    return _block([statement for statement in node if isinstance(statement, ast.stmt)], in_class)


def _node(node: ast.AST, in_class: bool = False) -> str:
    if isinstance(node, ast.Constant):
        return constant(node.value)
    if isinstance(node, ast.JoinedStr):
        return _text_parts(node)
    if isinstance(node, ast.AnnAssign):
        return _annotated(node, in_class)
    if isinstance(node, ast.Delete):
        # del (a, b) and del a, b are the same, and formatters write one for the other.
        targets = [e for t in node.targets for e in (t.elts if isinstance(t, ast.Tuple | ast.List) else [t])]
        return f"(Delete targets=[{' '.join(_node(target) for target in targets)}])"
    inner_class = isinstance(node, ast.ClassDef)
    words = [type(node).__name__]
    for name in sorted(node._fields):
        value = getattr(node, name, None)
        if name in _SKIPPED or value is None or value == []:
            continue
        if name == "conversion" and value == -1:
            continue
        if isinstance(value, ast.AST):
            written = _node(value)
        elif isinstance(value, list) and name in ("body", "orelse", "finalbody"):
            written = _block(value, inner_class)
        elif isinstance(value, list):
            # A missing item (a key of ** in a dict, a keyword-only parameter without default) has a place too.
            written = f"[{' '.join('-' if item is None else _item(item) for item in value)}]"
        else:
            written = constant(value)
        if written != "[]":
            words.append(f"{name}={written}")
    return f"({' '.join(words)})"


def _item(value: Any) -> str:
    return _node(value) if isinstance(value, ast.AST) else constant(value)


def _block(statements: list[Any], in_class: bool) -> str:
    return f"[{' '.join(_node(statement, in_class) for statement in effective(statements, in_class))}]"


def effective(statements: Iterable[ast.stmt], in_class: bool = False) -> Iterator[ast.stmt]:
    """Yield the statements that do something: no docstrings, no ``pass``, no bare hints; one import a line."""
    for statement in statements:
        if isinstance(statement, ast.Pass) or (
            isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        ):
            continue
        if isinstance(statement, ast.AnnAssign) and statement.value is None and not in_class:
            continue
        if isinstance(statement, ast.Import):
            yield from (ast.Import([alias]) for alias in statement.names)
        else:
            yield statement


def bare(node: ast.AST) -> ast.AST:
    """Return a copy without docstrings, hints and statements that do nothing: what there is to show of it."""
    node = copy.deepcopy(node)
    for inner in ast.walk(node):
        for name in ("body", "orelse", "finalbody"):
            block = getattr(inner, name, None)
            if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
                remaining = list(effective(block, isinstance(inner, ast.ClassDef)))
                setattr(inner, name, remaining or ([ast.Pass()] if name == "body" else []))
        if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
            inner.returns = None
        elif isinstance(inner, ast.arg):
            inner.annotation = None
    return node


def _annotated(node: ast.AnnAssign, in_class: bool) -> str:
    fields = [] if node.value is None else [f"value={_node(node.value)}"]
    if in_class:
        fields.insert(0, f"annotation={_hint(node.annotation)}")
    return f"(Assign targets=[{_node(node.target)}]{''.join(f' {field}' for field in fields)})"


def _hint(node: ast.expr) -> str:
    """Return an annotation; written as a text it is the same one."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        try:
            return _node(ast.parse(node.value.strip(), mode="eval").body)
        except SyntaxError:
            return constant(node.value)
    return _node(node)


def _text_parts(node: ast.JoinedStr) -> str:
    """Return an f-string with its fixed parts joined: versions of Python cut them in different places."""
    parts: list[str] = []
    fixed = ""
    for value in node.values:
        if isinstance(value, ast.Constant):
            fixed += str(value.value)
            continue
        if fixed:
            parts.append(constant(fixed))
            fixed = ""
        parts.append(_node(value))
    if fixed:
        parts.append(constant(fixed))
    if not any(isinstance(value, ast.FormattedValue) for value in node.values):
        return parts[0] if parts else constant("")
    return f"(JoinedStr [{' '.join(parts)}])"


def constant(value: Any) -> str:
    """Return a constant of the code, kind and value: ``1``, ``1.0`` and ``True`` are three."""
    if value is None or value is True or value is False or value is ...:
        return "..." if value is ... else str(value)
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, bytes):
        return f"b:{value.hex()}"
    if isinstance(value, int):
        return hex(value)  # decimal text of long numbers is limited
    return f"{type(value).__name__}:{value!r}"


def names_used(node: ast.AST | Iterable[ast.AST]) -> dict[str, set[tuple[str, ...]]]:
    """Return the names that code takes from outside of itself, each with the chains of attributes read from it.

    ``helpers.scale(x) + RATE`` gives ``{"helpers": {("scale",)}, "x": {()}, "RATE": {()}}``. Type hints are no use of a
    name, except in the bodies of classes.
    """
    chains: dict[str, set[tuple[str, ...]]] = {}
    scope = _Scope(chains, set(), is_class=False)
    for root in [node] if isinstance(node, ast.AST) else list(node):
        scope.visit(root)
    return chains


class _Scope(ast.NodeVisitor):
    """Walks one scope of names: what is read and not bound in it goes to the scope around it."""

    def __init__(self, chains: dict[str, set[tuple[str, ...]]], bound: set[str], is_class: bool) -> None:
        self.chains, self.bound, self.is_class = chains, bound, is_class

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self._read(node.id, ())

    def visit_Attribute(self, node: ast.Attribute) -> None:
        chain: list[str] = []
        inner: ast.expr = node
        while isinstance(inner, ast.Attribute):
            chain.append(inner.attr)
            inner = inner.value
        if isinstance(inner, ast.Name):
            self._read(inner.id, tuple(reversed(chain)))
        else:
            self.visit(inner)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self._read(node.target.id, ())
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self.visit(node.target)
        if node.value is not None:
            self.visit(node.value)
        if self.is_class:
            self.visit(node.annotation)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for outer in (*node.decorator_list, *_defaults(node.args)):
            self.visit(outer)
        self._inner(node.body, _parameters(node.args) | bound_names(node.body))

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node: ast.Lambda) -> None:
        for outer in _defaults(node.args):
            self.visit(outer)
        self._inner([node.body], _parameters(node.args) | bound_names([node.body]))

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for outer in (*node.decorator_list, *node.bases, *node.keywords):
            self.visit(outer)
        # A class's own names are seen by its statements, not by its methods.
        self._inner(node.body, bound_names(node.body), is_class=True)

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> None:
        self.visit(node.generators[0].iter)
        bound = {name for clause in node.generators for name in bound_names([clause.target])}
        inner = _Scope({}, bound, is_class=False)
        for i, clause in enumerate(node.generators):
            for expression in ([] if i == 0 else [clause.iter]) + clause.ifs:
                inner.visit(expression)
        for expression in [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]:
            inner.visit(expression)
        self._take(inner)

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension

    def _inner(self, body: Iterable[ast.AST], bound: set[str], is_class: bool = False) -> None:
        inner = _Scope({}, bound, is_class)
        for statement in body:
            inner.visit(statement)
        self._take(inner)

    def _take(self, inner: _Scope) -> None:
        for name, chains in inner.chains.items():
            for chain in chains:
                self._read(name, chain, from_inner=True)

    def _read(self, name: str, chain: tuple[str, ...], from_inner: bool = False) -> None:
        if name in self.bound and not (from_inner and self.is_class):
            return
        self.chains.setdefault(name, set()).add(chain)


def _parameters(args: ast.arguments) -> set[str]:
    arguments = [*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg]
    return {argument.arg for argument in arguments if argument is not None}


def _defaults(args: ast.arguments) -> list[ast.expr]:
    return [default for default in (*args.defaults, *args.kw_defaults) if default is not None]


def bound_names(body: Iterable[ast.AST]) -> set[str]:
    """Return the names that statements bind in the scope that they stand in.

    Those that are ``global`` do not count, nor do imports: what they bind comes from outside.
    """
    bound: set[str] = set()
    outer: set[str] = set()

    def look(node: ast.AST) -> None:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound.add(node.name)
            return
        if isinstance(node, ast.Lambda):
            return
        if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            # Its variables are its own, but a walrus in it binds out here.
            for part in ast.walk(node):
                if isinstance(part, ast.NamedExpr) and isinstance(part.target, ast.Name):
                    bound.add(part.target.id)
            return
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            bound.add(node.id)
        elif isinstance(node, ast.Global | ast.Nonlocal):
            outer.update(node.names)
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            bound.add(node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            bound.add(node.rest)
        for child in ast.iter_child_nodes(node):
            look(child)

    for statement in body:
        look(statement)
    return bound - outer
