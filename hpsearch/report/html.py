"""The report of a study: the live page as it is at one moment, in one file that needs nothing else.

It has the panels of ``hpsearch watch``, and beside them what takes longer to find: sentences, what matters, stages,
comparisons. The page is a fold of the log: the same log gives the same page. Nothing in it is fetched, and its security
policy has the browser refuse to.
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
    """What a report shows beside the panels of the live page.

    Attributes:
        figures: Its figures.
        found: What each parameter explains, the highest first.
    """

    figures: list[Figure]
    found: list[Importance]


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
        drawn.figures.extend(histograms.figures(histograms.kept(study_dir)))
    files.write_whole(path, page(history, drawn, study_dir))


def drawings(history: History) -> Drawings:
    """Return the figures of a study's report, and what each parameter explains."""
    full = findings.on_full_problem(history)
    found = importances(full, axes.axes(full))
    if not any(trial.rows for trial in full.trials):
        return Drawings([], found)
    drawn = [
        figures.pareto(full),
        figures.savings(full),
        landscape.importance(found),
        curves.within_epochs(full),
        bands.bands(full),
        curves.elapsed(full, [each.name for each in ranked(history, found)]),
        stages.stage_figure(history),
    ]
    return Drawings([figure for figure in drawn if figure is not None], found)


def ranked(history: History, found: Sequence[Importance]) -> list[axes.Axis]:
    """Return an axis for each parameter searched on the full problem, the most important first."""
    names = [each.name for each in found]
    known = axes.axes(findings.on_full_problem(history))
    return sorted(known, key=lambda each: names.index(each.name)) if names else known


def page(history: History, drawn: Drawings | None = None, study_dir: Path | None = None) -> str:
    """Return a study's report as HTML with all that it needs: less than two megabytes.

    Args:
        history: The study.
        drawn: Its figures, where they have been drawn already.
        study_dir: The study's folder, where what trials printed is; None to leave that out.
    """
    name = history.header.name if history.header else "study"
    shown, found = drawings(history) if drawn is None else drawn
    data = frozen.content(name, history, shown, [each.name for each in found], study_dir)
    parts = {
        "name": escape(name),
        "goal": escape(str(history.goal)),
        "summary": " ".join(f"<span>{escape(text)}</span>" for text in findings.sentences(history, found)),
        "tiles": "".join(_tile(value, what) for value, what in findings.tiles(history)),
        "first": _comparison(history),
        "middle": "\n".join([*map(_card, shown), stages.stage_table(history), _explained(history, found)]),
        "last": _provenance(history),
        "data": f'<script type="application/json" id="frozen">{data}</script>',
    }
    head = f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">'
    text = asset("watch/watch.html").replace('<meta charset="utf-8">', f'<meta charset="utf-8">\n{head}', 1)
    text = text.replace("<title>hpsearch</title>", f"<title>{escape(name)} – hpsearch</title>").replace(
        "<body>", '<body class="frozen">'
    )
    text = _STYLE.sub(lambda found: f"<style>\n{_own(found[1])}</style>", text)
    text = _SCRIPT.sub(lambda found: f"<script>\n{_own(found[1])}</script>", text)
    # A name that is no text (half a surrogate pair) is shown as its code.
    return _fill(text, parts).encode("utf-8", "backslashreplace").decode()


def _own(name: str) -> str:
    return asset(FILES[f"/{name}"][0]).replace("</script", "<\\/script")


def _fill(template: str, parts: dict[str, str]) -> str:
    # Piece by piece: what a part holds is never searched for the next place.
    filled = []
    for piece in template.split("<!-- report: "):
        name, closed, rest = piece.partition(" -->")
        filled.append(parts[name] + rest if closed and name in parts else piece)
    return "".join(filled)


def _explained(history: History, found: list[Importance]) -> str:
    said = "\n".join(
        f"<h3>{escape(title)}</h3><p>{escape(' '.join(sentences))}</p>"
        for title, sentences in explain.study_sections(history, found)
    )
    return f'<section class="card wide" id="explained"><h2>Explained</h2>\n{said}\n</section>'


def _provenance(history: History) -> str:
    said = "".join(f"<dt>{escape(key)}</dt><dd>{escape(value)}</dd>" for key, value in findings.provenance(history))
    return f'<section class="card wide"><h2>What a repetition needs</h2><dl>{said}</dl></section>'


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
