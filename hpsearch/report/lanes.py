"""Who trained when in which lane: in virtual time, where a study goes by it, and else in ticks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hpsearch.log import virtual
from hpsearch.log.history import History, State, Trial
from hpsearch.report import words
from hpsearch.report.figures import DRAWN, LABELS, Figure, Json, axis, label, short

MOST_BARS = 3000
"""Most bars of the figure: the last ones are drawn."""


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


def figure(history: History) -> Figure:
    """Each stretch a bar in its lane."""
    found = stretches(history)
    said = f"Each bar is a trial in its lane. Lanes trained {busy(history, found):.0%} of the time."
    if len(found) > MOST_BARS:
        found = sorted(found, key=lambda each: each.begins)[-MOST_BARS:]
        said += f" Of {len(stretches(history)):,} bars the last {MOST_BARS:,} are drawn."
    states = [(state, [each for each in found if each.trial.state == state]) for state in DRAWN]
    data = [_bars(state, some) for state, some in states if some]
    lanes = 1 + max((each.lane for each in found), default=0)
    return Figure(
        "lanes", "Lanes", said, data,
        {"barmode": "overlay", "bargap": 0.2, "xaxis": axis(unit(history)),
         "yaxis": axis("lane", autorange="reversed", tickmode="auto", nticks=min(lanes + 1, 17))},
        wide=True, height=min(200 + 18 * lanes, 640),
    )  # fmt: skip


def _bars(state: State, found: Sequence[Stretch]) -> Json:
    about = [f"{each.trial.number}, {words.many(each.epochs, 'epoch')}" for each in found]
    params = [label(words.params(each.trial.params)) for each in found]
    return {
        "type": "bar",
        "orientation": "h",
        "name": LABELS[state],
        "y": [each.lane for each in found],
        "base": [short(each.begins) for each in found],
        "x": [short(each.ends - each.begins) for each in found],
        "customdata": [f"{one}: {other}" for one, other in zip(about, params, strict=True)],
        "hovertemplate": "trial %{customdata}<extra></extra>",
        "marker": {"color": f"var(--{LABELS[state]})", "line": {"width": 0}},
    }


def _when(trial: Trial, epoch: int) -> tuple[float, float]:
    """Return when an epoch began, and when it was due."""
    cost = trial.ask.cost if epoch == 1 else trial.cost
    if cost is None:
        tick = trial.ticks[epoch - 1]
        return float(tick), tick + 1.0
    multiple = trial.begins(epoch)
    return multiple * cost, virtual.due(multiple, cost)
