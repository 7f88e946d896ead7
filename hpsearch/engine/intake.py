"""Points that are enqueued while a study is there: into its log, or into its inbox where a run holds the log.

A run looks into the inbox before each tick and writes its points into the log: only what is in the log counts. What
it takes is called by how many points had been enqueued before, so that a run which was killed in between, and is
resumed, knows whether they are in the log.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Any

from hpsearch.engine.doctor import running
from hpsearch.errors import UserError
from hpsearch.log import catalogue
from hpsearch.log.history import History
from hpsearch.log.posix import fcntl
from hpsearch.log.records import Extension
from hpsearch.log.writer import Log
from hpsearch.space import Float, active, check_point, check_value
from hpsearch.space.dimensions import json_value

INBOX = "inbox.jsonl"
_TAKEN = "inbox.taken"


def enqueue(folder: Path, values: Mapping[str, Any]) -> bool:
    """Enqueue a point to be tried next; what it lacks is the sampler's.

    Args:
        folder: The study's folder.
        values: A value for some or all dimensions.

    Returns:
        Whether it is in the log; False where a run of the study is to take it from the inbox.

    Raises:
        UserError: The study takes no points, or has no such dimension or value.
    """
    point = _checked(folder.name, catalogue.load_history(folder), values)
    if running(folder):
        _put(folder / INBOX, json.dumps(point).encode() + b"\n")
        return False
    with Log(folder / catalogue.LOG) as log:
        declaration = History.fold(log.records, catalogue.load_history(folder).goal).declaration
        log.append(Extension(declaration.to_json(), time.time(), points=[point]))
    return True


def _checked(name: str, history: History, values: Mapping[str, Any]) -> dict[str, Any]:
    declaration = history.declaration
    space = declaration.dimensions
    if not space:
        raise UserError(f"study {name!r}: enqueue needs a space of dimensions")
    if declaration.stages or declaration.confirm or declaration.sampler == "listed":
        raise UserError(f"study {name!r}: enqueue goes with neither stages nor confirmation nor a list of points")
    if declaration.lookback:
        raise UserError(f"study {name!r}: enqueue goes with lookback=0: its points are dealt to lanes beforehand")
    if not values:
        raise UserError("enqueue: give at least one KEY=VALUE")
    for key, value in values.items():
        check_value(space, key, value, "enqueue")
    point = {
        key: float(value) if isinstance(space[key], Float) else json_value(value, key) for key, value in values.items()
    }
    if all(key in point for key in active(space, point)):
        check_point(space, point, "enqueue")
    return point


def take(folder: Path, history: History) -> list[Extension]:
    """Return what lies in a study's inbox as records; they are to be written before :func:`taken` is called."""
    inbox = os.path.join(folder, INBOX)
    held = os.path.join(folder, f"{_TAKEN}-{len(history.queue)}")
    if not os.path.exists(held):  # asked in every tick: no Path
        if not os.path.exists(inbox):
            return []
        with _held(Path(inbox)):
            os.replace(inbox, held)
    try:
        # A line without its end is of an enqueue that was killed, and said nothing to anybody.
        whole, _, _ = Path(held).read_bytes().rpartition(b"\n")
        points = [json.loads(line) for line in whole.splitlines()]
    except ValueError as error:
        raise UserError(f"{held}: no points, one a line ({error}); remove it and enqueue them again") from error
    if not points:
        os.unlink(held)
        return []
    return [Extension(history.declaration.to_json(), time.time(), points=points)]


def taken(folder: Path) -> None:
    """Forget what was taken from the inbox: it is in the log."""
    for held in folder.glob(f"{_TAKEN}-*"):
        held.unlink(missing_ok=True)


def _put(inbox: Path, line: bytes) -> None:
    """Add a line to the inbox, whole or not at all.

    Raises:
        OSError: The disk is full, or read-only.
    """
    with _held(inbox) as file:
        length = os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0).rfind(b"\n") + 1
        os.ftruncate(file.fileno(), length)
        try:
            file.write(line)
            os.fsync(file.fileno())
        except OSError:
            os.ftruncate(file.fileno(), length)
            raise


@contextmanager
def _held(inbox: Path) -> Iterator[FileIO]:
    """Open the inbox and lock it: who puts a line in and who takes it away come one after the other."""
    while True:
        with FileIO(inbox, "ab+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            try:
                stands = os.path.samestat(inbox.stat(), os.fstat(file.fileno()))
            except FileNotFoundError:
                stands = False
            if stands:
                yield file
                return
