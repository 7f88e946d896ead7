"""One trial, for people and scripts: its parameters, its end, its attributes, its files and what it printed."""

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
from hpsearch.report.terminal import Block

CURVE_WIDTH = 40
"""Characters of the curve."""


def trial_blocks(
    history: History, number: int, study_dir: Path, *, ascii_only: bool = False, root: Path = Path("mlruns")
) -> list[Block]:
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
    trial = find_trial(history, number)
    metric = history.goal.metric
    reason = origin.reason(trial)
    blocks: list[Block] = [f"trial {number}: {trial.state}{f': {reason}' if reason else ''}"]
    if trial.value is not None:
        others = "".join(
            f", {name} {pareto.number(value)}"
            for name, value in zip(history.goal.metrics[1:], trial.values[1:], strict=False)
        )
        blocks.append(f"{metric} {words.number(trial.value)}{others} at {words.reached(trial)}")
    if len(curve := trial.curve(metric)) > 1:
        blocks.append(f"curve      {sparkline(curve, CURVE_WIDTH, ascii_only=ascii_only)}")
    blocks += turns(trial)
    for title, values in (("parameters", trial.params), ("attributes", trial.attributes)):
        if values:
            blocks.append(f"{title} {words.params(values)}")
    files = list(artifacts(study_dir, trial.ask.key))
    if files:
        blocks.append("artifacts")
        blocks += [f"  {path} ({path.stat().st_size:,} bytes)" for path, _ in files]
    if trial.rows and (traceback := trial.rows[-1].traceback):
        blocks += ["", "traceback", *traceback.rstrip().splitlines()]
    if output := OutputFiles(study_dir, trial.ask.key).text():
        blocks += ["", "what it printed", *output.rstrip("\n").splitlines()]
    if trial.ended_badly:
        again = words.command("show", study_dir.name, "--trial", str(number), "--rerun", "--debug", root=root)
        blocks += ["", f"next: {again}"]
    return blocks


def turns(trial: Trial) -> list[str]:
    """Return when and why a trial began, was paused and was resumed, a line each."""
    lines = []
    if trial.ask.evidence:
        target = "" if trial.ask.until is None else f", to be trained to epoch {trial.ask.until}"
        lines.append(f"began{target}{_evidence_text(trial.ask.evidence)}")
    for pause, resume in zip_longest(trial.pauses, trial.resumes):
        lines.append(f"paused at epoch {pause.epoch}: {pause.decision.reason}{_evidence_text(pause.decision.evidence)}")
        if resume is not None:
            target = "" if resume.until is None else f" to epoch {resume.until}"
            lines.append(f"went on in lane {resume.lane}{target}: {resume.reason}{_evidence_text(resume.evidence)}")
    return lines


def _evidence_text(evidence: Mapping[str, Any]) -> str:
    shown = {
        name: value for name, value in evidence.items() if isinstance(value, int | float | str) and name != "until"
    }
    return f" ({words.params(shown)})" if shown else ""


def trial_json(history: History, number: int, study_dir: Path | None) -> dict[str, Any]:
    """Return what ``hpsearch show --trial --json`` prints; without a folder, the trial's files and output are empty.

    Raises:
        UserError: There is no such trial.
    """
    trial = find_trial(history, number)
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


def find_trial(history: History, number: int) -> Trial:
    """Return the trial of a number.

    Raises:
        UserError: There is no such trial.
    """
    trial_of = {trial.number: trial for trial in history.trials}
    if number not in trial_of:
        existing = f"trials {min(trial_of)} to {max(trial_of)}" if trial_of else "no trial yet"
        raise UserError(f"there is no trial {number}: the study has {existing}")
    return trial_of[number]
