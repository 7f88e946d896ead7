"""Ctrl-C: once, the tick is finished and the study can be resumed; twice, it stops at once and can be resumed too.

SIGTERM and SIGHUP, what a scheduler and a closed terminal send, are answered as Ctrl-C is, in every phase of a command.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from hpsearch.log.forking import in_children

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupt:
    """A context in which the first of these signals is only remembered, and the second interrupts.

    Outside the main thread signals cannot be caught, and nothing is.

    Attributes:
        requested: A signal came.
    """

    def __init__(self, notice: Callable[[str], None]) -> None:
        self.requested = False
        self._notice = notice
        self._patient = True
        self._process = os.getpid()
        self._previous: dict[int, Any] = {}
        self._kept_at_forks: Callable[[], None] = lambda: None

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                if not _is_ignored_by_wish(number):
                    self._previous[number] = signal.signal(number, self._receive)
            self._kept_at_forks = in_children(self._restore)
        return self

    def __exit__(self, *_: object) -> None:
        self._kept_at_forks()
        self._restore()

    def at_once(self) -> None:
        """From here on the first signal interrupts: no tick is under way that should be finished."""
        self._patient = False

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self._process:
            _end_child(number)
            return
        if self.requested or not self._patient:
            self.requested = True
            raise KeyboardInterrupt
        self.requested = True
        with contextlib.suppress(OSError):  # the terminal that closed cannot be told
            self._notice("interrupted: finishing this tick (Ctrl-C again stops at once)")


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """Have SIGTERM and SIGHUP interrupt whatever a command does, as Ctrl-C does by itself."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    process = os.getpid()
    previous = {}

    def receive(number: int, frame: FrameType | None) -> None:
        if os.getpid() != process:
            _end_child(number)
            return
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        if not _is_ignored_by_wish(number):
            previous[number] = signal.signal(number, receive)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _is_ignored_by_wish(number: int) -> bool:
    """Return whether a signal is ignored because somebody wants it to be: ``nohup`` has a closed terminal ignored."""
    return number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN


def _end_child(number: int) -> None:
    """End a forked child as if nothing caught the signal: it is the parent that finishes a tick."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
