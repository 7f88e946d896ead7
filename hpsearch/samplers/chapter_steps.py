"""The steps of the chapter's procedure: each plans probes around a base point, chooses one, and says so in words.

A step is a pure function of the history. A probe that was not tried is asked for next; a choice among probes that
still train is provisional, and is made anew with every result.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from hpsearch.samplers.asked_points import AskedPoint, AskedPoints
from hpsearch.samplers.probes import Point, distinct, project, scaled, scan, short
from hpsearch.space import Choice, Float, Int, Space

ORDER = 10.0
"""An order of magnitude: the factor between the values of `Orders`."""

FINER = (0.25, 0.5, 2.0, 4.0)
"""Factors around the chosen value once its order of magnitude is known."""

FINEST = (0.5, 0.7, 1.4, 2.0)
"""Factors for a second look at a value that was tuned before."""


class ProcedureStep(Protocol):
    """One step of the procedure."""

    @property
    def title(self) -> str:
        """What it is about."""

    @property
    def name(self) -> str | None:
        """The dimension whose turn it is, or None."""

    def probes(self, base: Point, asked: AskedPoints) -> list[Point]:
        """Return the points that the step wants tried, most wanted first.

        Args:
            base: The values chosen so far.
            asked: The points that were tried.
        """

    def choose(self, base: Point, probes: Sequence[Point], asked: AskedPoints) -> tuple[Point, str]:
        """Return the base of the next step, and a line that says what was seen and why it was chosen.

        Args:
            base: The values chosen so far.
            probes: The points that :meth:`probes` returned.
            asked: The points that were tried.
        """


@dataclass(frozen=True)
class AnyLearning:
    """Step 1: any non-trivial learning at all."""

    space: Space
    title: str = "any learning"
    name: str | None = None

    def probes(self, base: Point, asked: AskedPoints) -> list[Point]:
        """Return the base alone."""
        return [base]

    def choose(self, base: Point, probes: Sequence[Point], asked: AskedPoints) -> tuple[Point, str]:
        """Keep the base, and say whether it learns."""
        answer = asked[project(self.space, base)]
        where = ", ".join(f"{name}={short(value)}" for name, value in project(self.space, base).items())
        if answer is None or not answer.trials[0].rows:
            return base, f"{where}: no epoch yet"
        curve = answer.trials[0].curve(answer.goal.metric)
        cost = answer.trials[0].curve("train_cost")
        learnt = answer.goal.better(_best(answer, curve), curve[0]) if curve else False
        change = "no value"
        if curve:
            change = f"{answer.goal.metric} went from {short(curve[0])} to {short(_best(answer, curve))}"
        if cost:
            learnt = learnt or cost[-1] < 0.9 * cost[0]
            change += f", training cost from {short(cost[0])} to {short(cost[-1])}"
        return base, f"{where}: {change}; {'it learns' if learnt else 'no learning yet, so look at η'}"


@dataclass(frozen=True)
class Orders:
    """Step 3: the order of magnitude of λ, from 1.0 up or down by factors of ten as long as that is better."""

    space: Space
    name: str

    @property
    def title(self) -> str:
        """What it is about."""
        return f"order of magnitude of {self.name}, from 1.0 by factors of ten"

    def probes(self, base: Point, asked: AskedPoints) -> list[Point]:
        """Return 1.0 and its neighbours, and on from the best of them to where it gets worse."""
        dim = self.space[self.name]
        if isinstance(dim, Choice):
            return distinct(self.space, ({**base, self.name: value} for value in dim.grid()))
        start = dim.snap(1.0)
        values = [start, scaled(dim, start, 1 / ORDER), scaled(dim, start, ORDER)]
        while True:
            points = distinct(self.space, ({**base, self.name: value} for value in values))
            losses = {point[self.name]: _loss(self.space, point, asked) for point in points}
            best = min(losses, key=lambda value: losses[value])
            if not math.isfinite(losses[best]) or best not in (min(losses), max(losses)):
                return points
            further = scaled(dim, best, ORDER if best == max(losses) else 1 / ORDER)
            if further in losses:
                return points
            values.append(further)

    def choose(self, base: Point, probes: Sequence[Point], asked: AskedPoints) -> tuple[Point, str]:
        """Take the best; the base too has a say."""
        return best_of(self.space, self.name, [base, *probes], asked)


@dataclass(frozen=True)
class Finer:
    """A step of fine tuning: by factors around what was chosen."""

    space: Space
    name: str
    factors: Sequence[float] = FINER
    again: str = ""

    @property
    def title(self) -> str:
        """What it is about."""
        return f"{self.name}{self.again or ', finer'}"

    def probes(self, base: Point, asked: AskedPoints) -> list[Point]:
        """Return the base multiplied by each factor."""
        dim = self.space[self.name]
        if isinstance(dim, Choice) or not base[self.name]:
            return []  # there is nothing between options, and no factor leads away from 0
        values = [scaled(dim, base[self.name], factor) for factor in self.factors]
        return distinct(self.space, ({**base, self.name: value} for value in values if value != base[self.name]))

    def choose(self, base: Point, probes: Sequence[Point], asked: AskedPoints) -> tuple[Point, str]:
        """Take the best; the base too has a say."""
        return best_of(self.space, self.name, [base, *probes], asked)


@dataclass(frozen=True)
class Scan:
    """A dimension by itself: every option, or a few values of the range.

    Attributes:
        rate: Learning rate's name where η is to be tried smaller along with it, else None.
        shares: By how much, for each of this dimension's values.
    """

    space: Space
    name: str
    rate: str | None = None
    shares: Callable[[Any, Any], Sequence[float]] = lambda value, base: (1.0,)

    @property
    def title(self) -> str:
        """What it is about."""
        return self.name + (f", with {self.rate} scaled down too" if self.rate else "")

    def probes(self, base: Point, asked: AskedPoints) -> list[Point]:
        """Return a point per value, and per learning rate to be tried with it."""
        points = []
        for value in scan(self.space[self.name]):
            for share in self.shares(value, base[self.name]) if self.rate else (1.0,):
                point = {**base, self.name: value}
                dim = self.space[self.rate] if self.rate else None
                if self.rate and isinstance(dim, Float | Int):
                    point[self.rate] = scaled(dim, base[self.rate], share)
                points.append(point)
        return distinct(self.space, points)

    def choose(self, base: Point, probes: Sequence[Point], asked: AskedPoints) -> tuple[Point, str]:
        """Take the best; the base too has a say."""
        return best_of(self.space, self.name, [base, *probes], asked, also=self.rate)


@dataclass(frozen=True)
class BatchSize:
    """Step 6: the mini-batch size with the best value after equal *elapsed time*; nothing else is scaled along.

    It reads the seconds of the log: they decide, and a resumed study reads the same, but a study that is run anew may
    measure others.
    """

    space: Space
    name: str

    @property
    def title(self) -> str:
        """What it is about."""
        return f"{self.name} by elapsed time, everything else unchanged"

    def probes(self, base: Point, asked: AskedPoints) -> list[Point]:
        """Return a point per size."""
        return distinct(self.space, ({**base, self.name: value} for value in scan(self.space[self.name])))

    def choose(self, base: Point, probes: Sequence[Point], asked: AskedPoints) -> tuple[Point, str]:
        """Take the best at the time at which the first of them had trained to its end; of equals the sooner done."""
        points = distinct(self.space, [base, *probes])
        answers = [(point, answer) for point in points if (answer := asked[project(self.space, point)]) is not None]
        timed = [(point, answer) for point, answer in answers if answer.value is not None]
        full = [answer for _, answer in timed if answer.trials[0].state == "COMPLETE"] or [
            answer for _, answer in timed
        ]
        if not full:
            return base, "nothing seen yet"
        limit = min(answer.trials[0].seconds for answer in full)
        values = [(point, answer, answer.value_at(limit)) for point, answer in timed]
        reached = [(point, answer, value) for point, answer, value in values if value is not None]
        if not reached:
            return base, f"none has a value after {limit:.3g} s"
        words = ", ".join(f"{short(point[self.name])}: {short(value)}" for point, _, value in reached)
        point, _, _ = min(reached, key=lambda row: (row[1].goal.loss(row[2]), row[1].trials[0].seconds))
        return dict(point), f"after {limit:.3g} s of training each: {words}; chose {short(point[self.name])}"


def best_of(
    space: Space, name: str, points: Sequence[Point], asked: AskedPoints, also: str | None = None
) -> tuple[Point, str]:
    """Return the point with the best value, and the values in words; the first point where nothing is known."""
    points = distinct(space, points)
    answers = [
        (point, answer)
        for point in points
        if (answer := asked[project(space, point)]) is not None and answer.value is not None
    ]
    if not answers:
        return dict(points[0]), "nothing seen yet"

    def described(point: Point) -> str:
        return short(point[name]) + (f" ({also}={short(point[also])})" if also else "")

    words = ", ".join(f"{described(point)}: {short(answer.value)}" for point, answer in answers)
    best, _ = min(answers, key=lambda pair: pair[1].loss)
    return dict(best), f"{answers[0][1].goal.metric} at {words}; chose {described(best)}"


def _loss(space: Space, point: Point, asked: AskedPoints) -> float:
    answer = asked[project(space, point)]
    return math.inf if answer is None else answer.loss


def _best(answer: AskedPoint, curve: Sequence[float]) -> float:
    return min(curve, key=lambda value: answer.goal.loss(value) if math.isfinite(value) else math.inf)
