"""Rows of a tick that are in the log before the others are there: what is finished is kept, however long they take."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from hpsearch.engine.arriving import in_its_lane
from hpsearch.log.history import History
from hpsearch.log.records import Arrival, Begin, Row
from hpsearch.log.writer import Log

WORTH_A_LINE = 0.05
"""Seconds of training that are worth a line of their own in the log, and a sync; for a trial's end its own count."""


class EarlyRows:
    """Writes rows of one tick as they come, where that is worth a line.

    Work that a killed study would do again is worth one from ``WORTH_A_LINE`` seconds on. A plain function's result is
    always, for its calls may be counted; it need not outlive the machine where it took no time. The last row can wait
    for its tick.

    Args:
        log: The open log.
        history: Its fold.
        begin: The tick's beginning, which stands before its first row.
        missing: The trials of the tick that have no row yet.
        plain: Whether the trials are calls of a plain function.
        now: The clock on the wall.
    """

    def __init__(
        self, log: Log, history: History, begin: Begin, missing: Iterable[int], plain: bool, now: Callable[[], float]
    ) -> None:
        self._log, self._history = log, history
        self._begin = begin if (begin.asks or begin.resumes) and history.begun is None else None
        self._tick = begin.tick
        self._plain = plain
        self._now = now
        self._owed = set(missing)
        self._unwritten: list[Row] = []
        self._seconds = 0.0

    def arrived(self, row: Row) -> None:
        """Take a row in, and write it with those before it where they are worth it."""
        self._owed.discard(row.trial)
        self._unwritten.append(in_its_lane(self._history, row))
        self._seconds += row.seconds + (self._history.trials[row.trial].seconds if row.ended else 0.0)
        worth = self._seconds >= WORTH_A_LINE
        if not self._owed or not (worth or self._plain):
            return
        if self._begin is not None:
            self._log.append(self._begin, synced=False)
            self._begin = None
        for early in self._unwritten:
            self._log.append(Arrival(self._tick, self._now(), early), synced=worth and early is self._unwritten[-1])
        self._unwritten.clear()
        self._seconds = 0.0
