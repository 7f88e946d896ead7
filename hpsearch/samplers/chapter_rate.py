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
from hpsearch.samplers.known import EARLY, Known, Seen
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

    def probes(self, base: Point, known: Known) -> list[Point]:
        """Return a point for each order of magnitude."""
        return distinct(self.space, ({**base, self.name: value} for value in orders(self.space[self.name])))

    def choose(self, base: Point, probes: Sequence[Point], known: Known) -> tuple[Point, str]:
        """Take the learning rate that the rule says; where the cost falls at none, the one with the best value."""
        found = [(point, seen) for point in probes if (seen := known[project(self.space, point)]) is not None]
        point, said = self._first(found) if self.rule == 1 else self._judged(found)
        if point is not None:
            return dict(point), f"in {EARLY} epochs: {said}"
        best = min(found, key=lambda pair: pair[1].loss, default=None)
        if best is None or best[1].value is None:
            return dict(probes[len(probes) // 2]), "nothing seen yet"
        return dict(best[0]), f"in {EARLY} epochs: {said}; none falls at once, so the best value counts"

    def _first(self, found: Sequence[tuple[Point, Seen]]) -> tuple[Point | None, str]:
        said = ", ".join(f"{short(point[self.name])} {_early(seen)}" for point, seen in found if seen.early)
        falling = [(point, seen.early) for point, seen in found if seen.falls]
        if not falling:
            return None, said
        _, curve = min(falling, key=lambda pair: pair[1][-1])
        bar = curve[-1] + FAR * (curve[0] - curve[-1])
        point = max((p for p, early in falling if early[-1] <= bar), key=lambda p: _size(p[self.name]))
        return point, f"{said}; the largest that falls at once is {short(point[self.name])}"

    def _judged(self, found: Sequence[tuple[Point, Seen]]) -> tuple[Point | None, str]:
        points = {_size(point[self.name]): point for point, seen in found if seen.early}
        costs = comparable([seen for _, seen in found if seen.early])
        if not points:
            return None, "nothing seen yet"
        judged = lr_range.judged(dict(zip(points, costs, strict=True)), _untrained(costs))
        said = ", ".join(
            f"{short(trace.learning_rate)} {trace.verdict} ({short(first)} to {short(last)})"
            for trace, first, last in (
                (trace, seen.early[0], seen.early[-1])
                for trace in judged.traces
                for point, seen in found
                if point is points[trace.learning_rate]
            )
        )
        if judged.suggestion is None or judged.threshold is None:
            return None, said
        threshold, chosen = short(judged.threshold), short(judged.suggestion)
        return points[judged.suggestion], (
            f"{said}; the largest that falls at once and keeps up is {threshold}, the smallest that gets as low as any "
            f"{chosen}"
        )


def comparable(seen: Sequence[Seen]) -> list[list[float]]:
    """Return each point's early costs; where a metric stands for the cost, shifted so that it is positive as a cost is.

    A judgement measures noise by a cost's value, which an accuracy turned round, being negative, does not have.
    """
    curves = [each.early for each in seen]
    known = [value for curve in curves for value in curve if math.isfinite(value)]
    if not known or all(each.has_cost for each in seen):
        return curves
    spread = max(known) - min(known)
    return [[value - min(known) + spread / 10 for value in curve] for curve in curves]


def _untrained(costs: Sequence[Sequence[float]]) -> float:
    """Return what costs come from: the first epoch's of the smallest learning rate that did not diverge."""
    return next((cost[0] for cost in costs if math.isfinite(cost[0])), 0.0)


def _early(seen: Seen) -> str:
    first, last = short(seen.early[0]), short(seen.early[-1])
    if len(seen.early) < 2:
        return f"has {first} after an epoch{'' if seen.open else ' and was stopped'}"
    return f"{'falls' if seen.falls else 'does not fall'} ({first} to {last})"


def _size(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
