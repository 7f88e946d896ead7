"""A figure of what was predicted of curves when it was decided to go on with them, beside what they then showed."""

from __future__ import annotations

import math
from typing import Any

from hpsearch.log.history import History, Trial
from hpsearch.report.figures import Figure, Json, axis, short, window, zoomed

SHOWN = 5
"""Curves that are drawn: the best ones."""

POINTS = 100
"""Most epochs of a band, and of a curve, that are drawn."""


def bands(history: History) -> Figure | None:
    """The best curves that a model predicted, each with the band within which it was expected; None without any.

    The band is the last one in the log that reaches beyond where the curve then stood: it was drawn when the trial
    began or went on, and knew nothing of what came after.
    """
    metric = history.goal.metric
    found = [(trial, known) for trial in history.ranked() if (known := _last(trial)) is not None][:SHOWN]
    if not found:
        return None
    data: list[Json] = []
    values: list[float] = []
    for place, (trial, (begun, band)) in enumerate(found):
        colour = f"var(--line-{place})"
        epochs, lows, middles, highs = (list(column) for column in zip(*_thinned(band), strict=True))
        line: Json = {"type": "scatter", "mode": "lines", "x": epochs, "hoverinfo": "skip", "showlegend": False}
        thin = {"color": colour, "width": 0.5}
        data.append(line | {"y": [short(low) for low in lows], "line": thin, "opacity": 0.5})
        data.append(line | {"y": [short(high) for high in highs], "line": thin, "opacity": 0.5, "fill": "tonexty"})
        data.append(line | {"y": [short(middle) for middle in middles], "line": thin | {"dash": "dot"}})
        curve = [row.metrics.get(metric, math.nan) for row in trial.rows]
        values += curve
        shown = f"trial {trial.number}, predicted at epoch {begun}"
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": shown,
                "x": _thinned([row.epoch for row in trial.rows]),
                "y": [short(value) for value in _thinned(curve)],
                "line": {"color": colour, "width": 2.2},
            }
        )
    return Figure(
        "bands", "What was predicted",
        "The best curves, and the band within which each was expected when it was decided to train it further: of its "
        "best value by then, nine in ten should lie inside. Dotted: the middle.", data,
        {"xaxis": axis("epoch", rangemode="tozero"), "yaxis": zoomed(metric, window(values, history.goal))},
        wide=True, height=440,
    )  # fmt: skip


def _thinned(points: list[Any]) -> list[Any]:
    """Return some points evenly apart, the last among them."""
    return points[::-1][:: max(math.ceil(len(points) / POINTS), 1)][::-1]


def _last(trial: Trial) -> tuple[int, list[list[Any]]] | None:
    """Return the last band in a trial's evidence, and the epoch at which it was drawn."""
    begun = [0, *(pause.epoch for pause in trial.pauses)]
    evidence = [trial.ask.evidence, *(resume.evidence for resume in trial.resumes)]
    for epoch, said in reversed(list(zip(begun, evidence, strict=False))):
        if said.get("band"):
            return epoch, said["band"]
    return None
