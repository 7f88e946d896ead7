"""What the page of ``hpsearch watch`` is told of a study: columns of numbers, aggregated where there are many trials.

At 10,000 trials it is less than a megabyte. Curves are those of the best trials, of those that run and of others evenly
apart; whatever trial is looked at brings its own whole ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hpsearch.judging import confirm
from hpsearch.judging.compared import diagnoses
from hpsearch.log.history import History, State, Trial
from hpsearch.log.within import PREFIX
from hpsearch.report import axes, lanes, one_trial, origin, words
from hpsearch.report.facts import study_facts
from hpsearch.report.figures import short

Json = dict[str, Any]

LETTERS: dict[State, str] = {"COMPLETE": "C", "PRUNED": "P", "FAILED": "F", "RUNNING": "R", "PAUSED": "W"}

CURVES = 200
"""Most curves that are drawn."""

BEST = 60
"""Of these, the best ones."""

POINTS = 60
"""Most points of a curve, its best and its last among them."""

PLACES = 60_000
"""Most numbers that say where trials stand on the axes: with very many trials, later parameters have no axis."""

LEAST_AXES = 4

STEPS = 1000
"""Most steps of the best so far."""


def study_data(name: str, history: History) -> Json:
    """Return what the page draws of a study.

    Args:
        name: The study's name.
        history: The fold of its log.
    """
    now = history.current
    trials = now.trials
    known = axes.axes(now)
    known = known[: max(PLACES // max(len(trials), 1), LEAST_AXES)]
    places = axes.matrix(trials, known)
    drawn = _drawn(now)
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
        "axes": [_axis(each, places[:, i]) for i, each in enumerate(known)],
        "trials": {
            "number": [trial.number for trial in trials],
            "state": "".join(LETTERS[trial.state] for trial in trials),
            "value": [None if trial.value is None else short(trial.value) for trial in trials],
            "at": [trial.best_epoch for trial in trials],
            "epochs": [trial.epoch for trial in trials],
            "places": [[short(place) for place in places[:, i]] for i in range(len(known))],
        },
        "lanes": _lanes(now),
        "curves": {str(trial.number): _curve(trial, now.goal.metric) for trial in drawn},
        "so_far": _so_far(now),
        "failures": [[trial.number, origin.reason(trial)] for trial in list(now.ended("FAILED"))[:20]],
    }


def _lanes(history: History) -> Json:
    """Return who trained when: for each stretch the place of its trial, its lane, its beginning and its end."""
    found = lanes.stretches(history)
    first = history.first
    return {
        "unit": lanes.unit(history),
        "span": short(lanes.span(history)),
        "busy": round(lanes.busy(history, found), 3),
        "trial": [each.trial.number - first for each in found],
        "lane": [each.lane for each in found],
        "begins": [short(each.begins) for each in found],
        "ends": [short(each.ends) for each in found],
    }


def _axis(each: axes.Axis, places: Any) -> Json:
    ticks = each.ticks(places) if len(places) else None
    return {
        "name": each.name,
        "log": each.log,
        "whole": each.whole,
        "options": None if each.options is None else [words.param(option) for option in each.options],
        "ticks": None if ticks is None else [[short(place) for place in ticks[0]], ticks[1]],
    }


def _drawn(history: History) -> list[Trial]:
    """Return the trials whose curves are drawn: the best, those that run, and others evenly apart, by number."""
    chosen = {trial.number: trial for trial in history.ranked()[:BEST]}
    chosen |= {trial.number: trial for trial in history.running()[:BEST]}
    rest = [trial for trial in history.trials if trial.number not in chosen and trial.rows]
    left = CURVES - len(chosen)
    stride = max(math.ceil(len(rest) / max(left, 1)), 1)
    chosen |= {trial.number: trial for trial in rest[::stride]}
    return [chosen[number] for number in sorted(chosen)]


def _curve(trial: Trial, metric: str) -> list[list[Any]]:
    """Return some epochs of a trial and its values there, the best and the last among them."""
    points = [(row.epoch, row.metrics[metric]) for row in trial.rows if metric in row.metrics]
    stride = max(math.ceil(len(points) / (POINTS - 2)), 1)
    kept = [
        (epoch, short(value))
        for place, (epoch, value) in enumerate(points)
        if place % stride == 0 or place == len(points) - 1 or epoch == trial.best_epoch
    ]
    return [[epoch for epoch, _ in kept], [value for _, value in kept]]


def _so_far(history: History) -> list[list[Any]]:
    """Return the epochs trained by all at which the best became better, its values, and who reached them."""
    goal = history.goal
    arrived = sorted(
        (tick, row.lane, row.epoch, trial.number, row.metrics.get(goal.metric, math.nan))
        for trial in history.trials
        for tick, row in zip(trial.ticks, trial.rows, strict=True)
    )
    failed = {trial.number for trial in history.ended("FAILED")}
    last = {trial.number: trial.best_epoch for trial in history.trials} if goal.by_last else {}
    steps: list[tuple[int, float, int]] = []
    for count, (_, _, epoch, number, value) in enumerate(arrived, start=1):
        if number in failed or not math.isfinite(value) or (last and last[number] != epoch):
            continue
        if not steps or goal.better(value, steps[-1][1]):
            steps.append((count, value, number))
    steps = steps[-STEPS:]
    x = [count for count, _, _ in steps]
    y = [short(value) for _, value, _ in steps]
    return [[*x, *([len(arrived)] if x else [])], [*y, *y[-1:]], [number for _, _, number in steps]]


def trial_data(name: str, history: History, number: int, study_dir: Path) -> Json:
    """Return everything about one trial: all metrics, how it ended and where, its traceback and what it printed.

    Raises:
        UserError: There is no such trial.
    """
    trial = one_trial.find(history, number)
    metrics = dict.fromkeys(metric for row in trial.rows for metric in row.metrics)
    found = diagnoses(history)[number]
    return {
        **one_trial.trial_json(history, number, study_dir),
        "study": name,
        "why": origin.reason(trial),
        "shown": {key: words.param(value) for key, value in trial.params.items()},
        "diagnosis": "" if found.label == "unclear" else str(found),
        "curves": {
            metric: [
                [row.epoch for row in trial.rows if metric in row.metrics],
                [short(row.metrics[metric]) for row in trial.rows if metric in row.metrics],
            ]
            for metric in metrics
        }
        | {f"{PREFIX}{metric}": _within(trial, metric) for metric in trial.rows.monitored},
        "across": {f"{PREFIX}{metric}": "samples trained on" for metric in trial.rows.monitored},
    }  # fmt: skip


def _within(trial: Trial, metric: str) -> list[list[Any]]:
    """Return how many samples a trial had been trained on where it was measured within its epochs, and its values."""
    samples, values = trial.rows.within(metric)
    return [samples, [short(value) for value in values]]


def overview(names: Sequence[str], histories: dict[str, History]) -> list[Json]:
    """Return a line for each study of a root."""
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
