"""The data in the page of a report: all that the server of the live page would answer, within a limit of bytes."""

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

MOST_BYTES = 1_000_000
"""Bytes of all data of a study in a page."""

MOST_POSITIONS = 40_000
"""Positions of trials on axes at most: four axes for 10,000 trials."""

MOST_COLUMN_CHARACTERS = 200_000
"""Characters of the further columns of its table at most."""

LEFT_FOR_TRIALS = 80_000
"""Bytes that columns leave for the details of single trials."""

MOST_TRIAL_BYTES = 600_000
"""Bytes of the details of single trials at most; of the others the page has the columns alone."""

MOST_FAILED = 20
"""Failed trials that have details, in addition to the best ones."""

MOST_OUTPUT = 4_000
"""Characters of what a trial printed that are kept: the last ones."""


def script_json(value: Any) -> str:
    """Return JSON that can stand in a script of a page: no text in it can end the element."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def page_json(
    name: str, history: History, figures: Sequence[Figure], important: Sequence[str] = (), study_dir: Path | None = None
) -> str:
    """Return all data of a study in a page, as JSON for a script: about ``MOST_BYTES`` at 10,000 trials.

    Args:
        name: The study's name.
        history: The fold of its log.
        figures: The figures in addition to the panels of the live page.
        important: The parameters, the most important first: the map begins with the first two.
        study_dir: The study's folder, where what trials printed is; None to leave that out.
    """
    now = history.current
    study = watched.study_data(name, now, MOST_POSITIONS, important)
    drawings = {figure.key: _figure_json(figure) for figure in figures}
    content: dict[str, Any] = {
        "studies": watched.overview([name], {name: now}),
        "important": list(important),
        "figures": drawings,
        "study": study,
        "trials": {},
    }
    left = MOST_BYTES - _size(content)
    study["columns"] = columns(now, min(MOST_COLUMN_CHARACTERS, left - LEFT_FOR_TRIALS))
    left = MOST_BYTES - _size(content)
    content["trials"] = _details(name, now, study_dir, min(MOST_TRIAL_BYTES, left - 1000))
    return script_json(content)


def _figure_json(figure: Figure) -> dict[str, Any]:
    return {"data": figure.data, "layout": figure.layout, "choices": figure.choices, "height": figure.height}


def _size(value: Any) -> int:
    return len(script_json(value).encode("utf-8", "backslashreplace"))


def _details(name: str, now: History, study_dir: Path | None, left: int) -> dict[str, Any]:
    """Return the details of single trials by number: of the best, and of the first that failed."""
    chosen = [*now.ranked()[: watched.MOST_BEST], *list(now.ended("FAILED"))[:MOST_FAILED]]
    details: dict[str, Any] = {}
    diagnosis_of = diagnoses(now)
    for trial in chosen:
        if str(trial.number) in details:
            continue
        facts = watched.trial_data(name, now, trial.number, study_dir, diagnosis_of)
        facts |= {"output": facts["output"][-MOST_OUTPUT:], "artifacts": {}}
        del facts["curve"]  # it is among the curves
        left -= _size(facts) + len(str(trial.number)) + 4
        if left < 0:
            break
        details[str(trial.number)] = facts
    return details
