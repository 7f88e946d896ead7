"""Figures of a study as plain values. Colours are names of the page's variables, so that it can be light or dark.

This file defines a figure and makes three that show how a search went; curves.py, landscape.py and others make more.
The page draws them (page/watch/figures.js), and pictures.py draws those that become images.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

import numpy as np

from hpsearch.log.history import Goal, History, State, Trial
from hpsearch.report.axes import counting_ticks
from hpsearch.report.findings import planned_epochs

Json = dict[str, Any]

STATE_LABELS: dict[State, str] = {
    "COMPLETE": "complete",
    "PRUNED": "pruned",
    "FAILED": "failed",
    "RUNNING": "running",
    "PAUSED": "paused",
}
MOST_DOTS = 500
"""Trials of each state that a figure draws as dots at most: others are left out evenly."""

DRAWING_ORDER: tuple[State, ...] = ("PRUNED", "FAILED", "PAUSED", "RUNNING", "COMPLETE")
"""The order in which trials are drawn, by state, so that those that matter lie on top."""

COLOUR_SCALE = [(0.0, "var(--scale-0)"), (0.35, "var(--scale-1)"), (0.7, "var(--scale-2)"), (1.0, "var(--scale-3)")]
"""Colours from the worst value (0, pale) to the best one (1, strong)."""


@dataclass(frozen=True)
class Figure:
    """One figure of the page.

    Attributes:
        key: Its name in the page, unique there.
        title: What it shows.
        caption: How to read it.
        data: Its lines, dots and bars (traces), in the format of plotly.js; figures.js draws a part of that format.
        layout: Its axes, in the same format.
        wide: Whether it takes the page's whole width.
        height: Pixels.
        choices: Metrics that may be looked at, each with the y values of all traces; then ``data`` has none itself.
    """

    key: str
    title: str
    caption: str
    data: list[Json]
    layout: Json
    wide: bool = False
    height: int = 360
    choices: list[tuple[str, list[Json]]] = field(default_factory=list)


def asset(name: str) -> str:
    """Return the text of one of the page's files."""
    return resources.files("hpsearch.report").joinpath("page", *name.split("/")).read_text(encoding="utf-8")


def label(text: str) -> str:
    """Return a text as figures hold it: < and & escaped as in HTML."""
    return text.replace("&", "&amp;").replace("<", "&lt;")


def axis(title: str, **options: Any) -> Json:
    """Return an axis with a title, and with further options of plotly.js."""
    return {"title": {"text": label(title)}, **options}


def rounded(value: float) -> float | None:
    """Return a number in five digits; None, which is drawn as a gap, for one that is not finite."""
    return float(f"{value:.5g}") if math.isfinite(value) else None


def evenly_spaced(trials: Sequence[Trial], most: int) -> list[Trial]:
    """Return at most ``most`` of the trials, at equal distances, the first among them."""
    return list(trials[:: max(math.ceil(len(trials) / most), 1)])


def visible_range(values: Iterable[float], goal: Goal) -> list[float] | None:
    """Return the part of the value axis that is worth seeing, or None for all of it.

    Where the worst fifth of the values takes most of the axis, it is left out at first.
    """
    losses = np.array([goal.loss(value) for value in values if math.isfinite(value)])
    if len(losses) < 10:
        return None
    best, poor, worst = losses.min(), float(np.quantile(losses, 0.8)), losses.max()
    if not poor > best or worst - poor < poor - best:
        return None
    pad = 0.06 * (poor - best)
    ends = [goal.loss(best - pad), goal.loss(poor + pad)]
    return sorted(float(end) for end in ends)


def value_axis(title: str, limits: list[float] | None) -> Json:
    """Return an axis of values that shows this range at first; None for all of it."""
    return axis(title) if limits is None else axis(title, range=limits)


