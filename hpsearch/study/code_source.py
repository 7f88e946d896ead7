"""Where code was written: the syntax tree of a function or a class, and the statements that make a module's names."""

from __future__ import annotations

import ast
import linecache
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from types import CodeType, FunctionType
from typing import Any

from hpsearch.study.code_imports import Imported
from hpsearch.study.code_tree import bound_names, canonical, names_used

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


class Source:
    """A file, or the cells of a notebook, as syntax trees.

    Attributes:
        body: The statements of the module, in order.
        parents: The function or class that each function and class stands in.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.body = tree.body
        self.parents: dict[ast.AST, ast.AST] = {}
        self._functions: dict[int, list[Definition]] = {}
        self._classes: dict[str, list[ast.ClassDef]] = {}
        self._index(tree, tree, "")

    def _index(self, node: ast.AST, owner: ast.AST, path: str) -> None:
        for child in ast.iter_child_nodes(node):
            inner, name = owner, path
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
                self.parents[child] = owner
                inner = child
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                decorators = getattr(child, "decorator_list", [])
                line = min([child.lineno, *(decorator.lineno for decorator in decorators)])
                self._functions.setdefault(line, []).append(child)
                name = f"{path}{getattr(child, 'name', '<lambda>')}.<locals>."
            elif isinstance(child, ast.ClassDef):
                self._classes.setdefault(path + child.name, []).append(child)
                name = f"{path}{child.name}."
            self._index(child, inner, name)

    def function(self, code: CodeType) -> Definition | None:
        """Return the definition that a code object was compiled from, or None where several could be meant."""
        nodes = [
            node
            for node in self._functions.get(code.co_firstlineno, [])
            if getattr(node, "name", "<lambda>") == code.co_name
        ]
        if len(nodes) > 1:
            places = set(code.co_positions())
            sure: list[Definition] = [
                node
                for node in nodes
                if isinstance(node, ast.Lambda)
                and (node.body.lineno, node.body.end_lineno, node.body.col_offset, node.body.end_col_offset) in places
            ]
            nodes = sure or nodes
        return nodes[0] if len({canonical(node) for node in nodes}) == 1 else None

    def class_(self, qualname: str, line: int | None) -> ast.ClassDef | None:
        """Return the definition of a class; of several with one name the one that holds a line, else the last."""
        nodes = self._classes.get(qualname, [])
        around = [
            node for node in nodes if line is not None and node.lineno <= line <= (node.end_lineno or node.lineno)
        ]
        return (around or nodes)[-1] if nodes else None

    def binding(self, name: str) -> list[ast.stmt]:
        """Return the statements of the module that make a name's value: that bind it, add to it or write in it."""
        return _statements_making(self.body, name)

    def imported(self, name: str) -> Imported | None:
        """Return what ``from … import …`` brings in under a name, or None where none does."""
        for statement in self.body:
            if isinstance(statement, ast.ImportFrom):
                for alias in statement.names:
                    if (alias.asname or alias.name) == name:
                        return Imported(statement.module or "", statement.level, alias.name)
        return None


def local_binding(owner: ast.AST | None, name: str) -> list[ast.stmt]:
    """Return the statements of a function that make a local name's value."""
    if not isinstance(owner, ast.FunctionDef | ast.AsyncFunctionDef):
        return []
    return _statements_making(owner.body, name)


def _statements_making(body: list[ast.stmt], name: str) -> list[ast.stmt]:
    """Return the statements that make a name's value: from the last one on that assigns it anew, not from itself."""
    makers = [statement for statement in body if name in names_set_by(statement)]
    for index in range(len(makers) - 1, 0, -1):
        statement = makers[index]
        targets = (
            statement.targets
            if isinstance(statement, ast.Assign)
            else [statement.target]
            if isinstance(statement, ast.AnnAssign)
            else []
        )
        assigns = any(isinstance(target, ast.Name) and target.id == name for target in targets)
        if (
            assigns
            and isinstance(statement, ast.Assign | ast.AnnAssign)
            and statement.value
            and name not in names_used(statement.value)
        ):
            return makers[index:]
    return makers


_DEFINE = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom


@lru_cache(maxsize=4096)
def names_set_by(statement: ast.stmt) -> frozenset[str]:
    """Return the names that a statement binds or changes in place; of definitions and imports none."""
    if isinstance(statement, _DEFINE):
        return frozenset()
    return frozenset(bound_names([statement])) | frozenset(_changed(statement))


