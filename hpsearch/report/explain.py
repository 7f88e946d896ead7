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
from hpsearch.judging.compared import diagnoses, late_gain
from hpsearch.judging.proposal import FEWEST, proposals
from hpsearch.judging.remedy import remedy
from hpsearch.log.history import History, Trial
from hpsearch.report import origin, words
from hpsearch.report.axes import axes
from hpsearch.report.findings import TOP, on_full_problem, saved_epochs
from hpsearch.report.importance import LEAST, Importance, importances
from hpsearch.report.ladder import stage_lines
from hpsearch.space import Choice, Dimension

NAMED = 3
"""Most parameters whose importance is told."""

Section = tuple[str, list[str]]
"""A heading and its sentences."""


def study_sections(history: History, found: Sequence[Importance] | None = None) -> list[Section]:
    """Return a study in sentences: what was searched and found, what mattered, what was stopped, and what is next.

    Args:
        history: The study.
        found: The importance of each parameter, highest first, where it is known already.
    """
    full = on_full_problem(history)
    if found is None:
        found = importances(full, axes(full))
    sections = [("What was searched", _searched(history)), ("What was found", _found(history))]
    sections += [("What mattered", _mattered(full, found)), ("What was stopped", _stopped(history))]
    best = confirm.winner(history)
    if best is not None:
        sections.append(("What the winner's curve says", _trial_says(history, best)))
        sections += [("What confirmation says", lines)] if (lines := _confirmed(history)) else []
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
    said, goal, space = history.declaration, history.goal, history.declaration.dimensions
    what = _class(said.model) or f"the function {_class(said.objective)}"
    data = (history.header.dataset if history.header else {}).get("name")
    wanted = " and the ".join(
        f"{'highest' if direction == 'maximize' else 'lowest'} {metric}"
        for metric, direction in zip(goal.metrics, goal.directions, strict=True)
    )
    dims = "; ".join(_range(name, dim) for name, dim in space.items())
    on = f" on {data}" if data else ""
    begun = f"{words.many(len(history.trials), 'trial')} ({words.counts(history)})"
    lines = [
        f"{begun} of {what}{on} searched for the {wanted}.",
        f"Searched were {dims}." if dims else "Each point came from a function, or there is one point alone.",
    ]
    by = [f"proposed by {name}" for name in [_class(said.sampler)] if name]
    by += [f"the worse ones stopped by {name}" for name in [_class(said.pruner)] if name and name != "none"]
    epochs = sum(trial.epoch for trial in history.trials)
    flat = history.trials and len(said.scales) < 2
    spared, planned = saved_epochs(on_full_problem(history)) if flat else (0, 0)
    saved = f"; pruning saved {spared:,} of {planned:,} ({spared / planned:.0%})" if spared else ""
    lines.append(f"Points were {' and '.join(by)}; that took {words.many(epochs, 'epoch')}{saved}.")
    return [*lines, *_stages(history)]


def _stages(history: History) -> list[str]:
    """Return in a sentence each what the smaller stages cost and how well they ranked; nothing for a flat study."""
    if len(history.declaration.scales) < 2:
        return []
    known = confirm.describe(history)  # has a section of its own
    return [f"{line[0].upper()}{line[1:]}." for line in stage_lines(history) if line not in known]


def _range(name: str, dim: Dimension) -> str:
    if isinstance(dim, Choice):
        return f"{name} among {', '.join(words.param(value) for value in dim.options)}"
    step = f" in steps of {dim.step:g}" if dim.step is not None else ""
    return f"{name} from {dim.low:g} to {dim.high:g}{' on a logarithmic scale' if dim.log else ''}{step}"


def _class(part: Any) -> str:
    """Return the short name of what a declaration describes."""
    name = part if isinstance(part, str) else (part or {}).get("class") or (part or {}).get("function") or ""
    return str(name).rpartition(".")[2]


def _found(history: History) -> list[str]:
    best, metric = confirm.winner(history), history.goal.metric
    if best is None:
        failure = words.first_failure(history)
        failed = sum(1 for _ in history.ended("FAILED"))
        return [f"No trial has {words.a(metric)}" + (f": {failed} failed, {failure}." if failure else " yet.")]
    given = f", with {words.params(best.params)}" if best.params else ""
    at = "" if best.epoch == 1 else f" at {words.reached(best)}"
    if best is not history.best and history.best is not None:
        model = f"the model is that of trial {best.number}, {metric} {words.number(best.value)}{at}"
        own, seen = history.best, words.number(history.best.value)
        return [
            f"The best is point {best.ask.point}, confirmed with fresh seeds{given}; {model}.",
            f"The search's own best was trial {own.number} of point {own.ask.point}, seen with {seen}.",
        ]
    lines = [f"The best is trial {best.number}: {metric} {words.number(best.value)}{at}{given}."]
    ranked = history.ranked()
    values = [trial.value for trial in ranked if trial.value is not None]
    if len(values) > 1:
        lines.append(
            f"The next one has {words.number(values[1])}, the median of the {len(values)} with a value is "
            f"{words.number(median(values))}."
        )
    if history.goal.others:
        lines.append(f"On the Pareto front are {words.many(len(history.front()), 'trial')}.")
    return lines


