"""Who trained when in which lane: in virtual time, where a study goes by it, and else in ticks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hpsearch.log import virtual
from hpsearch.log.history import History, Trial


class Stretch(NamedTuple):
    """Epochs that a trial trained without a pause.

    Attributes:
        trial: The trial.
        lane: Where.
        begins: When its first epoch began, in ticks or in virtual time.
        ends: When its last one was due.
        epochs: How many they are.
    """

    trial: Trial
    lane: int
    begins: float
    ends: float
    epochs: int


def stretches(history: History) -> list[Stretch]:
    """Return all stretches of a study's trials, those of a trial in their order."""
    found = []
    for trial in history.trials:
        cuts = [0, *(pause.epoch for pause in trial.pauses), trial.epoch]
        lanes = [trial.ask.lane, *(resume.lane for resume in trial.resumes)]
        for lane, first, last in zip(lanes, cuts, cuts[1:], strict=False):
            if first < last:
                begins, ends = _when(trial, first + 1)[0], _when(trial, last)[1]
                found.append(Stretch(trial, lane, begins, ends, last - first))
    return found


def span(history: History) -> float:
    """Return how long a study has gone on."""
    return history.virtual if unit(history) == "virtual time" else history.tick + 1.0


def unit(history: History) -> str:
    """Return in what the time of a study is counted."""
    return "virtual time" if history.declaration.clock == "virtual" else "ticks"


def busy(history: History, found: Sequence[Stretch]) -> float:
    """Return in which share of all lanes' time a trial trained, from 0 to 1; what was thrown away does not count."""
    whole = history.declaration.lanes * span(history)
    return min(sum(each.ends - each.begins for each in found) / whole, 1.0) if whole > 0 else 0.0


def _when(trial: Trial, epoch: int) -> tuple[float, float]:
    """Return when an epoch began, and when it was due."""
    cost = trial.ask.cost if epoch == 1 else trial.cost
    if cost is None:
        tick = trial.ticks[epoch - 1]
        return float(tick), tick + 1.0
    multiple = trial.begins(epoch)
    return multiple * cost, virtual.due(multiple, cost)
