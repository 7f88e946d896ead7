"""The runs that are under way in this process, which ``study.stop()`` ends."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from hpsearch.errors import UserError
from hpsearch.study.study import Study

STOPPED = "study.stop() was called"

_runs: list[UnderWay] = []
_lock = threading.Lock()


class UnderWay:
    """A run of a study.

    Attributes:
        study: The study, as the caller gave it.
        why: Why the user wants it to end, or None.
    """

    def __init__(self, study: Study) -> None:
        self.study = study
        self.why: str | None = None

    def is_of(self, study: Study) -> bool:
        """Return whether it runs a study, or a variant of it: an objective knows the study of its file."""
        running, objective = self.study, study.objective
        return (
            running is study
            or (objective is not None and running.objective is objective)
            or _plain(running) == _plain(study)
        )


@contextmanager
def under_way(study: Study) -> Iterator[UnderWay]:
    """Register a study as under way for a block."""
    run = UnderWay(study)
    with _lock:
        _runs.append(run)
    try:
        yield run
    finally:
        with _lock:
            _runs.remove(run)


def stop(study: Study) -> None:
    """End the runs of a study in this process, once what trains now is done.

    Raises:
        UserError: No run of it is under way in this process.
    """
    with _lock:
        runs = [run for run in _runs if run.is_of(study)]
        for run in runs:
            run.why = STOPPED
    if not runs:
        raise UserError(
            f"study {study.name!r} is not being run by this process, so stop() has nothing to end; call it from an "
            "objective, a callback or a thread of the process that runs the study (with workers: from a callback)"
        )


def _plain(study: Study) -> str:
    return study.name.partition("@")[0]
