"""The report of a study: one HTML page that holds all it needs, for the browser, for paper and for MLflow's UI.

The page is a fold of the log: the same log gives the same page. Nothing in it is fetched, and its security policy has
the browser refuse to.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hpsearch.errors import UserError
from hpsearch.judging.compared import diagnoses
from hpsearch.log import files
from hpsearch.log.history import History, Trial
from hpsearch.report import (
    axes,
    bands,
    comparison,
    curves,
    explain,
    figures,
    findings,
    histograms,
    landscape,
    lanes,
    origin,
    pareto,
    stages,
    words,
)
from hpsearch.report.figures import Figure, asset
from hpsearch.report.importance import Importance, importances
from hpsearch.report.sparkline import sparkline

FILE = "report.html"

Drawings = tuple[list[Figure], list[Importance]]
"""The figures of a report, and what each parameter explains, the highest first."""

CURVE = 16
"""Width of a curve in the table."""


def write_report(history: History, path: Path, study_dir: Path | None = None) -> None:
    """Write a study's report; a report that stands there is replaced at once, never half.

    Args:
        history: The study.
        path: Where to.
        study_dir: The study's folder, where the histograms of its winner may be; None to leave them out.

    Raises:
        UserError: The file cannot be written, or plotly is not installed.
    """
    shown, found = drawings(history)
    within = [] if study_dir is None else histograms.figures(histograms.kept(study_dir))
    files.write_whole(path, page(history, ([*shown, *within], found)))


def drawings(history: History) -> Drawings:
    """Return the figures of a study's report, and what each parameter explains."""
    full = findings.on_full_problem(history)
    known = axes.axes(full)
    found = importances(full, known)
    order = [each.name for each in found] or [each.name for each in known]
    ranked = sorted(known, key=lambda each: order.index(each.name))
    drawn = [
        figures.best_so_far(full),
        figures.pareto(full),
        figures.savings(full),
        landscape.landscape(full, ranked),
        landscape.importance(found),
        landscape.parallel(full, ranked),
        curves.curves(full),
        curves.within_epochs(full),
        bands.bands(full),
        curves.elapsed(full, order),
        lanes.figure(history.current),
        stages.stage_figure(history),
    ]
    shown = [figure for figure in drawn if figure is not None] if any(trial.rows for trial in full.trials) else []
    return shown, found


def page(history: History, drawn: Drawings | None = None) -> str:
    """Return a study's report as HTML.

    Args:
        history: The study.
        drawn: Its figures, where they have been drawn already.

    Raises:
        UserError: plotly, which draws in the reader's browser, is not installed.
    """
    plotly = _plotly()
    name = history.header.name if history.header else "study"
    shown, found = drawings(history) if drawn is None else drawn
    parts = {
        "title": escape(name),
        "goal": escape(str(history.goal)),
        "summary": " ".join(f"<span>{escape(text)}</span>" for text in findings.sentences(history, found)),
        "tiles": "".join(_tile(value, what) for value, what in findings.tiles(history)),
        "comparison": _comparison(history),
        "figures": "\n".join(_card(figure) for figure in shown),
        "stages": stages.stage_table(history),
        "explained": "\n".join(
            f"<h3>{escape(title)}</h3><p>{escape(' '.join(sentences))}</p>"
            for title, sentences in explain.study_sections(history, found)
        ),
        "table": _table(history),
        "provenance": "".join(
            f"<dt>{escape(key)}</dt><dd>{escape(value)}</dd>" for key, value in findings.provenance(history)
        ),
        "data": script_json({figure.key: _plain(figure) for figure in shown}),
        "style": asset("report.css"),
        "script": asset("report.js"),
        "plotly": plotly,
    }
    return _fill(asset("report.html"), parts)


def _plotly() -> str:
    """Return the library that draws the figures, as a script that can stand in a page."""
    if find_spec("plotly") is None:
        raise UserError(
            "a report needs plotly: pip install 'hpsearch[report]' (`hpsearch watch STUDY -o FILE.html` needs nothing)"
        )
    from plotly.offline import get_plotlyjs  # slow to import

    return str(get_plotlyjs()).replace("</script", "<\\/script")


def _fill(template: str, parts: dict[str, str]) -> str:
    # Piece by piece: what a part holds is never searched for the next place.
    filled = []
    for piece in template.split("{{"):
        name, closed, rest = piece.partition("}}")
        filled.append(parts[name] + rest if closed else piece)
    return "".join(filled)


