"""The last words of a run: the best trial, the top five, what pruning saved, and the line to type next."""

from __future__ import annotations

from hpsearch.engine.observer import StudyPlan
from hpsearch.judging import confirm
from hpsearch.judging.audit import audit
from hpsearch.judging.proposal import propose
from hpsearch.log.history import History
from hpsearch.report import comparison, pareto, words
from hpsearch.report.ladder import stage_lines
from hpsearch.report.tables import best_line, failure_parts, trials_grids
from hpsearch.report.terminal import Part

TOP = 5

FRONT = 12
"""Trials of a Pareto front that are shown."""


def opening(plan: StudyPlan, history: History) -> str:
    """Return the first line of a run: what is about to happen."""
    trials = "trials without end" if plan.n_trials is None else words.many(plan.n_trials, "trial")
    data = f" on {plan.dataset}" if plan.dataset else ""
    resumed = ""
    if plan.resumed:
        trained = sum(trial.epoch for trial in history.trials)
        resumed = f"; resumed after {words.many(trained, 'epoch')}"
    # A function has one epoch, and how many a generator yields nobody knows who did not say it.
    length = f" of up to {words.many(plan.epochs, 'epoch')}" if plan.epochs > 1 else ""
    return (
        f"{plan.name}: {trials}{length}{data}; {plan.sampler}, {plan.pruner}, {words.many(plan.lanes, 'lane')}{resumed}"
    )


def unfinished(history: History, plan: StudyPlan) -> bool:
    """Return whether the run ended before the study did."""
    if history.stop is not None and not history.unfinished:
        return False
    count = words.counts(history)
    total = confirm.expected(history, plan.n_trials)
    return count.running + count.paused > 0 or total is None or count.ended < total


def closing(history: History, plan: StudyPlan, seconds: float, command: str | None, *, ascii_only: bool) -> list[Part]:
    """Return what is said when a run ends.

    Args:
        history: The study.
        plan: What was about to run.
        seconds: How long this run took.
        command: What was typed to start it, or None outside the command line.
        ascii_only: Draw curves for a terminal that cannot show block characters.
    """
    count = words.counts(history)
    waits = unfinished(history, plan)
    parts: list[Part] = []
    partly = waits and plan.n_trials is not None
    state = f"{count.ended} of {plan.n_trials} trials" if partly else words.many(count.ended, "trial")
    verb = "is not done" if waits else "stopped" if history.stop else "is done"
    parts.append(f"{plan.name} {verb}: {state} ({count}), this run took {words.duration(seconds)}")
    best = confirm.winner(history)
    if history.stop and best is not None:  # without a trial that counts, the error below says why
        parts.append(f"why: {history.stop}")
    spared, planned = words.saved(history, plan.epochs)
    if spared:
        parts.append(f"pruning saved {spared:,} of {planned:,} epochs ({100 * spared / planned:.0f} %)")
    if best is None:
        parts.append(f"no trial has {words.a(plan.goal.metric)}{'' if any(history.ended('FAILED')) else ' yet'}")
    else:
        parts.append(best_line(history, params=False))
        parts += [f"      {words.params(best.params)}"] if best.params else []
    parts += stage_lines(history)
    if history.goal.others and best is not None:
        parts += ["", *pareto.parts(history, plan.name, FRONT)]
    compared = comparison.parts(history)
    parts += compared
    top = [] if history.goal.others or compared else history.ranked()[:TOP]
    if len(top) > 1:
        parts += ["", trials_grids(history, top, ascii_only=ascii_only)]
    parts += failure_parts(plan.name, history, plan.root)
    return [*parts, *_advice(history, plan), "", *_next(plan, waits, best is not None, command)]


def _advice(history: History, plan: StudyPlan) -> list[Part]:
    """Return what the study teaches beyond its best trial: the audit, the chapter's story, what to search next."""
    lines: list[Part] = []
    if (audited := audit(history, plan.epochs)) is not None:
        lines += ["", str(audited)]
    if history.declaration.sampler == "chapter":
        from hpsearch.samplers.chapter import story

        lines += ["", *story(history)]
    if history.declaration.sampler != "listed" and (proposals := propose(history)):
        lines += ["", *(f"try: {text}" for text in proposals)]
    return lines


def _next(plan: StudyPlan, waits: bool, found: bool, command: str | None) -> list[str]:
    lines = []
    if waits:
        lines.append(f"resume: {command or 'run the same study again'}")
    if found:
        lines.append(f"next: {words.command('show', plan.name, root=plan.root)}")
        page = "ui" if plan.in_mlflow else "watch"
        lines.append(f"      {words.command(page, plan.name, root=plan.root)}")
    return lines
