"""Which trial trained when in which lane: in virtual time where a study is run by it, else in ticks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hpsearch.log import virtual
from hpsearch.log.history import History, Trial


class Stretch(NamedTuple):
    """Epochs that a trial trained in one lane without a pause.

    Attributes:
        trial: The trial.
        lane: The lane.
        begins: When its first epoch began, in ticks or in virtual time.
        ends: When its last epoch was due.
        epochs: The number of epochs.
    """

    trial: Trial
    lane: int
    begins: float
    ends: float
    epochs: int


def stretches(history: History) -> list[Stretch]:
    """Return all stretches of a study, by trial and then by time."""
    trained = []
    for trial in history.trials:
        cuts = [0, *(pause.epoch for pause in trial.pauses), trial.epoch]
        lanes = [trial.ask.lane, *(resume.lane for resume in trial.resumes)]
        for lane, first, last in zip(lanes, cuts, cuts[1:], strict=False):
            if first < last:
                begins, ends = _begin_and_end(trial, first + 1)[0], _begin_and_end(trial, last)[1]
                trained.append(Stretch(trial, lane, begins, ends, last - first))
    return trained


def time_span(history: History) -> float:
    """Return how long a study has run so far, in its :func:`time_unit`."""
    return history.virtual if time_unit(history) == "virtual time" else history.tick + 1.0


def time_unit(history: History) -> str:
    """Return the unit in which the time of a study is counted."""
    return "virtual time" if history.declaration.clock == "virtual" else "ticks"


def busy_share(history: History, stretches: Sequence[Stretch]) -> float:
    """Return the share of all lanes' time in which a trial trained, from 0 to 1; discarded work does not count."""
    available = history.declaration.lanes * time_span(history)
    return min(sum(stretch.ends - stretch.begins for stretch in stretches) / available, 1.0) if available > 0 else 0.0


def _begin_and_end(trial: Trial, epoch: int) -> tuple[float, float]:
    """Return when an epoch began, and when it was due."""
    cost = trial.ask.cost if epoch == 1 else trial.cost
    if cost is None:
        tick = trial.ticks[epoch - 1]
        return float(tick), tick + 1.0
    multiple = trial.begins(epoch)
    return multiple * cost, virtual.due(multiple, cost)
