"""Figures of learning curves. All curves of one state are one line with gaps, so that a page can show thousands."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from hpsearch.log.history import History, State, Trial
from hpsearch.report.axes import counting_ticks
from hpsearch.report.figures import (
    DRAWING_ORDER,
    STATE_LABELS,
    Figure,
    Json,
    axis,
    evenly_spaced,
    label,
    value_axis,
    visible_range,
)
from hpsearch.report.words import param

MOST_NUMBERS = 360_000
"""Values that all learning curves of a figure hold together at most; of longer ones every n-th epoch is drawn."""

MOST_TIMES = 8_000
"""The same for the curves over training time."""

MOST_TRIALS = 200
"""Most trials in the background of the figure of training times: others are left out evenly."""

MOST_WITHIN = 400
"""Most points within the epochs of one trial."""

MOST_COLOURS = 8
"""Trials that stand out by colour at most: of a parameter with so few values, the best trial of each value."""

_OPACITY: dict[State, float] = {"COMPLETE": 0.75, "PRUNED": 0.3, "FAILED": 0.6, "RUNNING": 0.75, "PAUSED": 0.45}

_Values = Callable[[Trial], Sequence[float]]


def curves(history: History) -> Figure:
    """Every learning curve, for any metric; those of pruned trials faded, the best trial's on top."""
    goal = history.goal.metric
    best = history.best
    reported = dict.fromkeys(name for trial in history.trials for name in trial.rows.metrics)
    names = [goal, *(name for name in reported if name != goal)]
    stride = _stride(history.trials, len(names), MOST_NUMBERS)
    layers: list[tuple[Sequence[Trial], int, Json]] = []
    for state in DRAWING_ORDER:
        trials = [trial for trial in history.ended(state) if trial is not best and trial.rows]
        style = {"line": {"color": f"var(--{STATE_LABELS[state]})", "width": 1.2}, "opacity": _OPACITY[state]}
        layers += [(trials, stride, {"name": STATE_LABELS[state], **style})] if trials else []
    if best is not None:
        style = {"line": {"color": "var(--best)", "width": 2.5}}
        layers.append(([best], 1, {"name": f"trial {best.number}, the best", **style}))
    choices = [(name, [_joined(trials, _metric(name), step) for trials, step, _ in layers]) for name in names]
    data = [_trace(trials, _epoch, step) | style for trials, step, style in layers]
    values = [value for trial in history.trials for value in trial.curve(goal)]
    longest = max((trial.epoch for trial in history.trials), default=0)
    note = "" if stride == 1 else f" Of every curve each {_nth(stride)} epoch is drawn, the best and the last."
    return Figure(
        "curves",
        "Learning curves",
        f"All trials, epoch by epoch; the pruned ones are faded.{note}",
        data,
        {
            "xaxis": axis("epoch", **counting_ticks(longest)),
            "yaxis": value_axis(goal, visible_range(values, history.goal)),
        },
        wide=True,
        height=440,
        choices=choices,
    )


def within_epochs(history: History) -> Figure | None:
    """What was measured within epochs, over the samples trained on, of the best trials; None where nothing was."""
    trials = [trial for trial in history.ranked() if trial.rows.monitored][:MOST_COLOURS]
    if not trials:
        return None
    goal = history.goal.metric
    names = list(dict.fromkeys(name for trial in trials for name in trial.rows.monitored))
    names.sort(key=lambda name: name != goal)
    choices = [(name, [_joined([trial], partial(_within, name), 1) for trial in trials]) for name in names]
    data = []
    for place, trial in enumerate(trials):
        style: Json = {"name": f"trial {trial.number}", "line": {"color": f"var(--line-{place})", "width": 1.5}}
        data.append(_trace([trial], _samples, 1) | style)
    return Figure(
        "within",
        "Within epochs",
        "The best trials, measured every few samples (monitor_every). Training cost and accuracy are those of the "
        "samples since the point before.",
        data,
        {"xaxis": axis("samples trained on", rangemode="tozero"), "yaxis": axis(names[0])},
        wide=True,
        choices=choices,
    )


