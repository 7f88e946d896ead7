"""What a study found, in sentences: the report's first words."""

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


def on_full_problem(history: History) -> History:
    """Return a history of the search's trials on the full problem: those on smaller ones have values of their own."""
    kept = copy.copy(history)
    kept.trials = [trial for trial in history.trials if trial.ask.stage == history.full_stage]
    return kept


def planned_epochs(history: History) -> dict[int, int]:
    """Return the epochs that each trial was to train at most, by number; where nothing says, the longest trial's."""
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
    """Return the study's few most telling numbers, each with what it is."""
    best, count = history.best, words.counts(history)
    spared, planned = saved_epochs(on_full_problem(history))
    point = history.best_point
    found = [(words.number(best.value if best else None), f"best {history.goal.metric}")]
    if point is not None and history.declaration.repeats > 1:
        found = [(words.number(point.mean), f"best mean {history.goal.metric}")]
    if history.goal.others:
        found.append((f"{len(history.front())}", "on the Pareto front"))
    found.append((f"{len(history.trials):,}", f"trials: {count}"))
    found.append((f"{sum(trial.epoch for trial in history.trials):,}", "epochs trained"))
    if spared:
        found.append((f"{100 * spared / planned:.0f} %", f"of {planned:,} epochs saved by pruning"))
    return found


def sentences(history: History, found: Sequence[Importance]) -> list[str]:
    """Return the summary of a study in words.

    Args:
        history: The study.
        found: What each parameter explains, highest first.
    """
    goal, count = history.goal, words.counts(history)
    data = (history.header.dataset if history.header else {}).get("name")
    pairs = zip(goal.metrics, goal.directions, strict=True)
    wanted = [f"{'highest' if direction == 'maximize' else 'lowest'} {metric}" for metric, direction in pairs]
    said = [f"{words.many(len(history.trials), 'trial')} in search of the {' and the '.join(wanted)}"]
    said[0] += f" on {data}: {count}." if data else f": {count}."
    if taken := history.brought.observations:
        said.append(f"Its sampler also observed {words.many(len(taken), 'point')} that were tried elsewhere.")
    full = on_full_problem(history)
    if len(full.trials) < len(history.trials):
        said.append(f"{len(full.trials):,} of them searched the full problem; the figures show these.")
    best = history.best
    if best is None:
        failure = words.first_failure(history)
        return [*said, f"No trial has {words.a(goal.metric)}" + (f"; {failure}." if failure else " yet.")]
    given = f", with {_listed(best.params)}" if best.params else ""
    handed = winner(history)
    if handed is not None and handed is not best:
        given = f", with {_listed(handed.params)}" if handed.params else ""
        said.append(f"The best is trial {handed.number} of the confirmed point {handed.ask.point}: "
                    f"{words.number(handed.value)} at {words.reached(handed)}{given}.")  # fmt: skip
        said.append(f"The search's best was trial {best.number}, seen once with {words.number(best.value)}.")
    elif (point := history.best_point) is not None and history.declaration.repeats > 1:
        said.append(f"The best is point {best.ask.point}: {words.mean(goal.metric, point)}{given}.")
        said.append(f"Its model is that of trial {best.number}: {words.number(best.value)} at {words.reached(best)}.")
    else:
        said.append(f"The best is trial {best.number}: {words.number(best.value)} at {words.reached(best)}{given}.")
    top = [words.number(point.mean) for point in history.points()[:TOP]]
    if len(top) == TOP:
        said.append(f"The best {TOP} lie between {top[-1]} and {top[0]}." if top[0] != top[-1] else
                    f"The best {TOP} are equal.")  # fmt: skip
    if goal.others:
        said.append(f"On the Pareto front are {words.many(len(history.front()), 'trial')}.")
    spared, planned = saved_epochs(full)
    if spared:
        said.append(f"Pruning saved {spared:,} of {planned:,} epochs ({100 * spared / planned:.0f} %).")
    clear = [each for each in found if each.low > 0]
    if clear:
        first = clear[0]
        low, high = 100 * first.low, 100 * first.high
        said.append(f"{first.name} matters most: it explains {100 * first.share:.0f} % of the differences in rank "
                    f"(between {low:.0f} and {high:.0f} %).")  # fmt: skip
    if history.stop:
        said.append(f"The study was stopped: {history.stop}.")
    if (audited := audit(history)) is not None:
        said.append(f"The {audited}.")
    return [*said, *(f"Try next: {text}." for text in propose(history))]


def _listed(params: dict[str, Any]) -> str:
    return ", ".join(f"{name} = {words.param(value)}" for name, value in params.items())


def provenance(history: History) -> list[tuple[str, str]]:
    """Return what a repetition needs to know, as names and texts."""
    header, said = history.header, history.declaration
    if header is None:
        return []
    environment, dataset = header.environment, header.dataset
    packages = environment.get("packages", {})
    sizes = ", ".join(f"{size:,} {part}" for part, size in dataset.get("sizes", {}).items())
    commit = environment.get("git_commit")
    facts: dict[str, Any] = {
        "sampler": _class(said.sampler),
        "pruner": _class(said.pruner),
        "seed": said.seed,
        "lanes": said.lanes,
        "repeats": said.repeats,
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


def _class(part: Any) -> str | None:
    return str(part["class"]).rpartition(".")[2] if isinstance(part, dict) else part
