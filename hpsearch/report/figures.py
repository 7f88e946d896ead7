"""Figures of a study as Plotly's plain values. Colours are names of the page's, so that it can be light or dark.

A figure holds few traces however many trials there are: all curves of one state are one line with gaps.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hpsearch.history import Goal, History, State, Trial
from hpsearch.report.words import param, planned_epochs

Json = dict[str, Any]

MOST_NUMBERS = 400_000
"""Most values that all curves of a figure hold together; of longer ones every n-th epoch is drawn."""

LABELS: dict[State, str] = {"COMPLETE": "complete", "PRUNED": "pruned", "FAILED": "failed", "RUNNING": "running"}
DRAWN: tuple[State, ...] = ("PRUNED", "FAILED", "RUNNING", "COMPLETE")
"""In this order, so that what matters lies on top."""

SCALE = [[0.0, "var(--scale-0)"], [0.35, "var(--scale-1)"], [0.7, "var(--scale-2)"], [1.0, "var(--scale-3)"]]
"""From the worst to the best value: from pale to strong."""


@dataclass(frozen=True)
class Figure:
    """One figure of the page.

    Attributes:
        key: Names it in the page.
        title: What it shows.
        caption: How to read it.
        data: Plotly's traces.
        layout: Plotly's layout.
        wide: Whether it takes the page's whole width.
        height: Pixels.
        choices: Other y values for all traces, by the name of a metric; the first is what ``data`` shows.
    """

    key: str
    title: str
    caption: str
    data: list[Json]
    layout: Json
    wide: bool = False
    height: int = 360
    choices: dict[str, list[list[Any]]] = field(default_factory=dict)


def label(text: str) -> str:
    """Return a text that Plotly shows as it is: it reads a few HTML tags."""
    return text.replace("&", "&amp;").replace("<", "&lt;")


def axis(title: str, **said: Any) -> Json:
    """Return an axis with a title."""
    return {"title": {"text": label(title)}, **said}


def short(value: float) -> float | None:
    """Return a number in five digits, as drawn; None, which is a gap, for one that is not finite."""
    return float(f"{value:.5g}") if math.isfinite(value) else None


def window(values: Iterable[float], goal: Goal) -> list[float] | None:
    """Return the part of the value axis that is worth seeing, or None for all of it.

    Where the worst tenth of the values takes most of the axis, it is left out at first.
    """
    losses = np.array([goal.loss(value) for value in values if math.isfinite(value)])
    if len(losses) < 10:
        return None
    best, tenth, worst = losses.min(), float(np.quantile(losses, 0.9)), losses.max()
    if not tenth > best or worst - tenth < tenth - best:
        return None
    pad = 0.06 * (tenth - best)
    ends = [goal.loss(best - pad), goal.loss(tenth + pad)]
    return sorted(float(end) for end in ends)


def zoomed(title: str, limits: list[float] | None) -> Json:
    """Return a value axis that begins with this part of it."""
    return axis(title) if limits is None else axis(title, range=limits)


def best_so_far(history: History) -> Figure:
    """The incumbent's value, and every trial where it was at its best, over the epochs trained by all."""
    arrived = sorted(
        (tick, row.lane, row.epoch, trial.number, row.metrics.get(history.goal.metric, math.nan))
        for trial in history.trials
        for tick, row in zip(trial.ticks, trial.rows, strict=True)
    )
    at: dict[int, int] = {}
    x: list[int] = []
    y: list[float | None] = []
    who: list[int] = []
    best: float | None = None
    for count, (_, _, epoch, number, value) in enumerate(arrived, start=1):
        trial = history.trials[number]
        if epoch == trial.best_epoch:
            at[number] = count
        if trial.state != "FAILED" and math.isfinite(value) and (best is None or history.goal.better(value, best)):
            best = value
            x, y, who = [*x, count], [*y, short(value)], [*who, number]
    line = _line("best so far", [*x, len(arrived)], [*y, y[-1] if y else None], [*who, who[-1] if who else -1])
    line |= {"line": {"color": "var(--best)", "width": 2.5, "shape": "hv"}}
    points = [_dots(history, state, at) for state in DRAWN]
    values = [trial.value for trial in history.trials if trial.value is not None]
    return Figure(
        "best", "Best so far", "Each dot is a trial where it was at its best; the line is the best of all until then.",
        [*(trace for trace in points if trace["x"]), line],
        {"xaxis": axis("epochs trained, all trials together", rangemode="tozero"),
         "yaxis": zoomed(history.goal.metric, window(values, history.goal))},
    )  # fmt: skip


