"""The learning curves of a study as a freeze-thaw search sees them, and the observations it learns from."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, NamedTuple

import numpy as np

from hpsearch.samplers.curve_kernel import Inputs, Numbers
from hpsearch.samplers.gp_encoding import Array

LEADERS = 24
"""So many of the best curves are observed at all rungs, three times as many also at epoch 1, others at their last."""

MOST_ROWS = 300
"""Most observations that the process learns from: of more, the better curves and an even share of the others."""

_OFFSET = 0.5
"""What is modelled is log(distance from the best + this), the distance in units of the median's."""

RATIO = 1.5
"""From one rung to the next a curve becomes this many times longer."""


@cache
def rungs_of(max_epochs: int, ratio: float = RATIO) -> Numbers:
    """Return the epochs at which a curve may be paused: 1, 2, 3, 5 … and the last of ``max_epochs``."""
    rungs = [1]
    position = 1.0
    while rungs[-1] < max_epochs:
        position *= ratio
        rungs.append(min(max(round(position), rungs[-1] + 1), max_epochs))
    return np.array(rungs)


@dataclass
class Curve:
    """The learning curve of one configuration, as far as it was trained.

    Attributes:
        number: The configuration's number; negative where its results come from elsewhere.
        params: The configuration's parameters.
        units: The configuration as numbers in [0, 1], one per dimension, shape (dims,).
        codes: The same as the kernel sees it, shape (width,).
        max_epochs: Epochs of a full training.
        cost: What an epoch costs, in any unit.
        losses: The loss that counts by each epoch, smaller is better; NaN before the first value was reported, infinity
            once training has diverged.
        order: For each epoch, how many epochs of the study were known before it.
        until: The epoch to which it trains, where it is under way.
        under_way: Whether it trains now.
        over: Whether it trains no more.
        complete: Whether it has trained to its end, so that its last loss is its final one.
    """

    number: int
    params: Mapping[str, Any]
    units: Array
    codes: Array
    max_epochs: int
    cost: float = 1.0
    losses: list[float] = field(default_factory=list)
    order: list[int] = field(default_factory=list)
    until: int = 0
    under_way: bool = False
    over: bool = False
    complete: bool = False

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return len(self.losses)

    @property
    def loss(self) -> float:
        """The loss that counts by now; infinity where training diverged, NaN where no value was reported."""
        return self.losses[-1] if self.losses else math.nan

    def epochs_by(self, n_epochs: int) -> int:
        """Return how many of this curve's epochs are among the first ``n_epochs`` of the study."""
        return bisect_left(self.order, n_epochs)

    @cached_property
    def key(self) -> bytes:
        """The codes as bytes, by which configurations are told apart."""
        return self.codes.tobytes()


class State(NamedTuple):
    """A version number of the curves: where both numbers are what they were, so are the curves.

    Attributes:
        observed: Grows whenever a curve gets another epoch or ends.
        changed: Grows whenever anything changes: what trains now, for how long and at which cost.
    """

    observed: int
    changed: int


