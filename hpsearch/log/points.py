"""The value of a point that is trained several times: the mean over its repeats, never the best of them.

The largest of many noisy values promises too much, and the noisier a point is, the more. So points are ranked by their
means, and one that has not had all its repeats comes after those that have. Points of equal parameters are one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from hpsearch.log.ranking import may_win
from hpsearch.log.spread import Spread
from hpsearch.log.trial import Trial
from hpsearch.study.goal import Goal

Rank = tuple[bool, int, float, int]
"""What points are sorted by, the least first: lacks repeats, failed repeats, loss, lowest trial number."""


@dataclass(frozen=True)
class Point:
    """The trials of a stage that have the same parameters.

    Attributes:
        goal: The metric and direction by which trials are ranked.
        trials: Those that count, best first: all that have ended with a value and did not fail; of a point that lacks
            repeats also those that still run.
        others: Further ones that have a value, such as a repeat that runs beside as many as were wanted.
        failed: How many repeats failed, and were not tried again.
        whole: Whether as many repeats as the study wants have ended.
    """

    goal: Goal
    trials: tuple[Trial, ...]
    others: tuple[Trial, ...]
    failed: int
    whole: bool

    @cached_property
    def spread(self) -> Spread:
        """The values of its trials in the order of their numbers, with their mean and its interval."""
        by_number = sorted(self.trials, key=lambda trial: trial.number)
        return Spread(tuple(trial.value for trial in by_number if trial.value is not None))

    @property
    def mean(self) -> float:
        """What the point is worth: the mean of its trials' values."""
        return self.spread.mean

    @cached_property
    def values(self) -> tuple[float, ...]:
        """The mean of each metric of the goal over its trials."""
        return tuple(Spread(column).mean for column in zip(*(trial.values for trial in self.trials), strict=True))

    @property
    def is_repeated(self) -> bool:
        """Whether its mean is one over several trials."""
        return len(self.trials) > 1

    @property
    def best(self) -> Trial:
        """The trial whose model stands for the point: its best by the study's metric."""
        return self.trials[0]

    @property
    def ended(self) -> int:
        """The tick at which the newest of its trials had its last epoch so far, or -1."""
        return max((trial.ticks[-1] for trial in self.trials if trial.ticks), default=-1)

    @property
    def rank(self) -> Rank:
        """What points are sorted by: whole ones, those that never failed, the best mean, the lowest number."""
        return not self.whole, self.failed, self.goal.loss(self.mean), min(trial.number for trial in self.trials)


def point_of(goal: Goal, trials: Iterable[Trial], repeats: int) -> Point | None:
    """Return the point that trials of equal parameters form; None where none of them has a value.

    Args:
        goal: The metric and direction by which trials are ranked.
        trials: All of them, by number.
        repeats: How many the study wants.
    """
    if repeats == 1:
        counting = [trial for trial in trials if trial.value is not None and may_win(goal, trial)]
        return Point(goal, tuple(counting), (), 0, whole=True) if counting else None
    newest = {(trial.ask.point, trial.ask.repeat): trial for trial in trials}  # of one that was tried again, the last
    ended = [trial for trial in newest.values() if trial.decision is not None]
    whole = len(ended) >= repeats
    valued = [trial for trial in newest.values() if trial.value is not None and may_win(goal, trial)]
    counting = [trial for trial in valued if trial.decision is not None] if whole else valued
    if not counting:
        return None
    failed = sum(trial.state == "FAILED" for trial in ended)
    chosen = {trial.number for trial in counting}
    further = [trial for trial in valued if trial.number not in chosen]
    return Point(goal, _ordered(goal, counting), _ordered(goal, further), failed, whole)


def key(trial: Trial) -> str:
    """Return a text that trials of equal parameters share."""
    return json.dumps(trial.params, sort_keys=True)


def ranked_points(goal: Goal, trials: Iterable[Trial], repeats: int) -> list[Point]:
    """Return the points of trials of one stage that have a value, best first.

    Args:
        goal: The metric and direction by which trials are ranked.
        trials: The trials, by number.
        repeats: How many the study wants of a point. Where it wants one, each trial is a point of its own.
    """
    if repeats == 1:
        ranked = _ordered(goal, [trial for trial in trials if may_win(goal, trial)])
        return [Point(goal, (trial,), (), 0, whole=True) for trial in ranked]
    groups: dict[str, list[Trial]] = {}
    for trial in trials:
        groups.setdefault(key(trial), []).append(trial)
    points = [point_of(goal, group, repeats) for group in groups.values()]
    return sorted((point for point in points if point is not None), key=lambda point: point.rank)


class Leader:
    """Follows the best point of a study as it grows; only the points that a tick touches are looked at.

    Attributes:
        best: The best point so far, or None.
    """

    def __init__(self, goal: Goal, repeats: int, begun: Iterable[Trial] = ()) -> None:
        """Begin with no point.

        Args:
            goal: The metric and direction by which trials are ranked.
            repeats: How many trials the study wants of a point. Where it wants one, each trial is a point of its own.
            begun: The trials that have begun.
        """
        self.best: Point | None = None
        self._goal = goal
        self._repeats = repeats
        self._groups: dict[str, list[Trial]] = {}
        self._ranks: dict[str, Rank] = {}  # as they were: the value of a trial that runs changes
        self._leads: str | None = None
        for trial in begun:
            self.begin(trial)

    def begin(self, trial: Trial) -> None:
        """Take in that a trial of the full problem begins."""
        self._groups.setdefault(self._name(trial), []).append(trial)

    def update(self, trials: Iterable[Trial]) -> Trial | None:
        """Take in that something became of these trials, and return the best trial of the best point."""
        for name in dict.fromkeys(map(self._name, trials)):
            if name not in self._groups:
                continue  # of another stage
            old_rank, rank = self._ranks.pop(name, None), self._rank(name)
            if rank is not None:
                self._ranks[name] = rank
            leads = name == self._leads
            if leads and (rank is None or old_rank is None or old_rank < rank):
                self._leads = min(self._ranks, key=self._ranks.__getitem__, default=None)
            elif rank is not None and (leads or self._leads is None or rank < self._ranks[self._leads]):
                self._leads = name
            else:
                continue
            self.best = None if self._leads is None else self._point(self._leads)
        return None if self.best is None else self.best.best

    def _point(self, name: str) -> Point | None:
        return point_of(self._goal, self._groups[name], self._repeats)

    def _rank(self, name: str) -> Rank | None:
        """Return the rank of a point, or None; for a single trial no Point is made, which would take long."""
        if self._repeats > 1:
            point = self._point(name)
            return None if point is None else point.rank
        (trial,) = self._groups[name]
        if trial.value is None or not may_win(self._goal, trial):
            return None
        return False, 0, self._goal.loss(trial.value), trial.number

    def _name(self, trial: Trial) -> str:
        return key(trial) if self._repeats > 1 else f"{trial.number}"


def _ordered(goal: Goal, trials: Sequence[Trial]) -> tuple[Trial, ...]:
    ranked = [(goal.loss(trial.value), trial.number, trial) for trial in trials if trial.value is not None]
    return tuple(trial for _, _, trial in sorted(ranked, key=lambda candidate: candidate[:2]))
