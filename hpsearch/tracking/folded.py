"""The fold of a study's log as MLflow is to hold it, made record by record before anything is sent."""

from __future__ import annotations

from typing import Any

from hpsearch.log import redact
from hpsearch.log.history import Goal, History, Trial
from hpsearch.log.records import Extension, Header, Record, Tick
from hpsearch.tracking import content
from hpsearch.tracking.content import Point
from hpsearch.tracking.incumbent import Incumbent


class Folded:
    """The fold of a log from its header on, with what waits to be sent.

    Args:
        header: The log's first record.

    Attributes:
        header: The header without secrets: a log of version 0.1 may hold what this one would not have written.
        history: The fold of the records.
        times: When each tick ended, in seconds since 1970.
        began: When each trial began, likewise, by its number.
        best: The best-so-far curve.
        unfinished: The trials whose end the store may not have, by their numbers.
        declared: The declarations that have not been sent yet, by the study's version.
        relabel: Whether the runs of all trials still have to be tagged with their version of the study.
    """

    def __init__(self, header: Header) -> None:
        clean = redact.record(header)
        assert isinstance(clean, Header), "a header stays one"
        self.header = clean
        self.history = History(Goal.of(header.declaration))
        self.history.apply(header)
        self.times: list[float] = []
        self.began: dict[int, float] = {}
        self.best: list[Point] = []
        self.unfinished: dict[int, Trial] = {}
        self.declared: dict[int, dict[str, Any]] = {self.history.version: header.declaration}
        self.relabel = False
        self._incumbent = Incumbent()

    @property
    def ended(self) -> int:
        """How many trials have ended in the store."""
        return len(self.history.trials) - len(self.unfinished)

    def apply(self, record: Record) -> None:
        """Take one more record in."""
        self.history.apply(record)
        if isinstance(record, Extension):
            self.declared[self.history.version] = record.declaration
            if record.change == "new_version":
                self._incumbent = Incumbent()
                self.relabel = True
        elif isinstance(record, Tick):
            began = content.tick_began(record, self.times[-1] if self.times else self.header.time)
            self.times.append(record.time)
            for ask in record.asks:
                self.began[ask.trial] = began
                self.unfinished[ask.trial] = self.history.trials[ask.trial]
            self.best += self._incumbent.follow(self.history, record)
            self.best += content.calibration_points(self.history, record)
