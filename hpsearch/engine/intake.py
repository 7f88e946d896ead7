"""Points that are enqueued while a study is there: into its log, or into its inbox where a run holds the log.

A run looks into the inbox before each tick and writes what it finds into the log: what is in the log alone counts.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hpsearch.engine.doctor import running
from hpsearch.errors import UserError
from hpsearch.log import catalogue
from hpsearch.log.history import History
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
        line = json.dumps(point, ensure_ascii=False) + "\n"
        with (folder / INBOX).open("a", encoding="utf-8") as inbox:
            inbox.write(line)
            inbox.flush()
            os.fsync(inbox.fileno())
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
    inbox, held = os.path.join(folder, INBOX), os.path.join(folder, _TAKEN)  # asked in every tick: no Path
    if not os.path.exists(held):
        if not os.path.exists(inbox):
            return []
        os.replace(inbox, held)
    points = [json.loads(line) for line in Path(held).read_text(encoding="utf-8").splitlines()]
    return [Extension(history.declaration.to_json(), time.time(), points=points)] if points else []


def taken(folder: Path) -> None:
    """Forget what was taken from the inbox: it is in the log."""
    (folder / _TAKEN).unlink(missing_ok=True)
