"""The data of a study for the page of ``hpsearch watch``: columns of numbers, reduced where there are many trials.

At 10,000 trials they are less than a megabyte. Curves are those of the best trials, of the running ones and of others
at equal distances. The complete curves of a single trial are loaded when it is looked at.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hpsearch.judging import confirm
from hpsearch.judging.compared import diagnoses
from hpsearch.judging.diagnosis import Diagnosis
from hpsearch.log import stages
from hpsearch.log.history import History, State, Trial
from hpsearch.log.within import PREFIX
from hpsearch.report import axes, lanes, one_trial, origin, words
from hpsearch.report.facts import study_facts
from hpsearch.report.figures import rounded, visible_range

Json = dict[str, Any]

STATE_LETTERS: dict[State, str] = {"COMPLETE": "C", "PRUNED": "P", "FAILED": "F", "RUNNING": "R", "PAUSED": "W"}

MOST_CURVES = 200
"""Curves that are drawn at most."""

MOST_BEST = 60
"""Of the best trials, and of the running ones, so many are among these."""

MOST_POINTS = 60
"""Points of a curve at most, about; its best and its last are always among them."""

MOST_POSITIONS = 60_000
"""Positions of trials on axes at most: with very many trials, less important or later parameters have none."""

LEAST_AXES = 4
"""Parameters that have an axis however many trials there are."""

MOST_STEPS = 1000
"""Steps of the best value so far at most: the last ones."""

MOST_DOTS = 1500
"""Trials that are drawn as dots beside it at most, about: the best ones, and others at equal distances."""

MOST_OTHER_POINTS = 10_000
"""Points that the curves of all other metrics have together at most."""

LEAST_POINTS = 12
"""Points to which a curve of another metric is reduced before whole curves are left out."""


def study_data(
    name: str, history: History, most_positions: int = MOST_POSITIONS, important: Sequence[str] = ()
) -> Json:
    """Return the data from which the page draws a study.

    Args:
        name: The study's name.
        history: The fold of its log.
        most_positions: Positions of trials on axes that the data may hold.
        important: Parameters, the most important first: these have an axis before others.
    """
    now = history.current
    trials = now.trials
    all_axes = axes.axes(now)
    by_importance = sorted(
        all_axes, key=lambda axis: important.index(axis.name) if axis.name in important else len(important)
    )
    kept = by_importance[: max(most_positions // max(len(trials), 1), LEAST_AXES)]
    shown_axes = [axis for axis in all_axes if axis in kept]
    positions = axes.matrix(trials, shown_axes)
    staged = [stage for stage in stages.stages(now) if stage.trials]
    stage_history = _highest_stage(now)
    drawn = _drawn_trials(stage_history)
    facts = study_facts(name, now)
    best = confirm.winner(now)
    return {
        **{key: facts[key] for key in ("study", "metric", "direction", "data", "sampler", "pruner", "seed", "counts")},
        "n_trials": now.declaration.n_trials,
        "stop": now.stop,
        "tick": now.tick,
        "best": None
        if best is None
        else {"trial": best.number, "value": best.value, "params": words.params(best.params)},
        "axes": [_axis(axis, positions[:, i]) for i, axis in enumerate(shown_axes)],
        "trials": {
            "number": [trial.number for trial in trials],
            "state": "".join(STATE_LETTERS[trial.state] for trial in trials),
            "value": [None if trial.value is None else rounded(trial.value) for trial in trials],
            "at": [trial.best_epoch for trial in trials],
            "epochs": [trial.epoch for trial in trials],
            "places": [[rounded(position) for position in positions[:, i]] for i in range(len(shown_axes))],
            **({"stage": [trial.ask.stage for trial in trials]} if len(staged) > 1 else {}),
        },
        "stages": [[stage.number, stage.words] for stage in staged] if len(staged) > 1 else [],
        "stage": stage_history.full_stage,
        "lanes": _lanes(now),
        "curves": {str(trial.number): _curve(trial, now.goal.metric) for trial in drawn},
        "other_curves": _other_curves(drawn, now.goal.metric),
        "limits": visible_range([trial.value for trial in stage_history.trials if trial.value is not None], now.goal),
        "curve_limits": visible_range([value for trial in drawn for value in trial.curve(now.goal.metric)], now.goal),
        **dict(zip(("so_far", "dots"), _so_far(stage_history, now.first), strict=True)),
        "failures": [[trial.number, origin.reason(trial)] for trial in list(now.ended("FAILED"))[:20]],
    }


def _highest_stage(history: History) -> History:
    """Return a history of the trials on the full problem; before any has begun, of those on the largest one so far."""
    kept = copy.copy(history)
    reached = [trial.ask.stage for trial in history.trials if trial.ask.stage <= history.full_stage]
    kept.full_stage = max(reached, default=history.full_stage)
    kept.trials = [trial for trial in history.trials if trial.ask.stage == kept.full_stage]
    return kept


def _lanes(history: History) -> Json:
    """Return which trial trained when: the trial's index, the lane, the beginning and the length of each stretch."""
    stretches = lanes.stretches(history)
    first = history.first
    return {
        "unit": lanes.time_unit(history),
        "span": rounded(lanes.time_span(history)),
        "busy": round(lanes.busy_share(history, stretches), 3),
        "trial": [stretch.trial.number - first for stretch in stretches],
        "lane": [stretch.lane for stretch in stretches],
        "begins": [rounded(stretch.begins) for stretch in stretches],
        "lasts": [rounded(stretch.ends - stretch.begins) for stretch in stretches],
    }


