"""A rung: the trials that reached one epoch, ranked by the best that they had shown by then."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpsearch.history import History
from hpsearch.records import Decision, Row

Filter = Callable[[NDArray[np.int64]], NDArray[np.bool_]]
_PARTS = {2: "half", 3: "third", 4: "quarter", 5: "fifth"}


class Rung:
    """The trials of one stage that reached an epoch.

    Attributes:
        epoch: The epoch.
        numbers: Trial numbers, in the order in which they arrived; shape (n,).
        losses: Their best values so far, turned so that smaller is better; shape (n,). Infinite where a trial has no
            finite value yet.
    """

    def __init__(self, history: History, epoch: int, stage: int, rivals: Filter | None = None) -> None:
        """Take the rung out of the history.

        Args:
            history: The history, with the arrivals that are to be judged.
            epoch: The epoch.
            stage: Trials of another stage are no rivals.
            rivals: Which trial numbers compare at all; None: all.
        """
        row = history.table[epoch]
        self._goal = history.goal
        self.epoch = epoch
        self.numbers = np.fromiter(row.keys(), np.int64, len(row))
        self.losses = np.fromiter(row.values(), np.float64, len(row))
        if self._goal.direction == "maximize":
            np.negative(self.losses, out=self.losses)
        trials = history.trials
        kept = np.fromiter((trials[number].ask.stage == stage for number in row), np.bool_, len(row))
        if rivals is not None:
            kept &= rivals(self.numbers)
        if not kept.all():
            self.numbers, self.losses = self.numbers[kept], self.losses[kept]

    def rank(self, trial: int) -> int:
        """Return the trial's rank from 1; equal values rank by trial number."""
        loss = self.losses[self.numbers == trial][0]
        ahead = (self.losses < loss) | ((self.losses == loss) & (self.numbers < trial))
        return 1 + int(np.count_nonzero(ahead))

    def cut(self, arrivals: Sequence[Row], kept: int, rule: str, share: str) -> list[Decision]:
        """Return a decision to prune for each arrival that is not among the best.

        Args:
            arrivals: Rows of trials on this rung.
            kept: How many of the rung go on.
            rule: The pruner's name.
            share: What the ones that go on are called, such as ``the best third``.
        """
        size = len(self.losses)
        if kept >= size:
            return []
        threshold = self._goal.loss(float(np.partition(self.losses, kept - 1)[kept - 1]))
        decisions = []
        for row in arrivals:
            if (rank := self.rank(row.trial)) > kept:
                value = self._goal.loss(float(self.losses[self.numbers == row.trial][0]))
                text = compare(self._goal.metric, self._goal.direction, value, threshold)
                reason = f"rank {rank} of {size} at epoch {self.epoch}: {text}, {share}"
                evidence = evidence_of(self.epoch, value, threshold, rank, size)
                decisions.append(Decision(row.trial, "prune", reason, rule, evidence))
        return decisions


def by_rung(history: History, arrivals: Sequence[Row]) -> Iterator[tuple[int, int, list[Row]]]:
    """Yield (stage, epoch, arrivals) for each rung that trials arrived at."""
    groups: dict[tuple[int, int], list[Row]] = {}
    for row in arrivals:
        groups.setdefault((history.trials[row.trial].ask.stage, row.epoch), []).append(row)
    for (stage, epoch), rows in sorted(groups.items()):
        yield stage, epoch, rows


def in_order(decisions: list[Decision]) -> list[Decision]:
    """Return decisions in trial order."""
    return sorted(decisions, key=lambda decision: decision.trial)


def part(reduction: int) -> str:
    """Return ``the best third`` for 3, and so on."""
    return f"the best {_PARTS.get(reduction, f'1/{reduction}')}"


def compare(metric: str, direction: str, value: float, threshold: float) -> str:
    """Return in words how a value misses a threshold."""
    if not math.isfinite(value):
        return f"no finite {metric} yet"
    if value == threshold:
        return f"{metric} {value:.4g} only equals that of an earlier trial"
    shown, bar = f"{value:.4g}", f"{threshold:.4g}"
    if shown == bar:
        shown, bar = repr(value), repr(threshold)
    return f"{metric} {shown} is {'below' if direction == 'maximize' else 'above'} {bar}"


def evidence_of(epoch: int, value: float, threshold: float, rank: int, rivals: int) -> dict[str, Any]:
    """Return the numbers behind a decision as JSON values; a value that is not finite is None."""
    return {
        "rung": epoch,
        "value": value if math.isfinite(value) else None,
        "threshold": threshold if math.isfinite(threshold) else None,
        "rank": rank,
        "rivals": rivals,
    }
