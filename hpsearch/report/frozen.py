"""The live page as it is at one moment, in one file that needs nothing else."""

from __future__ import annotations

import json
import re
from html import escape
from pathlib import Path
from typing import Any

from hpsearch.log import files
from hpsearch.log.history import History
from hpsearch.report import watched
from hpsearch.report.html import script_json
from hpsearch.report.watching import FILES, asset

POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"

FAILED = 20
"""Failed trials that the file tells whole, beside the best ones."""

DETAILS = 600_000
"""Characters of what the file tells of single trials; of the rest it has the columns alone."""

OUTPUT = 4_000
"""Characters of what a trial printed: its end."""

_STYLE = re.compile(r'<link rel="stylesheet" href="([^"]+)">')
_SCRIPT = re.compile(r'<script src="([^"]+)"></script>')


def write_frozen(name: str, history: History, study_dir: Path, path: Path) -> None:
    """Write the page of a study as one file; a file that stands there is replaced at once, never half.

    Raises:
        UserError: The file cannot be written.
    """
    files.write_whole(path, page(name, history, study_dir))


def page(name: str, history: History, study_dir: Path) -> str:
    """Return the page of a study as HTML with all that it needs; less than two megabytes.

    Args:
        name: The study's name.
        history: The fold of its log.
        study_dir: The study's folder.
    """
    told = {
        "studies": watched.overview([name], {name: history}),
        "study": watched.study_data(name, history),
        "trials": _details(name, history, study_dir),
    }
    data = f'<script type="application/json" id="frozen">{script_json(told)}</script>'
    head = f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">'
    text = asset("watch/watch.html").replace('<meta charset="utf-8">', f'<meta charset="utf-8">\n{head}', 1)
    text = _STYLE.sub(lambda found: f"<style>\n{_own(found[1])}</style>", text)
    text = _SCRIPT.sub(lambda found: f"<script>\n{_own(found[1])}</script>", text)
    return text.replace("<script>", f"{data}\n<script>", 1)


def _own(name: str) -> str:
    return asset(FILES[f"/{name}"][0]).replace("</script", "<\\/script")


def _details(name: str, history: History, study_dir: Path) -> dict[str, Any]:
    """Return what is told of single trials: of the best, and of the first that failed."""
    now = history.current
    chosen = [*now.ranked()[: watched.BEST], *list(now.ended("FAILED"))[:FAILED]]
    found: dict[str, Any] = {}
    room = DETAILS
    for trial in chosen:
        if str(trial.number) in found:
            continue
        told = watched.trial_data(name, history, trial.number, study_dir)
        told |= {"output": told["output"][-OUTPUT:], "artifacts": {}}
        room -= len(json.dumps(told))
        if room < 0:
            break
        found[str(trial.number)] = told
    return found
