"""A process that trains trials for the one that started it.

:class:`hpsearch.engine.local_crew.LocalCrew` starts it, with the descriptors of a pipe and of the file
that holds the study's data. What it unpickles comes over that pipe alone.
"""

from __future__ import annotations

import pickle
import signal
import sys
from multiprocessing.connection import Connection
from typing import Any

from hpsearch.engine.remote import Bench, Report
from hpsearch.errors import UserError
from hpsearch.objectives.child import die_with_parent
from hpsearch.objectives.shared_data import mapped


def main() -> None:
    """Serve jobs until the coordinator closes the pipe, or is gone."""
    die_with_parent()
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the coordinator finishes its tick, and ends its workers in order
    pipe: Connection[Any, Any] = Connection(int(sys.argv[1]))
    bench = Bench()
    try:
        maker, layout = pipe.recv()
        data = mapped(int(sys.argv[2]), layout)
        pipe.send("ready")
        while True:
            errand, name, job = pipe.recv()
            if job is None:
                bench.forget(name)
                continue
            report: Report | None = None
            error: BaseException | None = None
            try:
                report = bench.serve(name, maker, data, job)
            except Exception as raised:  # handed over: it is not a trial's matter
                error = _portable(raised)
            pipe.send((errand, report, error))
    except (EOFError, ConnectionResetError, BrokenPipeError):
        return


def _portable(error: Exception) -> Exception:
    """Return an error that can be sent: itself, or its words."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # whatever a user's class does when it is pickled
        return UserError(f"a worker failed ({type(error).__name__}: {error})")
    return error
