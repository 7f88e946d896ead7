"""The curves of a study as a freeze-thaw search sees them, and what of them its process is shown."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, NamedTuple

import numpy as np

from hpsearch.samplers.curve_kernel import Numbers, Places
from hpsearch.samplers.gp_encoding import Array

LEADERS = 24
"""So many of the best curves are shown at all rungs; of three times as many the first epoch too; of others the last."""

MOST_ROWS = 300
"""Observations that the process is given; beyond that the better curves and an even share of the others."""

_OFFSET = 0.5
"""What is modelled is log(distance from the best + this), the distance in units of the median's."""

RATIO = 1.5
"""From rung to rung a curve grows by so much."""


@cache
def rungs_of(most: int, ratio: float = RATIO) -> Numbers:
    """Return the epochs at which a curve may be paused: 1, 2, 3, 5 … and the last of ``most``."""
    found = [1]
    place = 1.0
    while found[-1] < most:
        place *= ratio
        found.append(min(max(round(place), found[-1] + 1), most))
    return np.array(found)


@dataclass
class Curve:
    """What one configuration has shown.

    Attributes:
        number: Its number; negative where it comes from elsewhere.
        params: Its parameters.
        units: Where it lies, shape (dims,).
        codes: The same for the kernel, shape (width,).
        most: The epochs of a whole training.
        cost: What an epoch costs, in any unit.
        losses: What it was worth by each epoch, smaller is better; NaN before it showed anything, infinity once it
            has diverged.
        order: When each epoch was known: its place among all epochs of the study.
        until: The epoch to which it trains, where it is under way.
        under_way: Whether it trains now.
        over: Whether it trains no more.
        whole: Whether it has trained to its end, so that what it has shown is how it ends.
    """

    number: int
    params: Mapping[str, Any]
    units: Array
    codes: Array
    most: int
    cost: float = 1.0
    losses: list[float] = field(default_factory=list)
    order: list[int] = field(default_factory=list)
    until: int = 0
    under_way: bool = False
    over: bool = False
    whole: bool = False

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return len(self.losses)

    @property
    def loss(self) -> float:
        """What it is worth by now; infinity where it diverged, NaN where it has shown nothing."""
        return self.losses[-1] if self.losses else math.nan

    def epochs_by(self, known: int) -> int:
        """Return how many epochs it had done when so many epochs of the study were known."""
        return bisect_left(self.order, known)

    @cached_property
    def key(self) -> bytes:
        """What no other configuration has: its codes."""
        return self.codes.tobytes()


class State(NamedTuple):
    """When curves are what they were before: where both numbers are the same.

    Attributes:
        observed: Grows whenever a curve shows something or ends.
        changed: Grows whenever anything changes: what trains now, for how long and at which cost.
    """

    observed: int
    changed: int


@dataclass(frozen=True)
class Scale:
    """How losses become what is modelled, and back.

    Attributes:
        best: The lowest loss.
        worst: What the highest counts as.
        unit: The median's distance from the best.
        mean: Mean of the logarithms.
        deviation: Their standard deviation.
    """

    best: float
    worst: float
    unit: float
    mean: float = 0.0
    deviation: float = 1.0

    def warped(self, losses: Array) -> Array:
        """Return losses on the scale that is modelled; infinite ones count as the worst."""
        away = np.clip(losses, self.best, self.worst) - self.best
        found: Array = (np.log(away / self.unit + _OFFSET) - self.mean) / self.deviation
        return found

    def loss(self, target: float) -> float:
        """Return the loss behind a modelled value."""
        logarithm = min(self.mean + self.deviation * target, 700.0)
        return self.best + self.unit * (math.exp(logarithm) - _OFFSET)

    @property
    def slope(self) -> float:
        """How much loss a modelled unit is, next to the best."""
        return self.unit * _OFFSET * self.deviation


