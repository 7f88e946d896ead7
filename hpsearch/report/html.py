"""The report of a study: the live page as it is at one moment, in one file that needs nothing else.

It has the panels of ``hpsearch watch``, and in addition what takes longer to compute: sentences, importances, stages,
comparisons. The page is a function of the log: the same log gives the same page. The page loads nothing from elsewhere,
and its security policy has the browser refuse to.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

from hpsearch.log import files
from hpsearch.log.history import History
from hpsearch.report import (
    axes,
    bands,
    comparison,
    curves,
    explain,
    figures,
    findings,
    frozen,
    histograms,
    landscape,
    stages,
)
from hpsearch.report.figures import Figure, asset
from hpsearch.report.importance import Importance, importances
from hpsearch.report.watching import FILES

FILE = "report.html"

POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"

_STYLE = re.compile(r'<link rel="stylesheet" href="([^"]+)">')
_SCRIPT = re.compile(r'<script src="([^"]+)"></script>')


class Drawings(NamedTuple):
    """What a report shows in addition to the panels of the live page.

    Attributes:
        figures: Its figures.
        importances: The importance of each parameter, highest first.
    """

    figures: list[Figure]
    importances: list[Importance]


def write_report(history: History, path: Path, study_dir: Path | None = None) -> None:
    """Write a study's report; a report that stands there is replaced at once, never half.

    Args:
        history: The study.
        path: Where to.
        study_dir: The study's folder, where the histograms of its winner and what trials printed may be; None to leave
            them out.

    Raises:
        UserError: The file cannot be written.
    """
    drawn = drawings(history)
    if study_dir is not None:
        drawn.figures.extend(histograms.figures(histograms.read(study_dir)))
    files.write_whole(path, page(history, drawn, study_dir))


def drawings(history: History) -> Drawings:
    """Return the figures of a study's report, and what each parameter explains."""
    full = findings.on_full_problem(history)
    ranking = importances(full, axes.axes(full))
    if not any(trial.rows for trial in full.trials):
        return Drawings([], ranking)
    drawn = [
        figures.pareto(full),
        figures.savings(full),
        landscape.importance(ranking),
        curves.within_epochs(full),
        bands.bands(full),
        curves.elapsed(full, [axis.name for axis in ranked_axes(history, ranking)]),
        stages.stage_figure(history),
    ]
    return Drawings([figure for figure in drawn if figure is not None], ranking)


def ranked_axes(history: History, importances: Sequence[Importance]) -> list[axes.Axis]:
    """Return an axis for each parameter searched on the full problem, the most important first."""
    names = [axis.name for axis in importances]
    searched = axes.axes(findings.on_full_problem(history))
    return sorted(searched, key=lambda axis: names.index(axis.name)) if names else searched


def page(history: History, drawn: Drawings | None = None, study_dir: Path | None = None) -> str:
    """Return a study's report as HTML with all that it needs: less than two megabytes.

    Args:
        history: The study.
        drawn: Its figures, where they have been drawn already.
        study_dir: The study's folder, where what trials printed is; None to leave that out.
    """
    name = history.header.name if history.header else "study"
    shown, ranking = drawings(history) if drawn is None else drawn
    data = frozen.page_json(name, history, shown, [parameter.name for parameter in ranking], study_dir)
    contents = {
        "name": escape(name),
        "goal": escape(str(history.goal)),
        "summary": " ".join(f"<span>{escape(text)}</span>" for text in findings.sentences(history, ranking)),
        "tiles": "".join(_tile(value, what) for value, what in findings.tiles(history)),
        "first": _comparison(history),
        "middle": "\n".join([*map(_card, shown), stages.stage_table(history), _explained(history, ranking)]),
        "last": _provenance(history),
        "data": f'<script type="application/json" id="frozen">{data}</script>',
    }
    head = f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">'
    text = asset("watch/watch.html").replace('<meta charset="utf-8">', f'<meta charset="utf-8">\n{head}', 1)
    text = text.replace("<title>hpsearch</title>", f"<title>{escape(name)} – hpsearch</title>").replace(
        "<body>", '<body class="frozen">'
    )
    text = _STYLE.sub(lambda match: f"<style>\n{_embedded(match[1])}</style>", text)
    text = _SCRIPT.sub(lambda match: f"<script>\n{_embedded(match[1])}</script>", text)
    # A name with half of a surrogate pair, which no encoding can write, is shown as its code.
    return _fill(text, contents).encode("utf-8", "backslashreplace").decode()


def _embedded(name: str) -> str:
    return asset(FILES[f"/{name}"][0]).replace("</script", "<\\/script")


def _fill(template: str, contents: dict[str, str]) -> str:
    # Piece by piece, so that what was filled in is never searched for the next slot.
    filled = []
    for piece in template.split("<!-- report: "):
        slot, closed, tail = piece.partition(" -->")
        filled.append(contents[slot] + tail if closed and slot in contents else piece)
    return "".join(filled)


def _explained(history: History, importances: list[Importance]) -> str:
    sections = "\n".join(
        f"<h3>{escape(title)}</h3><p>{escape(' '.join(sentences))}</p>"
        for title, sentences in explain.study_sections(history, importances)
    )
    return f'<section class="card wide" id="explained"><h2>Explained</h2>\n{sections}\n</section>'


def _provenance(history: History) -> str:
    facts = "".join(f"<dt>{escape(key)}</dt><dd>{escape(value)}</dd>" for key, value in findings.provenance(history))
    return f'<section class="card wide"><h2>What a repetition needs</h2><dl>{facts}</dl></section>'


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
        f'<div class="figure" id="{figure.key}" data-title="{escape(figure.title)}" '
        f'style="min-height:{figure.height}px"></div>'
        f"<p>{escape(figure.caption)}{all_values}</p></section>"
    )


def _comparison(history: History) -> str:
    """Return the comparison that a study declares, as a section; empty where it declares none."""
    table = comparison.comparison_table(history)
    if table is None or not table.points:
        return ""
    columns, rows = comparison.cells(table)
    classes = [" class=n" if column.right else "" for column in columns]
    head = "".join(
        f'<th scope="col"{kind}>{escape(column.name)}</th>' for column, kind in zip(columns, classes, strict=True)
    )
    body = "\n".join(
        f"<tr>{''.join(f'<td{kind}>{escape(text)}</td>' for text, kind in zip(row, classes, strict=True))}</tr>"
        for row in rows
    )
    caption = " ".join(escape(text) for text in (f"{comparison.heading(table)}.", table.declared.note) if text)
    return (
        '<section class="card wide" id="comparison"><h2>Comparison</h2><div class="scroll">'
        f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table></div><p>{caption}</p></section>"
    )
