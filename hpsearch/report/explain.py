"""A study, or one of its trials, in plain sentences: ``hpsearch explain``, and a section of the report.

Every sentence stands on numbers of the log and says them. Nothing here knows of a kind of model: what a trial's curve
says needs a ``train_cost``, all else holds for functions and for any estimator.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median
from typing import Any

from hpsearch.errors import UserError
from hpsearch.judging import confirm
from hpsearch.judging.audit import audit
from hpsearch.judging.compared import diagnoses
from hpsearch.judging.proposal import FEWEST, propose
from hpsearch.judging.remedy import remedy
from hpsearch.log.history import History, Trial
from hpsearch.report import words
from hpsearch.report.axes import axes
from hpsearch.report.findings import TOP, on_full_problem
from hpsearch.report.importance import LEAST, Importance, importances

NAMED = 3
"""Most parameters whose importance is told."""

Section = tuple[str, list[str]]
"""A heading and its sentences."""


def study_sections(history: History, found: Sequence[Importance] | None = None) -> list[Section]:
    """Return a study in sentences: what was searched, what mattered, what was stopped, the winner, and what is next.

    Args:
        history: The study.
        found: The importance of each parameter, highest first, where it is known already.
    """
    if found is None:
        full = on_full_problem(history)
        found = importances(full, axes(full))
    sections = [("What was searched", _searched(history)), ("What mattered", _mattered(history, found))]
    sections.append(("What was stopped", _stopped(history)))
    best = confirm.winner(history)
    if best is not None:
        sections.append(("What the winner's curve says", _trial_says(history, best)))
        sections += [("What confirmation says", lines)] if (lines := confirm.describe(history)) else []
    sections.append(("What to try next", _next(history)))
    return sections


def trial_sections(history: History, number: int) -> list[Section]:
    """Return one trial in sentences: what it was, how it ended and whether that was fair, and what its curve says.

    Raises:
        UserError: There is no such trial.
    """
    if not 0 <= number < len(history.trials):
        raise UserError(f"there is no trial {number}: the study has trials 0 to {len(history.trials) - 1}")
    trial = history.trials[number]
    given = f" with {words.params(trial.params)}" if trial.params else ""
    what = [f"Trial {number}{given} trained {words.many(trial.epoch, 'epoch')}."]
    if trial.value is not None:
        rank = next((i for i, each in enumerate(history.ranked(), start=1) if each is trial), None)
        place = f", rank {rank} of {len(history.ranked())}" if rank is not None else ""
        what.append(f"Its {history.goal.metric} is {words.number(trial.value)} at {words.reached(trial)}{place}.")
    return [
        ("What it was", what),
        ("How it ended", _ended(history, trial)),
        ("What its curve says", _trial_says(history, trial)),
    ]


def to_json(sections: Sequence[Section]) -> list[dict[str, Any]]:
    """Return sections as JSON values."""
    return [{"title": title, "sentences": sentences} for title, sentences in sections]


def _searched(history: History) -> list[str]:
    space = history.declaration.dimensions
    count, goal = words.counts(history), history.goal
    dims = ", ".join(f"{name} in {dim!r}" for name, dim in space.items()) or "one point or a space that is a function"
    epochs = sum(trial.epoch for trial in history.trials)
    return [
        f"{words.many(len(history.trials), 'trial')} ({count}) searched for the best {goal.metric}: {dims}.",
        f"That took {words.many(epochs, 'epoch')}.",
    ]


def _mattered(history: History, found: Sequence[Importance]) -> list[str]:
    if not found:
        return [f"There is too little to say what mattered: it takes {LEAST} trials that differ in rank."]
    lines = []
    for each in found[:NAMED]:
        share, low, high = (100 * value for value in (each.share, each.low, each.high))
        sure = "" if each.low > 0 else ", which may be nothing"
        lines.append(
            f"{each.name} explains {share:.0f} % of the differences in rank (between {low:.0f} and {high:.0f} %{sure})."
        )
    return lines


def _stopped(history: History) -> list[str]:
    pruned = list(history.ended("PRUNED"))
    if not pruned:
        return ["No trial was stopped early by a pruner."]
    epochs = median(trial.epoch for trial in pruned)
    of = words.many(len(history.trials), "trial")
    lines = [f"{len(pruned)} of {of} were stopped early, after {epochs:g} epochs (the median)."]
    report = audit(history)
    if report is None or report.rate is None:
        return [*lines, "Whether that was fair was not audited: Study(audit=0.05) finishes some of them to see."]
    return [*lines, f"{str(report).removeprefix('audit: ').capitalize()}."]


def _ended(history: History, trial: Trial) -> list[str]:
    decision = trial.decision
    if decision is None:
        return ["It has not ended."]
    evidence = ", ".join(f"{name} {_value(value)}" for name, value in decision.evidence.items())
    lines = [f"It is {trial.state}: {decision.reason}{f' ({evidence})' if evidence else ''}."]
    if trial.state != "PRUNED" or trial.value is None:
        return lines
    metric, goal = history.goal.metric, history.goal
    then = [
        best
        for other in history.ranked_at(trial.ask.stage)[: max(len(history.trials) // 10, 1)]
        if other is not trial and other.epoch > trial.epoch and (best := _by(history, other, trial.epoch)) is not None
    ]
    if then:
        ahead = sum(goal.better(value, trial.value) for value in then)
        lines.append(
            f"Of the {len(then)} best trials that went on, {ahead} were ahead of it at its age, epoch {trial.epoch} "
            f"(their median {metric} {words.number(median(then))}, its {words.number(trial.value)})."
        )
    report = audit(history)
    if report is not None and report.rate is not None:
        low, high = report.interval
        lines.append(
            f"Of {report.finished} such decisions that were audited {report.wrong} were wrong (95 % interval of the "
            f"share {low:.0%} to {high:.0%})."
        )
    return lines


def _by(history: History, trial: Trial, epoch: int) -> float | None:
    values = [row.metrics.get(history.goal.metric, math.nan) for row in trial.rows[:epoch]]
    finite = [value for value in values if math.isfinite(value)]
    return min(finite, key=history.goal.loss) if finite else None


def _trial_says(history: History, trial: Trial) -> list[str]:
    found = diagnoses(history)[trial.number]
    lines = [f"Trial {trial.number}: {found}."]
    change = remedy(history, trial, found)
    if change is not None:
        hoped = (
            ""
            if change.expected is None
            else f"; the best trial has {history.goal.metric} {words.number(change.expected)}"
        )
        lines.append(f"What would help: {change.text}{hoped}.")
    return lines


def _next(history: History) -> list[str]:
    ranked = [trial.value for trial in history.ranked() if trial.value is not None]
    if len(ranked) < FEWEST:
        return [f"{len(ranked)} of the {FEWEST} trials with a value that a proposal takes: search on."]
    lines = [f"{line[0].upper()}{line[1:]}." for line in propose(history)]
    if not lines:
        return ["Nothing in the log calls for another range: the good trials agree neither on an edge nor on a fault."]
    first, last = ranked[0], ranked[:TOP][-1]
    lines.append(
        f"What that brings is not known before it is tried: the best {TOP} trials lie between {words.number(last)} and "
        f"{words.number(first)}, and a gain smaller than that takes --confirm to be told from luck."
    )
    return lines


def _value(value: Any) -> str:
    return words.number(value) if isinstance(value, float) else str(value)
