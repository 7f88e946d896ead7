"""Further columns of the table of trials in a report, which the live page lacks: curves, and why trials ended."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from hpsearch.judging.compared import diagnoses
from hpsearch.log.history import History, Trial
from hpsearch.report import origin, pareto, words
from hpsearch.report.figures import rounded
from hpsearch.report.sparkline import sparkline

Json = dict[str, Any]

CURVE_WIDTH = 16
"""Characters of a curve."""

MOST_TRIALS = {"curve": 300, "why": 1000}
"""How many trials have a curve (the best ones) and a reason (the failed ones, then the best)."""

PAGE_COLUMNS = ("trial", "state", "at epoch", "epochs")
"""Names of the columns that every page has, in addition to the metrics and the parameters."""


def columns(history: History, most_characters: int) -> list[Json]:
    """Return the columns, each with a value per trial; the last ones are left out where the page has no room for them.

    Args:
        history: The study.
        most_characters: Characters that all columns may take together, as JSON.
    """
    fitting = []
    for column in _all_columns(history):
        most_characters -= len(json.dumps(column))
        if most_characters < 0:
            break
        fitting.append(column)
    return fitting


def _all_columns(history: History) -> list[Json]:
    trials = history.trials
    goal = history.goal
    front = {trial.number for trial in history.front()} if goal.others else set()
    values_of = [pareto.values(history, trial) for trial in trials] if goal.others else []
    diagnosis_of = diagnoses(history)
    ranked = history.ranked()
    explained = [*history.ended("FAILED"), *ranked, *trials]
    taken_names = {*PAGE_COLUMNS, *goal.metrics, *(name for trial in trials for name in trial.params)}
    attributes = dict.fromkeys(name for trial in trials for name in trial.attributes)
    return [
        *(_numbers(name, [values[name] for values in values_of]) for name in goal.metrics[1:]),
        *([_texts("front", ["yes" if trial.number in front else "" for trial in trials])] if front else []),
        _texts("diagnosis", [diagnosis_of[trial.number].label for trial in trials]),
        _sparse(
            "curve",
            trials,
            {t.number: sparkline(t.curve(goal.metric), CURVE_WIDTH) for t in ranked[: MOST_TRIALS["curve"]]},
        ),
        _sparse(
            "why", trials, {trial.number: origin.reason(trial) for trial in _distinct(explained, MOST_TRIALS["why"])}
        ),
        *(
            _attribute(
                f"attributes.{name}" if name in taken_names else name, [trial.attributes.get(name) for trial in trials]
            )
            for name in attributes
        ),
    ]


def _distinct(trials: Sequence[Trial], most: int) -> list[Trial]:
    return list({trial.number: trial for trial in trials}.values())[:most]


def _sparse(name: str, trials: Sequence[Trial], text_of: dict[int, str]) -> Json:
    return {"name": name, "values": [text_of.get(trial.number) for trial in trials]}


def _numbers(name: str, values: Sequence[float | None]) -> Json:
    return {"name": name, "right": True, "values": [None if value is None else rounded(value) for value in values]}


def _texts(name: str, values: Sequence[str]) -> Json:
    """Return a column of few different texts: ``names`` holds each text once, ``of`` the index of each trial's."""
    names = list(dict.fromkeys(values))
    index_of = {text: number for number, text in enumerate(names)}
    return {"name": name, "names": names, "of": [index_of[value] for value in values]}


def _attribute(name: str, values: Sequence[Any]) -> Json:
    if all(value is None or (isinstance(value, int | float) and not isinstance(value, bool)) for value in values):
        return _numbers(name, values)
    return _texts(name, ["–" if value is None else words.param(value) for value in values])
