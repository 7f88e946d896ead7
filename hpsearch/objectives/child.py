"""A process that runs trials for the one that started it, given the descriptor of a pipe.

:class:`hpsearch.objectives.isolated.Isolated` starts it. What it unpickles comes over a pipe of its
parent's alone.
"""

from __future__ import annotations

import ctypes
import signal
import sys
from multiprocessing.connection import Connection

from hpsearch.objectives.portable import unpack

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Serve the parent until it closes the pipe."""
    die_with_parent()
    connection = Connection(int(sys.argv[1]))
    maker, data = connection.recv()
    objective = unpack(maker)(data)
    connection.send("ready")
    while True:
        try:
            order, *words = connection.recv()
        except EOFError:
            return
        if order == "advance":
            trials, tick = words
            connection.send(objective.advance(trials, tick)[0])
        else:
            getattr(objective, order)(*words)


def die_with_parent() -> None:
    """End with the parent, however it ends; elsewhere than on Linux after the step under way."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
