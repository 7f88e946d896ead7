"""Points that are dealt to lanes before anything has arrived: which one a lane tries next follows from its own past.

Lane k of n tries the points k, k + n, k + 2n … one after the other, with all repeats of one before the next. So a lane
need not know how far the others have come, and what a point draws at random follows from its number as ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hpsearch.ladder.base import Proposal, Settle
from hpsearch.log.history import History
from hpsearch.samplers.base import Sampler


@dataclass(frozen=True)
class Dealt:
    """Proposes the trials of one lane.

    Attributes:
        sampler: Proposes points; asked for any number, over any history.
        lane: Number of the lane.
        lanes: How many there are.
        total: Trials in all, or None where there is no end.
        repeats: Trials of each point.
        points: Where given, so many points go round, first all with the first repeat, then all with the second.
        settle: Holds what the user fixed.
    """

    sampler: Sampler
    lane: int
    lanes: int
    total: int | None
    repeats: int = 1
    points: int | None = None
    settle: Settle | None = None

    def place(self, begun: int) -> int:
        """Return what stands for the number of the lane's trial after so many others."""
        return begun * self.lanes + self.lane

    def next(self, history: History, begun: int, last_params: Mapping[str, Any]) -> Proposal | None:
        """Return the next trial of the lane; None where it has none left.

        Args:
            history: The study so far, as this lane may see it.
            begun: How many trials the lane has begun.
            last_params: Parameters of the last of these.
        """
        if self.total is not None and len(history.trials) >= self.total:
            return None
        if self.points is not None:
            place = self.place(begun)
            if self.total is not None and place >= self.total:
                return None
            repeat, point = divmod(place, self.points)
            return Proposal(self.sampler.ask(history, point), point, repeat)
        turn, repeat = divmod(begun, self.repeats)
        point = self.place(turn)
        if self.sampler.size is not None and self.total is not None and point * self.repeats >= self.total:
            return None
        if repeat:
            return Proposal(dict(last_params), point, repeat)
        params = self.sampler.ask(history, point)
        if self.settle is not None:
            params = self.settle.fixed(history, params, point)
        return Proposal(params, point, rejected=self.sampler.rejected)
