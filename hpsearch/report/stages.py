"""The ladder on the report's page: a table of the stages, and how well each ranks what the next one ranks."""

from __future__ import annotations

import math
from html import escape

from hpsearch.judging import calibration, confirm
from hpsearch.judging.calibration import Calibration
from hpsearch.log import stages
from hpsearch.log.history import History
from hpsearch.report.figures import Figure, Json, axis
from hpsearch.report.ladder import rho_text

_RIGHT = ' class="n"'


def stage_table(history: History) -> str:
    """Return the ladder as a card of the report; nothing for a study of one stage."""
    known = stages.stages(history)
    if len(known) < 2:
        return ""
    found = {each.stage: each for each in calibration.calibrate(history)}
    heads = ("stage", "what it is", "trials", "epochs", "full-problem epochs", "ρ with the next", "best in common")
    rows = []
    for stage in known:
        each = found.get(stage.number)
        cells = [
            (str(stage.number), True), (stage.words, False), (f"{len(stage.trials):,}", True),
            (f"{stage.epochs:,}", True), (f"{stage.full_epochs:.1f}", True),
            (rho_text(each).removeprefix("ρ = ") if each else "–", True), (_common(each) if each else "–", True),
        ]  # fmt: skip
        rows.append("".join(f"<td{_RIGHT if right else ''}>{escape(text)}</td>" for text, right in cells))
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    body = "\n".join(f"<tr>{row}</tr>" for row in rows)
    said = [*(line for each in found.values() for line in calibration.tell(each)[1:]), *history.notes]
    said += confirm.describe(history)
    return (
        '<section class="card wide" id="stages"><h2>Stages</h2><div class="scroll">'
        f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table></div>"
        "<p>Spearman’s ρ of the points that a stage and the next both trained, and how many of the better third they "
        "have in common, with 95 % bootstrap intervals. An epoch of a smaller stage costs its share of the training "
        f"samples.</p>{''.join(f'<p>{escape(line)}</p>' for line in said)}</section>"
    )


def stage_figure(history: History) -> Figure | None:
    """ρ of each stage with the next, and the overlap of their best, with intervals; None where there is none."""
    found = [each for each in calibration.calibrate(history) if math.isfinite(each.rho)]
    if not found:
        return None
    names = [f"stages {each.stage} and {each.stage + 1}" for each in found]
    bars: list[Json] = [
        _bar("ρ of all", "var(--best)", names, [(each.rho, each.rho_low, each.rho_high) for each in found]),
        _bar("best third in common", "var(--pruned)", names,
             [(each.overlap, each.overlap_low, each.overlap_high) for each in found]),
    ]  # fmt: skip
    limit = {"type": "line", "x0": calibration.TRUSTED, "x1": calibration.TRUSTED, "y0": 0, "y1": 1, "yref": "paper",
             "line": {"color": "var(--soft)", "dash": "dot", "width": 1}}  # fmt: skip
    return Figure(
        "calibration", "Does a stage rank as the next one does?",
        "With 95 % intervals over the points that both trained. Left of the dotted line a stage misleads.",
        bars,
        {"xaxis": axis("agreement", range=[-1.05, 1.05]), "shapes": [limit],
         "yaxis": {"type": "category", "autorange": "reversed", "automargin": True}},
        wide=True, height=130 + 60 * len(found),
    )  # fmt: skip


def _bar(name: str, colour: str, places: list[str], values: list[tuple[float, float, float]]) -> Json:
    return {
        "type": "scatter", "mode": "markers", "name": name, "y": [f"{place}, {name}" for place in places],
        "x": [value for value, _, _ in values],
        "marker": {"color": colour, "size": 9},
        "error_x": {"type": "data", "symmetric": False, "color": colour, "thickness": 1.5,
                    "array": [high - value for value, _, high in values],
                    "arrayminus": [value - low for value, low, _ in values]},
    }  # fmt: skip


def _common(each: Calibration) -> str:
    if math.isnan(each.overlap):
        return "–"
    return f"{each.overlap:.0%} [{each.overlap_low:.0%}, {each.overlap_high:.0%}] of {each.k}"
