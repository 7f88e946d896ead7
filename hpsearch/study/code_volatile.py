"""Values that are others each time a program runs: of the clock, of chance, of the process and of where it runs.

What is made from them says nothing about a study, so it counts by its expression: ``START = time.time()`` is no change.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import re
from collections.abc import Iterable, Mapping
from types import FunctionType, ModuleType
from typing import Any

from hpsearch.study import code_source
from hpsearch.study.code_imports import bound_by, local_imports
from hpsearch.study.code_tree import names_used

_ALWAYS = re.compile(
    r"time\.\w+|random\.(?!Random$|seed$)\w+|uuid\.uuid[14]|secrets\.\w+|tempfile\.\w+"
    r"|datetime\.(datetime|date)\.(now|utcnow|today)"
    r"|(os|posix|nt)\.(getpid|getppid|urandom|times|getloadavg|getcwd|cpu_count|process_cpu_count)"
    r"|(pathlib\.)?(_local\.)?(Path|PosixPath|WindowsPath)\.cwd|pathlib\.(\w+\.)?Path\.cwd"
    r"|_thread\.get_(ident|native_id)|threading\.(get_ident|get_native_id|current_thread)|socket\.\w+"
    r"|multiprocessing\.(cpu_count|current_process)|multiprocessing\.(context\.\w+\.cpu_count|process\.current_process)"
    r"|psutil\.\w+|platform\.\w+|builtins\.(hash|id|object)"
    r"|numpy\.random\.(?!default_rng$|RandomState$|Generator$|SeedSequence$|PCG64$|MT19937$|Philox$|seed$)\w+"
)
"""What is never twice the same, by module and name."""

_UNSEEDED = re.compile(
    r"numpy\.random\.(\w+\.)?(default_rng|RandomState|SeedSequence|PCG64|MT19937|Philox)|random\.Random"
)
"""What is never twice the same where it is called without a seed."""

SECRET = re.compile(r"(?i)(secret|token|passw|credential|api_?key|access_?key)")
"""Names of what must not reach a log; it counts by its expression too."""


def volatile(
    code: ast.AST | Iterable[ast.AST], namespace: Mapping[str, Any], visiting: frozenset[int] = frozenset()
) -> bool:
    """Return whether code reads what differs from run to run.

    Args:
        code: The code: an expression or statements.
        namespace: Where its names are looked up.
        visiting: Ids of the functions that are being looked at.
    """
    nodes = [code] if isinstance(code, ast.AST) else list(code)
    namespace = {**namespace, **bound_by(local_imports(nodes), namespace)}
    if any(_unseeded(node, namespace) for node in nodes):
        return True
    for name, chains in names_used(nodes).items():
        for chain in chains:
            value, dotted = _resolve(namespace, name, chain)
            if dotted is not None and _ALWAYS.fullmatch(dotted):
                return True
            if isinstance(value, FunctionType) and id(value.__code__) not in visiting and len(visiting) < 8:
                definition = None if _installed(value) else code_source.of_function(value)
                if definition is not None and volatile(
                    definition[1], value.__globals__, visiting | {id(value.__code__)}
                ):
                    return True
    return False


def _installed(function: FunctionType) -> bool:
    file = function.__code__.co_filename
    return "site-packages" in file or "dist-packages" in file or file.startswith("<frozen") or "/lib/python" in file


def _unseeded(node: ast.AST, namespace: Mapping[str, Any]) -> bool:
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and not call.args and not call.keywords:
            for name, chains in names_used(call.func).items():
                dotted = [_resolve(namespace, name, chain)[1] for chain in chains]
                if any(name is not None and _UNSEEDED.fullmatch(name) for name in dotted):
                    return True
    return False


def _resolve(namespace: Mapping[str, Any], name: str, chain: tuple[str, ...]) -> tuple[Any, str | None]:
    """Return what a chain of attributes ends in, followed through modules alone, and its full name."""
    missing = object()
    value = namespace.get(name, getattr(builtins, name, missing))
    if value is missing:
        return None, None
    unresolved = list(chain)
    while unresolved and isinstance(value, ModuleType):
        inner = inspect.getattr_static(value, unresolved[0], missing)
        if inner is missing:
            break
        owner, value = value, inner
        unresolved.pop(0)
        if not isinstance(value, ModuleType) and getattr(value, "__module__", None) is None:
            return value, ".".join([owner.__name__, *chain[-len(unresolved) - 1 :]])
    if isinstance(value, ModuleType):
        return value, ".".join([value.__name__, *unresolved])
    bound, name = getattr(value, "__self__", None), getattr(value, "__name__", "?")
    if type(bound).__module__ == "random":
        return value, f"random.{name}"  # from random import gauss: a method of the module's one generator
    if type(bound).__module__.startswith("numpy.random"):
        return value, f"numpy.random.{name}"
    module, qualname = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(qualname, str):
        return value, None
    return value, ".".join([module, qualname, *unresolved])
