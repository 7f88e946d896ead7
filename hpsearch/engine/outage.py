"""Telling a user, while a study runs, that MLflow does not take what is delivered to it."""

from __future__ import annotations

import time
from collections.abc import Callable

from hpsearch.engine.observer import Observer, StudyPlan
from hpsearch.log.history import History
from hpsearch.log.records import Tick
from hpsearch.tracking.process import Delivery, NoDelivery

GLANCE = 1.0
"""Seconds between two looks at how delivery does."""


class Outage:
    """An observer that passes everything on, and says once that delivery fails; the search goes on.

    Args:
        inner: Who watches.
        delivery: What may fail.
        clock: Tells seconds.
    """

    def __init__(
        self, inner: Observer, delivery: Delivery | NoDelivery, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._inner, self._delivery, self._clock = inner, delivery, clock
        self._due, self._warned = 0.0, False

    def begin(self, history: History, plan: StudyPlan) -> None:
        """Forward the call."""
        self._inner.begin(history, plan)

    def tick(self, history: History, record: Tick) -> None:
        """Forward the tick, and check whether delivery fails."""
        self._inner.tick(history, record)
        now = self._clock()
        if self._warned or now < self._due:
            return
        self._due = now + GLANCE
        if (problem := self._delivery.problem()) is not None:
            self._warned = True
            self._inner.message(
                f"warning: nothing reaches MLflow at {self._delivery.address} ({problem}); the search goes on, "
                "and the log keeps what is to be delivered"
            )

    def message(self, text: str) -> None:
        """Forward the call."""
        self._inner.message(text)

    def end(self, history: History) -> None:
        """Forward the call."""
        self._inner.end(history)
