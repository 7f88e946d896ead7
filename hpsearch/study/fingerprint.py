"""What code means, in 16 hex digits: a walk over a function and everything that it uses.

What counts: the syntax tree of the function (see :mod:`hpsearch.study.code_tree`), the values of its defaults and its
closure, the arguments of a ``partial``, the object that a method is bound to; of the names that it uses, the values of
constants, and the code of the functions and classes that are defined in the study's own folder, in the same way.
Whatever lies outside of that folder counts by its name: library versions stand in the log.

A constant counts by its value where that is plain (so that what a module adds to a list counts); where it is not, or
where it differs from run to run (``START = time.time()``), by the statements that made it.
"""

from __future__ import annotations

import ast
import functools
import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

from hpsearch.study import code_source
from hpsearch.study.code_classes import class_text
from hpsearch.study.code_globals import cell_text, constant_text, names
from hpsearch.study.code_imports import local_imports
from hpsearch.study.code_notes import Notes
from hpsearch.study.code_places import defining_module, own_folder, owns
from hpsearch.study.code_state import state_of
from hpsearch.study.code_tree import Function, canonical, names_used
from hpsearch.study.plain_values import digest, plain

DEEP = 40
"""How many levels deep values are followed into one another."""


@dataclass(frozen=True)
class Meaning:
    """What a piece of a study means.

    Attributes:
        digest: 16 hex digits that are equal where the meaning is.
        parts: What went into it, by the names that the code has for it: values and code as text, to show what changed.
        unread: What could not be read, in words: changes to it go unnoticed.
    """

    digest: str
    parts: dict[str, str]
    unread: tuple[str, ...] = ()


@dataclass
class Walk:
    """Follows values and code from one root.

    Attributes:
        notes: What it has met.
    """

    notes: Notes
    _texts: dict[int, str] = field(default_factory=dict)
    _open: dict[int, str] = field(default_factory=dict)
    _kept: list[Any] = field(default_factory=list)

    def value(self, value: Any, label: str) -> str:
        """Return the text of any value.

        Args:
            value: The value.
            label: What the code calls it.
        """
        text = plain(value, self.notes.folders)
        if text is not None:
            return text
        if id(value) in self._open:
            return f"(again {self._open[id(value)]})"
        if id(value) in self._texts:
            return self._texts[id(value)]
        if len(self._open) > DEEP:
            return self.notes.cannot(label, value, "lies too deep")
        self._open[id(value)] = str(getattr(value, "__qualname__", type(value).__qualname__))
        try:
            text = self._text_of_object(value, label)
        finally:
            del self._open[id(value)]
        self._texts[id(value)] = text
        self._kept.append(value)  # so that its id stays its own
        return text

    def _text_of_object(self, value: Any, label: str) -> str:
        """Return the text of a value that is not plain."""
        if isinstance(value, FunctionType):
            return self._function(value, label)
        if isinstance(value, MethodType):
            return f"(method {self.value(value.__func__, label)} of {self.value(value.__self__, f'{label}.self')})"
        if isinstance(value, functools.partial):
            arguments = [self.argument(argument, f"{label}.arguments[{i}]") for i, argument in enumerate(value.args)]
            named = [f"{k}={self.argument(v, f'{label}.{k}')}" for k, v in sorted(value.keywords.items())]
            return f"(partial {self.value(value.func, label)} {' '.join([*arguments, *named])})"
        if isinstance(value, type):
            return class_text(self, value, label)
        if isinstance(value, ModuleType):
            return self._module(value, label)
        if isinstance(value, staticmethod | classmethod):
            return f"({type(value).__name__} {self.value(value.__func__, label)})"
        if isinstance(value, BuiltinFunctionType) and not isinstance(value.__self__, ModuleType | type | None):
            return f"(method {value.__name__} of {self.value(value.__self__, f'{label}.self')})"
        if isinstance(value, Mapping | Sequence | set | frozenset) and type(value).__module__ == "builtins":
            return self._items(value, label)
        if inspect.isfunction(inner := getattr(value, "__wrapped__", None)) and callable(value):
            return f"({type(value).__qualname__} of {self.value(inner, label)})"
        if inspect.isroutine(value) or type(value).__name__ == "ufunc":
            return f"(named {defining_module(value)}.{getattr(value, '__qualname__', value.__name__)})"
        return self._object(value, label)

    def argument(self, value: Any, label: str) -> str:
        """Return the text of a value that is to be shown where it changes."""
        text = self.value(value, label)
        self.notes.value(label, value, text)
        return text

    def _items(self, value: Any, label: str) -> str:
        if isinstance(value, Mapping):
            items = [f"{self.value(k, label)}: {self.argument(v, f'{label}[{k!r}]')}" for k, v in value.items()]
            return f"{{{', '.join(items)}}}"
        if isinstance(value, set | frozenset):
            return f"set({', '.join(sorted(self.value(item, label) for item in value))})"
        items = [self.argument(item, f"{label}[{i}]") for i, item in enumerate(value)]
        return f"{type(value).__name__}({', '.join(items)})"

    def _object(self, value: Any, label: str) -> str:
        """Return an object by its class and by what it holds."""
        cls = type(value)
        head = self.value(cls, cls.__qualname__)
        state = state_of(value)
        if state is None:
            return self.notes.cannot(label, value, "holds what cannot be read")
        fields = [f"{name}={self.argument(item, f'{label}.{name}')}" for name, item in state.items()]
        return f"(object {' '.join([head, *fields])})"

    def _function(self, function: FunctionType, label: str) -> str:
        name = f"{defining_module(function)}.{function.__qualname__}"
        file = function.__globals__.get("__file__")
        typed = not isinstance(file, str) and function.__code__.co_filename.startswith(("<string", "<stdin", "<made"))
        if not owns(self.notes.folders, file, function.__module__) and not typed:
            return f"(named {name})"
        source_and_node = code_source.of_function(function)
        if source_and_node is None:
            self.notes.unread.append(f"{label}: the source of {function.__qualname__} cannot be read")
            return f"(unread {name})"
        source, node = source_and_node
        code = _code_of(node)
        self.notes.code(label, node, code)
        statements = _statements(node)
        free = names_used(statements)
        closure = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
        texts = [code, *self._defaults(function, node, label)]
        owner = source.parents.get(node)
        for name, cell in sorted(closure.items()):
            texts.append(f"{name}={cell_text(self, cell, name, owner, function.__globals__, label)}")
        self.notes.meet(function.__globals__, closure, code_source.changes_of(statements) & free.keys())
        used = {name: chains for name, chains in free.items() if name not in closure}
        texts += names(self, function.__globals__, used, local_imports(statements))
        return f"(function {' '.join(texts)})"

    def _defaults(self, function: FunctionType, node: Function, label: str) -> list[str]:
        """Return the values of a function's defaults; of those that are made anew each run the expressions."""
        args = node.args
        names_with_default = (
            [argument.arg for argument in (*args.posonlyargs, *args.args)][-len(args.defaults) :]
            if args.defaults
            else []
        )
        values = dict(zip(names_with_default, function.__defaults__ or (), strict=False))
        written: dict[str, ast.expr] = dict(zip(names_with_default, args.defaults, strict=False))
        keywords = function.__kwdefaults__ or {}
        for arg, default in zip(args.kwonlyargs, args.kw_defaults, strict=True):
            if default is not None and arg.arg in keywords:
                values[arg.arg], written[arg.arg] = keywords[arg.arg], default
        texts = []
        for name, value in values.items():
            text = constant_text(self, value, [written[name]], function.__globals__, f"{label}({name})")
            texts.append(f"{name}={text}")
        return texts

    def _module(self, module: ModuleType, label: str) -> str:
        if not owns(self.notes.folders, getattr(module, "__file__", None), module.__name__):
            return f"(module {module.__name__})"
        source = code_source.of_module(vars(module))
        if source is None:
            return self.notes.cannot(label, module, "cannot be read")
        text = canonical(source.body)
        self.notes.parts.setdefault(label, f"code {digest(text)}")
        return f"(module {digest(text)})"


