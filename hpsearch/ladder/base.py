"""What every ladder is, and the flat one: a single stage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, NamedTuple, Protocol

from hpsearch.log.history import History
from hpsearch.samplers.base import UNLIMITED, Allotment, Continuation, Pausing, Sampler


@dataclass(frozen=True)
class Proposal:
    """A trial to begin.

    Attributes:
        params: One value per active hyper-parameter, in the full problem's units.
        point: Number of the point; a point keeps it from stage to stage.
        repeat: Which of the stage's trials of this point it is, from 0.
        stage: The stage in which it is to train.
        rejected: Proposals for the point that violated a constraint.
        note: A line for the log, where the ladder goes on in another way than planned; else empty.
        enqueued: Whether the user enqueued the point.
        reuses: Number of the trial of the same point whose result is used instead of training, or None.
        allotment: How far the trial is trained at first, where the sampler pauses its trials.
    """

    params: dict[str, Any]
    point: int
    repeat: int = 0
    stage: int = 0
    rejected: int = 0
    note: str = ""
    enqueued: bool = False
    reuses: int | None = None
    allotment: Allotment = UNLIMITED


class Settle(Protocol):
    """Applies what the user has enqueued and fixed since the study was begun."""

    def enqueued(self, history: History, sampler: Sampler, position: int, repeat: int) -> Proposal:
        """Return a trial of the point at a position in the queue, completed where it lacks values.

        Args:
            history: The study so far.
            sampler: Proposes the values that the point lacks.
            position: The position in the queue, from 0.
            repeat: Which of the point's trials it is, from 0.
        """

    def fixed(self, history: History, params: dict[str, Any], point: int) -> dict[str, Any]:
        """Return a sampler's proposal with the values that are fixed by now."""


class NewPoint(NamedTuple):
    """A point that was not tried before.

    Attributes:
        params: The point's parameters.
        number: The point's number.
        rejected: How many proposals for it violated a constraint.
    """

    params: dict[str, Any]
    number: int
    rejected: int


HoldFixed = Callable[[dict[str, Any], int], dict[str, Any]]
"""Gives a sampler's proposal for a point the values that are fixed by now."""


class Tried(Protocol):
    """Tells points that were tried from those that were not."""

    def earlier(self, history: History, params: dict[str, Any], repeat: int) -> int | None:
        """Return the number of the trial whose result a new one of this point is to have, or None."""

    def last_point(self, history: History) -> int:
        """Return the number of the last point that the sampler was asked for, or -1."""

    def fresh(self, history: History, sampler: Sampler, hold_fixed: HoldFixed) -> NewPoint | None:
        """Return a point that was not tried, or None."""

    def exhausted(self, history: History) -> str | None:
        """Return in words that nothing new is left to try, or None."""


class Ladder(Protocol):
    """Proposes trials, stage after stage. Asked again over the same history it answers the same."""

    @property
    def total(self) -> int | None:
        """Most trials that there can be, or None where there is no end."""

    def next(self, history: History) -> Proposal | None:
        """Return the next trial to begin, or None where there is nothing to begin in this tick.

        None while trials run means that a stage waits for them; with no trial running, that the study is done.

        Args:
            history: The log up to the last tick, and the asks of this tick that came before.
        """

    def resume(self, history: History) -> Continuation | None:
        """Return which paused trial goes on instead of a new one in the next free lane, or None: a new one begins.

        Args:
            history: As for :meth:`next`.
        """

    def over(self, history: History) -> bool:
        """Return whether nothing is left to begin, now or once the running trials have ended."""

    def exhausted(self, history: History) -> str | None:
        """Return in words that the space holds nothing more to try, or None."""

    def confirms(self, history: History) -> bool:
        """Return whether trials that confirm what was found are still to begin once the search is over."""

    def searches(self, stage: int) -> bool:
        """Return whether a stage's trials are a search's: pruned, and ended when the study has found enough."""

    def epochs(self, stage: int, most: int) -> int:
        """Return how many epochs a stage's trials train at most, where those of the full problem train ``most``."""


