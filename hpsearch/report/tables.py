"""What ``hpsearch ls``, ``show`` and ``best`` print: the same facts for people and, as JSON values, for scripts."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hpsearch.judging import confirm
from hpsearch.judging.audit import audit
from hpsearch.judging.compared import diagnoses
from hpsearch.judging.diagnosis import Diagnosis
from hpsearch.log.history import History, Trial
from hpsearch.report import comparison, origin, pareto, words
from hpsearch.report.export import plain, trial_rows
from hpsearch.report.facts import study_facts
from hpsearch.report.ladder import stage_lines
from hpsearch.report.sparkline import sparkline
from hpsearch.report.terminal import Block, Column, Grid

CURVE_WIDTH = 16
"""Characters of a curve in a table."""

_PLAIN_TEXT = re.compile(r"(?!(?:[Tt]rue|[Ff]alse|None|null|NaN|Infinity)$)[A-Za-z_][\w-]*")
"""Texts that the command line reads as themselves; any other is written with its quotes."""


def list_json(studies: Mapping[str, History]) -> list[dict[str, Any]]:
    """Return what ``hpsearch ls --json`` prints: an object per study."""
    return [{**study_facts(name, history), "updated": history.time or None} for name, history in studies.items()]


def list_blocks(studies: Mapping[str, History]) -> list[Block]:
    """Return what ``hpsearch ls`` shows: a line per study."""
    columns = [
        Column("study", fold=True),
        Column("trials", right=True),
        Column("complete", right=True),
        Column("pruned", right=True),
        Column("failed", right=True),
        Column("best", right=True),
        Column("metric"),
        Column("epochs", right=True),
        Column("data"),
        Column("last run"),
    ]
    rows = [_list_row(name, history) for name, history in studies.items()]
    layouts: Sequence[Sequence[str]] = (
        [column.name for column in columns],
        ["study", "trials", "complete", "pruned", "failed", "best", "epochs", "last run"],
        ["study", "trials", "complete", "pruned", "failed", "best"],
        ["study", "trials", "best"],
    )
    return [[_only(columns, rows, names) for names in layouts]]


def _list_row(name: str, history: History) -> list[str]:
    count = words.counts(history)
    total = _total(history)
    best = confirm.winner(history)
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(history.time)) if history.time else "-"
    return [
        name,
        f"{count.ended}" if total is None else f"{count.ended}/{total}",
        f"{count.complete}",
        f"{count.pruned}",
        f"{count.failed}",
        words.number(best.value if best else None),
        history.goal.metric,
        f"{sum(trial.epoch for trial in history.trials):,}",
        _data(history),
        when,
    ]


def show_json(name: str, history: History) -> dict[str, Any]:
    """Return what ``hpsearch show --json`` prints: the study, and every trial with its curve."""
    trials = []
    diagnosis_of = diagnoses(history)
    for trial, row in zip(history.trials, trial_rows(history), strict=True):
        params = {key: value for key, value in row.items() if key.startswith("params.")}
        facts = {key: plain(value) for key, value in row.items() if key not in params}
        curve = [plain(value) for value in trial.curve(history.goal.metric)]
        verdict = diagnosis_of[trial.number]
        diagnosis = {"label": verdict.label, "reason": verdict.reason}
        trials.append({**facts, "params": trial.params, "curve": curve, "diagnosis": diagnosis})
    compared = comparison.to_json(history)
    return {**study_facts(name, history), **({"comparison": compared} if compared else {}), "trials": trials}


def show_blocks(
    name: str,
    history: History,
    *,
    every: bool = False,
    top: int = 20,
    ascii_only: bool = False,
    root: Path = Path("mlruns"),
) -> list[Block]:
    """Return what ``hpsearch show`` shows: the study in words, and its trials, best first.

    Args:
        name: The study's name.
        history: The study.
        every: Whether to show all trials.
        top: How many trials to show otherwise.
        ascii_only: Draw curves for a terminal that cannot show block characters.
        root: Where all state is.
    """
    count = words.counts(history)
    declaration = history.declaration
    total = _total(history)
    settings = {
        "sampler": declaration.sampler,
        "pruner": declaration.pruner,
        "seed": declaration.seed,
        "lanes": declaration.lanes,
    }
    blocks: list[Block] = [
        f"{name}: {history.goal} on {_data(history)}",
        ", ".join(f"{key} {_setting_name(value)}" for key, value in settings.items() if value is not None),
        f"{len(history.trials)}{f' of {total}' if total else ''} trials: {count}",
    ]
    if history.stop:
        blocks.append(f"stopped: {history.stop}")
    blocks += [f"observed beside its own: {summary}" for summary in history.brought.said]
    if (constraints := words.constraints(history)) is not None:
        blocks.append(constraints)
    blocks += [best_line(history), *_diagnosis_line(history), *stage_lines(history), *comparison.blocks(history), ""]
    if history.goal.others and history.best is not None:
        blocks += [*pareto.blocks(history, name, len(history.trials) if every else top), ""]
    ordered = _best_first(history)
    shown = ordered if every else ordered[:top]
    if shown:
        blocks.append(trials_grids(history, shown, ascii_only=ascii_only))
    if len(shown) < len(ordered):
        blocks.append(f"… {len(ordered) - len(shown)} more with --all")
    if (audited := audit(history)) is not None:
        blocks += ["", str(audited)]
    return [*blocks, *failure_blocks(name, history, root)]


def failure_blocks(name: str, history: History, root: Path) -> list[Block]:
    """Return how many trials failed, why the first one did, and the command that shows more; nothing where none did."""
    failed = list(history.ended("FAILED"))
    if not failed:
        return []
    return [
        "",
        f"{len(failed)} failed; the first was {words.first_failure(history)}",
        f"  its traceback: {words.command('show', name, '--trial', str(failed[0].number), root=root)}",
    ]


def best_line(history: History, *, params: bool = True) -> str:
    """Return a line about the winner, the trial whose model is handed over, with or without its parameters."""
    best = confirm.winner(history)
    confirmed = confirm.verdict(history)
    if best is None:
        return f"no trial has {words.a(history.goal.metric)} yet"
    params_text = f" ({words.params(best.params)})" if params and best.params else ""
    text = (
        f"{history.goal.metric} {words.number(best.value)} at {words.reached(best)}, trial {best.number}{params_text}"
    )
    if confirmed is None or history.best is None:
        point = history.best_point
        if point is None or history.declaration.repeats == 1:
            return f"best: {text}"
        return (
            f"best: {words.mean(history.goal.metric, point)} of point {best.ask.point}{params_text}; its model is "
            f"trial {best.number}'s, {words.number(best.value)} at {words.reached(best)}"
        )
    return (
        f"best: confirmed point {confirmed.winner.point}, {text}; the search's best was trial {history.best.number} of "
        f"point {history.best.ask.point} with {words.number(history.best.value)}"
    )


def front_lines(history: History) -> list[tuple[str, Trial]]:
    """Return each trial of the Pareto front with its metrics in words."""
    lines = []
    for trial in history.front():
        metrics = ", ".join(
            f"{metric} {pareto.number(value)}" for metric, value in pareto.values(history, trial).items()
        )
        lines.append((f"trial {trial.number}: {metrics} at {words.reached(trial)}", trial))
    return lines


def _diagnosis_line(history: History) -> list[str]:
    if history.best is None:
        return []
    best = confirm.winner(history) or history.best
    diagnosis = diagnoses(history)[best.number]
    return [] if diagnosis.label == "unclear" else [f"      its curve: {diagnosis}"]


def best_json(name: str, history: History) -> dict[str, Any]:
    """Return what ``hpsearch best --json`` prints."""
    facts = study_facts(name, history)
    others = ("search_best", "best_point", "metrics", "directions", "front")
    front = {key: facts[key] for key in others if key in facts}
    return {"study": name, "metric": facts["metric"], "direction": facts["direction"], **(facts["best"] or {}), **front}


def exact(params: Mapping[str, Any]) -> dict[str, str]:
    """Return parameters as text that ``--set`` reads back to the same values."""
    return {
        name: value
        if isinstance(value, str) and _PLAIN_TEXT.fullmatch(value)
        else json.dumps(value, ensure_ascii=False)
        for name, value in params.items()
    }


def run_json(name: str, history: History, root: Path, *, interrupted: bool) -> dict[str, Any]:
    """Return what ``hpsearch run --json`` prints at the end."""
    compared = comparison.to_json(history)
    shown = {"comparison": compared} if compared else {}
    return {**study_facts(name, history), **shown, "root": str(root), "resumable": interrupted}


def trials_grids(history: History, trials: Sequence[Trial], *, ascii_only: bool = False) -> list[Grid]:
    """Return a table of trials, from the version with most columns to the one for a narrow terminal.

    The widest has a column per parameter, the curve and the reason; the narrowest has all parameters in one column
    that is folded over several lines.
    """
    names = list(dict.fromkeys(name for trial in trials for name in trial.params))
    columns = [
        Column("trial", right=True),
        Column("state"),
        Column(history.goal.metric, right=True),
        *(Column(metric, right=True) for metric in history.goal.metrics[1:]),
        Column("at epoch", right=True),
        *(Column(name, right=True) for name in names),
        Column("params", fold=True),
        Column("curve"),
        Column("diagnosis"),
        Column("why", fold=True),
    ]
    diagnosis_of = diagnoses(history)
    rows = [_trial_row(history, trial, names, diagnosis_of[trial.number], ascii_only) for trial in trials]
    fixed = 4 + len(history.goal.others)
    # Columns are told apart by index, not by name: a parameter may have the name of one of ours.
    params = fixed + len(names)
    curve, diagnosis, why = params + 1, params + 2, params + 3
    leading = list(range(params))
    shown_diagnosis = [diagnosis] if any(row[diagnosis] not in ("", "good") for row in rows) else []
    # Why a trial ended is left out last: it may take several lines.
    layouts = (
        [*leading, curve, *shown_diagnosis, why],
        [*leading, curve, why],
        [*leading, why],
        [*range(fixed), params, why],
        [0, 2, params, why],
        [0, 2, params],
    )
    return [Grid([columns[i] for i in layout], [[row[i] for i in layout] for row in rows]) for layout in layouts]


def _trial_row(
    history: History, trial: Trial, names: Sequence[str], diagnosis: Diagnosis, ascii_only: bool
) -> list[str]:
    return [
        f"{trial.number}",
        trial.state,
        words.number(trial.value),
        *(pareto.number(value) for value in pareto.others(history, trial)),
        "-" if trial.best_epoch is None else f"{trial.best_epoch}/{trial.epoch}",
        *(words.param(trial.params[name]) if name in trial.params else "-" for name in names),
        words.params(trial.params),
        sparkline(trial.curve(history.goal.metric), CURVE_WIDTH, ascii_only=ascii_only),
        diagnosis.label if diagnosis.label != "unclear" else "",
        origin.reason(trial),
    ]


def _best_first(history: History) -> list[Trial]:
    """Return all trials: ranked ones first, then those without a rank, by number."""
    ranked = history.ranked()
    ranked_numbers = {trial.number for trial in ranked}
    return ranked + [trial for trial in history.trials if trial.number not in ranked_numbers]


def _only(columns: Sequence[Column], rows: Sequence[Sequence[str]], names: Sequence[str]) -> Grid:
    indices = [i for i, column in enumerate(columns) if column.name in names]
    return Grid([columns[i] for i in indices], [[row[i] for i in indices] for row in rows])


def _data(history: History) -> str:
    dataset = history.header.dataset if history.header else {}
    return str(dataset.get("name") or "its own data")


def _total(history: History) -> int | None:
    """Return how many trials the study is to have; None where only the sampler knows, as a grid does."""
    declaration = history.declaration
    n_trials = None if declaration.sampler == "grid" else declaration.n_trials
    n_trials = None if n_trials is None else n_trials + len(history.retries)
    return confirm.expected(history, confirm.most_trials(declaration, n_trials))


def _setting_name(setting: Any) -> str:
    """Return a setting as a word: the name of its class for a sampler or pruner that is an object."""
    return str(setting["class"]).rpartition(".")[2] if isinstance(setting, dict) else str(setting)