def elapsed(history: History, order: Sequence[str]) -> Figure:
    """The goal's metric over each trial's own training time: the chapter's plot for the size of mini-batches.

    Args:
        history: The study.
        order: Parameters, the most important first. Of one with few values, the best trial of each value stands out;
            batch_size goes first, as in the chapter. Where there is none, the five best trials do.
    """
    goal = history.goal.metric
    name = _parameter_of_few_values(history, order)
    leaders: dict[str, Trial] = {}
    for trial in history.ranked() if name else history.ranked()[:5]:
        series = f"{name} = {param(trial.params.get(name))}" if name else f"trial {trial.number}"
        leaders.setdefault(series, trial)
    if name:
        leaders = dict(sorted(leaders.items(), key=lambda item: _sort_key(item[1].params.get(name))))
    measured = [trial for trial in history.trials if trial.rows]
    trials = evenly_spaced(measured, MOST_TRIALS)
    name_of_all = "all trials" if len(trials) == len(measured) else f"{len(trials)} of {len(measured):,} trials"
    style_of_all: Json = {"name": name_of_all, "line": {"color": "var(--pruned)", "width": 1}, "opacity": 0.3}
    layers = [(trials, _stride(trials, 2, MOST_TIMES), style_of_all)]
    for number, (series, trial) in enumerate(leaders.items()):
        style: Json = {"name": label(series), "line": {"color": f"var(--line-{number % MOST_COLOURS})", "width": 2.2}}
        layers.append(([trial], 1, style))
    data = [
        _trace(group, _seconds, stride) | {"y": _joined(group, _metric(goal), stride)} | style
        for group, stride, style in layers
    ]
    values = [value for trial in trials for value in trial.curve(goal)]
    which = f"the best trial of each {name}" if name else "the five best trials"
    return Figure(
        "elapsed",
        "Training time",
        f"How good a trial was after so many seconds of its own training; in colour {which}. Trials that trained "
        "together share their time evenly. Times are as observed: they differ from run to run.",
        data,
        {
            "xaxis": axis("seconds of training", rangemode="tozero"),
            "yaxis": value_axis(goal, visible_range(values, history.goal)),
        },
        wide=True,
    )


def _trace(trials: Sequence[Trial], x: _Values, stride: int) -> Json:
    """Return the curves of trials as one trace (a line with gaps) without its y values."""
    return {
        "type": "scatter",
        "mode": "lines",
        "x": _joined(trials, x, stride),
        "customdata": _joined(trials, lambda trial: [trial.number] * len(x(trial)), stride),
    }


def _joined(trials: Sequence[Trial], values: _Values, stride: int) -> Json:
    """Return the values of trials as one array in base64, with a gap between any two trials.

    As text they would take half as much space again, and ten times as long to write. A gap is NaN. In whole numbers,
    which only accompany a curve, it is a zero.
    """
    joined: list[float] = []
    for trial in trials:
        curve = values(trial)
        joined += curve if stride == 1 else [curve[i] for i in _drawn_rows(trial, stride)]
        joined.append(0 if isinstance(curve[0], int) else math.nan)
    numbers = np.array(joined[:-1])
    if numbers.dtype.kind == "i":
        dtype = "i2" if numbers.max() < 2**15 else "i4"
    else:
        dtype = "f4"
        numbers[~(np.abs(numbers) < np.finfo("f4").max)] = np.nan
    return {"dtype": dtype, "bdata": base64.b64encode(numbers.astype(f"<{dtype}").tobytes()).decode()}


def _drawn_rows(trial: Trial, stride: int) -> list[int]:
    """Return the indices of a trial's rows that are drawn: every n-th, its best and its last."""
    last = len(trial.rows) - 1
    best = trial.best_epoch
    return [i for i, epoch in enumerate(trial.rows.epochs) if i % stride == 0 or epoch == best or i == last]


def _stride(trials: Sequence[Trial], n_metrics: int, most: int) -> int:
    return math.ceil(n_metrics * sum(len(trial.rows) for trial in trials) / most) or 1


def _nth(stride: int) -> str:
    return {2: "second", 3: "third"}.get(stride, f"{stride}th")


def _metric(name: str) -> _Values:
    return lambda trial: [math.nan if value is None else value for value in trial.rows.column(name)]


def _within(name: str, trial: Trial) -> list[float]:
    return _thinned(trial.rows.within(name)[1])


def _samples(trial: Trial) -> Sequence[float]:
    return _thinned(trial.rows.within(trial.rows.monitored[0])[0])


def _thinned(points: Sequence[float]) -> list[float]:
    """Return at most about ``MOST_WITHIN`` points at equal distances, the last among them."""
    step = max(math.ceil(len(points) / MOST_WITHIN), 1)
    return list(points[::-1][::step][::-1])


def _epoch(trial: Trial) -> Sequence[float]:
    return trial.rows.epochs


def _seconds(trial: Trial) -> list[float]:
    return [float(total) for total in np.cumsum(trial.rows.times)]


def _parameter_of_few_values(history: History, order: Sequence[str]) -> str | None:
    for name in sorted(order, key=lambda name: name != "batch_size"):
        if 2 <= len({param(trial.params.get(name)) for trial in history.trials}) <= MOST_COLOURS:
            return name
    return None


def _sort_key(value: Any) -> tuple[bool, float, str]:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return (not is_number, float(value) if is_number else 0.0, param(value))
