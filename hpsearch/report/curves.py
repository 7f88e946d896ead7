"""Figures of learning curves. All curves of one state are one line with gaps: a page can show thousands."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from hpsearch.log.history import History, State, Trial
from hpsearch.report.axes import counted
from hpsearch.report.figures import DRAWN, LABELS, Figure, Json, axis, evenly, label, window, zoomed
from hpsearch.report.words import param

MOST_NUMBERS, MOST_TIMES = 360_000, 8_000
"""Most values that all curves of a figure hold together; of longer ones every n-th epoch is drawn."""

MOST_TRIALS = 200
"""Most trials in the background of the figure of training times: others are left out evenly."""

MOST_WITHIN = 400
"""Most points within the epochs of one trial."""

FEW = 8
"""Most values of a parameter whose best trials stand out by colour."""

_OPACITY: dict[State, float] = {"COMPLETE": 0.75, "PRUNED": 0.3, "FAILED": 0.6, "RUNNING": 0.75, "PAUSED": 0.45}

_Values = Callable[[Trial], Sequence[float]]


def curves(history: History) -> Figure:
    """Every learning curve, for any metric; those of pruned trials faded, the best trial's on top."""
    goal, best = history.goal.metric, history.best
    known = dict.fromkeys(name for trial in history.trials for name in trial.rows.metrics)
    names = [goal, *(name for name in known if name != goal)]
    stride = _stride(history.trials, len(names), MOST_NUMBERS)
    drawn: list[tuple[Sequence[Trial], int, Json]] = []
    for state in DRAWN:
        trials = [trial for trial in history.ended(state) if trial is not best and trial.rows]
        style = {"line": {"color": f"var(--{LABELS[state]})", "width": 1.2}, "opacity": _OPACITY[state]}
        drawn += [(trials, stride, {"name": LABELS[state], **style})] if trials else []
    if best is not None:
        style = {"line": {"color": "var(--best)", "width": 2.5}}
        drawn.append(([best], 1, {"name": f"trial {best.number}, the best", **style}))
    choices = [(name, [_joined(trials, _metric(name), each) for trials, each, _ in drawn]) for name in names]
    data = [_trace(trials, _epoch, each) | style for trials, each, style in drawn]
    values = [value for trial in history.trials for value in trial.curve(goal)]
    longest = max((trial.epoch for trial in history.trials), default=0)
    note = "" if stride == 1 else f" Of every curve each {_nth(stride)} epoch is drawn, the best and the last."
    return Figure(
        "curves", "Learning curves", f"All trials, epoch by epoch; the pruned ones are faded.{note}", data,
        {"xaxis": axis("epoch", **counted(longest)), "yaxis": zoomed(goal, window(values, history.goal))},
        wide=True, height=440, choices=choices,
    )  # fmt: skip


def within_epochs(history: History) -> Figure | None:
    """What was measured within epochs, over the samples trained on, of the best trials; None where nothing was."""
    trials = [trial for trial in history.ranked() if trial.rows.monitored][:FEW]
    if not trials:
        return None
    goal = history.goal.metric
    names = list(dict.fromkeys(name for trial in trials for name in trial.rows.monitored))
    names.sort(key=lambda name: name != goal)
    choices, data = [], []
    for name in names:
        choices.append((name, [_joined([trial], partial(_within, name), 1) for trial in trials]))
    for number, trial in enumerate(trials):
        style: Json = {"name": f"trial {trial.number}", "line": {"color": f"var(--line-{number})", "width": 1.5}}
        data.append(_trace([trial], _samples, 1) | style)
    return Figure(
        "within", "Within epochs",
        "The best trials, measured every few samples (monitor_every). Training cost and accuracy are those of the "
        "samples since the point before.", data,
        {"xaxis": axis("samples trained on", rangemode="tozero"), "yaxis": axis(names[0])},
        wide=True, choices=choices,
    )  # fmt: skip


