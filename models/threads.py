"""How many threads BLAS and OpenMP use, decided in one place.

A sum that is spread over threads comes out in another order, and so with other last bits. What has to repeat therefore
runs inside a block of `limited`, which holds for a whole fit, run or task: it is set where the outermost block begins
and taken back where that ends. A block within a block costs less than a microsecond.

The limit holds for BLAS in the whole process, for OpenMP in the thread that entered the block (each thread has a number
of its own there), and for PyTorch where it is imported. Libraries that are loaded while it stands are limited as soon
as the import that loads them ends. Processes that are started meanwhile are not touched.
"""

from __future__ import annotations

import os
import sys
import threading
from dataclasses import dataclass, field
from typing import Any

from threadpoolctl import ThreadpoolController

from .imports import watch_imports

__all__ = ["ThreadsConflictError", "limited", "refresh"]


class ThreadsConflictError(RuntimeError):
    """Two threads of one process ask for different numbers of threads at the same time."""


@dataclass
class _Set:
    """A library whose number of threads was changed, and the number before."""

    library: Any
    previous: int


@dataclass
class _Process:
    """The limit of the process.

    Attributes:
        number: Threads that BLAS may use; 0 where nothing is limited.
        holders: Threads that are inside a block.
        shared: The libraries that were changed for the whole process.
    """

    number: int = 0
    holders: int = 0
    shared: list[_Set] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)


class _Thread(threading.local):
    """The limits of one thread: the number of each block that it is in, and the libraries changed for it alone."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.changed: list[_Set] = []


class _Torch:
    """PyTorch, which sets OpenMP's number anew in each thread, as a library of threadpoolctl."""

    filepath = "torch"
    user_api = "torch"
    internal_api = "torch"

    @property
    def num_threads(self) -> int:
        """The number of threads within one operation."""
        return int(sys.modules["torch"].get_num_threads())

    def set_num_threads(self, number: int) -> None:
        """Set it."""
        sys.modules["torch"].set_num_threads(number)


_this_process = _Process()
_this_thread = _Thread()
_libraries: list[Any] = []
"""All that were ever found; a library is not unloaded."""

_modules_seen = 0
"""How many modules were imported when libraries were last looked for."""


class limited:
    """Limit the threads of BLAS and OpenMP for a block.

    Args:
        threads: How many; None for what stands already, and 1 where nothing does.

    Raises:
        ThreadsConflictError: Another thread of this process is inside a block of another number.
    """

    __slots__ = ("_threads",)

    def __init__(self, threads: int | None = None) -> None:
        self._threads = threads

    def __enter__(self) -> None:
        numbers = _this_thread.numbers
        if numbers and self._threads in (None, numbers[-1]):
            numbers.append(numbers[-1])
        else:
            _enter(self._threads)

    def __exit__(self, *_: object) -> None:
        numbers = _this_thread.numbers
        number = numbers.pop()
        if not numbers:
            _leave()
        elif numbers[-1] != number:
            _change(numbers[-1])


def refresh() -> None:
    """Limit the libraries that were loaded since the block began; nothing outside a block."""
    if not _this_process.number:
        return
    if len(sys.modules) == _modules_seen and len(_this_process.shared) + len(_this_thread.changed) == len(_libraries):
        return  # each is limited
    with _this_process.lock:
        _find()
        limited_libraries = {changed.library.filepath for changed in (*_this_process.shared, *_this_thread.changed)}
        for library in _libraries:
            if library.filepath not in limited_libraries:
                _limit(library, _this_process.number)


def _enter(threads: int | None) -> None:
    numbers = _this_thread.numbers
    with _this_process.lock:
        number = threads or _this_process.number or 1
        if _this_process.number not in (0, number):
            if _this_process.holders > bool(numbers):
                raise ThreadsConflictError(
                    f"another thread of this process trains with threads={_this_process.number}, this one asks for "
                    f"threads={number}: run them one after the other, or in processes of their own"
                )
            if numbers:
                _change(number)
                numbers.append(number)
                return
        _this_process.holders += 1
        begins = not _this_process.number
        _this_process.number = number
        numbers.append(number)
        _find()
        for library in _libraries:
            if begins or _is_per_thread(library):
                _limit(library, number)
        if begins:
            watch_imports(refresh)


def _leave() -> None:
    with _this_process.lock:
        _restore(_this_thread.changed)
        _this_process.holders -= 1
        if not _this_process.holders:
            watch_imports(None)
            _restore(_this_process.shared)
            _this_process.number = 0


def _change(number: int) -> None:
    with _this_process.lock:
        _this_process.number = number
        for changed in (*_this_process.shared, *_this_thread.changed):
            _set(changed.library, number)


def _limit(library: Any, number: int) -> None:
    per_thread = _is_per_thread(library)
    if per_thread and not _this_thread.numbers:
        return  # this thread is in no block
    (_this_thread.changed if per_thread else _this_process.shared).append(_Set(library, int(library.num_threads)))
    _set(library, number)


def _restore(changed: list[_Set]) -> None:
    for library_before in reversed(changed):
        _set(library_before.library, library_before.previous)
    changed.clear()


def _set(library: Any, number: int) -> None:
    """Set a library's number of threads.

    From version 3.7 on, threadpoolctl does nothing, silently, where another thread was the last to set it for OpenBLAS,
    although the number is that of the whole process.
    """
    release = getattr(library, "clear_controlling_thread", None)
    if release is not None:
        release(force=True)
    library.set_num_threads(number)
    if release is not None:
        release(force=True)


def _is_per_thread(library: Any) -> bool:
    """Return whether each thread of the process has its own number: OpenMP, and what is built on it.

    PyTorch passes its number on to OpenMP, so the two are taken back together: the last that was set first.
    """
    return library.user_api in ("openmp", "torch") or getattr(library, "threading_layer", None) == "openmp"


def _find() -> None:
    """Look for libraries, which takes milliseconds, where modules were imported since the last time."""
    global _modules_seen
    if len(sys.modules) == _modules_seen:
        return
    _modules_seen = len(sys.modules)
    known_paths = {library.filepath for library in _libraries}
    controllers = [*ThreadpoolController().lib_controllers, *([_Torch()] if _torch_is_ready() else [])]
    _libraries.extend(library for library in controllers if library.filepath not in known_paths)


def _torch_is_ready() -> bool:
    return hasattr(sys.modules.get("torch"), "set_num_threads")


def _forked() -> None:
    # The thread that held the lock may not exist in the child.
    _this_process.lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
