"""Where in a user's own code an exception came from, by the traceback in a log."""

from __future__ import annotations

import re
import sysconfig
from pathlib import Path, PurePath, PureWindowsPath

import hpsearch
from hpsearch.log.history import History, Trial

_FRAME = re.compile(r'^ *File "(?P<file>[^"\n]+)", line (?P<line>\d+)(?:, in (?P<function>[^\n]*))?', re.MULTILINE)
_INSTALLED = {"site-packages", "dist-packages"}
_PYTHON = re.compile(r"[\\/]lib(?:64)?[\\/]python\d+\.\d+[\\/]|[\\/]Python\d+[\\/]Lib[\\/]")
_PACKAGE = Path(hpsearch.__file__).parent


def origin(traceback: str | None) -> str | None:
    """Return ``file.py:12`` for the innermost frame of a traceback in the user's code, or None where there is none.

    Frames of hpsearch, of Python and of installed packages are skipped. A traceback may come from another machine, so
    the files need not exist on this one.

    Args:
        traceback: As Python formats it; of chained exceptions the last one counts.
    """
    user_frames = [frame for frame in _FRAME.finditer(traceback or "") if _is_own(frame["file"])]
    return f"{_pure(user_frames[-1]['file']).name}:{user_frames[-1]['line']}" if user_frames else None


def reason(trial: Trial) -> str:
    """Return why a trial ended or waits, and where in the user's code that raised an exception; empty while it runs."""
    if trial.decision is None:
        return "" if trial.paused is None else trial.paused.reason
    place = of_trial(trial)
    return f"{trial.decision.reason} ({place})" if place else trial.decision.reason


def of_trial(trial: Trial) -> str | None:
    """Return where in the user's code a trial failed; None where it did not, or not by an exception of that code."""
    return origin(trial.rows[-1].traceback) if trial.rows and trial.ended_badly else None


def of_first_failure(history: History) -> str:
    """Return `` (file.py:12)`` for the first trial that failed, to be appended to a sentence; or an empty text."""
    failed = list(history.ended("FAILED"))
    place = of_trial(failed[0]) if failed else None
    return f" ({place})" if place else ""


def _pure(file: str) -> PurePath:
    return PureWindowsPath(file) if "\\" in file else PurePath(file)


def _is_own(file: str) -> bool:
    parts = _pure(file).parts
    if file.startswith("<") and not file.startswith("<ipython"):
        return False
    if _INSTALLED.intersection(parts) or _PYTHON.search(file) or file.startswith(sysconfig.get_path("stdlib")):
        return False
    if "hpsearch" not in parts:
        return True
    # A folder of the user's may have this name, too: a file is ours where the package has it.
    inside = parts[len(parts) - parts[::-1].index("hpsearch") :]
    return not inside or not _PACKAGE.joinpath(*inside).is_file()