def _dots(history: History, state: State, at: dict[int, int]) -> Json:
    trials = [trial for trial in history.ended_or_running(state) if trial.number in at and trial.value is not None]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": LABELS[state],
        "x": [at[trial.number] for trial in trials],
        "y": [short(trial.value or 0.0) for trial in trials],
        "customdata": [trial.number for trial in trials],
        "hovertemplate": "trial %{customdata}: %{y}<extra></extra>",
        "marker": {"color": f"var(--{LABELS[state]})", "size": 6, "opacity": 0.4 if state == "PRUNED" else 0.8},
    }


def curves(history: History) -> Figure:
    """Every learning curve, for any metric; those of pruned trials faded."""
    known = dict.fromkeys(name for trial in history.trials for row in trial.rows for name in row.metrics)
    goal = history.goal.metric
    names = sorted(known, key=lambda name: (name != goal, list(known).index(name)))
    best = history.best
    groups = {state: [trial for trial in history.ended_or_running(state) if trial is not best] for state in DRAWN}
    stride = _stride(history.trials, len(names))
    data: list[Json] = []
    choices: dict[str, list[list[Any]]] = {name: [] for name in names}
    for state, trials in groups.items():
        if trials:
            style = {"color": f"var(--{LABELS[state]})", "width": 1.2}
            data.append(_line(LABELS[state], *_epochs(trials, stride)) | {"line": style, "opacity": _OPACITY[state]})
            for name in names:
                choices[name].append(_gapped([[row.metrics.get(name, math.nan) for row in t.rows] for t in trials], trials, stride))  # noqa: E501
    if best is not None:
        style = {"color": "var(--best)", "width": 2.5}
        data.append(_line(f"trial {best.number}, the best", *_epochs([best], 1)) | {"line": style})
        for name in names:
            choices[name].append(_gapped([[row.metrics.get(name, math.nan) for row in best.rows]], [best], 1))
    for number, trace in enumerate(data):
        trace["y"] = choices[names[0]][number] if names else []
    values = [row.metrics.get(goal, math.nan) for trial in history.trials for row in trial.rows]
    drawn = "" if stride == 1 else f" Of long curves every {_nth(stride)} epoch is drawn."
    return Figure(
        "curves", "Learning curves", f"All trials, epoch by epoch; the pruned ones are faded.{drawn}",
        data,
        {"xaxis": axis("epoch", rangemode="tozero"), "yaxis": zoomed("", window(values, history.goal))},
        wide=True, height=440, choices=choices,
    )  # fmt: skip


_OPACITY: dict[State, float] = {"COMPLETE": 0.75, "PRUNED": 0.3, "FAILED": 0.6, "RUNNING": 0.75}


def elapsed(history: History, order: Sequence[str]) -> Figure:
    """The goal's metric over each trial's own training time: the chapter's plot for the size of mini-batches.

    Args:
        history: The study.
        order: Parameters, the most important first. Of one with few values, the best trial of each value stands out;
            batch_size comes first, as in the chapter. Where there is none, the five best trials do.
    """
    goal = history.goal.metric
    ranked = history.ranked()
    name = _few_valued(history, order)
    leaders: dict[str, Trial] = {}
    for trial in ranked if name else ranked[:5]:
        text = f"{name} = {param(trial.params.get(name))}" if name else f"trial {trial.number}"
        leaders.setdefault(text, trial)
    others = [trial for trial in history.trials if trial.rows]
    stride = _stride(others, 4)
    gray = _line("all trials", *_epochs(others, stride))
    gray |= {"x": _gapped([_seconds(trial) for trial in others], others, stride)}
    gray |= {"y": _gapped([[row.metrics.get(goal, math.nan) for row in t.rows] for t in others], others, stride)}
    gray |= {"line": {"color": "var(--pruned)", "width": 1}, "opacity": 0.3, "hovertemplate": _hover("s")}
    data = [gray]
    shown = sorted(leaders.items(), key=lambda item: _sortable(item[1].params.get(name)) if name else (0, 0.0, ""))
    for number, (text, trial) in enumerate(shown):
        line = _line(label(text), *_epochs([trial], 1)) | {"hovertemplate": _hover("s")}
        line |= {"x": [short(second) for second in _seconds(trial)], "y": [short(v) for v in _values(trial, goal)]}
        data.append(line | {"line": {"color": f"var(--line-{number % 8})", "width": 2.2}})
    values = [value for trial in others for value in _values(trial, goal)]
    which = f"the best trial of each {name}" if name else "the five best trials"
    return Figure(
        "elapsed", "Training time",
        f"How good a trial was after so many seconds of its own training; in colour {which}. "
        "Trials that trained together share their time evenly. Times are as observed and differ from run to run.",
        data,
        {"xaxis": axis("seconds of training", rangemode="tozero"),
         "yaxis": zoomed(goal, window(values, history.goal))},
    )  # fmt: skip