@dataclass(frozen=True)
class Evidence:
    """What the process is shown.

    Attributes:
        places: Where curves were observed.
        target: What, on the scale that is modelled, of mean 0 and variance 1.
        scale: That scale.
        best: The best loss on it.
        curves: The curves that have shown something, best first.
    """

    places: Places
    target: Array
    scale: Scale
    best: float
    curves: list[Curve]


def evidence(curves: Sequence[Curve], known: int | None = None) -> Evidence | None:
    """Return what the process is shown, or None where nothing has a value yet.

    Args:
        curves: All curves, in the order of their numbers.
        known: So many epochs of the study count, in the order in which they came; None: all.
    """
    found: list[tuple[Curve, int]] = []
    values: list[float] = []
    for curve in curves:
        epochs = len(curve.losses) if known is None else curve.epochs_by(known)
        if epochs and not math.isnan(loss := curve.losses[epochs - 1]):
            found.append((curve, epochs))
            values.append(loss)
    last = np.array(values)
    finite = last[np.isfinite(last)]
    if not len(finite):
        return None
    order = np.argsort(last, kind="stable").tolist()
    rows = _rows([found[i] for i in order])
    scale = _scale(finite)
    losses = np.array([loss for _, _, loss in rows])
    raw = scale.warped(losses)
    deviation = float(raw.std())
    scale = Scale(scale.best, scale.worst, scale.unit, float(raw.mean()), deviation if deviation > 1e-12 else 1.0)
    places = Places(
        np.array([curve.codes for curve, _, _ in rows]),
        np.array([curve.number for curve, _, _ in rows]),
        np.array([rest for _, rest, _ in rows]),
    )
    best = float(scale.warped(np.array([scale.best]))[0])
    return Evidence(places, scale.warped(losses), scale, best, [found[i][0] for i in order])


def _scale(finite: Array) -> Scale:
    finite = np.clip(finite, -1e150, 1e150)  # whose differences can be squared
    best = float(finite.min())
    away = finite - best
    return Scale(best, float(finite.max()), float(np.median(away) or away.mean() or 1.0))


_Shown = tuple[Curve, float, float]
"""A curve, r where it was observed, and its loss by then."""


def _rows(ranked: Sequence[tuple[Curve, int]]) -> list[_Shown]:
    """Return which epochs of which curves are shown.

    Args:
        ranked: Curves and how many of their epochs count, best first.
    """
    leading: list[_Shown] = []
    others: list[tuple[Curve, int, int]] = []  # curve, epoch, epochs of it that count
    for rank, (curve, epochs) in enumerate(ranked):
        if rank < LEADERS and len(leading) + len(rungs_of(curve.most)) < 3 * MOST_ROWS // 4:
            leading += _all_rungs(curve, epochs)
            continue
        if rank < 3 * LEADERS and epochs > 1 and math.isfinite(curve.losses[0]):
            others.append((curve, 1, epochs))
        others.append((curve, epochs, epochs))
    room = MOST_ROWS - len(leading)
    if len(others) > room:
        half = room // 2
        spread = np.linspace(half, len(others) - 1, room - half).astype(int)
        others = others[:half] + [others[i] for i in spread]
    return leading + [_at(*each) for each in others]


def _all_rungs(curve: Curve, epochs: int) -> list[_Shown]:
    """Return what a curve showed at the rungs up to its last epoch that counts."""
    below = [rung for rung in rungs_of(curve.most).tolist() if rung < epochs and math.isfinite(curve.losses[rung - 1])]
    return [_at(curve, epoch, epochs) for epoch in (*below, epochs)]


def _at(curve: Curve, epoch: int, epochs: int) -> _Shown:
    """Return what a curve showed at an epoch; one that has trained to its end stays there."""
    ended = curve.whole and epoch == epochs == curve.epoch
    rest = 0.0 if ended or epoch >= curve.most else math.log(curve.most / epoch) / math.log(curve.most)
    return curve, rest, curve.losses[epoch - 1]