def _axis(axis: axes.Axis, positions: Any) -> Json:
    ticks = axis.ticks(positions) if len(positions) else None
    return {
        "name": axis.name,
        "log": axis.log,
        "whole": axis.whole,
        "options": None if axis.options is None else [words.param(option) for option in axis.options],
        "ticks": None if ticks is None else [[rounded(position) for position in ticks[0]], ticks[1]],
    }


def _drawn_trials(history: History) -> list[Trial]:
    """Return the trials whose curves are drawn, by number: the best, running ones, and others at equal distances."""
    chosen = {trial.number: trial for trial in history.ranked()[:MOST_BEST]}
    chosen |= {trial.number: trial for trial in history.running()[:MOST_BEST]}
    others = [trial for trial in history.trials if trial.number not in chosen and trial.rows]
    room = MOST_CURVES - len(chosen)
    stride = max(math.ceil(len(others) / max(room, 1)), 1)
    chosen |= {trial.number: trial for trial in others[::stride]}
    return [chosen[number] for number in sorted(chosen)]


def _curve(trial: Trial, metric: str, most: int = MOST_POINTS) -> list[list[Any]]:
    """Return some epochs of a trial and its values there, the best and the last among them."""
    points = [(row.epoch, row.metrics[metric]) for row in trial.rows if metric in row.metrics]
    stride = max(math.ceil(len(points) / (most - 2)), 1)
    kept = [
        (epoch, rounded(value))
        for index, (epoch, value) in enumerate(points)
        if index % stride == 0 or index == len(points) - 1 or epoch == trial.best_epoch
    ]
    return [[epoch for epoch, _ in kept], [value for _, value in kept]]