def _code_of(node: Function) -> str:
    """Return a function's own code: decorators, parameters and body; its name and the values of its defaults apart."""
    return canonical(_statements(node))


def _statements(node: Function) -> list[ast.stmt]:
    args = node.args
    own_args = ast.arguments(
        posonlyargs=args.posonlyargs,
        args=args.args,
        vararg=args.vararg,
        kwonlyargs=args.kwonlyargs,
        kw_defaults=[],
        kwarg=args.kwarg,
        defaults=[],
    )
    if isinstance(node, ast.Lambda):
        return [ast.Expr(ast.Lambda(args=own_args, body=node.body))]
    bare_function = type(node)(
        name="", args=own_args, body=node.body, decorator_list=[], returns=None, type_comment=None
    )
    return [*map(ast.Expr, node.decorator_list), bare_function]


def meaning(value: Any, label: str, folders: frozenset[Path]) -> Meaning:
    """Return what a function, a class or any object of a study means.

    Args:
        value: The function or object.
        label: What it is of the study, such as ``objective``.
        folders: The study's folders (see :func:`folders_of`).
    """
    walk = Walk(Notes(folders))
    text = walk.value(value, label)
    while walk.notes.seen > walk.notes.states:  # what is changed anywhere is known only once all is read
        walk = Walk(Notes(folders, states=frozenset(walk.notes.seen)))
        text = walk.value(value, label)
    return Meaning(digest(text), walk.notes.parts, tuple(dict.fromkeys(walk.notes.unread)))


def folders_of(values: Iterable[Any]) -> frozenset[Path]:
    """Return the folders of the files in which functions, classes and the classes of objects were written."""
    folders = set()
    for value in values:
        inner = value
        while isinstance(inner, functools.partial):
            inner = inner.func
        inner = inspect.unwrap(inner) if callable(inner) else inner
        inner = getattr(inner, "__func__", inner)
        if isinstance(inner, FunctionType):
            space: Mapping[str, Any] = inner.__globals__
        else:
            space = code_source.namespace_of(inner if isinstance(inner, type) else type(inner))
        file = space.get("__file__")
        if isinstance(file, str) and str(space.get("__name__")).partition(".")[0] != "hpsearch":
            folders.add(own_folder(file))
    return frozenset(folder for folder in folders if folder is not None)
