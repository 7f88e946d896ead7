"""One trial, for people and scripts: its point, its end, what it said of itself, its files and what it printed."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any

from hpsearch.errors import UserError
from hpsearch.log.history import History, Trial
from hpsearch.log.kept import OutputFiles, artifacts
from hpsearch.report import origin, pareto, words
from hpsearch.report.export import plain
from hpsearch.report.sparkline import sparkline
from hpsearch.report.terminal import Part

CURVE = 40
"""Width of the curve."""


def trial_parts(
    history: History, number: int, study_dir: Path, *, ascii_only: bool = False, root: Path = Path("mlruns")
) -> list[Part]:
    """Return what ``hpsearch show --trial`` shows.

    Args:
        history: The study.
        number: The trial's number.
        study_dir: The study's folder.
        ascii_only: Draw the curve for a terminal that cannot show block characters.
        root: Where all state is.

    Raises:
        UserError: There is no such trial.
    """
    trial = find(history, number)
    metric, why = history.goal.metric, origin.reason(trial)
    parts: list[Part] = [f"trial {number}: {trial.state}{f': {why}' if why else ''}"]
    if trial.value is not None:
        others = "".join(
            f", {name} {pareto.number(value)}"
            for name, value in zip(history.goal.metrics[1:], trial.values[1:], strict=False)
        )
        parts.append(f"{metric} {words.number(trial.value)}{others} at {words.reached(trial)}")
    if len(curve := trial.curve(metric)) > 1:
        parts.append(f"curve      {sparkline(curve, CURVE, ascii_only=ascii_only)}")
    parts += turns(trial)
    for title, values in (("parameters", trial.params), ("attributes", trial.attributes)):
        if values:
            parts.append(f"{title} {words.params(values)}")
    kept = list(artifacts(study_dir, trial.ask.key))
    if kept:
        parts.append("artifacts")
        parts += [f"  {path} ({path.stat().st_size:,} bytes)" for path, _ in kept]
    if trial.rows and (traceback := trial.rows[-1].traceback):
        parts += ["", "traceback", *traceback.rstrip().splitlines()]
    if output := OutputFiles(study_dir, trial.ask.key).text():
        parts += ["", "what it printed", *output.rstrip("\n").splitlines()]
    if trial.ended_badly:
        again = words.command("show", study_dir.name, "--trial", str(number), "--rerun", "--debug", root=root)
        parts += ["", f"next: {again}"]
    return parts


def turns(trial: Trial) -> list[str]:
    """Return when and why a trial began, was paused and went on, a line each."""
    lines = []
    if trial.ask.evidence:
        to = "" if trial.ask.until is None else f", to be trained to epoch {trial.ask.until}"
        lines.append(f"began{to}{_evidence(trial.ask.evidence)}")
    for pause, resume in zip_longest(trial.pauses, trial.resumes):
        lines.append(f"paused at epoch {pause.epoch}: {pause.decision.reason}{_evidence(pause.decision.evidence)}")
        if resume is not None:
            to = "" if resume.until is None else f" to epoch {resume.until}"
            lines.append(f"went on in lane {resume.lane}{to}: {resume.reason}{_evidence(resume.evidence)}")
    return lines


def _evidence(evidence: Mapping[str, Any]) -> str:
    known = {
        name: value for name, value in evidence.items() if isinstance(value, int | float | str) and name != "until"
    }
    return f" ({words.params(known)})" if known else ""


def trial_json(history: History, number: int, study_dir: Path | None) -> dict[str, Any]:
    """Return what ``hpsearch show --trial --json`` prints; without a folder, as if the trial had left no file in it.

    Raises:
        UserError: There is no such trial.
    """
    trial = find(history, number)
    return {
        "trial": number,
        "state": trial.state,
        "value": plain(trial.value),
        "epoch": trial.best_epoch,
        "epochs": trial.epoch,
        "params": trial.params,
        "attributes": trial.attributes,
        "reason": trial.decision.reason if trial.decision is not None else None,
        "curve": [plain(value) for value in trial.curve(history.goal.metric)],
        "origin": origin.of_trial(trial),
        "traceback": trial.rows[-1].traceback if trial.rows else None,
        **({"turns": turns(trial)} if trial.pauses or trial.ask.evidence else {}),
        "artifacts": {name: str(path) for path, name in artifacts(study_dir, trial.ask.key)} if study_dir else {},
        "output": OutputFiles(study_dir, trial.ask.key).text() if study_dir else "",
    }


def find(history: History, number: int) -> Trial:
    """Return a trial.

    Raises:
        UserError: There is no such trial.
    """
    known = {trial.number: trial for trial in history.trials}
    if number not in known:
        there = f"trials {min(known)} to {max(known)}" if known else "no trial yet"
        raise UserError(f"there is no trial {number}: the study has {there}")
    return known[number]