def elapsed(history: History, order: Sequence[str]) -> Figure:
    """The goal's metric over each trial's own training time: the chapter's plot for the size of mini-batches.

    Args:
        history: The study.
        order: Parameters, the most important first. Of one with few values, the best trial of each value stands out;
            batch_size goes first, as in the chapter. Where there is none, the five best trials do.
    """
    goal = history.goal.metric
    name = _few_valued(history, order)
    leaders: dict[str, Trial] = {}
    for trial in history.ranked() if name else history.ranked()[:5]:
        text = f"{name} = {param(trial.params.get(name))}" if name else f"trial {trial.number}"
        leaders.setdefault(text, trial)
    if name:
        leaders = dict(sorted(leaders.items(), key=lambda item: _sortable(item[1].params.get(name))))
    measured = [trial for trial in history.trials if trial.rows]
    trials = evenly(measured, MOST_TRIALS)
    name_of_all = "all trials" if len(trials) == len(measured) else f"{len(trials)} of {len(measured):,} trials"
    every: Json = {"name": name_of_all, "line": {"color": "var(--pruned)", "width": 1}, "opacity": 0.3}
    drawn = [(trials, _stride(trials, 2, MOST_TIMES), every)]
    for number, (text, trial) in enumerate(leaders.items()):
        style: Json = {"name": label(text), "line": {"color": f"var(--line-{number % FEW})", "width": 2.2}}
        drawn.append(([trial], 1, style))
    data = [
        _trace(group, _seconds, stride) | {"y": _joined(group, _metric(goal), stride)} | style
        for group, stride, style in drawn
    ]
    values = [value for trial in trials for value in trial.curve(goal)]
    which = f"the best trial of each {name}" if name else "the five best trials"
    return Figure(
        "elapsed", "Training time",
        f"How good a trial was after so many seconds of its own training; in colour {which}. Trials that trained "
        "together share their time evenly. Times are as observed: they differ from run to run.", data,
        {"xaxis": axis("seconds of training", rangemode="tozero"),
         "yaxis": zoomed(goal, window(values, history.goal))},
        wide=True,
    )  # fmt: skip


def _trace(trials: Sequence[Trial], x: _Values, stride: int) -> Json:
    """Return some curves as a trace that has no y yet."""
    return {
        "type": "scatter",
        "mode": "lines",
        "x": _joined(trials, x, stride),
        "customdata": _joined(trials, lambda trial: [trial.number] * len(x(trial)), stride),
    }


def _joined(trials: Sequence[Trial], values: _Values, stride: int) -> Json:
    """Return the values of some trials as one array, with a gap between any two, as the bytes of numbers.

    As text it would take half as much again, and ten times as long to write. Whole numbers, which only go along with a
    curve, have a zero in the gap.
    """
    joined: list[float] = []
    for trial in trials:
        each = values(trial)
        joined += each if stride == 1 else [each[i] for i in _kept(trial, stride)]
        joined.append(0 if isinstance(each[0], int) else math.nan)
    numbers = np.array(joined[:-1])
    if numbers.dtype.kind == "i":
        kind = "i2" if numbers.max() < 2**15 else "i4"
    else:
        kind = "f4"
        numbers[~(np.abs(numbers) < np.finfo("f4").max)] = np.nan
    return {"dtype": kind, "bdata": base64.b64encode(numbers.astype(f"<{kind}").tobytes()).decode()}


def _kept(trial: Trial, stride: int) -> list[int]:
    """Return which rows of a trial are drawn: every n-th, its best and its last."""
    last = len(trial.rows) - 1
    best = trial.best_epoch
    return [i for i, epoch in enumerate(trial.rows.epochs) if i % stride == 0 or epoch == best or i == last]


def _stride(trials: Sequence[Trial], each: int, most: int) -> int:
    return math.ceil(each * sum(len(trial.rows) for trial in trials) / most) or 1


def _nth(number: int) -> str:
    return {2: "second", 3: "third"}.get(number, f"{number}th")


def _metric(name: str) -> _Values:
    return lambda trial: [math.nan if value is None else value for value in trial.rows.column(name)]


def _within(name: str, trial: Trial) -> list[float]:
    return _thinned(trial.rows.within(name)[1])


def _samples(trial: Trial) -> Sequence[float]:
    return _thinned(trial.rows.within(trial.rows.monitored[0])[0])


def _thinned(points: Sequence[float]) -> list[float]:
    """Return some points evenly apart, the last among them."""
    step = max(math.ceil(len(points) / MOST_WITHIN), 1)
    return list(points[::-1][::step][::-1])


def _epoch(trial: Trial) -> Sequence[float]:
    return trial.rows.epochs


def _seconds(trial: Trial) -> list[float]:
    return [float(total) for total in np.cumsum(trial.rows.times)]


def _few_valued(history: History, order: Sequence[str]) -> str | None:
    for name in sorted(order, key=lambda name: name != "batch_size"):
        if 2 <= len({param(trial.params.get(name)) for trial in history.trials}) <= FEW:
            return name
    return None


def _sortable(value: Any) -> tuple[bool, float, str]:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return (not number, float(value) if number else 0.0, param(value))
