"""Learning rates judged by what the training cost does at first, for the η test and the chapter's sampler.

The chapter's way to the order of magnitude of η: the largest at which the training cost falls at once, instead of
oscillating or rising, is the threshold. A cost may fall at once and still be left behind: above the threshold too is
what does not keep up with the best. What is suggested is the smallest η whose cost gets about as low as any.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from hpsearch.judging.diagnosis import setback

Verdict = Literal["hardly falls", "falls at once", "lags", "oscillates", "rises", "diverges"]

HARDLY = 0.1
"""A cost that at the end is not this share below that of guessing hardly falls."""

SETBACK = 0.2
"""A cost that ever rises by this share of all that it falls below that of guessing oscillates."""

NOISE = 0.1
"""Costs differ by this share of their value: each is of other samples."""

LAG = 0.05
"""A cost keeps up with the lowest where it has gone all but this share of the way from guessing to it."""

AS_LOW = 0.02
"""It is as low as the lowest where it has gone all but this share of that way."""


@dataclass(frozen=True)
class Trace:
    """One learning rate of the test.

    Attributes:
        learning_rate: η.
        cost: Training cost C₀ at the start and then over each stretch of an epoch, up to where it diverged.
        verdict: What the cost does.
        end: The mean of the cost over the last epoch; infinite where it diverged.
    """

    learning_rate: float
    cost: tuple[float, ...]
    verdict: Verdict
    end: float


@dataclass(frozen=True)
class Judged:
    """What several learning rates' costs say together.

    Attributes:
        traces: One per learning rate, ascending.
        threshold: Largest learning rate whose cost falls at once and keeps up with the lowest, or None where none does.
        suggestion: Smallest learning rate whose cost is as low as the lowest, or None.
    """

    traces: tuple[Trace, ...]
    threshold: float | None
    suggestion: float | None


@dataclass(frozen=True)
class LrRange:
    """The result of the test.

    Attributes:
        traces: One per learning rate, ascending.
        epochs: Epochs that each trained.
        guessing: Cost of a network that gives the classes' shares, or the targets' means, whatever it sees.
        threshold: Largest learning rate whose cost falls at once and keeps up with the lowest, or None where none does.
        suggestion: Smallest learning rate whose cost is as low as the lowest, or None.
    """

    traces: tuple[Trace, ...]
    epochs: int
    guessing: float
    threshold: float | None
    suggestion: float | None


def judged(costs: Mapping[float, Sequence[float]], guessing: float, n_last: int = 1) -> Judged:
    """Return what each learning rate's cost does, the threshold and the suggestion.

    Args:
        costs: By learning rate: the training cost from the start on, at least one value.
        guessing: Cost of a network that has learnt nothing but how often each class occurs.
        n_last: How many of the last values are of the last epoch.
    """
    rates = sorted(costs)
    verdicts = {rate: judge(costs[rate], guessing) for rate in rates}
    ends = {rate: end_of(costs[rate], n_last) for rate in rates}
    falling = [rate for rate in rates if verdicts[rate] == "falls at once"]
    threshold = suggestion = None
    if falling:
        lowest = min(falling, key=lambda rate: ends[rate])
        way = guessing - ends[lowest]
        # Where a smaller rate oscillates already, a larger one that falls does so by luck.
        broken = min((rate for rate in rates if rate > lowest and rate not in falling), default=math.inf)
        threshold = max(rate for rate in falling if rate < broken and ends[rate] <= ends[lowest] + LAG * way)
        suggestion = min(rate for rate in falling if ends[rate] <= ends[lowest] + AS_LOW * way)
        verdicts |= {rate: "lags" for rate in falling if rate > threshold}
    traces = tuple(Trace(rate, tuple(costs[rate]), verdicts[rate], ends[rate]) for rate in rates)
    return Judged(traces, threshold, suggestion)


def judge(cost: Sequence[float], guessing: float) -> Verdict:
    """Return what a training cost does by itself.

    Initial weights may cost far more than guessing, and the biases alone bring the cost down to that of guessing: only
    what it falls below counts as learning.

    Args:
        cost: From before training on.
        guessing: Cost of a network that gives the classes' shares whatever it sees.
    """
    if any(not math.isfinite(value) for value in cost):
        return "diverges"
    if min(cost[-3:]) > max(cost[0], guessing):
        return "rises"
    learnt = max(guessing - min(cost), HARDLY * guessing)
    if max(cost) > (1 + SETBACK) * max(cost[0], guessing) or setback(cost, NOISE) > SETBACK * learnt:
        return "oscillates"
    return "hardly falls" if cost[-1] > (1 - HARDLY) * guessing else "falls at once"


def end_of(cost: Sequence[float], n_last: int = 1) -> float:
    """Return the mean of the last costs; infinite where one of them is not finite."""
    end = fmean(cost[-n_last:])
    return end if math.isfinite(end) else math.inf
