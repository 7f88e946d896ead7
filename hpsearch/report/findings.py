"""What a study found, in sentences and numbers: the first part of the report, and what a repetition needs."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from hpsearch.judging.audit import audit
from hpsearch.judging.confirm import winner
from hpsearch.judging.proposal import propose
from hpsearch.log.history import History
from hpsearch.report import words
from hpsearch.report.importance import Importance

TOP = 5
"""Points whose values are compared: the best ones."""


def on_full_problem(history: History) -> History:
    """Return a history of the search's trials on the full problem: those on smaller ones have values of their own."""
    kept = copy.copy(history)
    kept.trials = [trial for trial in history.trials if trial.ask.stage == history.full_stage]
    return kept


def planned_epochs(history: History) -> dict[int, int]:
    """Return the most epochs that each trial was to train, by number; those of the longest trial where nothing says."""
    declared = history.declaration.epochs or _most_epochs(history.declaration.model_params)
    fallback = declared or max((trial.epoch for trial in history.trials), default=0)
    return {trial.number: int(_most_epochs(trial.params) or fallback) for trial in history.trials}


def _most_epochs(params: Mapping[str, Any]) -> int | None:
    return next((value for name, value in params.items() if name.rpartition("__")[2] == "max_epochs"), None)


def saved_epochs(history: History) -> tuple[int, int]:
    """Return the epochs that pruning saved, and those that would have been trained without it."""
    trained = sum(trial.epoch for trial in history.trials)
    planned = planned_epochs(history)
    spared = sum(max(planned[trial.number] - trial.epoch, 0) for trial in history.ended("PRUNED"))
    return spared, trained + spared


def tiles(history: History) -> list[tuple[str, str]]:
    """Return the few most important numbers of a study as text, each with a caption."""
    best = history.best
    count = words.counts(history)
    spared, planned = saved_epochs(on_full_problem(history))
    point = history.best_point
    numbers = [(words.number(best.value if best else None), f"best {history.goal.metric}")]
    if point is not None and history.declaration.repeats > 1:
        numbers = [(words.number(point.mean), f"best mean {history.goal.metric}")]
    if history.goal.others:
        numbers.append((f"{len(history.front())}", "on the Pareto front"))
    numbers.append((f"{len(history.trials):,}", f"trials: {count}"))
    numbers.append((f"{sum(trial.epoch for trial in history.trials):,}", "epochs trained"))
    if spared:
        numbers.append((f"{100 * spared / planned:.0f} %", f"of {planned:,} epochs saved by pruning"))
    return numbers


def sentences(history: History, importances: Sequence[Importance]) -> list[str]:
    """Return the summary of a study in words.

    Args:
        history: The study.
        importances: The importance of each parameter, highest first.
    """
    goal = history.goal
    count = words.counts(history)
    data = (history.header.dataset if history.header else {}).get("name")
    pairs = zip(goal.metrics, goal.directions, strict=True)
    wanted = [f"{'highest' if direction == 'maximize' else 'lowest'} {metric}" for metric, direction in pairs]
    lines = [f"{words.many(len(history.trials), 'trial')} in search of the {' and the '.join(wanted)}"]
    lines[0] += f" on {data}: {count}." if data else f": {count}."
    if observed := history.brought.observations:
        lines.append(f"Its sampler also observed {words.many(len(observed), 'point')} that were tried elsewhere.")
    full = on_full_problem(history)
    if len(full.trials) < len(history.trials):
        lines.append(f"{len(full.trials):,} of them searched the full problem; the figures show these.")
    best = history.best
    if best is None:
        failure = words.first_failure(history)
        return [*lines, f"No trial has {words.a(goal.metric)}" + (f"; {failure}." if failure else " yet.")]
    with_params = f", with {_param_list(best.params)}" if best.params else ""
    confirmed = winner(history)
    if confirmed is not None and confirmed is not best:
        with_params = f", with {_param_list(confirmed.params)}" if confirmed.params else ""
        value = f"{words.number(confirmed.value)} at {words.reached(confirmed)}"
        lines.append(
            f"The best is trial {confirmed.number} of the confirmed point {confirmed.ask.point}: {value}{with_params}."
        )
        lines.append(f"The search's best was trial {best.number}, seen once with {words.number(best.value)}.")
    elif (point := history.best_point) is not None and history.declaration.repeats > 1:
        lines.append(f"The best is point {best.ask.point}: {words.mean(goal.metric, point)}{with_params}.")
        lines.append(f"Its model is that of trial {best.number}: {words.number(best.value)} at {words.reached(best)}.")
    else:
        lines.append(
            f"The best is trial {best.number}: {words.number(best.value)} at {words.reached(best)}{with_params}."
        )
    top = [words.number(point.mean) for point in history.points()[:TOP]]
    if len(top) == TOP:
        spread = f"lie between {top[-1]} and {top[0]}" if top[0] != top[-1] else "are equal"
        lines.append(f"The best {TOP} {spread}.")
    if goal.others:
        lines.append(f"On the Pareto front are {words.many(len(history.front()), 'trial')}.")
    spared, planned = saved_epochs(full)
    if spared:
        lines.append(f"Pruning saved {spared:,} of {planned:,} epochs ({100 * spared / planned:.0f} %).")
    sure = [parameter for parameter in importances if parameter.low > 0]
    if sure:
        strongest = sure[0]
        low, high = 100 * strongest.low, 100 * strongest.high
        share = f"{100 * strongest.share:.0f} % of the differences in rank (between {low:.0f} and {high:.0f} %)"
        lines.append(f"{strongest.name} matters most: it explains {share}.")
    if history.stop:
        lines.append(f"The study was stopped: {history.stop}.")
    if (audited := audit(history)) is not None:
        lines.append(f"The {audited}.")
    return [*lines, *(f"Try next: {text}." for text in propose(history))]


def _param_list(params: dict[str, Any]) -> str:
    return ", ".join(f"{name} = {words.param(value)}" for name, value in params.items())


def provenance(history: History) -> list[tuple[str, str]]:
    """Return what is needed to repeat a study, as names and texts: settings, data, versions and machine."""
    header = history.header
    declaration = history.declaration
    if header is None:
        return []
    environment = header.environment
    dataset = header.dataset
    packages = environment.get("packages", {})
    sizes = ", ".join(f"{size:,} {subset}" for subset, size in dataset.get("sizes", {}).items())
    commit = environment.get("git_commit")
    facts: dict[str, Any] = {
        "sampler": _class_name(declaration.sampler),
        "pruner": _class_name(declaration.pruner),
        "seed": declaration.seed,
        "lanes": declaration.lanes,
        "repeats": declaration.repeats,
        "data": f"{dataset['name']}{f' ({sizes})' if sizes else ''}" if dataset.get("name") else None,
        "data digest": dataset.get("digest"),
        "read as": "; ".join(dataset.get("said", [])) or None,
        "observed beside its own": "; ".join(history.brought.said) or None,
        "warnings": "; ".join(dataset.get("warnings", [])) or None,
        "commit": f"{commit} and changes" if commit and environment.get("git_dirty") else commit,
        "python": environment.get("python"),
        "packages": ", ".join(f"{name} {version}" for name, version in packages.items()) or None,
        "blas": ", ".join(environment.get("blas", [])) or None,
        "cpu": environment.get("cpu"),
        "study": header.uid,
        "training time": words.duration(sum(trial.seconds for trial in history.trials)),
    }
    return [(name, str(value)) for name, value in facts.items() if value is not None]


def _class_name(setting: Any) -> str | None:
    return str(setting["class"]).rpartition(".")[2] if isinstance(setting, dict) else setting
