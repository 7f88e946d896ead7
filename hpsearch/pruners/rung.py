"""A rung: the trials that reached one epoch, ranked by the best that they had shown by then."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from hpsearch.log.history import Goal, History
from hpsearch.log.records import Decision

RankedTrial = tuple[float, int]
"""A trial's loss by an epoch, and its number."""

_FRACTIONS = {2: "half", 3: "third", 4: "quarter", 5: "fifth"}


class Rungs:
    """The trials of one history that reached each epoch, in order of the best that they had shown by then."""

    def __init__(self) -> None:
        self._groups: dict[tuple[int, Hashable], list[RankedTrial]] = {}
        self._seen: dict[int, int] = {}

    def at(self, history: History, epoch: int, number: int, group: Callable[[History, int], Hashable]) -> Rung:
        """Return the rung at an epoch on which a trial is compared.

        Args:
            history: The history, with the arrivals that are to be judged.
            epoch: The epoch.
            number: The trial.
            group: Returns the group of a trial by its number; trials of one group are compared.
        """
        row = history.table[epoch]
        # A row only ever grows at its end: a trial reaches an epoch once.
        if (seen := self._seen.get(epoch, 0)) < len(row):
            for arrived_number, value in islice(row.items(), seen, None):
                ranked = (history.goal.loss(value), arrived_number)
                insort(self._groups.setdefault((epoch, group(history, arrived_number)), []), ranked)
            self._seen[epoch] = len(row)
        return Rung(history.goal, epoch, self._groups[epoch, group(history, number)])


@dataclass(frozen=True)
class Rung:
    """The trials that are compared at an epoch.

    Attributes:
        goal: Which metric decides, and in which direction.
        epoch: The epoch.
        ranking: (loss, trial number) of each trial, best first. The loss is the best value so far, turned so that
            smaller is better, and infinite where there is no finite one; equal losses rank by trial number.
    """

    goal: Goal
    epoch: int
    ranking: list[RankedTrial]

    def cut(self, history: History, trial: int, kept: int, rule: str, share: str) -> Decision | None:
        """Return a decision to prune a trial that is not among the best, or None.

        Args:
            history: The history.
            trial: A trial on this rung.
            kept: How many go on.
            rule: The pruner's name.
            share: What the trials that go on are called, such as ``the best third``.
        """
        value = history.table[self.epoch][trial]
        rank = bisect_left(self.ranking, (self.goal.loss(value), trial)) + 1
        if rank <= kept:
            return None
        size = len(self.ranking)
        threshold = self.goal.loss(self.ranking[kept - 1][0])
        comparison = compare(self.goal.metric, self.goal.direction, value, threshold)
        reason = f"rank {rank} of {size} at epoch {self.epoch}: {comparison}, {share}"
        return Decision(trial, "prune", reason, rule, evidence_of(self.epoch, value, threshold, rank, size))


def by_stage(history: History, number: int) -> int:
    """Return the stage of a trial: trials are compared within their stage."""
    return history.trials[number].ask.stage


def in_order(decisions: Iterable[Decision | None]) -> list[Decision]:
    """Return the decisions, where there are any, in trial order."""
    return sorted((decision for decision in decisions if decision is not None), key=lambda decision: decision.trial)


def best_share(reduction: int) -> str:
    """Return ``the best third`` for 3, and so on."""
    return f"the best {_FRACTIONS.get(reduction, f'1/{reduction}')}"


def compare(metric: str, direction: str, value: float, threshold: float) -> str:
    """Return in words how a value misses a threshold."""
    if not math.isfinite(value):
        return f"no finite {metric} yet"
    if value == threshold:
        return f"{metric} {value:.4g} only equals that of an earlier trial"
    value_text = f"{value:.4g}"
    threshold_text = f"{threshold:.4g}"
    if value_text == threshold_text:
        value_text = repr(value)
        threshold_text = repr(threshold)
    return f"{metric} {value_text} is {'below' if direction == 'maximize' else 'above'} {threshold_text}"


def evidence_of(epoch: int, value: float, threshold: float, rank: int, rivals: int) -> dict[str, Any]:
    """Return the numbers behind a decision as JSON values; a value that is not finite is None."""
    return {
        "rung": epoch,
        "value": value if math.isfinite(value) else None,
        "threshold": threshold if math.isfinite(threshold) else None,
        "rank": rank,
        "rivals": rivals,
    }