@dataclass(frozen=True)
class Flat:
    """The one-stage ladder: every trial is the sampler's, on the full problem.

    Attributes:
        sampler: Proposes points.
        total: Trials in all, without those that are tried again; or None where there is no end.
        repeats: Trials of each point.
        points: Where given, so many points go round: all of them with the first repeat, then all with the second, so
            that those of equal shapes train fused, under the same order of the samples.
        settle: Completes what the user enqueued, and holds what the user fixed.
        distinct: Leaves points out that were tried, or None where they are trained again.
        reused: Finds the results of points that were tried, or None where they are trained again.
    """

    sampler: Sampler
    total: int | None
    repeats: int = 1
    points: int | None = None
    settle: Settle | None = None
    distinct: Tried | None = None
    reused: Tried | None = None

    def next(self, history: History) -> Proposal | None:
        """Return the next trial; None once there are all.

        What failed and is to be tried again comes first, then what the user enqueued.
        """
        if history.to_retry:
            ask = history.trials[history.to_retry[0]].ask
            return Proposal(ask.params, ask.point, ask.repeat)
        proposal = self._proposed(history)
        if proposal is None or self.reused is None:
            return proposal
        return replace(proposal, reuses=self.reused.earlier(history, proposal.params, proposal.repeat))

    def _proposed(self, history: History) -> Proposal | None:
        if self._queued(history):
            assert self.settle is not None, "points are enqueued where the space is a dict"
            return self.settle.enqueued(history, self.sampler, *divmod(history.dequeued, self.repeats))
        if self.over(history):
            return None
        number = len(history.trials) - history.again - history.dequeued
        if self.points is not None:
            repeat, point = divmod(number, self.points)
            return Proposal(self.sampler.ask(history, point), point, repeat)
        point, repeat = divmod(number, self.repeats)
        if repeat:
            point = point if self.distinct is None else self.distinct.last_point(history)
            params = next(trial.params for trial in reversed(history.trials) if trial.ask.point == point)
            return Proposal(params, point, repeat)
        if self.distinct is not None:
            new = self.distinct.fresh(history, self.sampler, partial(self._settled, history))
            if new is None:
                return None
            return Proposal(new.params, new.number, rejected=new.rejected, allotment=self._allotment)
        params = self._settled(history, self.sampler.ask(history, point), point)
        return Proposal(params, point, rejected=self.sampler.rejected, allotment=self._allotment)

    @cached_property
    def _pausing(self) -> Pausing | None:  # a protocol's isinstance looks at each of its methods
        return self.sampler if isinstance(self.sampler, Pausing) else None

    @property
    def _allotment(self) -> Allotment:
        """How far the point that the sampler was last asked for is trained at first."""
        return UNLIMITED if self._pausing is None else self._pausing.allotment

    def resume(self, history: History) -> Continuation | None:
        """Return what the sampler goes on with; what the user wants tried comes first."""
        if self._pausing is None or history.to_retry or self._queued(history):
            return None
        return self._pausing.resume(history, begins=not self.over(history))

    def _settled(self, history: History, params: dict[str, Any], point: int) -> dict[str, Any]:
        return params if self.settle is None else self.settle.fixed(history, params, point)

    def _queued(self, history: History) -> bool:
        return history.dequeued < len(history.queue) * self.repeats

    def over(self, history: History) -> bool:
        """Return whether all trials have begun."""
        if self.exhausted(history):
            return True
        if self.total is None or history.to_retry or self._queued(history):
            return False
        return len(history.trials) - history.again - history.dequeued >= self.total

    def exhausted(self, history: History) -> str | None:
        """Return in words that every point of the space was tried, where points are not trained again."""
        begun = len(history.trials) - history.again - history.dequeued
        if begun % self.repeats or history.to_retry or self._queued(history):
            return None
        tried = self.distinct or self.reused
        return None if tried is None else tried.exhausted(history)

    def confirms(self, history: History) -> bool:
        """Return False."""
        return False

    def searches(self, stage: int) -> bool:
        """Return True: there is nothing but the search."""
        return True

    def epochs(self, stage: int, most: int) -> int:
        """Return ``most``."""
        return most
