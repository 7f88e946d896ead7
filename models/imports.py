"""Calls a function whenever an import has loaded new modules."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

OURS = ("hpsearch",)
"""Packages that bring no library of their own."""


class _Watch(MetaPathFinder):
    """Finds nothing itself; asks the other finders, and has the loader of an outermost import tell when it is done."""

    def __init__(self) -> None:
        self.tell: Callable[[], None] | None = None
        self._thread = threading.local()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return what another finder finds; None within an import that is watched already."""
        if getattr(self._thread, "busy", False) or self.tell is None:
            return None
        self._thread.busy = True
        try:
            spec = next((candidate for candidate in self._ask(fullname, path, target) if candidate is not None), None)
        finally:
            self._thread.busy = False
        if spec is not None and hasattr(spec.loader, "exec_module") and not isinstance(spec.loader, type):
            self._follow(spec.loader)
        return spec

    def _ask(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None) -> list[ModuleSpec | None]:
        specs: list[ModuleSpec | None] = []
        for finder in list(sys.meta_path):
            if finder is not self and hasattr(finder, "find_spec"):
                specs.append(finder.find_spec(fullname, path, target))
                if specs[-1] is not None:
                    break
        return specs

    def _follow(self, loader: object) -> None:
        execute = loader.exec_module  # type: ignore[attr-defined]

        def followed(module: ModuleType) -> None:
            del loader.exec_module  # type: ignore[attr-defined]
            n_modules_before = len(sys.modules)
            self._thread.busy = True
            try:
                execute(module)
            finally:
                self._thread.busy = False
                if self.tell is not None and _foreign([module.__name__, *list(sys.modules)[n_modules_before:]]):
                    self.tell()

        try:
            loader.exec_module = followed  # type: ignore[attr-defined]
        except AttributeError:
            return  # a loader that takes no attributes: what it loads is found later


def _foreign(names: list[str]) -> bool:
    """Return whether one of these modules may have brought a library: it is neither ours nor of Python."""
    return any(name.partition(".")[0] not in (*OURS, *sys.stdlib_module_names) for name in names)


_watch = _Watch()


def watch_imports(tell: Callable[[], None] | None) -> None:
    """Have a function called after each outermost import that loads foreign modules; None ends that.

    Args:
        tell: Called in the thread that imports.
    """
    _watch.tell = tell
    if tell is not None and _watch not in sys.meta_path:
        sys.meta_path.insert(0, _watch)
    elif tell is None and _watch in sys.meta_path:
        sys.meta_path.remove(_watch)
