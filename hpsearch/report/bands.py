"""A figure of predicted learning curves, each beside the curve that was then measured."""

from __future__ import annotations

import math
from typing import Any

from hpsearch.log.history import History, Trial
from hpsearch.report.figures import Figure, Json, axis, rounded, value_axis, visible_range

MOST_CURVES = 5
"""Curves that are drawn at most: the best ones."""

MOST_POINTS = 100
"""Most epochs of a band, and of a curve, that are drawn."""


def bands(history: History) -> Figure | None:
    """The best curves that a model predicted, each with the band in which it was expected; None where there are none.

    The band is the last one in the log that reaches beyond the epoch at which the trial then stood. It was computed
    when the trial began or was resumed, without knowledge of what came after.
    """
    metric = history.goal.metric
    predicted = [(trial, forecast) for trial in history.ranked() if (forecast := _last_band(trial)) is not None]
    if not predicted:
        return None
    data: list[Json] = []
    values: list[float] = []
    for number, (trial, (predicted_at, band)) in enumerate(predicted[:MOST_CURVES]):
        colour = f"var(--line-{number})"
        epochs, lows, middles, highs = (list(column) for column in zip(*_thinned(band), strict=True))
        line: Json = {"type": "scatter", "mode": "lines", "x": epochs, "hoverinfo": "skip", "showlegend": False}
        thin = {"color": colour, "width": 0.5}
        data.append(line | {"y": [rounded(low) for low in lows], "line": thin, "opacity": 0.5})
        data.append(line | {"y": [rounded(high) for high in highs], "line": thin, "opacity": 0.5, "fill": "tonexty"})
        data.append(line | {"y": [rounded(middle) for middle in middles], "line": thin | {"dash": "dot"}})
        curve = [row.metrics.get(metric, math.nan) for row in trial.rows]
        values += curve
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": f"trial {trial.number}, predicted at epoch {predicted_at}",
                "x": _thinned([row.epoch for row in trial.rows]),
                "y": [rounded(value) for value in _thinned(curve)],
                "line": {"color": colour, "width": 2.2},
            }
        )
    return Figure(
        "bands",
        "What was predicted",
        "The best curves, and the band within which each was expected when it was decided to train it further: of its "
        "best value by then, nine in ten should lie inside. Dotted: the middle.",
        data,
        {"xaxis": axis("epoch", rangemode="tozero"), "yaxis": value_axis(metric, visible_range(values, history.goal))},
        wide=True,
        height=440,
    )


def _thinned(points: list[Any]) -> list[Any]:
    """Return at most about ``MOST_POINTS`` points at equal distances, the last among them."""
    return points[::-1][:: max(math.ceil(len(points) / MOST_POINTS), 1)][::-1]


def _last_band(trial: Trial) -> tuple[int, list[list[Any]]] | None:
    """Return the last band in a trial's evidence, and the epoch at which it was computed."""
    begins = [0, *(pause.epoch for pause in trial.pauses)]
    evidence = [trial.ask.evidence, *(resume.evidence for resume in trial.resumes)]
    for epoch, details in reversed(list(zip(begins, evidence, strict=False))):
        if details.get("band"):
            return epoch, details["band"]
    return None
