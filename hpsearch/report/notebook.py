"""A study and its result as the cell of a notebook shows them: a table, the curves, and what to write next."""

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
"""What to write about a result that has a winner, and what it gives."""


def study_html(study: Study) -> str:
    """Return what a study searches, and how it is run."""
    space = study.search_space
    rows = [("space", "a function of the trial")] if callable(space) else [(name, str(d)) for name, d in space.items()]
    what = "model" if study.model is not None else "objective" if study.objective is not None else "ask and tell"
    facts = f"{escape(str(study.goal))}; sampler {escape(_word(study.sampler))}, pruner {escape(_word(study.pruner))}"
    return _parts(
        f"<b>study {escape(study.name)}</b> ({what}): {facts}",
        table(("searched", "where"), rows),
        _next([("study.run()", "run it, or go on where it stands")])
        if what != "ask and tell"
        else _next([("study.ask()", "the next trial to train")]),
    )


def _word(part: object) -> str:
    return part if isinstance(part, str) else type(part).__name__


def result_html(name: str, history: History, *, interrupted: bool) -> str:
    """Return what a study found: the best trials with their curves, failures, and what to write next.

    Args:
        name: The study's name.
        history: What its log says.
        interrupted: It waits to be resumed.
    """
    now, metric = history.current, history.goal.metric
    best = confirm.winner(now)
    count = words.many(words.counts(now).ended, "trial")
    head = f"<b>{escape(name)}</b>: {count} ({escape(str(words.counts(now)))})"
    if best is None:
        why = words.first_failure(now)
        said = f"no trial has {escape(words.a(metric))}" + (f"; {escape(why)}" if why else " yet")
        return _parts(head, said, _next([("study.run()", "run it, or go on where it stands")]))
    ranked = now.ranked()
    top = [best, *(trial for trial in ranked if trial is not best)][:TOP]
    names = list(dict.fromkeys(name for trial in top for name in trial.params))
    rows = [
        [
            str(trial.number), trial.state.lower(), words.number(trial.value), f"{trial.best_epoch}/{trial.epoch}",
            *(shown(trial.params[name]) if name in trial.params else "–" for name in names), origin.reason(trial),
        ]
        for trial in top
    ]  # fmt: skip
    failed = words.first_failure(now)
    told = "" if failed is None else f"the first that failed was {escape(failed)}"
    following = [*RESULT_NEXT] if history.declaration.model is not None else [*RESULT_NEXT[1:]]
    if interrupted:
        following.insert(0, ("study.run()", "it was interrupted: go on where it stands"))
    return _parts(
        f"{head}; best {escape(metric)} {words.number(best.value)} at {words.reached(best)}, trial {best.number}",
        curves_svg([trial.curve(metric) for trial in top], metric) if best.epoch > 1 else "",
        table(("trial", "state", metric, "at epoch", *names, "why"), rows),
        told,
        _next(following),
    )


def _next(lines: list[tuple[str, str]]) -> str:
    return "next: " + ", ".join(f"<code>{escape(code)}</code> ({escape(what)})" for code, what in lines)


def _parts(*parts: str) -> str:
    return "".join(f"<div>{part}</div>" for part in parts if part)
