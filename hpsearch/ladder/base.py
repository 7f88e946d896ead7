"""What every ladder is, and the flat one: a single stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from hpsearch.history import History
from hpsearch.samplers.base import Sampler


@dataclass(frozen=True)
class Proposal:
    """A trial to begin.

    Attributes:
        params: One value per active hyper-parameter, in the full problem's units.
        point: Number of the point; a point keeps it from stage to stage.
        repeat: Which of the stage's trials of this point it is, from 0.
        stage: Where it is to train.
        note: What the log is to say with it: why the ladder goes on in another way than planned; mostly nothing.
    """

    params: dict[str, Any]
    point: int
    repeat: int = 0
    stage: int = 0
    note: str = ""


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

    def over(self, history: History) -> bool:
        """Return whether nothing is left to begin, now or once the running trials have ended."""

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
        total: Trials in all, or None where there is no end.
        repeats: Trials of each point.
    """

    sampler: Sampler
    total: int | None
    repeats: int = 1

    def next(self, history: History) -> Proposal | None:
        """Return the next trial; None once there are all."""
        if self.over(history):
            return None
        point, repeat = divmod(len(history.trials), self.repeats)
        params = history.trials[-1].params if repeat else self.sampler.ask(history, point)
        return Proposal(params, point, repeat)

    def over(self, history: History) -> bool:
        """Return whether all trials have begun."""
        return self.total is not None and len(history.trials) >= self.total

    def confirms(self, history: History) -> bool:
        """Return False."""
        return False

    def searches(self, stage: int) -> bool:
        """Return True: there is nothing but the search."""
        return True

    def epochs(self, stage: int, most: int) -> int:
        """Return ``most``."""
        return most
