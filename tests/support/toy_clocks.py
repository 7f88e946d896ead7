"""What the fixtures of the engine's tests make: clocks of a toy study, over a log that is open or one of their own."""

from __future__ import annotations

from typing import Any, Protocol

from hpsearch.engine.clock import Clock
from hpsearch.log.writer import Log


class MakeClock(Protocol):
    """Makes the clock of the toy study over an open log, whose header it writes where there is none."""

    def __call__(self, log: Log, **changes: Any) -> Clock:
        """Return the clock.

        Args:
            log: Open.
            **changes: Fields of the clock in place of the toy's; ``sampler``, ``total`` and ``repeats`` of its ladder.
        """


class RunClock(Protocol):
    """Runs the toy study to its end, over ``log.jsonl`` in the test's folder."""

    def __call__(self, **changes: Any) -> Clock:
        """Return the clock that has run; its log is closed.

        Args:
            **changes: As those of :class:`MakeClock`.
        """
