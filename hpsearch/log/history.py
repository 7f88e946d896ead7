"""What a study knows: the fold of its log's records.

Samplers, pruners, the live view, exports and the MLflow projection all read this one value; nothing else remembers.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from hpsearch.log.records import Ask, Decision, Extension, Header, Record, Row, Tick
from hpsearch.log.rows import Rows
from hpsearch.study.declared import Declaration
from hpsearch.study.goal import SECONDS, Counts, Direction, Goal
from hpsearch.study.roles import Roles

__all__ = ["SECONDS", "Counts", "Direction", "Goal", "History", "State", "Trial"]

State = Literal["RUNNING", "COMPLETE", "PRUNED", "FAILED"]

BROKEN = "broken"
"""The rule by which a trial fails whose log goes on with another epoch than its next."""

_ENDED: dict[str, State] = {"complete": "COMPLETE", "prune": "PRUNED", "fail": "FAILED"}


@dataclass
class Trial:
    """One trial as the log tells it.

    Attributes:
        ask: Its number, lane, parameters, point, repeat and stage.
        asked_at: When it began (the end of the tick before), in seconds since 1970.
        ticks: The tick of each epoch trained; with them a curve can be retrained bit for bit.
        rows: What each epoch brought, in order.
        decision: How it ended, or None while it runs.
        audit: The decision to prune it that was withheld for the audit, or None.
        ended_at: When it ended, or None.
        value: Best finite value of the goal's metric over its epochs so far (or the last, where the goal says so), or
            None.
        best_epoch: The epoch (from 1) that counts: the one that reached ``value`` first, or None.
        values: All metrics of the goal at that epoch, ``value`` first; NaN for one that it did not report.
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
        """RUNNING, COMPLETE, PRUNED or FAILED."""
        return "RUNNING" if self.decision is None else _ENDED[self.decision.action]

    @property
    def is_broken(self) -> bool:
        """Whether its log goes on with another epoch than its next, so that it counts for nothing."""
        return self.decision is not None and self.decision.rule == BROKEN

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

    def measured(self, place: int, metrics: Iterable[str]) -> tuple[float, ...]:
        """Return metrics at one of its rows; NaN for one that it did not report, and the time so far as SECONDS."""
        row = self.rows[place]
        gone = math.fsum(each.seconds for each in self.rows[: place + 1])
        return tuple(row.metrics.get(name, gone if name == SECONDS else math.nan) for name in metrics)


