"""What the page of a study holds where it is one file: what its server would tell, told beforehand and aggregated."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hpsearch.judging.compared import diagnoses
from hpsearch.log.history import History
from hpsearch.report import watched
from hpsearch.report.columns import columns
from hpsearch.report.figures import Figure

MOST = 1_000_000
"""Bytes of all that a page holds of a study."""

PLACES = 40_000
"""Most numbers that say where trials stand on the axes: four axes for 10,000 trials."""

COLUMNS = 200_000
"""Most characters of the further columns of its table."""

SPARED = 80_000
"""Bytes that columns leave to single trials."""

DETAILS = 600_000
"""Most bytes of what is told of single trials; of the rest the page has the columns alone."""

FAILED = 20
"""Failed trials that are told whole, beside the best ones."""

OUTPUT = 4_000
"""Characters of what a trial printed: its end."""


def script_json(value: Any) -> str:
    """Return JSON that can stand in a script: no text in it can end the element."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def content(
    name: str, history: History, figures: Sequence[Figure], important: Sequence[str] = (), study_dir: Path | None = None
) -> str:
    """Return what a page is told of a study, as JSON that can stand in a script: ``MOST`` bytes at 10,000 trials.

    Args:
        name: The study's name.
        history: The fold of its log.
        figures: What is drawn beside the live page's panels.
        important: The parameters, the most important first: the map begins with the first two.
        study_dir: The study's folder, where what trials printed is; None to leave that out.
    """
    now = history.current
    study = watched.study_data(name, now, PLACES, important)
    drawn = {figure.key: _plain(figure) for figure in figures}
    told: dict[str, Any] = {
        "studies": watched.overview([name], {name: now}),
        "important": list(important),
        "figures": drawn,
        "study": study,
        "trials": {},
    }
    room = MOST - _size(told)
    study["columns"] = columns(now, min(COLUMNS, room - SPARED))
    room = MOST - _size(told)
    told["trials"] = _details(name, now, study_dir, min(DETAILS, room - 1000))
    return script_json(told)


def _plain(figure: Figure) -> dict[str, Any]:
    return {"data": figure.data, "layout": figure.layout, "choices": figure.choices, "height": figure.height}


def _size(value: Any) -> int:
    return len(script_json(value).encode("utf-8", "backslashreplace"))


def _details(name: str, now: History, study_dir: Path | None, room: int) -> dict[str, Any]:
    """Return what is told of single trials: of the best, and of the first that failed."""
    chosen = [*now.ranked()[: watched.BEST], *list(now.ended("FAILED"))[:FAILED]]
    found: dict[str, Any] = {}
    known = diagnoses(now)
    for trial in chosen:
        if str(trial.number) in found:
            continue
        told = watched.trial_data(name, now, trial.number, study_dir, known)
        told |= {"output": told["output"][-OUTPUT:], "artifacts": {}}
        del told["curve"]  # it is among the curves
        room -= _size(told) + len(str(trial.number)) + 4
        if room < 0:
            break
        found[str(trial.number)] = told
    return found
