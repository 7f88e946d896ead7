"""Ctrl-C: once, the tick is finished and the study can be resumed; twice, it stops at once and can be resumed too."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

from hpsearch.log.forking import in_children


class Interrupt:
    """A context in which the first SIGINT or SIGTERM is only remembered, and the second interrupts.

    Outside the main thread signals cannot be caught, and nothing is.

    Attributes:
        requested: A signal came.
    """

    def __init__(self, notice: Callable[[str], None]) -> None:
        self.requested = False
        self._notice = notice
        self._previous: dict[int, Any] = {}
        self._kept_at_forks: Callable[[], None] = lambda: None

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._previous[number] = signal.signal(number, self._receive)
            self._kept_at_forks = in_children(self._restore)
        return self

    def __exit__(self, *_: object) -> None:
        self._kept_at_forks()
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
        self._notice("interrupted: finishing this tick (Ctrl-C again stops at once)")
