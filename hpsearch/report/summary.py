"""The first line and the summary of a run: the best trials, what pruning saved, and what to type next."""

from __future__ import annotations

from hpsearch.engine.observer import StudyPlan
from hpsearch.judging import confirm
from hpsearch.judging.audit import audit
from hpsearch.judging.proposal import propose
from hpsearch.log.history import History
from hpsearch.report import comparison, pareto, words
from hpsearch.report.ladder import stage_lines
from hpsearch.report.tables import best_line, failure_blocks, trials_grids
from hpsearch.report.terminal import Block

MOST_TRIALS = 5
"""Trials in the table: the best ones."""

MOST_ON_FRONT = 12
"""Trials of a Pareto front that are shown at most."""


def opening_line(plan: StudyPlan, history: History) -> str:
    """Return the first line of a run: what is about to happen."""
    trials = "trials without end" if plan.n_trials is None else words.many(plan.n_trials, "trial")
    data = f" on {plan.dataset}" if plan.dataset else ""
    resumed = ""
    if plan.resumed:
        trained = sum(trial.epoch for trial in history.trials)
        resumed = f"; resumed after {words.many(trained, 'epoch')}"
    # A function has one epoch; how many a generator yields is known only where the study says so.
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


def closing_blocks(
    history: History, plan: StudyPlan, seconds: float, command: str | None, *, ascii_only: bool
) -> list[Block]:
    """Return the summary that is shown when a run ends.

    Args:
        history: The study.
        plan: What was to be run.
        seconds: How long this run took.
        command: What was typed to start it, or None outside the command line.
        ascii_only: Draw curves for a terminal that cannot show block characters.
    """
    count = words.counts(history)
    waits = unfinished(history, plan)
    blocks: list[Block] = []
    partly = waits and plan.n_trials is not None
    state = f"{count.ended} of {plan.n_trials} trials" if partly else words.many(count.ended, "trial")
    verb = "is not done" if waits else "stopped" if history.stop else "is done"
    blocks.append(f"{plan.name} {verb}: {state} ({count}), this run took {words.duration(seconds)}")
    best = confirm.winner(history)
    if history.stop and best is not None:  # without a trial that counts, the error below says why
        blocks.append(f"why: {history.stop}")
    saved, planned = words.saved(history, plan.epochs)
    if saved:
        blocks.append(f"pruning saved {saved:,} of {planned:,} epochs ({100 * saved / planned:.0f} %)")
    if best is None:
        blocks.append(f"no trial has {words.a(plan.goal.metric)}{'' if any(history.ended('FAILED')) else ' yet'}")
    else:
        blocks.append(best_line(history, params=False))
        blocks += [f"      {words.params(best.params)}"] if best.params else []
    blocks += stage_lines(history)
    if history.goal.others and best is not None:
        blocks += ["", *pareto.blocks(history, plan.name, MOST_ON_FRONT)]
    compared = comparison.blocks(history)
    blocks += compared
    top = [] if history.goal.others or compared else history.ranked()[:MOST_TRIALS]
    if len(top) > 1:
        blocks += ["", trials_grids(history, top, ascii_only=ascii_only)]
    blocks += failure_blocks(plan.name, history, plan.root)
    return [*blocks, *_advice_blocks(history, plan), "", *_next_commands(plan, waits, best is not None, command)]


def _advice_blocks(history: History, plan: StudyPlan) -> list[Block]:
    """Return the pruner's audit, the steps of the chapter's sampler, and what to search next, where there are any."""
    lines: list[Block] = []
    if (audited := audit(history, plan.epochs)) is not None:
        lines += ["", str(audited)]
    if history.declaration.sampler == "chapter":
        from hpsearch.samplers.chapter import story

        lines += ["", *story(history)]
    if history.declaration.sampler != "listed" and (proposals := propose(history)):
        lines += ["", *(f"try: {text}" for text in proposals)]
    return lines


def _next_commands(plan: StudyPlan, waits: bool, has_winner: bool, command: str | None) -> list[str]:
    lines = []
    if waits:
        lines.append(f"resume: {command or 'run the same study again'}")
    if has_winner:
        lines.append(f"next: {words.command('show', plan.name, root=plan.root)}")
        page = "ui" if plan.in_mlflow else "watch"
        lines.append(f"      {words.command(page, plan.name, root=plan.root)}")
    return lines
