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
import builtins
import functools
import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

from hpsearch.study import code_source
from hpsearch.study.code_imports import Imported, local_imports, module_of
from hpsearch.study.code_places import defining_module, own_folder, owns
from hpsearch.study.code_state import state_of
from hpsearch.study.code_tree import Function, bare, canonical, effective, names_used
from hpsearch.study.code_volatile import SECRET, volatile
from hpsearch.study.plain_values import digest, plain

SHOWN = 2000
"""Characters of a piece of code that are kept to show later what changed; of a longer one its digest alone."""

DEEP = 40
"""How far values are followed into one another."""


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
        folders: The study's folders: code in them is followed.
        parts: As for :class:`Meaning`.
        unread: As for :class:`Meaning`.
    """

    folders: frozenset[Path]
    parts: dict[str, str] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)
    _texts: dict[int, str] = field(default_factory=dict)
    _open: dict[int, str] = field(default_factory=dict)
    _kept: list[Any] = field(default_factory=list)
    _globals: set[tuple[int, str]] = field(default_factory=set)
    _home: list[str] = field(default_factory=list)

    def value(self, value: Any, label: str) -> str:
        """Return the text of any value.

        Args:
            value: The value.
            label: What the code calls it.
        """
        text = plain(value, self.folders)
        if text is not None:
            return text
        if id(value) in self._open:
            return f"(again {self._open[id(value)]})"
        if id(value) in self._texts:
            return self._texts[id(value)]
        if len(self._open) > DEEP:
            return self._unread(label, value, "lies too deep")
        self._open[id(value)] = label
        try:
            text = self._other(value, label)
        finally:
            del self._open[id(value)]
        self._texts[id(value)] = text
        self._kept.append(value)  # so that its id stays its own
        return text

    def _other(self, value: Any, label: str) -> str:
        """Return the text of a value that is not plain."""
        if isinstance(value, FunctionType):
            return self._function(value, label)
        if isinstance(value, MethodType):
            return f"(method {self.value(value.__func__, label)} of {self.value(value.__self__, f'{label}.self')})"
        if isinstance(value, functools.partial):
            said = [self._argument(each, f"{label}.arguments[{i}]") for i, each in enumerate(value.args)]
            named = [f"{k}={self._argument(v, f'{label}.{k}')}" for k, v in sorted(value.keywords.items())]
            return f"(partial {self.value(value.func, label)} {' '.join([*said, *named])})"
        if isinstance(value, type):
            return self._class(value, label)
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

    def _argument(self, value: Any, label: str) -> str:
        text = self.value(value, label)
        self._note(label, value, text)
        return text

    def _items(self, value: Any, label: str) -> str:
        if isinstance(value, Mapping):
            items = [f"{self.value(k, label)}: {self._argument(v, f'{label}[{k!r}]')}" for k, v in value.items()]
            return f"{{{', '.join(items)}}}"
        if isinstance(value, set | frozenset):
            return f"set({', '.join(sorted(self.value(each, label) for each in value))})"
        items = [self._argument(each, f"{label}[{i}]") for i, each in enumerate(value)]
        return f"{type(value).__name__}({', '.join(items)})"

    def _object(self, value: Any, label: str) -> str:
        """Return an object by its class and by what it holds."""
        kind = type(value)
        head = self.value(kind, kind.__qualname__)
        state = state_of(value)
        if state is None:
            return self._unread(label, value, "holds what cannot be read")
        held = [f"{name}={self._argument(each, f'{label}.{name}')}" for name, each in state.items()]
        return f"(object {' '.join([head, *held])})"

    def _unread(self, label: str, value: Any, why: str) -> str:
        self.unread.append(f"{label} ({type(value).__name__}) {why}")
        return f"(unread {defining_module(type(value))}.{type(value).__qualname__})"

    def _function(self, function: FunctionType, label: str) -> str:
        name = f"{defining_module(function)}.{function.__qualname__}"
        file = function.__globals__.get("__file__")
        typed = not isinstance(file, str) and function.__code__.co_filename.startswith(("<string", "<stdin", "<made"))
        if not owns(self.folders, file, function.__module__) and not typed:
            return f"(named {name})"
        found = code_source.of_function(function)
        if found is None:
            self.unread.append(f"{label}: the source of {function.__qualname__} cannot be read")
            return f"(unread {name})"
        source, node = found
        own = _code_of(node)
        self._note_code(label, node, own)
        statements = _statements(node)
        free = names_used(statements)
        closure = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
        parts = [own, *self._defaults(function, node, label)]
        owner = source.parents.get(node)
        for name, cell in sorted(closure.items()):
            parts.append(f"{name}={self._cell(cell, name, owner, function.__globals__, label)}")
        used = {name: chains for name, chains in free.items() if name not in closure}
        parts += self._names(function.__globals__, used, local_imports(statements))
        return f"(function {' '.join(parts)})"

    def _defaults(self, function: FunctionType, node: Function, label: str) -> list[str]:
        """Return the values of a function's defaults; of those that are made anew each run the expressions."""
        args = node.args
        places = [each.arg for each in (*args.posonlyargs, *args.args)][-len(args.defaults) :] if args.defaults else []
        values = dict(zip(places, function.__defaults__ or (), strict=False))
        written: dict[str, ast.expr] = dict(zip(places, args.defaults, strict=False))
        keywords = function.__kwdefaults__ or {}
        for arg, default in zip(args.kwonlyargs, args.kw_defaults, strict=True):
            if default is not None and arg.arg in keywords:
                values[arg.arg], written[arg.arg] = keywords[arg.arg], default
        texts = []
        for name, value in values.items():
            text = self._made(value, [written[name]], function.__globals__, f"{label}({name})")
            texts.append(f"{name}={text}")
        return texts

    def _cell(self, cell: Any, name: str, owner: ast.AST | None, namespace: Mapping[str, Any], label: str) -> str:
        try:
            value = cell.cell_contents
        except ValueError:
            return "(empty)"
        if name == "__class__":
            return self.value(value, name)
        statements = code_source.local_binding(owner, name)
        if statements and volatile(statements, namespace):
            return canonical(statements)
        return self._argument(value, f"{label}.{name}" if isinstance(value, FunctionType | type) else name)

    def _made(self, value: Any, made_by: Sequence[ast.AST], namespace: Mapping[str, Any], label: str) -> str:
        """Return a constant by its value where that is plain, else by the code that made it and what that uses."""
        text = None if volatile(made_by, namespace) else plain(value, self.folders)
        if text is not None:
            self._note(label, value, text, literal=_literal(made_by))
            return text
        if isinstance(value, FunctionType | MethodType | type | functools.partial):
            return self.value(value, label)
        code = " ".join(canonical(each) for each in made_by)
        self.parts.setdefault(label, _shown(made_by))
        bound = {name for each in made_by if isinstance(each, ast.stmt) for name in code_source.made_by(each)}
        used = {name: chains for name, chains in names_used(made_by).items() if name not in bound}
        return f"(made {' '.join([code, *self._names(namespace, used, local_imports(made_by))])})"

    def _names(
        self,
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
                texts += self._imported(imports[name], namespace, name, chains)
                continue
            if name not in namespace:
                if not hasattr(builtins, name):
                    texts.append(f"{name}=(undefined)")
                continue
            value = namespace[name]
            if isinstance(value, ModuleType):
                texts += [f"{name}{self._attribute(value, chain, name)}" for chain in sorted(set(chains))]
            else:
                texts.append(f"{name}={self._global(namespace, name, value)}")
        return texts

    def _imported(
        self, imported: Imported, namespace: Mapping[str, Any], name: str, chains: Iterable[tuple[str, ...]]
    ) -> list[str]:
        """Return the texts of a name that a function imports when it runs."""
        module, inner = module_of(imported, namespace, self.folders), imported[2]
        if module is None:
            return [f"{name}=(named {'.' * imported[1]}{imported[0]}{'' if inner is None else f'.{inner}'})"]
        if inner is None or isinstance(vars(module).get(inner), ModuleType):
            module = module if inner is None else vars(module)[inner]
            return [f"{name}{self._attribute(module, chain, name)}" for chain in sorted(set(chains))]
        if not owns(self.folders, getattr(module, "__file__", None), module.__name__):
            return [f"{name}=(named {module.__name__}.{inner})"]
        if inner not in vars(module):
            return [f"{name}=(undefined)"]
        return [f"{name}={self._global(vars(module), inner, vars(module)[inner])}"]

    def _attribute(self, module: ModuleType, chain: tuple[str, ...], label: str) -> str:
        """Return what a chain of attributes of a module leads to."""
        if not owns(self.folders, getattr(module, "__file__", None), module.__name__):
            return f"=(module {module.__name__})"
        if not chain:
            return f"={self.value(module, label)}"
        inner = vars(module).get(chain[0])
        path = f"{label}.{chain[0]}"
        if isinstance(inner, ModuleType):
            return f".{chain[0]}{self._attribute(inner, chain[1:], path)}"
        if chain[0] not in vars(module):
            return f".{chain[0]}=(undefined)"
        return f".{chain[0]}={self._global(vars(module), chain[0], inner, path)}"

    def _global(self, namespace: Mapping[str, Any], name: str, value: Any, label: str | None = None) -> str:
        """Return a module's name by its value, or by the statements that made it."""
        label = label or self._label(namespace, name)
        if isinstance(value, FunctionType | MethodType | type | functools.partial | ModuleType):
            return self.value(value, label)
        if any(each.__name__ == "Study" and each.__module__.startswith("hpsearch.") for each in type(value).__mro__):
            return "(study)"  # declared as such
        place = (id(namespace), name)
        if place in self._globals:
            return f"(again {name})"
        self._globals.add(place)
        try:
            source = code_source.of_module(namespace)
            statements = source.binding(name) if source is not None else []
            if SECRET.search(name) and isinstance(value, str | bytes):
                return canonical(statements)
            if statements:
                return self._made(value, statements, namespace, label)
            imported = source.imported(name) if source is not None else None
            if imported is not None and (module := module_of(imported, namespace, self.folders)) is not None:
                if owns(self.folders, getattr(module, "__file__", None), module.__name__):
                    return self._global(vars(module), imported[2], value, label)
                text = plain(value, self.folders)
                return text if text is not None else f"(named {module.__name__}.{imported[2]})"
            return self._argument(value, label)
        finally:
            self._globals.discard(place)

    def _label(self, namespace: Mapping[str, Any], name: str) -> str:
        """Return what a name is called in what is shown: names of other modules with the module."""
        module = str(namespace.get("__name__"))
        if not self._home:
            self._home.append(module)
        return name if module == self._home[0] else f"{module}.{name}"

    def _class(self, cls: type[Any], label: str) -> str:
        name = f"{defining_module(cls)}.{cls.__qualname__}"
        namespace = code_source.namespace_of(cls)
        if not owns(self.folders, namespace.get("__file__"), cls.__module__):
            return f"(named {name})"
        found = code_source.of_class(cls)
        if found is None:
            self.unread.append(f"{label}: the source of class {cls.__qualname__} cannot be read")
            return f"(unread {name})"
        node = found[1]
        own, constants, rest = self._body(cls, node, namespace, label)
        self._note_code(label, node, own)
        cells = {
            cell: contents
            for each in code_source.functions_of(cls)
            for cell, contents in zip(each.__code__.co_freevars, each.__closure__ or (), strict=True)
            if cell != "__class__"
        }
        owner = found[0].parents.get(node)
        parts = [own, *constants]
        parts += [f"{k}={self._cell(v, k, owner, namespace, label)}" for k, v in sorted(cells.items())]
        used = names_used(rest)
        used = {k: v for k, v in used.items() if k not in cells and k != cls.__name__}
        parts += self._names(namespace, used, local_imports(rest))
        return f"(class {' '.join(parts)})"

    def _body(
        self, cls: type[Any], node: ast.ClassDef, namespace: Mapping[str, Any], label: str
    ) -> tuple[str, list[str], list[ast.stmt]]:
        """Return a class's code without its plain constants, these by their values, and what is left to be followed."""
        kept: list[ast.stmt] = []
        constants = []
        for each in effective(node.body, in_class=True):
            target = each.targets[0] if isinstance(each, ast.Assign) and len(each.targets) == 1 else None
            target = each.target if isinstance(each, ast.AnnAssign) and each.value is not None else target
            value = each.value if isinstance(each, ast.Assign | ast.AnnAssign) else None
            if isinstance(target, ast.Name) and value is not None and target.id in vars(cls):
                held = vars(cls)[target.id]
                text = None if volatile(value, namespace) else plain(held, self.folders)
                if text is not None:
                    hint = canonical(each.annotation) if isinstance(each, ast.AnnAssign) else ""
                    constants.append(f"{target.id}:{hint}={text}")
                    self._note(f"{label}.{target.id}", held, text, literal=_literal([value]))
                    continue
            kept.append(each)
        head = ast.ClassDef(
            name="", bases=node.bases, keywords=node.keywords, body=kept, decorator_list=node.decorator_list
        )
        return canonical(head), constants, [*map(ast.Expr, node.decorator_list), *_exprs(node), *kept]

    def _module(self, module: ModuleType, label: str) -> str:
        if not owns(self.folders, getattr(module, "__file__", None), module.__name__):
            return f"(module {module.__name__})"
        source = code_source.of_module(vars(module))
        if source is None:
            return self._unread(label, module, "cannot be read")
        text = canonical(source.body)
        self.parts.setdefault(label, f"code {digest(text)}")
        return f"(module {digest(text)})"

    def _note(self, label: str, value: Any, text: str, *, literal: bool = True) -> None:
        """Keep what a value is, to show later what changed: never what may be a secret."""
        hidden = (isinstance(value, str | bytes) and not literal) or SECRET.search(label)
        if plain(value) is not None:
            self.parts.setdefault(label, f"digest {digest(text)}" if hidden or len(text) > 200 else text)

    def _note_code(self, label: str, node: ast.AST, own: str) -> None:
        shown = _unparsed(node)
        self.parts.setdefault(label, shown if len(shown) <= SHOWN else f"code {digest(own)}")


def _code_of(node: Function) -> str:
    """Return a function's own code: decorators, parameters and body; its name and the values of its defaults apart."""
    return canonical(_statements(node))


def _statements(node: Function) -> list[ast.stmt]:
    args = node.args
    own_args = ast.arguments(
        posonlyargs=args.posonlyargs, args=args.args, vararg=args.vararg, kwonlyargs=args.kwonlyargs,
        kw_defaults=[], kwarg=args.kwarg, defaults=[],
    )  # fmt: skip
    if isinstance(node, ast.Lambda):
        return [ast.Expr(ast.Lambda(args=own_args, body=node.body))]
    own = type(node)(name="", args=own_args, body=node.body, decorator_list=[], returns=None, type_comment=None)
    return [*map(ast.Expr, node.decorator_list), own]


def _exprs(node: ast.ClassDef) -> list[ast.stmt]:
    return [ast.Expr(each) for each in (*node.bases, *(keyword.value for keyword in node.keywords))]


def _literal(nodes: Sequence[ast.AST]) -> bool:
    """Return whether code is made of constants and operators alone: what it says stands in the study file anyway."""
    return not any(
        isinstance(each, ast.Call | ast.Attribute | ast.Subscript) for node in nodes for each in ast.walk(node)
    )


def _unparsed(node: ast.AST) -> str:
    try:
        return ast.unparse(ast.fix_missing_locations(bare(node)))
    except (ValueError, RecursionError):
        return f"code {digest(canonical(node))}"


def _shown(nodes: Sequence[ast.AST]) -> str:
    text = "; ".join(map(_unparsed, nodes))
    return text if len(text) <= SHOWN else f"code {digest(text)}"


def meaning(value: Any, label: str, folders: frozenset[Path]) -> Meaning:
    """Return what a function, a class or any object of a study means.

    Args:
        value: The function or object.
        label: What it is of the study, such as ``objective``.
        folders: The study's folders (see :func:`folders_of`).
    """
    walk = Walk(folders)
    text = walk.value(value, label)
    return Meaning(digest(text), walk.parts, tuple(dict.fromkeys(walk.unread)))


def folders_of(values: Iterable[Any]) -> frozenset[Path]:
    """Return the folders of the files in which functions, classes and the classes of objects were written."""
    found = set()
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
            found.add(own_folder(file))
    return frozenset(each for each in found if each is not None)