def _other_curves(drawn: Sequence[Trial], goal: str) -> dict[str, dict[str, list[list[Any]]]]:
    """Return the curves of all metrics but the goal's, by metric and trial.

    Where there are many metrics, the curves have fewer points, and then there are fewer of them.
    """
    names = [name for name in dict.fromkeys(n for trial in drawn for n in trial.rows.metrics) if name != goal]
    points_per_metric = MOST_OTHER_POINTS // max(len(names), 1)
    points = min(max(points_per_metric // max(len(drawn), 1), LEAST_POINTS), MOST_POINTS)
    longest = max((min(len(trial.rows), points) for trial in drawn), default=1)
    step = max(math.ceil(len(drawn) * longest / max(points_per_metric, 1)), 1)
    return {name: {str(trial.number): _curve(trial, name, points) for trial in drawn[::step]} for name in names}


def _so_far(history: History, first: int) -> tuple[list[list[Any]], list[list[Any]]]:
    """Return how the best value improved, and when each trial had its best, over the epochs trained by all.

    Args:
        history: The trials.
        first: The number of the first trial that the page knows.

    Returns:
        First the epochs at which the best changed, its values, and the trials that reached them. Then the epochs at
        which trials had their best values, and the indices of these trials: the ones that were the best, and others.
    """
    goal = history.goal
    arrived = sorted(
        (tick, row.lane, row.epoch, trial.number, row.metrics.get(goal.metric, math.nan))
        for trial in history.trials
        for tick, row in zip(trial.ticks, trial.rows, strict=True)
    )
    failed = {trial.number for trial in history.ended("FAILED")}
    best = {trial.number: trial.best_epoch for trial in history.trials}
    reached_at: dict[int, int] = {}
    steps: list[tuple[int, float, int]] = []
    for count, (_, _, epoch, number, value) in enumerate(arrived, start=1):
        if best[number] == epoch:
            reached_at[number] = count
        if number in failed or not math.isfinite(value) or (goal.by_last and best[number] != epoch):
            continue
        if not steps or goal.better(value, steps[-1][1]):
            steps.append((count, value, number))
    steps = steps[-MOST_STEPS:]
    x = [count for count, _, _ in steps]
    y = [rounded(value) for _, value, _ in steps]
    chosen = set(list(reached_at)[:: max(math.ceil(len(reached_at) / MOST_DOTS), 1)])
    dots = sorted(
        (reached_at[number], number - first)
        for number in chosen | {holder for _, _, holder in steps} & reached_at.keys()
    )
    line: list[list[Any]] = [[*x, *([len(arrived)] if x else [])], [*y, *y[-1:]], [number for _, _, number in steps]]
    return line, [[count for count, _ in dots], [index for _, index in dots]]


def trial_data(
    name: str,
    history: History,
    number: int,
    study_dir: Path | None,
    diagnosis_of: Mapping[int, Diagnosis] | None = None,
) -> Json:
    """Return everything about one trial: all metrics, how it ended and where, its traceback and what it printed.

    Args:
        name: The study's name.
        history: The fold of its log.
        number: The trial's number.
        study_dir: The study's folder; None to use the log alone.
        diagnosis_of: The diagnoses of all trials; None to compute them here.

    Raises:
        UserError: There is no such trial.
    """
    trial = one_trial.find_trial(history, number)
    metrics = dict.fromkeys(metric for row in trial.rows for metric in row.metrics)
    diagnosis = (diagnoses(history) if diagnosis_of is None else diagnosis_of)[number]
    return {
        **one_trial.trial_json(history, number, study_dir),
        "study": name,
        "why": origin.reason(trial),
        "shown": {key: words.param(value) for key, value in trial.params.items()},
        "diagnosis": "" if diagnosis.label == "unclear" else str(diagnosis),
        "curves": {
            metric: [
                [row.epoch for row in trial.rows if metric in row.metrics],
                [rounded(row.metrics[metric]) for row in trial.rows if metric in row.metrics],
            ]
            for metric in metrics
        }
        | {f"{PREFIX}{metric}": _within(trial, metric) for metric in trial.rows.monitored},
        "across": {f"{PREFIX}{metric}": "samples trained on" for metric in trial.rows.monitored},
    }


def _within(trial: Trial, metric: str) -> list[list[Any]]:
    """Return the samples trained on at each measurement within a trial's epochs, and the values measured."""
    samples, values = trial.rows.within(metric)
    return [samples, [rounded(value) for value in values]]


def overview(names: Sequence[str], histories: dict[str, History]) -> list[Json]:
    """Return a summary of each study of a root; those without a history are left out."""
    lines = []
    for name in names:
        history = histories.get(name)
        if history is None:
            continue
        now = history.current
        best = confirm.winner(now)
        lines.append(
            {
                "study": name,
                "metric": now.goal.metric,
                "counts": str(words.counts(now)),
                "running": bool(now.running()) and now.stop is None,
                "best": None if best is None else words.number(best.value),
            }
        )
    return lines