def savings(history: History) -> Figure:
    """How many trials trained each epoch, and how many would have without pruning: the area between was saved."""
    ends = {trial.number: planned_epochs(history, trial) for trial in history.trials}
    last = max([*ends.values(), *(trial.epoch for trial in history.trials)], default=0)
    epochs = list(range(1, last + 1))
    trained = [sum(trial.epoch >= epoch for trial in history.trials) for epoch in epochs]
    pruned = list(history.ended("PRUNED"))
    saved = [sum(trial.epoch < epoch <= ends[trial.number] for trial in pruned) for epoch in epochs]
    common = {"type": "bar", "x": epochs, "hovertemplate": "epoch %{x}: %{y} trials<extra>%{fullData.name}</extra>"}
    return Figure(
        "savings", "Epochs saved by pruning", "How many trials trained each epoch, and how many were spared it.",
        [{**common, "name": "trained", "y": trained, "marker": {"color": "var(--complete)"}},
         {**common, "name": "saved by pruning", "y": saved,
          "marker": {"color": "var(--pruned)", "opacity": 0.35}}],
        {"barmode": "stack", "bargap": 0.1, "xaxis": axis("epoch"), "yaxis": axis("trials")},
    )  # fmt: skip


def _line(name: str, x: list[Any], y: list[Any], numbers: list[Any]) -> Json:
    return {
        "type": "scatter", "mode": "lines", "name": name, "x": x, "y": y, "customdata": numbers,
        "hovertemplate": _hover("epoch"),
    }  # fmt: skip


def _hover(unit: str) -> str:
    where = "epoch %{x}" if unit == "epoch" else f"%{{x}} {unit}"
    return f"trial %{{customdata}}, {where}: %{{y}}<extra></extra>"


def _epochs(trials: Sequence[Trial], stride: int) -> tuple[list[Any], list[Any], list[Any]]:
    """Return the epochs of some curves as one, with gaps; room for y; and the number of the trial at each point."""
    x: list[Any] = []
    numbers: list[Any] = []
    for trial in trials:
        kept = [trial.rows[i].epoch for i in _kept(trial, stride)]
        x += [*kept, None]
        numbers += [trial.number] * (len(kept) + 1)
    return x[:-1], [], numbers[:-1]


def _gapped(values: Sequence[Sequence[float]], trials: Sequence[Trial], stride: int) -> list[Any]:
    """Return the values of some curves as one, with gaps between them."""
    joined: list[Any] = []
    for trial, curve in zip(trials, values, strict=True):
        joined += [*(short(curve[i]) for i in _kept(trial, stride)), None]
    return joined[:-1]


def _kept(trial: Trial, stride: int) -> list[int]:
    """Return which rows of a trial are drawn: every n-th, its best and its last."""
    return [
        i
        for i, row in enumerate(trial.rows)
        if i % stride == 0 or row.epoch == trial.best_epoch or i == len(trial.rows) - 1
    ]


def _stride(trials: Sequence[Trial], each: int) -> int:
    return math.ceil(each * sum(len(trial.rows) for trial in trials) / MOST_NUMBERS) or 1


def _nth(number: int) -> str:
    return {2: "second", 3: "third"}.get(number, f"{number}th")


def _values(trial: Trial, metric: str) -> list[float]:
    return [row.metrics.get(metric, math.nan) for row in trial.rows]


def _seconds(trial: Trial) -> list[float]:
    return [float(total) for total in np.cumsum([row.seconds for row in trial.rows])]


def _few_valued(history: History, order: Sequence[str]) -> str | None:
    for name in sorted(order, key=lambda name: name != "batch_size"):
        values = {param(trial.params.get(name)) for trial in history.trials}
        if 2 <= len(values) <= 8:
            return name
    return None


def _sortable(value: Any) -> tuple[int, float, str]:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return (0, float(value), "")
    return (1, 0.0, param(value))
