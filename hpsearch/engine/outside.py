"""The clock of a study whose trials are trained elsewhere: each ask, report and tell is a tick of its own.

The order of the calls is the order of the log, so the same calls give the same study. What an ask answers is on the
disk before it is returned: a trial that was asked for and never told of is found again.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hpsearch.engine.clock import Clock
from hpsearch.log.history import Trial
from hpsearch.log.records import Row, Tick
from hpsearch.objectives.base import Start


@dataclass(frozen=True)
class Elsewhere:
    """The objective of such a study: it trains nothing.

    Attributes:
        epochs: Most epochs of a trial.
    """

    epochs: int

    def start(self, trial: Start) -> None:
        """Do nothing: who asked for the trial trains it."""

    def advance(self, trials: Sequence[int], tick: int) -> list[Row]:
        """Refuse: nothing is trained here."""
        raise NotImplementedError("the trials of this study are trained elsewhere")

    def states(self) -> list[Start]:
        """Return nothing: there is no state."""
        return []

    def stop(self, trial: int) -> None:
        """Do nothing: what trains it learns of it by its next report."""


class Outside(Clock):
    """Advances a study by what it is told."""

    def ask(self) -> Trial | None:
        """Begin the next trial, in the first lane that is free; None where there is none to begin."""
        for extension in self.intake(self.history):
            self.log.append(extension)
            self.history.apply(extension)
        self.taken()
        busy = {trial.lane for trial in self.history.running()}
        begun = self.begin_trial(next(lane for lane in itertools.count() if lane not in busy))
        if begun is None:
            return None
        self.settle(Tick(self.history.tick + 1, self.now(), (begun.ask,), (), (), notes=begun.notes))
        return self.history.trials[begun.ask.trial]

    def report(self, trial: Trial, metrics: Mapping[str, float], attributes: Mapping[str, Any]) -> bool:
        """Take in what an epoch of a trial brought, and return whether the trial is to go on."""
        last = trial.epoch + 1 == self._limit
        self._take(trial, metrics=dict(metrics), quiet=not metrics, finished=last, attributes=dict(attributes) or None)
        return trial.decision is None

    def end(
        self,
        trial: Trial,
        metrics: Mapping[str, float],
        attributes: Mapping[str, Any],
        failure: str | None = None,
        refusal: str | None = None,
    ) -> None:
        """Take in how a trial ended.

        Args:
            trial: It runs.
            metrics: What its last epoch brought; nothing where all of it was reported.
            attributes: What it says of itself.
            failure: Why it failed, or None.
            refusal: Why its point is not worth training, or None.
        """
        self._take(
            trial,
            metrics=dict(metrics),
            attributes=dict(attributes) or None,
            failure=failure,
            refusal=refusal,
            finished=failure is None and refusal is None,
        )

    @property
    def _limit(self) -> int | None:
        return self.history.declaration.epochs

    def _take(self, trial: Trial, **brought: Any) -> None:
        row = Row(trial.number, trial.ask.lane, trial.epoch + 1, **brought)
        self.settle(Tick(self.history.tick + 1, self.now(), (), (row,), ()))
