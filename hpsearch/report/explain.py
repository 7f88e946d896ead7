"""A study, or one of its trials, in plain sentences: ``hpsearch explain``, and a section of the report.

Every sentence follows from numbers of the log and states them. Nothing depends on the type of model: only the sentences
about a trial's curve need a ``train_cost``, all others hold for functions and for any estimator.
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
from hpsearch.report.importance import LEAST_TRIALS, Importance, importances
from hpsearch.report.ladder import stage_lines
from hpsearch.space import Choice, Dimension

MOST_NAMED = 3
"""Parameters whose importance is stated at most."""

Section = tuple[str, list[str]]
"""A heading and its sentences."""


def study_sections(history: History, parameters: Sequence[Importance] | None = None) -> list[Section]:
    """Return a study in sentences: what was searched and found, what mattered, what was stopped, and what is next.

    Args:
        history: The study.
        parameters: The importance of each parameter, highest first; None to compute it here.
    """
    full = on_full_problem(history)
    if parameters is None:
        parameters = importances(full, axes(full))
    sections = [
        ("What was searched", _search_sentences(history)),
        ("What was found", _result_sentences(history)),
        ("What mattered", _importance_sentences(full, parameters)),
        ("What was stopped", _pruning_sentences(history)),
    ]
    best = confirm.winner(history)
    if best is not None:
        sections.append(("What the winner's curve says", _curve_sentences(history, best)))
        sections += [("What confirmation says", lines)] if (lines := _confirmation_sentences(history)) else []
    sections.append(("What to try next", _proposal_sentences(history)))
    return sections


def trial_sections(history: History, number: int) -> list[Section]:
    """Return one trial in sentences: what it was, how it ended and whether that was fair, and what its curve says.

    Raises:
        UserError: There is no such trial.
    """
    if not 0 <= number < len(history.trials):
        raise UserError(f"there is no trial {number}: the study has trials 0 to {len(history.trials) - 1}")
    trial = history.trials[number]
    with_params = f" with {words.params(trial.params)}" if trial.params else ""
    lines = [f"Trial {number}{with_params} trained {words.many(trial.epoch, 'epoch')}."]
    if trial.value is not None:
        rank = next((i for i, other in enumerate(history.ranked(), start=1) if other is trial), None)
        rank_text = f", rank {rank} of {len(history.ranked())}" if rank is not None else ""
        lines.append(f"Its {history.goal.metric} is {words.number(trial.value)} at {words.reached(trial)}{rank_text}.")
    return [
        ("What it was", lines),
        ("How it ended", _end_sentences(history, trial)),
        ("What its curve says", _curve_sentences(history, trial)),
    ]


def to_json(sections: Sequence[Section]) -> list[dict[str, Any]]:
    """Return sections as JSON values."""
    return [{"title": title, "sentences": sentences} for title, sentences in sections]


def _search_sentences(history: History) -> list[str]:
    declaration = history.declaration
    goal = history.goal
    space = declaration.dimensions
    subject = _class_name(declaration.model) or f"the function {_class_name(declaration.objective)}"
    data = (history.header.dataset if history.header else {}).get("name")
    wanted = " and the ".join(
        f"{'highest' if direction == 'maximize' else 'lowest'} {metric}"
        for metric, direction in zip(goal.metrics, goal.directions, strict=True)
    )
    dims = "; ".join(_range(name, dim) for name, dim in space.items())
    on = f" on {data}" if data else ""
    begun = f"{words.many(len(history.trials), 'trial')} ({words.counts(history)})"
    lines = [
        f"{begun} of {subject}{on} searched for the {wanted}.",
        f"Searched were {dims}." if dims else "Each point came from a function, or there is one point alone.",
    ]
    sampler, pruner = _class_name(declaration.sampler), _class_name(declaration.pruner)
    methods = [f"proposed by {sampler}"] if sampler else []
    methods += [f"the worse ones stopped by {pruner}"] if pruner and pruner != "none" else []
    epochs = sum(trial.epoch for trial in history.trials)
    flat = history.trials and len(declaration.scales) < 2
    spared, planned = saved_epochs(on_full_problem(history)) if flat else (0, 0)
    savings = f"; pruning saved {spared:,} of {planned:,} ({spared / planned:.0%})" if spared else ""
    lines.append(f"Points were {' and '.join(methods)}; that took {words.many(epochs, 'epoch')}{savings}.")
    return [*lines, *_stage_sentences(history)]


def _stage_sentences(history: History) -> list[str]:
    """Return a sentence for what each smaller stage cost and how well it ranked; nothing for a study of one stage."""
    if len(history.declaration.scales) < 2:
        return []
    confirmation = confirm.confirmation_lines(history)  # has a section of its own
    return [f"{line[0].upper()}{line[1:]}." for line in stage_lines(history) if line not in confirmation]


def _range(name: str, dim: Dimension) -> str:
    if isinstance(dim, Choice):
        return f"{name} among {', '.join(words.param(value) for value in dim.options)}"
    step = f" in steps of {dim.step:g}" if dim.step is not None else ""
    return f"{name} from {dim.low:g} to {dim.high:g}{' on a logarithmic scale' if dim.log else ''}{step}"


def _class_name(description: Any) -> str:
    """Return the name of the class or function that a declaration describes, without its module; empty for none."""
    if isinstance(description, str):
        return description.rpartition(".")[2]
    fields = description or {}
    return str(fields.get("class") or fields.get("function") or "").rpartition(".")[2]


def _result_sentences(history: History) -> list[str]:
    best = confirm.winner(history)
    metric = history.goal.metric
    if best is None:
        failure = words.first_failure(history)
        failed = sum(1 for _ in history.ended("FAILED"))
        return [f"No trial has {words.a(metric)}" + (f": {failed} failed, {failure}." if failure else " yet.")]
    with_params = f", with {words.params(best.params)}" if best.params else ""
    at = "" if best.epoch == 1 else f" at {words.reached(best)}"
    if best is not history.best and history.best is not None:
        model = f"the model is that of trial {best.number}, {metric} {words.number(best.value)}{at}"
        searched = history.best
        seen = words.number(history.best.value)
        return [
            f"The best is point {best.ask.point}, confirmed with fresh seeds{with_params}; {model}.",
            f"The search's own best was trial {searched.number} of point {searched.ask.point}, seen with {seen}.",
        ]
    lines = [f"The best is trial {best.number}: {metric} {words.number(best.value)}{at}{with_params}."]
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


def _importance_sentences(history: History, parameters: Sequence[Importance]) -> list[str]:
    if not parameters:
        ranked = len(history.ranked())
        if not ranked:
            return ["No trial has a value, so nothing can be said of what mattered."]
        seen = ranked + sum(1 for trial in history.ended("FAILED") if trial.value is None)
        if seen >= LEAST_TRIALS:
            return ["What mattered cannot be said: no parameter has values that can be compared."]
        where = "" if len(history.declaration.scales) < 2 else " on the full problem"
        needed = f"it takes {LEAST_TRIALS} trials{where}, of which there are {seen}"
        return [f"There is too little to say what mattered: {needed}."]
    lines = []
    for parameter in parameters[:MOST_NAMED]:
        bounds = (parameter.share, parameter.low, parameter.high)
        share, low, high = (100 * min(max(value, 0.0), 1.0) for value in bounds)
        sure = "" if parameter.low > 0 else ", so perhaps nothing"
        interval = f"80 % interval {low:.0f} to {high:.0f} %{sure}"
        lines.append(f"{parameter.name} explains {share:.0f} % of the differences in rank ({interval}).")
    return lines


def _pruning_sentences(history: History) -> list[str]:
    pruned = list(history.ended("PRUNED"))
    if not pruned:
        pruner = _class_name(history.declaration.pruner)
        if history.trials and pruner != "none" and max(trial.epoch for trial in history.trials) < 2:
            return ["No trial was stopped early: each that ended well reported once, at its end."]
        why = f"{pruner} found no reason" if pruner and pruner != "none" else "none was to be"
        return [f"No trial was stopped early: {why}."]
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


def _end_sentences(history: History, trial: Trial) -> list[str]:
    decision = trial.decision
    if decision is None:
        return ["It has not ended."] if trial.paused is None else [f"It is paused: {trial.paused.reason}."]
    lines = [f"It is {trial.state.lower()}: {origin.reason(trial)}."]
    if trial.state != "PRUNED" or trial.value is None:
        return lines
    metric = history.goal.metric
    goal = history.goal
    rivals = [
        best
        for other in history.ranked_at(trial.ask.stage)[: max(len(history.trials) // 10, 1)]
        if other is not trial
        and other.epoch > trial.epoch
        and (best := _best_by(history, other, trial.epoch)) is not None
    ]
    if rivals:
        ahead = sum(goal.better(value, trial.value) for value in rivals)
        lines.append(
            f"Of the {len(rivals)} best trials that went on, {ahead} were ahead of it at its age, epoch {trial.epoch} "
            f"(their median {metric} {words.number(median(rivals))}, its {words.number(trial.value)})."
        )
    report = audit(history)
    if report is not None and report.rate is not None:
        low, high = report.interval
        lines.append(
            f"Of {report.finished} such decisions that were audited {report.wrong} were wrong (95 % interval of the "
            f"share {low:.0%} to {high:.0%})."
        )
    return lines


def _best_by(history: History, trial: Trial, epoch: int) -> float | None:
    """Return the best value that a trial had reached by an epoch; None without a finite one."""
    values = [row.metrics.get(history.goal.metric, math.nan) for row in trial.rows[:epoch]]
    finite = [value for value in values if math.isfinite(value)]
    return min(finite, key=history.goal.loss) if finite else None


def _curve_sentences(history: History, trial: Trial) -> list[str]:
    diagnosis = diagnoses(history)[trial.number]
    lines = [_course(history, trial)]
    if trial.curve("train_cost") or diagnosis.label != "unclear":
        lines.append(f"Judged beside the others of its study: {diagnosis}.")
    change = remedy(history, trial, diagnosis)
    if change is not None:
        outlook = ""
        if change.expected is not None and trial is not history.best:
            outlook = f"; the best trial has {history.goal.metric} {words.number(change.expected)}"
        lines.append(f"What would help: {change.text}{outlook}.")
    return lines


def _course(history: History, trial: Trial) -> str:
    """Return in a sentence how the metric, and the cost where there is one, changed over a trial's epochs."""
    goal = history.goal
    values = trial.curve(history.goal.metric)
    if len(values) < 2:
        return f"Trial {trial.number} reported {words.many(len(values), 'value')}: there is no curve to judge."
    best = trial.best_epoch or trial.epoch
    sentence = (
        f"Trial {trial.number}: {goal.metric} went from {words.number(values[0])} to {words.number(values[-1])} in "
        f"{words.many(trial.epoch, 'epoch')} and was best, {words.number(trial.value)}, at epoch {best}"
    )
    if (late := late_gain(trial, goal)) is not None:
        sentence += f"; in the last quarter it got better by {words.number(max(late, 0.0))}"
    train, val = trial.curve("train_cost"), trial.curve("val_cost")
    if len(train) > 1:
        sentence += f". Its training cost went from {words.number(train[0])} to {words.number(train[-1])}"
        if len(val) > 1:
            sentence += f", its validation cost from {words.number(val[0])} to {words.number(val[-1])}"
    return f"{sentence}."


def _confirmation_sentences(history: History) -> list[str]:
    """Return what confirmation found, a sentence each."""
    lines = [" ".join(line.split()) for line in confirm.confirmation_lines(history)]
    return [f"{line[0].upper()}{line[1:]}." for line in lines]


def _proposal_sentences(history: History) -> list[str]:
    ranked = [trial.value for trial in history.ranked() if trial.value is not None]
    if len(ranked) < FEWEST:
        if not ranked and words.first_failure(history):
            return ["Mend what fails, then run the study again with --retry-failed."]
        return [f"{len(ranked)} of the {FEWEST} trials with a value that a proposal takes: search on."]
    lines = []
    for proposal in proposals(history):
        lines.append(f"{proposal.text[0].upper()}{proposal.text[1:]}.")
        lines += [f"What to expect: {proposal.expected}."] if proposal.expected else []
    if not lines:
        return ["Nothing in the log calls for another range: the good trials agree neither on an edge nor on a fault."]
    top = ranked[:TOP]
    spread = f"The best {len(top)} trials lie between {words.number(top[-1])} and {words.number(top[0])}"
    lines.append(f"{spread}: a gain smaller than that takes --confirm to be told from luck.")
    return lines
