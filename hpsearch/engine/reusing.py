"""Trials that have the result of an earlier one of the same point (``duplicates="reuse"``): nothing is trained.

Such a trial follows its source epoch by epoch, and ends as it ends. What it follows stands in its ask, so that a study
that is resumed follows the same trial, whatever has come meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from hpsearch.log.history import History, Trial
from hpsearch.log.records import Decision, Row


def trained(trials: Iterable[Trial]) -> list[Trial]:
    """Return the trials that are trained themselves."""
    return [trial for trial in trials if trial.ask.reuses is None]


def followed(history: History, trial: Trial, arrived: Mapping[int, Row]) -> Row:
    """Return the next row of a trial that follows another one.

    Args:
        history: The study up to the last tick.
        trial: The trial.
        arrived: The rows of this tick by trial, where the source is still under way.
    """
    source = _source(history, trial)
    epoch = trial.epoch + 1
    row = source.rows[epoch - 1] if epoch <= source.epoch else arrived[source.number]
    attributes = source.attributes | (row.attributes or {})
    news = {name: value for name, value in attributes.items() if trial.attributes.get(name) != value}
    return replace(row, trial=trial.number, lane=trial.ask.lane, attributes=news or None)


def ends(history: History, trials: Iterable[Trial], decided: Sequence[Decision]) -> list[Decision]:
    """Return the ends of trials that follow others which have ended, once they have come as far.

    Args:
        history: The study, the rows of this tick taken in.
        trials: Those that arrived in this tick.
        decided: What is decided in this tick about those that are trained.
    """
    decision_of = {decision.trial: decision for decision in decided if decision.action != "audit"}
    followers = []
    for trial in trials:
        if trial.ask.reuses is None:
            continue
        source = _source(history, trial)
        end = source.decision or decision_of.get(source.number) or source.paused
        if end is not None and trial.epoch >= source.epoch:
            reason = f"as trial {source.number}, whose result it has: {end.reason}"
            followers.append(Decision(trial.number, end.action, reason, end.rule))
    return followers


def _source(history: History, trial: Trial) -> Trial:
    assert trial.ask.reuses is not None, "it is trained itself"
    return history.trials[trial.ask.reuses]
