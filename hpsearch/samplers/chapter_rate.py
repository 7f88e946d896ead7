"""The chapter's second step: the order of magnitude of η, by what the training cost does in the first epochs.

What a cost does is judged in `hpsearch.judging.lr_range`, for the η test too. Studies that were begun by version 0.1 go
on under the rule that they began with: a log says which (`rules` of its header's environment), and one that says
nothing is of that version.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hpsearch.judging import lr_range
from hpsearch.log.history import History
from hpsearch.samplers.asked_points import EARLY, AskedPoint, AskedPoints
from hpsearch.samplers.probes import Point, distinct, orders, project, short
from hpsearch.space import Space
from hpsearch.study.registry import RULES

FAR = 0.25
"""Rule 1: a learning rate keeps up with the best where its cost has gone all but this share of the way."""


def rule_of(history: History) -> int:
    """Return the rule that a study began with; the newest where it has no log yet."""
    if history.header is None:
        return RULES["chapter"]
    return int(history.header.environment.get("rules", {}).get("chapter", 1))


@dataclass(frozen=True)
class RateOrder:
    """Step 2: the order of magnitude of η, judged as the η test judges it (`hpsearch.judging.lr_range`).

    Attributes:
        rule: 1, of studies begun by version 0.1: the largest whose cost falls at once and gets three quarters of the
            way of the best. 2: the smallest whose cost falls at once and gets as low as any.
    """

    space: Space
    name: str
    note: str = ""
    rule: int = RULES["chapter"]

    @property
    def title(self) -> str:
        """What it is about."""
        return f"order of magnitude of {self.name}{self.note}"

    def probes(self, base: Point, asked: AskedPoints) -> list[Point]:
        """Return a point for each order of magnitude."""
        return distinct(self.space, ({**base, self.name: value} for value in orders(self.space[self.name])))

    def choose(self, base: Point, probes: Sequence[Point], asked: AskedPoints) -> tuple[Point, str]:
        """Take the learning rate that the rule says; where the cost falls at none, the one with the best value."""
        answers = [(point, answer) for point in probes if (answer := asked[project(self.space, point)]) is not None]
        point, words = self._by_rule_1(answers) if self.rule == 1 else self._by_rule_2(answers)
        if point is not None:
            return dict(point), f"in {EARLY} epochs: {words}"
        best = min(answers, key=lambda pair: pair[1].loss, default=None)
        if best is None or best[1].value is None:
            return dict(probes[len(probes) // 2]), "nothing seen yet"
        return dict(best[0]), f"in {EARLY} epochs: {words}; none falls at once, so the best value counts"

    def _by_rule_1(self, answers: Sequence[tuple[Point, AskedPoint]]) -> tuple[Point | None, str]:
        words = ", ".join(f"{short(point[self.name])} {_early(answer)}" for point, answer in answers if answer.early)
        falling = [(point, answer.early) for point, answer in answers if answer.falls]
        if not falling:
            return None, words
        _, curve = min(falling, key=lambda pair: pair[1][-1])
        bar = curve[-1] + FAR * (curve[0] - curve[-1])
        point = max((p for p, early in falling if early[-1] <= bar), key=lambda p: _size(p[self.name]))
        return point, f"{words}; the largest that falls at once is {short(point[self.name])}"

    def _by_rule_2(self, answers: Sequence[tuple[Point, AskedPoint]]) -> tuple[Point | None, str]:
        points = {_size(point[self.name]): point for point, answer in answers if answer.early}
        costs = comparable([answer for _, answer in answers if answer.early])
        if not points:
            return None, "nothing seen yet"
        judged = lr_range.judged(dict(zip(points, costs, strict=True)), _untrained(costs))
        words = ", ".join(
            f"{short(trace.learning_rate)} {trace.verdict} ({short(first_cost)} to {short(last_cost)})"
            for trace, first_cost, last_cost in (
                (trace, answer.early[0], answer.early[-1])
                for trace in judged.traces
                for point, answer in answers
                if point is points[trace.learning_rate]
            )
        )
        if judged.suggestion is None or judged.threshold is None:
            return None, words
        threshold = short(judged.threshold)
        chosen = short(judged.suggestion)
        return points[judged.suggestion], (
            f"{words}; the largest that falls at once and keeps up is {threshold}, "
            f"the smallest that gets as low as any {chosen}"
        )


def comparable(points: Sequence[AskedPoint]) -> list[list[float]]:
    """Return each point's early costs; where a metric stands for the cost, shifted so that it is positive as a cost is.

    A judgement measures noise by a cost's value, which an accuracy turned round, being negative, does not have.
    """
    curves = [point.early for point in points]
    finite = [value for curve in curves for value in curve if math.isfinite(value)]
    if not finite or all(point.has_cost for point in points):
        return curves
    spread = max(finite) - min(finite)
    return [[value - min(finite) + spread / 10 for value in curve] for curve in curves]


def _untrained(costs: Sequence[Sequence[float]]) -> float:
    """Return what costs come from: the first epoch's of the smallest learning rate that did not diverge."""
    return next((cost[0] for cost in costs if math.isfinite(cost[0])), 0.0)


def _early(point: AskedPoint) -> str:
    first_cost = short(point.early[0])
    last_cost = short(point.early[-1])
    if len(point.early) < 2:
        return f"has {first_cost} after an epoch{'' if point.open else ' and was stopped'}"
    return f"{'falls' if point.falls else 'does not fall'} ({first_cost} to {last_cost})"


def _size(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