def _mattered(history: History, found: Sequence[Importance]) -> list[str]:
    if not found:
        ranked = len(history.ranked())
        if not ranked:
            return ["No trial has a value, so nothing can be said of what mattered."]
        seen = ranked + sum(1 for trial in history.ended("FAILED") if trial.value is None)
        if seen >= LEAST:
            return ["What mattered cannot be said: no parameter has values that can be compared."]
        where = "" if len(history.declaration.scales) < 2 else " on the full problem"
        return [f"There is too little to say what mattered: it takes {LEAST} trials{where}, of which there are {seen}."]
    lines = []
    for each in found[:NAMED]:
        share, low, high = (100 * min(max(value, 0.0), 1.0) for value in (each.share, each.low, each.high))
        sure = "" if each.low > 0 else ", so perhaps nothing"
        interval = f"80 % interval {low:.0f} to {high:.0f} %{sure}"
        lines.append(f"{each.name} explains {share:.0f} % of the differences in rank ({interval}).")
    return lines


def _stopped(history: History) -> list[str]:
    pruned = list(history.ended("PRUNED"))
    if not pruned:
        by = _class(history.declaration.pruner)
        if history.trials and by != "none" and max(trial.epoch for trial in history.trials) < 2:
            return ["No trial was stopped early: each that ended well reported once, at its end."]
        return [
            "No trial was stopped early" + (f": {by} found no reason." if by and by != "none" else ": none was to be.")
        ]
    epochs = round(median(trial.epoch for trial in pruned))
    of = words.many(len(history.trials), "trial")
    lines = [f"{len(pruned)} of {of} were stopped early, half of them after at most {words.many(epochs, 'epoch')}."]
    report = audit(history)
    if report is None or report.rate is None:
        return [*lines, "Whether that was fair was not audited: Study(audit=0.05) finishes some of them to see."]
    low, high = report.interval
    interval = f"95 % interval {low:.0%} to {high:.0%}"
    fair = (
        f"Whether that was fair: {report.finished} more were to be stopped and were finished to see, and "
        f"{report.wrong} of these ended among the best tenth of all ({report.rate:.0%}, {interval})"
    )
    beat = f"{report.beat} became better than the best of the time"
    cost = f"Stopping saved {report.saved:,} epochs, and the audit spent {report.spent:,}."
    return [*lines, f"{fair}; {beat}.", cost]


def _ended(history: History, trial: Trial) -> list[str]:
    decision = trial.decision
    if decision is None:
        return ["It has not ended."] if trial.paused is None else [f"It is paused: {trial.paused.reason}."]
    lines = [f"It is {trial.state.lower()}: {origin.reason(trial)}."]
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
    lines = [_curve(history, trial)]
    if trial.curve("train_cost") or found.label != "unclear":
        lines.append(f"Judged beside the others of its study: {found}.")
    change = remedy(history, trial, found)
    if change is not None:
        hoped = (
            ""
            if change.expected is None or trial is history.best
            else f"; the best trial has {history.goal.metric} {words.number(change.expected)}"
        )
        lines.append(f"What would help: {change.text}{hoped}.")
    return lines


def _curve(history: History, trial: Trial) -> str:
    """Return how the metric, and the cost where there is one, went over a trial's epochs."""
    goal, values = history.goal, trial.curve(history.goal.metric)
    if len(values) < 2:
        return f"Trial {trial.number} reported {words.many(len(values), 'value')}: there is no curve to judge."
    best = trial.best_epoch or trial.epoch
    said = (
        f"Trial {trial.number}: {goal.metric} went from {words.number(values[0])} to {words.number(values[-1])} in "
        f"{words.many(trial.epoch, 'epoch')} and was best, {words.number(trial.value)}, at epoch {best}"
    )
    if (late := late_gain(trial, goal)) is not None:
        said += f"; in the last quarter it got better by {words.number(max(late, 0.0))}"
    cost = trial.curve("train_cost")
    fell = f". Its training cost went from {words.number(cost[0])} to {words.number(cost[-1])}" if len(cost) > 1 else ""
    val = trial.curve("val_cost")
    seen = (
        f", its validation cost from {words.number(val[0])} to {words.number(val[-1])}" if fell and len(val) > 1 else ""
    )
    return f"{said}{fell}{seen}."


def _confirmed(history: History) -> list[str]:
    """Return what confirmation found, a sentence a line."""
    return [f"{line[0].upper()}{line[1:]}." for line in (" ".join(text.split()) for text in confirm.describe(history))]


def _next(history: History) -> list[str]:
    ranked = [trial.value for trial in history.ranked() if trial.value is not None]
    if len(ranked) < FEWEST:
        if not ranked and words.first_failure(history):
            return ["Mend what fails, then run the study again with --retry-failed."]
        return [f"{len(ranked)} of the {FEWEST} trials with a value that a proposal takes: search on."]
    given = proposals(history)
    lines = []
    for each in given:
        lines.append(f"{each.text[0].upper()}{each.text[1:]}.")
        lines += [f"What to expect: {each.expected}."] if each.expected else []
    if not lines:
        return ["Nothing in the log calls for another range: the good trials agree neither on an edge nor on a fault."]
    first, last = ranked[0], ranked[:TOP][-1]
    between = f"The best {len(ranked[:TOP])} trials lie between {words.number(last)} and {words.number(first)}"
    lines.append(f"{between}: a gain smaller than that takes --confirm to be told from luck.")
    return lines
