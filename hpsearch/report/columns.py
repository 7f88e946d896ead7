"""Columns of a page's table of trials beside those that the live page has: how curves went, why trials ended."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from hpsearch.judging.compared import diagnoses
from hpsearch.log.history import History, Trial
from hpsearch.report import origin, pareto, words
from hpsearch.report.figures import short
from hpsearch.report.sparkline import sparkline

Json = dict[str, Any]

CURVE = 16
"""Width of a small curve."""

LONG = {"curve": 300, "why": 1000}
"""Of how many trials the curve and the reason are told: those that failed first, then the best."""

OWN = ("trial", "state", "at epoch", "epochs")
"""Names of the columns that every page has, beside the metric and the parameters."""


def columns(history: History, room: int) -> list[Json]:
    """Return the columns, each as long as the list of trials; those for which no room is left are not there.

    Args:
        history: The study.
        room: Most characters that all of them have together.
    """
    found = []
    for column in _all(history):
        room -= len(json.dumps(column))
        if room < 0:
            break
        found.append(column)
    return found


def _all(history: History) -> list[Json]:
    trials, goal = history.trials, history.goal
    front = {trial.number for trial in history.front()} if goal.others else set()
    others = [pareto.values(history, trial) for trial in trials] if goal.others else []
    said = diagnoses(history)
    ranked = history.ranked()
    told = [*history.ended("FAILED"), *ranked, *trials]
    taken = {*OWN, *goal.metrics, *(name for trial in trials for name in trial.params)}
    attributes = dict.fromkeys(name for trial in trials for name in trial.attributes)
    return [
        *(_numbers(name, [each[name] for each in others]) for name in goal.metrics[1:]),
        *([_texts("front", ["yes" if trial.number in front else "" for trial in trials])] if front else []),
        _texts("diagnosis", [said[trial.number].label for trial in trials]),
        _long("curve", trials, {t.number: sparkline(t.curve(goal.metric), CURVE) for t in ranked[: LONG["curve"]]}),
        _long("why", trials, {trial.number: origin.reason(trial) for trial in _first(told, LONG["why"])}),
        *(
            _attribute(
                f"attributes.{name}" if name in taken else name, [trial.attributes.get(name) for trial in trials]
            )
            for name in attributes
        ),
    ]


def _first(trials: Sequence[Trial], most: int) -> list[Trial]:
    return list({trial.number: trial for trial in trials}.values())[:most]


def _long(name: str, trials: Sequence[Trial], told: dict[int, str]) -> Json:
    return {"name": name, "values": [told.get(trial.number) for trial in trials]}


def _numbers(name: str, values: Sequence[float | None]) -> Json:
    return {"name": name, "right": True, "values": [None if value is None else short(value) for value in values]}


def _texts(name: str, values: Sequence[str]) -> Json:
    """Return a column of few different texts: each is told once, and a number stands for it."""
    names = list(dict.fromkeys(values))
    place = {text: number for number, text in enumerate(names)}
    return {"name": name, "names": names, "of": [place[value] for value in values]}


def _attribute(name: str, values: Sequence[Any]) -> Json:
    if all(value is None or (isinstance(value, int | float) and not isinstance(value, bool)) for value in values):
        return _numbers(name, values)
    return _texts(name, ["–" if value is None else words.param(value) for value in values])
