"""Numbers in words: how values, parameters, durations and counts are written wherever people read them."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpsearch.log.history import History, Trial
from hpsearch.log.points import Point
from hpsearch.report import origin


@dataclass(frozen=True)
class Counts:
    """How many trials are in each state."""

    complete: int = 0
    pruned: int = 0
    failed: int = 0
    running: int = 0
    paused: int = 0

    @property
    def ended(self) -> int:
        """Trials that have ended."""
        return self.complete + self.pruned + self.failed

    def __str__(self) -> str:
        """Return the counts as text; failed, running and paused trials are left out where there are none."""
        states = [f"{self.complete} complete", f"{self.pruned} pruned"]
        states += [f"{self.failed} failed"] if self.failed else []
        states += [f"{self.running} running"] if self.running else []
        states += [f"{self.paused} paused"] if self.paused else []
        return ", ".join(states)


def counts(history: History) -> Counts:
    """Count a study's trials by state."""
    states = [trial.state for trial in history.trials]
    return Counts(*(states.count(state) for state in ("COMPLETE", "PRUNED", "FAILED", "RUNNING", "PAUSED")))


def saved(history: History, epochs: int) -> tuple[int, int]:
    """Return the epochs that pruning saved, and those that would have been trained without it.

    Args:
        history: The study.
        epochs: Most epochs of a trial.
    """
    trained = sum(trial.epoch for trial in history.trials)
    spared = sum(max(epochs - trial.epoch, 0) for trial in history.ended("PRUNED"))
    return spared, trained + spared


def a(name: str) -> str:
    """Return a name behind its article: ``a loss``, ``an accuracy``."""
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def many(count: int, thing: str) -> str:
    """Return ``1 trial``, ``2 trials``, ``1,000 trials``."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def number(value: float | None) -> str:
    """Return a metric's value in four digits; a dash where there is none."""
    if value is None:
        return "-"
    if math.isfinite(value) and (value == 0 or 1e-3 <= abs(value) < 1000):
        return f"{value:.4f}"
    return f"{value:.4g}"


def param(value: Any) -> str:
    """Return a parameter's value for people: floats in four digits, lists without blanks, texts as they are."""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str)


def params(values: Mapping[str, Any]) -> str:
    """Return parameters as ``name=value`` pairs, in the order of the space."""
    return " ".join(f"{name}={param(value)}" for name, value in values.items())


def duration(seconds: float) -> str:
    """Return a length of time as ``7 s``, ``3:05 min`` or ``2:10 h``."""
    rounded = round(seconds)
    if rounded < 60:
        return f"{rounded} s"
    if rounded < 3600:
        return f"{rounded // 60}:{rounded % 60:02d} min"
    return f"{rounded // 3600}:{rounded % 3600 // 60:02d} h"


def reached(trial: Trial) -> str:
    """Return which epoch of how many was the trial's best."""
    return f"epoch {trial.best_epoch} of {trial.epoch}"


def mean(metric: str, point: Point) -> str:
    """Return a point's mean over its repeats in words, with its 95 % interval."""
    half = point.spread.half
    within = "" if math.isnan(half) else f" ± {number(half)}"
    return f"{metric} {number(point.mean)}{within}, the mean over {many(len(point.trials), 'repeat')}"


def constraints(history: History) -> str | None:
    """Return in words which constraints a study has and how many proposals they rejected; None where it has none."""
    names = [str(constraint["function"]) for constraint in history.declaration.constraints]
    if not names:
        return None
    rejected = sum(trial.ask.rejected for trial in history.trials)
    return f"constraints: {', '.join(names)}" + (f"; {rejected:,} proposals rejected" if rejected else "")


def first_failure(history: History) -> str | None:
    """Return the reason of the first trial that failed, with its number, or None."""
    for trial in history.ended("FAILED"):
        return f"trial {trial.number}: {origin.reason(trial)}"
    return None


def command(name: str, study: str, *arguments: str, root: Path = Path("mlruns")) -> str:
    """Return what to type for a command about a study.

    Args:
        name: The command, such as ``show``.
        study: The study's name.
        *arguments: What follows the study.
        root: The root of all state; it is part of the command unless it is the default.
    """
    command_line = ["hpsearch", name, study, *arguments, *([] if root == Path("mlruns") else ["--root", str(root)])]
    return shlex.join(command_line)