class History:
    """The fold of a log.

    Attributes:
        goal: The metric and direction by which trials are ranked.
        header: The log's first record, or None before it was applied.
        declaration: The declaration that holds now (the header's, or the last extension's).
        trials: All trials, by number.
        tick: The last tick applied, or -1.
        time: When that tick ended, in seconds since 1970.
        stop: Why the last tick stopped the study, or None.
        table: ``table[epoch][trial]`` is the trial's best finite value up to that epoch (its value at that epoch, where
            the last one counts): the rung table of the pruners. A trial that has no finite value yet stands in it with
            the worst possible value.
        full_stage: The last stage of the search, which trains on the full problem: its trials alone are ranked.
        notes: What the ladder decided on its way, in words.
        ends: The tick at which each of its trials ended, in the order in which they did.
        best: The incumbent: the best of its trials so far, running ones included and failed ones not, or None; of
            equals the one with the lowest number.
        spaces: The spaces that were declared, as JSON values: the first one and each that took its place.
        retries: Numbers of failed trials that the user asked to be tried again, in this order.
        again: How many trials tried an earlier one again.
    """

    def __init__(self, goal: Goal) -> None:
        self.goal = goal
        self.header: Header | None = None
        self.declaration = Declaration()
        self.trials: list[Trial] = []
        self.tick = -1
        self.time = 0.0
        self.stop: str | None = None
        self.table: dict[int, dict[int, float]] = {}
        self.full_stage = 0
        self.notes: list[str] = []
        self.ends: list[int] = []
        self.best: Trial | None = None
        self.spaces: list[dict[str, Any]] = []
        self.retries: list[int] = []
        self.again = 0
        self._running: dict[int, Trial] = {}
        self._begun: set[tuple[int, int, int]] = set()

    @classmethod
    def fold(cls, records: Iterable[Record], goal: Goal) -> History:
        """Return the history of these records."""
        history = cls(goal)
        for record in records:
            history.apply(record)
        return history

    def apply(self, record: Record) -> None:
        """Take one more record in."""
        if isinstance(record, Header):
            self.header, self.declaration, self.time = record, Declaration.of(record.declaration), record.time
            self.spaces.append(self.declaration.space)
            self.full_stage = len(self.declaration.scales) - 1
        elif isinstance(record, Extension):
            self.declaration, self.stop = Declaration.of(record.declaration), None
            self.retries += record.retry
            if self.declaration.space != self.spaces[-1]:
                self.spaces.append(self.declaration.space)
        else:
            if record.tick != self.tick + 1:
                raise ValueError(f"tick {record.tick} follows tick {self.tick}")
            for ask in record.asks:
                self.begin(ask)
            self.arrive(record)
            self.decide(record)

    def begin(self, ask: Ask) -> None:
        """Take in that a trial begins.

        Raises:
            ValueError: Its number is not the next one.
        """
        if ask.trial != len(self.trials):
            raise ValueError(f"trial {ask.trial} follows trial {len(self.trials) - 1}")
        trial = Trial(ask, asked_at=self.time)
        self.trials.append(trial)
        self._running[trial.number] = trial
        which = ask.stage, ask.point, ask.repeat
        self.again += which in self._begun
        self._begun.add(which)

    def arrive(self, tick: Tick) -> None:
        """Take in the rows of a tick whose asks have begun, before anything is decided about them."""
        self.tick, self.time = tick.tick, tick.time
        self.notes += tick.notes
        worst = -math.inf if self.goal.direction == "maximize" else math.inf
        fell = False
        for row in tick.rows:
            if not row.metrics and row.failure is None:
                continue  # a generator that ended had nothing more to report
            trial = self.trials[row.trial]
            if trial.decision is not None or row.epoch != trial.epoch + 1:
                self._break(trial, row, tick)
                continue
            trial.ticks.append(tick.tick)
            trial.rows.append(row)
            value = row.metrics.get(self.goal.metric, math.nan)
            if self.goal.counts(value, trial.value):
                fell |= trial is self.best and trial.value is not None and self.goal.better(trial.value, value)
                trial.value, trial.best_epoch = value, row.epoch
                trial.values = (
                    (value, *trial.measured(len(trial.rows) - 1, self.goal.metrics[1:]))
                    if self.goal.others
                    else (value,)
                )
                if trial.ask.stage == self.full_stage and (self.best is None or self._ranks_before(trial, self.best)):
                    self.best = trial
            self.table.setdefault(row.epoch, {})[row.trial] = worst if trial.value is None else trial.value
        if fell:
            self.best = next(iter(self.ranked()), None)

    def decide(self, tick: Tick) -> None:
        """Take in the decisions of a tick that has already arrived."""
        for decision in tick.decisions:
            trial = self.trials[decision.trial]
            if trial.is_broken:
                continue
            if decision.action == "audit":
                trial.audit = decision
                continue
            trial.decision, trial.ended_at = decision, tick.time
            del self._running[trial.number]
            if trial.ask.stage == self.full_stage:
                self.ends.append(tick.tick)
            if trial is self.best and trial.state == "FAILED":
                self.best = next(iter(self.ranked()), None)
        self.stop = tick.stop

    def resume(self, stop: str | None) -> None:
        """Take in that a run takes the study up: what stopped an earlier one holds no longer.

        Args:
            stop: Why the study has nothing to do under the limits of this run either, or None.
        """
        self.stop = stop

    @property
    def roles(self) -> Roles:
        """What each stage is for."""
        return Roles(self.full_stage)

    def _break(self, trial: Trial, row: Row, tick: Tick) -> None:
        """Take a trial out whose log goes on with another epoch than its next: what follows is not its curve.

        Version 0.1 could write such rows where a study trained on several workers. The epochs before them stand.
        """
        if trial.is_broken:
            return
        self._running.pop(trial.number, None)
        if trial.decision is None and trial.ask.stage == self.full_stage:
            self.ends.append(tick.tick)
        reason = (
            f"its log has epoch {row.epoch} where epoch {trial.epoch + 1} was due: what follows was trained wrongly; "
            "--retry-failed trains the point again"
        )
        trial.decision, trial.ended_at = Decision(trial.number, "fail", reason, BROKEN), tick.time
        trial.value, trial.best_epoch, trial.values = None, None, ()
        for column in self.table.values():
            column.pop(trial.number, None)
        if trial is self.best:
            self.best = next(iter(self.ranked()), None)

    @property
    def to_retry(self) -> list[int]:
        """Numbers of the failed trials that are still to be tried again."""
        return self.retries[self.again :]

    def failed(self) -> list[int]:
        """Return the numbers of the trials of the search that failed and were not tried again, nor are to be."""
        last = {(t.ask.stage, t.ask.point, t.ask.repeat): t for t in self.trials}
        waiting = set(self.to_retry)
        return [t.number for t in last.values() if t.state == "FAILED" and t.number not in waiting]

    def running(self) -> list[Trial]:
        """Return the trials that are not yet ended, by number."""
        return [self._running[number] for number in sorted(self._running)]

    def ended(self, *states: State) -> Iterator[Trial]:
        """Yield the trials in one of these states, by number."""
        return (trial for trial in self.trials if trial.state in states)

    def ranked(self) -> list[Trial]:
        """Return the search's trials on the full problem that have a value and did not fail, best first.

        Ties go to the lower number.
        """
        return self.ranked_at(self.full_stage)

    def front(self) -> list[Trial]:
        """Return the ranked trials that no other one is as good as in every metric and better in one, best first.

        With a single metric these are the best trial and its equals.
        """
        known = [(self.goal.losses(trial.values), trial) for trial in self.ranked()]
        known = sorted((each for each in known if all(map(math.isfinite, each[0]))), key=lambda each: each[0])
        kept: list[tuple[tuple[float, ...], Trial]] = []
        for losses, trial in known:
            # Whoever is better than this trial stands before it, and is kept or beaten by one that is.
            if not any(other != losses and all(map(operator.le, other, losses)) for other, _ in kept):
                kept.append((losses, trial))
        return [trial for _, trial in kept]

    def ranked_at(self, stage: int) -> list[Trial]:
        """Return the trials of a stage that have a value and did not fail, best first."""
        known = [t for t in self.trials if t.ask.stage == stage and t.value is not None and t.state != "FAILED"]
        return sorted(known, key=lambda t: (self.goal.loss(t.value if t.value is not None else math.inf), t.number))

    def _ranks_before(self, a: Trial, b: Trial) -> bool:
        assert a.value is not None, "only trials with a value are ranked"
        assert b.value is not None, "only trials with a value are ranked"
        return self.goal.better(a.value, b.value) or (a.value == b.value and a.number < b.number)
