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
    """Return the stages of a study as a card of the report; empty for a study of one stage."""
    all_stages = stages.stages(history)
    if len(all_stages) < 2:
        return ""
    agreement_of = {agreement.stage: agreement for agreement in calibration.calibrate(history)}
    heads = ("stage", "what it is", "trials", "epochs", "full-problem epochs", "ρ with the next", "best in common")
    rows = []
    for stage in all_stages:
        agreement = agreement_of.get(stage.number)
        cells = [
            (str(stage.number), True),
            (stage.words, False),
            (f"{len(stage.trials):,}", True),
            (f"{stage.epochs:,}", True),
            (f"{stage.full_epochs:.1f}", True),
            (rho_text(agreement).removeprefix("ρ = ") if agreement else "–", True),
            (_overlap_text(agreement) if agreement else "–", True),
        ]
        rows.append("".join(f"<td{_RIGHT if right else ''}>{escape(text)}</td>" for text, right in cells))
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    body = "\n".join(f"<tr>{row}</tr>" for row in rows)
    remarks = [
        *(line for agreement in agreement_of.values() for line in calibration.tell(agreement)[1:]),
        *history.notes,
    ]
    remarks += confirm.confirmation_lines(history)
    return (
        '<section class="card wide" id="stages"><h2>Stages</h2><div class="scroll">'
        f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table></div>"
        "<p>Spearman’s ρ of the points that a stage and the next both trained, and how many of the better third they "
        "have in common, with 95 % bootstrap intervals. An epoch of a smaller stage costs its share of the training "
        f"samples.</p>{''.join(f'<p>{escape(line)}</p>' for line in remarks)}</section>"
    )


def stage_figure(history: History) -> Figure | None:
    """Spearman's ρ of each stage with the next, and the overlap of their best points; None where no ρ is known."""
    agreements = [agreement for agreement in calibration.calibrate(history) if math.isfinite(agreement.rho)]
    if not agreements:
        return None
    pairs = [f"stages {agreement.stage} and {agreement.stage + 1}" for agreement in agreements]
    bars: list[Json] = [
        _bar(
            "ρ of all",
            "var(--best)",
            pairs,
            [(agreement.rho, agreement.rho_low, agreement.rho_high) for agreement in agreements],
        ),
        _bar(
            "best third in common",
            "var(--pruned)",
            pairs,
            [(agreement.overlap, agreement.overlap_low, agreement.overlap_high) for agreement in agreements],
        ),
    ]
    limit = {
        "type": "line",
        "x0": calibration.TRUSTED,
        "x1": calibration.TRUSTED,
        "y0": 0,
        "y1": 1,
        "yref": "paper",
        "line": {"color": "var(--soft)", "dash": "dot", "width": 1},
    }
    return Figure(
        "calibration",
        "Does a stage rank as the next one does?",
        "With 95 % intervals over the points that both trained. Left of the dotted line a stage misleads.",
        bars,
        {
            "xaxis": axis("agreement", range=[-1.05, 1.05]),
            "shapes": [limit],
            "yaxis": {"type": "category", "autorange": "reversed", "automargin": True},
        },
        wide=True,
        height=130 + 60 * len(agreements),
    )


def _bar(name: str, colour: str, pairs: list[str], values: list[tuple[float, float, float]]) -> Json:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "y": [f"{pair}, {name}" for pair in pairs],
        "x": [value for value, _, _ in values],
        "marker": {"color": colour, "size": 9},
        "error_x": {
            "type": "data",
            "symmetric": False,
            "color": colour,
            "thickness": 1.5,
            "array": [high - value for value, _, high in values],
            "arrayminus": [value - low for value, low, _ in values],
        },
    }


def _overlap_text(agreement: Calibration) -> str:
    if math.isnan(agreement.overlap):
        return "–"
    return f"{agreement.overlap:.0%} [{agreement.overlap_low:.0%}, {agreement.overlap_high:.0%}] of {agreement.k}"