def _changed(node: ast.AST) -> Iterator[str]:
    """Yield the names whose values a statement may change in place: x[0] = 1, x.rate = 1, x.append(1)."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, _DEFINE | ast.Lambda):
            continue
        target: ast.AST | None = None
        if isinstance(child, ast.Subscript | ast.Attribute) and not isinstance(child.ctx, ast.Load):
            target = child.value
        elif isinstance(node, ast.Expr) and isinstance(child, ast.Call) and isinstance(child.func, ast.Attribute):
            target = child.func.value
        while isinstance(target, ast.Subscript | ast.Attribute):
            target = target.value
        if isinstance(target, ast.Name):
            yield target.id
        yield from _changed(child)


def changes_of(code: Iterable[ast.AST]) -> set[str]:
    """Return the names whose values code changes when it runs: those it writes in, adds to, or binds as ``global``."""
    changed: set[str] = set()
    for node in code:
        changed.update(_changed(node))
        for inner in ast.walk(node):
            if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
                body = inner.body if isinstance(inner.body, list) else [inner.body]
                for statement in body:
                    changed.update(_changed(ast.Module([statement] if isinstance(statement, ast.stmt) else [], [])))
            elif isinstance(inner, ast.Global | ast.Nonlocal):
                changed.update(inner.names)
    return changed


def of_function(function: FunctionType) -> tuple[Source, Definition] | None:
    """Return a function's source and its definition, or None where it cannot be read."""
    source = _of_file(function.__code__.co_filename, function.__globals__)
    node = None if source is None else source.function(function.__code__)
    return None if source is None or node is None else (source, node)


def of_class(cls: type[Any]) -> tuple[Source, ast.ClassDef] | None:
    """Return a class's source and its definition, or None where it cannot be read."""
    code = next(
        (method.__code__ for method in functions_of(cls) if method.__qualname__.startswith(f"{cls.__qualname__}.")),
        None,
    )
    namespace = namespace_of(cls)
    file = code.co_filename if code is not None and code.co_filename != "<string>" else namespace.get("__file__")
    source = _of_file(file, namespace) if isinstance(file, str) else None
    node = (
        None if source is None else source.class_(cls.__qualname__, code.co_firstlineno if code is not None else None)
    )
    if source is None or node is None:
        source = of_module(namespace)
        node = None if source is None else source.class_(cls.__qualname__, None)
    return None if source is None or node is None else (source, node)


def functions_of(cls: type[Any]) -> Iterator[FunctionType]:
    """Yield the functions in a class's own body whose source is in a file, not those that a decorator has generated."""
    for value in vars(cls).values():
        inner = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
        # What Python's own decorators put there (a dataclass's methods) bears the class's module, but is not of it.
        if isinstance(inner, FunctionType) and not inner.__code__.co_filename.startswith("<string"):
            home = str(inner.__globals__.get("__name__", ""))
            if home == cls.__module__ or home.partition(".")[0] not in sys.stdlib_module_names:
                yield inner


def namespace_of(cls: type[Any]) -> Mapping[str, Any]:
    """Return the namespace of the module that a class was defined in."""
    for method in functions_of(cls):
        if method.__module__ == cls.__module__:
            return method.__globals__
    return vars(sys.modules[cls.__module__]) if cls.__module__ in sys.modules else {}


def of_module(namespace: Mapping[str, Any]) -> Source | None:
    """Return the source of a module: its file, or the cells of a notebook that have been run so far."""
    file = namespace.get("__file__")
    if isinstance(file, str):
        return _of_file(file, namespace)
    cells = namespace.get("In")
    if not isinstance(cells, list):
        return None
    return _parsed("\n".join(cell for cell in cells if isinstance(cell, str) and _parses(cell)))


def _of_file(file: str, namespace: Mapping[str, Any]) -> Source | None:
    linecache.checkcache(file)
    source = "".join(linecache.getlines(file, dict(namespace)))
    return _parsed(source) if source else None


@lru_cache(maxsize=256)
def _parsed(source: str) -> Source | None:
    try:
        return Source(ast.parse(source))
    except (SyntaxError, ValueError):
        return None


@lru_cache(maxsize=1024)
def _parses(cell: str) -> bool:
    try:
        ast.parse(cell)
    except (SyntaxError, ValueError):
        return False
    return True
