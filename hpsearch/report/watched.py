"""What the page of ``hpsearch watch`` is told of a study: columns of numbers, aggregated where there are many trials.

At 10,000 trials it is less than a megabyte. Curves are those of the best trials, of those that run and of others evenly
apart; whatever trial is looked at brings its own whole ones.
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
from hpsearch.report.figures import short, window

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

DOTS = 1500
"""Most trials that are drawn as dots beside it: the best ones, and others evenly apart."""

OTHERS = 10_000
"""Most points that the curves of all other metrics have together."""

LEAST_POINTS = 12
"""Of a curve of another metric, before curves are left out."""


def study_data(name: str, history: History, most_places: int = PLACES, important: Sequence[str] = ()) -> Json:
    """Return what the page draws of a study.

    Args:
        name: The study's name.
        history: The fold of its log.
        most_places: Most numbers that say where trials stand on the axes.
        important: Parameters, the most important first: these have an axis before others.
    """
    now = history.current
    trials = now.trials
    every = axes.axes(now)
    by_weight = sorted(every, key=lambda each: important.index(each.name) if each.name in important else len(important))
    kept = by_weight[: max(most_places // max(len(trials), 1), LEAST_AXES)]
    known = [each for each in every if each in kept]
    places = axes.matrix(trials, known)
    staged = [stage for stage in stages.stages(now) if stage.trials]
    shown = _highest_stage(now)
    drawn = _drawn(shown)
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
            **({"stage": [trial.ask.stage for trial in trials]} if len(staged) > 1 else {}),
        },
        "stages": [[each.number, each.words] for each in staged] if len(staged) > 1 else [],
        "stage": shown.full_stage,
        "lanes": _lanes(now),
        "curves": {str(trial.number): _curve(trial, now.goal.metric) for trial in drawn},
        "other_curves": _other_curves(drawn, now.goal.metric),
        "limits": window([trial.value for trial in shown.trials if trial.value is not None], now.goal),
        "curve_limits": window([value for trial in drawn for value in trial.curve(now.goal.metric)], now.goal),
        **dict(zip(("so_far", "dots"), _so_far(shown, now.first), strict=True)),
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
    """Return who trained when: for each stretch the place of its trial, its lane, its beginning and how long it was."""
    found = lanes.stretches(history)
    first = history.first
    return {
        "unit": lanes.unit(history),
        "span": short(lanes.span(history)),
        "busy": round(lanes.busy(history, found), 3),
        "trial": [each.trial.number - first for each in found],
        "lane": [each.lane for each in found],
        "begins": [short(each.begins) for each in found],
        "lasts": [short(each.ends - each.begins) for each in found],
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


def _curve(trial: Trial, metric: str, most: int = POINTS) -> list[list[Any]]:
    """Return some epochs of a trial and its values there, the best and the last among them."""
    points = [(row.epoch, row.metrics[metric]) for row in trial.rows if metric in row.metrics]
    stride = max(math.ceil(len(points) / (most - 2)), 1)
    kept = [
        (epoch, short(value))
        for place, (epoch, value) in enumerate(points)
        if place % stride == 0 or place == len(points) - 1 or epoch == trial.best_epoch
    ]
    return [[epoch for epoch, _ in kept], [value for _, value in kept]]


def _other_curves(drawn: Sequence[Trial], goal: str) -> dict[str, dict[str, list[list[Any]]]]:
    """Return the curves of all metrics but the goal's, by metric and trial: of many fewer points, or fewer trials."""
    names = [name for name in dict.fromkeys(n for trial in drawn for n in trial.rows.metrics) if name != goal]
    each = OTHERS // max(len(names), 1)
    points = min(max(each // max(len(drawn), 1), LEAST_POINTS), POINTS)
    longest = max((min(len(trial.rows), points) for trial in drawn), default=1)
    step = max(math.ceil(len(drawn) * longest / max(each, 1)), 1)
    return {name: {str(trial.number): _curve(trial, name, points) for trial in drawn[::step]} for name in names}


def _so_far(history: History, first: int) -> tuple[list[list[Any]], list[list[Any]]]:
    """Return how the best became better, and when each trial had its best value, after epochs trained by all.

    Args:
        history: The trials.
        first: The number of the first trial that the page knows.

    Returns:
        The epochs at which the best changed, its values, and who reached them; then the epochs at which trials had
        their best values, and their places, those of the best and others evenly apart.
    """
    goal = history.goal
    arrived = sorted(
        (tick, row.lane, row.epoch, trial.number, row.metrics.get(goal.metric, math.nan))
        for trial in history.trials
        for tick, row in zip(trial.ticks, trial.rows, strict=True)
    )
    failed = {trial.number for trial in history.ended("FAILED")}
    best = {trial.number: trial.best_epoch for trial in history.trials}
    at: dict[int, int] = {}
    steps: list[tuple[int, float, int]] = []
    for count, (_, _, epoch, number, value) in enumerate(arrived, start=1):
        if best[number] == epoch:
            at[number] = count
        if number in failed or not math.isfinite(value) or (goal.by_last and best[number] != epoch):
            continue
        if not steps or goal.better(value, steps[-1][1]):
            steps.append((count, value, number))
    steps = steps[-STEPS:]
    x = [count for count, _, _ in steps]
    y = [short(value) for _, value, _ in steps]
    chosen = set(list(at)[:: max(math.ceil(len(at) / DOTS), 1)])
    dots = sorted((at[number], number - first) for number in chosen | {who for _, _, who in steps} & at.keys())
    line: list[list[Any]] = [[*x, *([len(arrived)] if x else [])], [*y, *y[-1:]], [number for _, _, number in steps]]
    return line, [[count for count, _ in dots], [place for _, place in dots]]


def trial_data(
    name: str, history: History, number: int, study_dir: Path | None, known: Mapping[int, Diagnosis] | None = None
) -> Json:
    """Return everything about one trial: all metrics, how it ended and where, its traceback and what it printed.

    Args:
        name: The study's name.
        history: The fold of its log.
        number: The trial's number.
        study_dir: The study's folder; None for what stands in the log alone.
        known: The diagnoses of all trials, where they have been made already.

    Raises:
        UserError: There is no such trial.
    """
    trial = one_trial.find(history, number)
    metrics = dict.fromkeys(metric for row in trial.rows for metric in row.metrics)
    found = (diagnoses(history) if known is None else known)[number]
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