@dataclass(frozen=True)
class Scale:
    """Turns losses into the standardized logarithms that are modelled, and back.

    Attributes:
        best: The lowest loss.
        worst: The highest finite loss; what lies above counts as this.
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
        distances = np.clip(losses, self.best, self.worst) - self.best
        warped: Array = (np.log(distances / self.unit + _OFFSET) - self.mean) / self.deviation
        return warped

    def loss(self, target: float) -> float:
        """Return the loss behind a modelled value."""
        logarithm = min(self.mean + self.deviation * target, 700.0)
        return self.best + self.unit * (math.exp(logarithm) - _OFFSET)

    @property
    def slope(self) -> float:
        """By how much the loss changes per unit of the modelled scale, next to the best loss."""
        return self.unit * _OFFSET * self.deviation


@dataclass(frozen=True)
class Evidence:
    """The observations that the Gaussian process learns from.

    Attributes:
        inputs: Where curves were observed.
        target: The losses there on the modelled scale, with mean 0 and variance 1.
        scale: Turns losses into that scale and back.
        best: The best loss, on that scale.
        curves: All curves that have a value, best first.
    """

    inputs: Inputs
    target: Array
    scale: Scale
    best: float
    curves: list[Curve]


def evidence_of(curves: Sequence[Curve], n_epochs: int | None = None) -> Evidence | None:
    """Return the observations that the process learns from, or None where no curve has a finite value yet.

    Args:
        curves: All curves, in the order of their numbers.
        n_epochs: How many epochs of the study count, in the order in which they arrived; None: all.
    """
    observed: list[tuple[Curve, int]] = []
    last_losses: list[float] = []
    for curve in curves:
        epochs = len(curve.losses) if n_epochs is None else curve.epochs_by(n_epochs)
        if epochs and not math.isnan(loss := curve.losses[epochs - 1]):
            observed.append((curve, epochs))
            last_losses.append(loss)
    last = np.array(last_losses)
    finite = last[np.isfinite(last)]
    if not len(finite):
        return None
    order = np.argsort(last, kind="stable").tolist()
    observations = _selected([observed[i] for i in order])
    scale = _scale(finite)
    losses = np.array([observation.loss for observation in observations])
    raw = scale.warped(losses)
    deviation = float(raw.std())
    scale = Scale(scale.best, scale.worst, scale.unit, float(raw.mean()), deviation if deviation > 1e-12 else 1.0)
    inputs = Inputs(
        np.array([observation.curve.codes for observation in observations]),
        np.array([observation.curve.number for observation in observations]),
        np.array([observation.remaining for observation in observations]),
    )
    best = float(scale.warped(np.array([scale.best]))[0])
    return Evidence(inputs, scale.warped(losses), scale, best, [observed[i][0] for i in order])


def _scale(finite: Array) -> Scale:
    finite = np.clip(finite, -1e150, 1e150)  # whose differences can be squared
    best = float(finite.min())
    distances = finite - best
    return Scale(best, float(finite.max()), float(np.median(distances) or distances.mean() or 1.0))


class _Observation(NamedTuple):
    """One epoch of a curve.

    Attributes:
        curve: The curve.
        remaining: How much of its training remained, r of the kernel.
        loss: Its loss by then.
    """

    curve: Curve
    remaining: float
    loss: float


def _selected(ranked: Sequence[tuple[Curve, int]]) -> list[_Observation]:
    """Return the epochs of curves that the process learns from: at most MOST_ROWS, more of the better curves.

    Args:
        ranked: Curves and how many of their epochs count, best first.
    """
    leading: list[_Observation] = []
    others: list[tuple[Curve, int, int]] = []  # curve, epoch, epochs of it that count
    for rank, (curve, epochs) in enumerate(ranked):
        if rank < LEADERS and len(leading) + len(rungs_of(curve.max_epochs)) < 3 * MOST_ROWS // 4:
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
    return leading + [_at(curve, epoch, epochs) for curve, epoch, epochs in others]


def _all_rungs(curve: Curve, epochs: int) -> list[_Observation]:
    """Return a curve's observations at the rungs up to its last epoch that counts."""
    rungs = rungs_of(curve.max_epochs).tolist()
    below = [rung for rung in rungs if rung < epochs and math.isfinite(curve.losses[rung - 1])]
    return [_at(curve, epoch, epochs) for epoch in (*below, epochs)]


def _at(curve: Curve, epoch: int, epochs: int) -> _Observation:
    """Return a curve's observation at an epoch; the last one of a complete curve counts as its end."""
    total = curve.max_epochs
    ended = curve.complete and epoch == epochs == curve.epoch
    remaining = 0.0 if ended or epoch >= total else math.log(total / epoch) / math.log(total)
    return _Observation(curve, remaining, curve.losses[epoch - 1])