def script_json(value: Any) -> str:
    """Return JSON that can stand in a script: no text in it can end the element."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _plain(figure: Figure) -> dict[str, Any]:
    return {"data": figure.data, "layout": figure.layout, "choices": figure.choices}


def _tile(value: str, what: str) -> str:
    return f"<div><b>{escape(value)}</b><span>{escape(what)}</span></div>"


def _card(figure: Figure) -> str:
    all_values = " A double click shows the poorest values too." if "range" in figure.layout.get("yaxis", {}) else ""
    choice = ""
    if len(figure.choices) > 1:
        options = "".join(f"<option>{escape(name)}</option>" for name, _ in figure.choices)
        choice = f'<select data-of="{figure.key}" aria-label="metric">{options}</select>'
    return (
        f'<section class="card{" wide" if figure.wide else ""}"><h2>{escape(figure.title)}{choice}</h2>'
        f'<div class="figure" id="{figure.key}" style="height:{figure.height}px"></div>'
        f"<p>{escape(figure.caption)}{all_values}</p></section>"
    )


def _comparison(history: History) -> str:
    """Return the comparison that the study is, as a section; nothing where it is none."""
    found = comparison.table(history)
    if found is None or not found.lines:
        return ""
    columns, rows = comparison.cells(found)
    kinds = [" class=n" if column.right else "" for column in columns]
    head = "".join(
        f'<th scope="col"{kind}>{escape(column.name)}</th>' for column, kind in zip(columns, kinds, strict=True)
    )
    body = "\n".join(
        f"<tr>{''.join(f'<td{kind}>{escape(text)}</td>' for text, kind in zip(row, kinds, strict=True))}</tr>"
        for row in rows
    )
    said = " ".join(escape(text) for text in (f"{comparison.heading(found)}.", found.said.note) if text)
    return (
        '<section class="card wide" id="comparison"><h2>Comparison</h2><div class="scroll">'
        f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table></div><p>{said}</p></section>"
    )


def _table(history: History) -> str:
    """Return the table of all trials, best first; a cell whose text is not its value to sort by says it."""
    names = list(dict.fromkeys(name for trial in history.trials for name in trial.params))
    staged = ["stage"] if any(trial.ask.stage for trial in history.trials) else []
    metrics = list(history.goal.metrics)
    front = ["front"] if history.goal.others else []
    heads = ["trial", *staged, "state", *metrics, *front, "at epoch", "epochs", *names]
    said = dict.fromkeys(name for trial in history.trials for name in trial.attributes)
    attributes = {name: f"attributes.{name}" if name in heads else name for name in said}
    heads += [*attributes.values(), "curve", "diagnosis", "why"]
    said_of = diagnoses(history)
    ranked = history.ranked()
    known = {trial.number for trial in ranked}
    rest = [trial for trial in history.trials if trial.number not in known]
    numbers = {"trial", *staged, *metrics, "at epoch", "epochs"}
    best = {trial.number for trial in history.front()} if front else set()
    numbers |= {*(n for n in names if any(_is_number(t.params.get(n)) for t in history.trials))}
    numbers |= {
        head for name, head in attributes.items() if any(_is_number(t.attributes.get(name)) for t in history.trials)
    }
    head = "".join(
        f'<th scope="col" tabindex="0"{" class=n" if name in numbers else ""}>{escape(name)}</th>' for name in heads
    )
    rows = "\n".join(
        _row(history, trial, names, attributes, bool(staged), said_of[trial.number].label, best)
        for trial in [*ranked, *rest]
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>\n{rows}\n</tbody></table>"


def _row(
    history: History,
    trial: Trial,
    names: Iterable[str],
    attributes: Iterable[str],
    staged: bool,
    label: str,
    front: set[int],
) -> str:
    why = origin.reason(trial)
    curve = sparkline(trial.curve(history.goal.metric), CURVE)
    cells = [
        _number(trial.number, str(trial.number)),
        *([_number(trial.ask.stage, str(trial.ask.stage))] if staged else []),
        f'<td class="{trial.state}">{trial.state}</td>',
        _number(trial.value, words.number(trial.value)),
        *(_number(value, pareto.number(value)) for value in pareto.others(history, trial)),
        *([f"<td>{'yes' if trial.number in front else ''}</td>"] if history.goal.others else []),
        _number(trial.best_epoch, "–" if trial.best_epoch is None else str(trial.best_epoch)),
        _number(trial.epoch, str(trial.epoch)),
        *(_value(trial.params.get(name)) for name in names),
        *(_value(trial.attributes.get(name)) for name in attributes),
        f'<td class="curve">{curve}</td>',
        f"<td>{escape(label)}</td>",
        f"<td>{escape(why)}</td>",
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _value(value: Any) -> str:
    if _is_number(value):
        return _number(value, words.param(value))
    return f"<td>{'–' if value is None else escape(words.param(value))}</td>"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(value: float | None, text: str) -> str:
    exact = "" if value is None or repr(value) == text else f' data-v="{value!r}"'
    return f'<td class="n"{exact}>{escape(text)}</td>'
