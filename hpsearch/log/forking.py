"""What a forked child gives up at once: the log, its lock and the handling of signals are the parent's alone.

A trial's code may fork (``multiprocessing``, data loaders, joblib). A child that kept the log's descriptor would hold
the study after its coordinator was killed; one that kept its handlers would not end when its pool terminates it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import count

_actions: dict[int, Callable[[], None]] = {}
_keys = count()


def in_children(action: Callable[[], None]) -> Callable[[], None]:
    """Have every child that this process forks call a function first.

    Args:
        action: The function.

    Returns:
        A function that cancels this.
    """
    key = next(_keys)
    _actions[key] = action

    def forget() -> None:
        _actions.pop(key, None)

    return forget


def _in_child() -> None:
    while _actions:  # a child's own children have nothing left to give up
        _actions.popitem()[1]()


os.register_at_fork(after_in_child=_in_child)
