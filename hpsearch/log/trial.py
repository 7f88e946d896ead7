"""One trial as the log tells it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from hpsearch.log import virtual
from hpsearch.log.records import Ask, Decision, Resume, Row
from hpsearch.log.rows import Rows
from hpsearch.study.goal import SECONDS, Goal

State = Literal["RUNNING", "PAUSED", "COMPLETE", "PRUNED", "FAILED"]

FAILURE = "failure"
"""The rule of a decision about a trial that broke."""

BROKEN = "broken"
"""The rule by which a trial fails whose log goes on with another epoch than its next."""

_ENDED: dict[str, State] = {"complete": "COMPLETE", "prune": "PRUNED", "fail": "FAILED"}


@dataclass(frozen=True)
class Pause:
    """A trial was paused.

    Attributes:
        epoch: Epochs that it had done.
        decision: Why.
    """

    epoch: int
    decision: Decision


class Phase(NamedTuple):
    """A stretch of epochs that a trial trains without a pause, in studies with a declared cost.

    Attributes:
        epochs_before: Epochs that the trial had done when it began or went on.
        multiple: The multiple of its cost, in virtual time, at which it did.
    """

    epochs_before: int
    multiple: int


@dataclass
class Trial:
    """One trial as the log tells it.

    Attributes:
        ask: Its number, lane, parameters, point, repeat and stage.
        asked_at: When it began (the end of the tick before), in seconds since 1970.
        ticks: The tick of each epoch trained: the line of the log that brought it.
        rows: What each epoch brought, in order.
        decision: How it ended, or None while it runs or is paused.
        audit: The decision to prune it that was withheld for the audit, or None.
        ended_at: When it ended, or None.
        value: Best finite value of the goal's metric over its epochs so far (or the last, where the goal says so), or
            None.
        best_epoch: The epoch (from 1) that counts: the one that reached ``value`` first, or None.
        values: All metrics of the goal at that epoch, ``value`` first.
        unfit: The newest epoch whose value would have counted, had the goal's other metrics been finite there, and what
            they were; or None.
        attributes: What the trial said of itself (``trial.set``), by name, as JSON values.
        version: The version of the study that it is of.
        pauses: When and why it was paused, in order.
        resumes: The decisions to go on with it; it is paused while there are fewer of these.
        phases: In studies with a declared cost: when it began, and each time when it went on.
        own_cost: What its epochs cost after the first, where that is measured and known; else None.
    """

    ask: Ask
    asked_at: float
    ticks: list[int] = field(default_factory=list)
    rows: Rows = field(default_factory=Rows)
    decision: Decision | None = None
    audit: Decision | None = None
    ended_at: float | None = None
    value: float | None = None
    best_epoch: int | None = None
    values: tuple[float, ...] = ()
    unfit: tuple[int, tuple[float, ...]] | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    version: int = 1
    pauses: tuple[Pause, ...] = ()
    resumes: tuple[Resume, ...] = ()
    phases: tuple[Phase, ...] = ()
    own_cost: float | None = None

    def _repr_html_(self) -> str:
        from hpsearch.log.cell import trial_html

        return trial_html(self)

    @property
    def number(self) -> int:
        """Number of the trial, from 0."""
        return self.ask.trial

    @property
    def params(self) -> dict[str, Any]:
        """The trial's hyper-parameters."""
        return self.ask.params

    @property
    def state(self) -> State:
        """RUNNING, PAUSED, COMPLETE, PRUNED or FAILED."""
        if self.decision is not None:
            return _ENDED[self.decision.action]
        return "RUNNING" if self.paused is None else "PAUSED"

    @property
    def paused(self) -> Decision | None:
        """The decision by which it is paused, or None where it runs or has ended."""
        return self.pauses[-1].decision if self.decision is None and len(self.pauses) > len(self.resumes) else None

    @property
    def lane(self) -> int:
        """The lane in which it trains, or trained last."""
        return self.resumes[-1].lane if self.resumes else self.ask.lane

    @property
    def until(self) -> int | None:
        """The epoch at which it is to be paused, where that was said when it began or was resumed, or None."""
        return self.resumes[-1].until if self.resumes else self.ask.until

    @property
    def ended_badly(self) -> bool:
        """Whether it ended by a failure, also where it counts with an epoch before."""
        return self.decision is not None and self.decision.rule == FAILURE

    @property
    def is_broken(self) -> bool:
        """Whether its log goes on with another epoch than its next, so that it counts for nothing."""
        return self.decision is not None and self.decision.rule == BROKEN

    def join(self, now: float) -> None:
        """Take in that it begins, or goes on, at a virtual time; nothing in studies without a declared cost."""
        if self.cost is not None:
            self.phases += (Phase(self.epoch, virtual.joins(now, self.cost)),)

    def measure(self, seconds: float, now: float) -> None:
        """Take in at a virtual time how long its first epoch took, where costs are measured: it goes on by that."""
        self.own_cost = virtual.measured(seconds)
        self.join(now)

    @property
    def cost(self) -> float | None:
        """Virtual time that its next epoch takes; None in studies without a declared cost."""
        return self.ask.cost if self.own_cost is None else self.own_cost

    @property
    def starts(self) -> list[int]:
        """What the order of the samples of each of its epochs follows from: with them a curve is retrained bit by bit.

        These are the ticks; in studies with a declared cost the multiples of the cost at which the epochs begin.
        """
        return self.ticks if self.ask.cost is None else [self.begins(epoch) for epoch in range(1, self.epoch + 1)]

    def begins(self, epoch: int) -> int:
        """Return the multiple of its cost at which an epoch, from 1, begins; it has a declared cost."""
        phase = next(phase for phase in reversed(self.phases) if phase.epochs_before < epoch)
        return phase.multiple + epoch - 1 - phase.epochs_before

    @property
    def due(self) -> float:
        """The virtual time at which its next epoch is due; it has a declared cost."""
        assert self.cost is not None, "its cost was declared"
        return virtual.due(self.begins(self.epoch + 1), self.cost)

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return self.rows.epoch

    @property
    def seconds(self) -> float:
        """Observed training time."""
        return self.rows.seconds

    def curve(self, metric: str) -> list[float]:
        """Return the metric at each epoch that reported it."""
        return self.rows.curve(metric)

    def take(self, row: Row, tick: int, goal: Goal) -> bool:
        """Take in what its next epoch brought, and return whether it counts with that epoch from now on."""
        self.ticks.append(tick)
        self.rows.append(row)
        value = row.metrics.get(goal.metric, math.nan)
        if not (goal.counts(value, self.value) and self.is_whole(goal, value)):
            return False
        self.value = value
        self.best_epoch = row.epoch
        self.values = self.newest(goal, value)
        return True

    def shown(self, row: Row, goal: Goal) -> float | None:
        """Return its value on the rung of an epoch that it has just done, or None where it is not on that rung.

        A trial that reported no finite value is there with the worst possible one.
        """
        if self.value is not None:
            return self.value
        if row.failure is None and goal.metric not in row.metrics:
            return None
        return -math.inf if goal.direction == "maximize" else math.inf

    def end(self, decision: Decision, time: float) -> None:
        """Take in how and when it ended.

        A failed trial shows its last epoch, where only metrics that are not finite kept that from counting.
        """
        self.decision = decision
        self.ended_at = time
        if self.state == "FAILED" and self.unfit is not None and self.unfit[0] == self.epoch:
            self.best_epoch, self.values = self.unfit
            self.value = self.values[0]

    def newest(self, goal: Goal, value: float) -> tuple[float, ...]:
        """Return all metrics of a goal at its newest row, whose first one is ``value``."""
        if not goal.others:
            return (value,)
        return (value, *self.measured(len(self.rows) - 1, goal.metrics[1:]))

    def is_whole(self, goal: Goal, value: float) -> bool:
        """Return whether its newest row tells all metrics of a goal: one that does not cannot be weighed."""
        if not goal.others:
            return True
        row = self.rows[-1]
        if any(metric not in row.metrics and metric != SECONDS for metric in goal.metrics):
            return False
        values = self.newest(goal, value)
        complete = all(map(math.isfinite, values))
        self.unfit = None if complete else (row.epoch, values)
        return complete

    def measured(self, index: int, metrics: Iterable[str]) -> tuple[float, ...]:
        """Return metrics at one of its rows; NaN for one that it did not report, and the time so far as SECONDS."""
        row = self.rows[index]
        elapsed = math.fsum(past.seconds for past in self.rows[: index + 1])
        return tuple(row.metrics.get(name, elapsed if name == SECONDS else math.nan) for name in metrics)


def broken(trial: Trial, row: Row) -> Decision:
    """Return the decision about a trial whose log goes on with another epoch than its next."""
    reason = (
        f"its log has epoch {row.epoch} where epoch {trial.epoch + 1} was due: what follows was trained wrongly; "
        "--retry-failed trains the point again"
    )
    return Decision(trial.number, "fail", reason, BROKEN)
