"""What a pruner has read off a history, kept from one tick to the next."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Generic, TypeVar

from hpsearch.log.history import History

T = TypeVar("T")


class Remembered(Generic[T]):
    """A cache of what was read off one history; it begins anew for another history.

    A pruner is a function of the history. It remembers something only because reading ten thousand trials anew for each
    arrival would take longer than training. The history is held weakly, and what was read is not pickled: it can be
    read again.

    Args:
        begin: Makes the value to be remembered of a history of which nothing has been read yet.
    """

    def __init__(self, begin: Callable[[], T]) -> None:
        self._begin = begin
        self._history: Callable[[], History | None] = lambda: None
        self._value = begin()

    def __reduce__(self) -> tuple[type[Remembered[T]], tuple[Callable[[], T]]]:
        return type(self), (self._begin,)

    def of(self, history: History) -> T:
        """Return the value that is remembered of this history; its caller brings it up to date."""
        if self._history() is not history:
            self._history = weakref.ref(history)
            self._value = self._begin()
        return self._value
