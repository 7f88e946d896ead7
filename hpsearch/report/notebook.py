"""A study and its result as HTML for the cell of a notebook: a table, the curves, and what to write next."""

from __future__ import annotations

from html import escape

from hpsearch.judging import confirm
from hpsearch.log.cell import curves_svg, shown, table
from hpsearch.log.history import History
from hpsearch.report import origin, words
from hpsearch.study.study import Study

TOP = 5
"""Trials in the table, and curves in the picture."""

RESULT_NEXT = (
    ("result.model", "the fitted winner, to predict with"),
    ("result.trials", "every trial, a data frame"),
    ("result.curves", "every epoch of every trial, a data frame"),
    ("result.best_trial.params", "the winner's parameters"),
)
"""Expressions for a result that has a winner, and what each of them gives."""


def study_html(study: Study) -> str:
    """Return what a study searches and how it is run, as HTML."""
    space = study.search_space
    rows = [("space", "a function of the trial")] if callable(space) else [(name, str(d)) for name, d in space.items()]
    kind = "model" if study.model is not None else "objective" if study.objective is not None else "ask and tell"
    sampler, pruner = escape(_setting_name(study.sampler)), escape(_setting_name(study.pruner))
    facts = f"{escape(str(study.goal))}; sampler {sampler}, pruner {pruner}"
    return _divisions(
        f"<b>study {escape(study.name)}</b> ({kind}): {facts}",
        table(("searched", "where"), rows),
        _next_text([("study.run()", "run it, or go on where it stands")])
        if kind != "ask and tell"
        else _next_text([("study.ask()", "the next trial to train")]),
    )


def _setting_name(setting: object) -> str:
    return setting if isinstance(setting, str) else type(setting).__name__


def result_html(name: str, history: History, *, interrupted: bool) -> str:
    """Return what a study found as HTML: the best trials with their curves, failures, and what to write next.

    Args:
        name: The study's name.
        history: The fold of its log.
        interrupted: Whether the study was interrupted and can be resumed.
    """
    now = history.current
    metric = history.goal.metric
    best = confirm.winner(now)
    count = words.many(words.counts(now).ended, "trial")
    head = f"<b>{escape(name)}</b>: {count} ({escape(str(words.counts(now)))})"
    if best is None:
        why = words.first_failure(now)
        no_result = f"no trial has {escape(words.a(metric))}" + (f"; {escape(why)}" if why else " yet")
        return _divisions(head, no_result, _next_text([("study.run()", "run it, or go on where it stands")]))
    ranked = now.ranked()
    top = [best, *(trial for trial in ranked if trial is not best)][:TOP]
    names = list(dict.fromkeys(name for trial in top for name in trial.params))
    rows = [
        [
            str(trial.number),
            trial.state.lower(),
            words.number(trial.value),
            f"{trial.best_epoch}/{trial.epoch}",
            *(shown(trial.params[name]) if name in trial.params else "–" for name in names),
            origin.reason(trial),
        ]
        for trial in top
    ]
    failed = words.first_failure(now)
    failure_text = "" if failed is None else f"the first that failed was {escape(failed)}"
    following = [*RESULT_NEXT] if history.declaration.model is not None else [*RESULT_NEXT[1:]]
    if interrupted:
        following.insert(0, ("study.run()", "it was interrupted: go on where it stands"))
    return _divisions(
        f"{head}; best {escape(metric)} {words.number(best.value)} at {words.reached(best)}, trial {best.number}",
        curves_svg([trial.curve(metric) for trial in top], metric) if best.epoch > 1 else "",
        table(("trial", "state", metric, "at epoch", *names, "why"), rows),
        failure_text,
        _next_text(following),
    )


def _next_text(lines: list[tuple[str, str]]) -> str:
    return "next: " + ", ".join(f"<code>{escape(code)}</code> ({escape(what)})" for code, what in lines)


def _divisions(*parts: str) -> str:
    return "".join(f"<div>{part}</div>" for part in parts if part)