def best_so_far(history: History) -> Figure:
    """The incumbent's value, and every trial at its best epoch, over the epochs that all trials trained together."""
    arrived = sorted(
        (tick, row.lane, row.epoch, trial.number, row.metrics.get(history.goal.metric, math.nan))
        for trial in history.trials
        for tick, row in zip(trial.ticks, trial.rows, strict=True)
    )
    trials = {trial.number: trial for trial in history.trials}
    reached_at: dict[int, int] = {}
    x: list[int] = []
    y: list[float | None] = []
    holders: list[int] = []
    best: float | None = None
    for count, (_, _, epoch, number, value) in enumerate(arrived, start=1):
        trial = trials[number]
        if epoch == trial.best_epoch:
            reached_at[number] = count
        if history.goal.by_last and epoch != trial.best_epoch:
            continue  # what was reached on the way does not count
        if trial.state != "FAILED" and math.isfinite(value) and (best is None or history.goal.better(value, best)):
            best = value
            x = [*x, count]
            y = [*y, rounded(value)]
            holders = [*holders, number]
    line = {
        "type": "scatter",
        "mode": "lines",
        "name": "best so far",
        "x": [*x, len(arrived)],
        "y": [*y, *y[-1:]],
        "customdata": [*holders, *holders[-1:]],
        "line": {"color": "var(--best)", "width": 2.5, "shape": "hv"},
    }
    points = [_dots(history, state, reached_at) for state in DRAWING_ORDER]
    values = [trial.value for trial in history.trials if trial.value is not None]
    where = "where it was at its best" if history.goal.value == "best" else "at its end"
    return Figure(
        "best",
        "Best so far",
        f"Each dot is a trial {where}; the line is the best of all until then.",
        [*(trace for trace in points if trace["x"]), line],
        {
            "xaxis": axis("epochs trained, all trials together", **counting_ticks(len(arrived))),
            "yaxis": value_axis(history.goal.metric, visible_range(values, history.goal)),
        },
    )


def _dots(history: History, state: State, reached_at: dict[int, int]) -> Json:
    trials = [trial for trial in history.ended(state) if trial.number in reached_at and trial.value is not None]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": STATE_LABELS[state],
        "x": [reached_at[trial.number] for trial in trials],
        "y": [rounded(trial.value or 0.0) for trial in trials],
        "customdata": [trial.number for trial in trials],
        "marker": {"color": f"var(--{STATE_LABELS[state]})", "size": 6, "opacity": 0.4 if state == "PRUNED" else 0.8},
    }


def savings(history: History) -> Figure:
    """How many trials trained each epoch, and how many would have without pruning: the area between was saved."""
    ends = planned_epochs(history)
    last = max([*ends.values(), *(trial.epoch for trial in history.trials)], default=0)
    epochs = list(range(1, last + 1))
    trained = [sum(trial.epoch >= epoch for trial in history.trials) for epoch in epochs]
    pruned = list(history.ended("PRUNED"))
    saved = [sum(trial.epoch < epoch <= ends[trial.number] for trial in pruned) for epoch in epochs]
    common = {"type": "bar", "x": epochs}
    return Figure(
        "savings",
        "Epochs saved by pruning",
        "How many trials trained each epoch, and how many were spared it.",
        [
            {**common, "name": "trained", "y": trained, "marker": {"color": "var(--complete)", "line": {"width": 0}}},
            {
                **common,
                "name": "saved by pruning",
                "y": saved,
                "marker": {"color": "var(--pruned)", "opacity": 0.35, "line": {"width": 0}},
            },
        ],
        {"barmode": "stack", "bargap": 0, "xaxis": axis("epoch"), "yaxis": axis("trials")},
    )


def pareto(history: History) -> Figure | None:
    """The first two metrics of every trial, and the front between them; None where there is one metric."""
    if not history.goal.others:
        return None
    up, across = history.goal.metrics[:2]
    front = history.front()
    data: list[Json] = []
    for state in DRAWING_ORDER:
        trials = evenly_spaced([trial for trial in history.ended(state) if len(trial.values) > 1], MOST_DOTS)
        if trials:
            style = {"color": f"var(--{STATE_LABELS[state]})", "size": 6, "opacity": 0.5 if state == "PRUNED" else 0.8}
            data.append({**_values_of(trials), "mode": "markers", "name": STATE_LABELS[state], "marker": style})
    if front:
        drawn = evenly_spaced(sorted(front, key=lambda trial: trial.values[1]), MOST_DOTS)
        style = {"color": "var(--best)", "width": 2.5}
        data.append({**_values_of(drawn), "mode": "lines+markers", "name": "Pareto front", "line": style})
    caveat = (
        "" if len(history.goal.metrics) == 2 else " Where it seems beaten, it is better in a metric not drawn here."
    )
    return Figure(
        "pareto",
        f"{up} against {across}",
        "Each dot is a trial at the epoch that counts. On the front are those that no other trial is as good as in all "
        f"metrics and better in one.{caveat}",
        data,
        {"xaxis": axis(across), "yaxis": axis(up)},
        wide=True,
        height=400,
    )


def _values_of(trials: Sequence[Trial]) -> Json:
    return {
        "type": "scatter",
        "x": [rounded(trial.values[1]) for trial in trials],
        "y": [rounded(trial.values[0]) for trial in trials],
        "customdata": [trial.number for trial in trials],
    }
