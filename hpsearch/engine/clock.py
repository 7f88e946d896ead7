"""The logical clock: in one tick every busy lane trains one epoch, then all that arrived is judged together.

An ask at tick t sees the log up to t-1 and this tick's earlier asks; asks go in lane order; decisions hold from the
next tick. So neither the number of processes, nor their speed, nor a kill at any moment changes what a study finds.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from hpsearch.engine.checkpoints import Checkpoints
from hpsearch.engine.log import Log
from hpsearch.engine.observer import Observer
from hpsearch.errors import UserError, did_you_mean
from hpsearch.history import History
from hpsearch.objectives.base import Objective, Start
from hpsearch.pruners.base import Pruner
from hpsearch.records import Ask, Decision, Row, Tick
from hpsearch.samplers.base import Sampler

CHECKPOINT_SECONDS = 10.0
"""A killed study loses at most this much training, or one tick where a tick is longer."""

MANY_FAILURES = 16
"""A study whose first trials all failed, this many or all there are, is stopped: its cause is not a single point."""

ALL_FAILED = "failed"
"""How the ``stop`` of a study begins that can give no result."""


@dataclass
class Clock:
    """Runs a study to its end, from wherever its log stands.

    Attributes:
        log: The open log; everything in it is in ``history``.
        history: The fold of the log.
        objective: What the lanes run, with the running trials already taken up (see ``hpsearch.engine.resume``).
        sampler: Proposes points.
        pruner: Stops trials.
        n_lanes: Trials that train at a time.
        total: Trials in all, or None where only something else ends the study.
        repeats: Trials of each point.
        checkpoints: Where the running trials' states are saved now and then.
        observer: Who watches.
        interrupted: Asked after each tick; True ends the run, to be resumed later.
        now: The clock on the wall: used for timestamps and to space checkpoints, never for a result.
    """

    log: Log
    history: History
    objective: Objective
    sampler: Sampler
    pruner: Pruner
    n_lanes: int
    total: int | None
    repeats: int
    checkpoints: Checkpoints
    observer: Observer
    interrupted: Callable[[], bool] = lambda: False
    now: Callable[[], float] = time.time

    def run(self) -> bool:
        """Run until every trial has ended or the study is stopped or interrupted.

        Returns:
            Whether the study is done; False where it was interrupted and waits to be resumed.
        """
        saved = self.now()
        while self.history.stop is None:
            if self.interrupted():
                self._checkpoint()
                return False
            record = self.tick()
            if record is None:
                break
            self.observer.tick(self.history, record)
            if self.now() - saved >= CHECKPOINT_SECONDS:
                self._checkpoint()
                saved = self.now()
        self.checkpoints.clear()
        return True

    def tick(self) -> Tick | None:
        """Advance the study by one tick; None where there is nothing left to do."""
        number = self.history.tick + 1
        asks = self._fill()
        lanes = sorted(self.history.running(), key=lambda trial: trial.ask.lane)
        if not lanes:
            return None
        rows = tuple(self.objective.advance([trial.number for trial in lanes], number))
        self._check_metric(rows)
        record = Tick(number, self.now(), tuple(asks), rows, ())
        self.history.arrive(record)
        decisions = tuple(self._judge(rows))
        record = replace(record, decisions=decisions, stop=self._hopeless(decisions))
        self.log.append(record)
        self.history.decide(record)
        for decision in decisions:
            self.objective.stop(decision.trial)
        return record

    def _fill(self) -> list[Ask]:
        """Begin a trial in each free lane, in lane order, while there are trials to begin."""
        asks: list[Ask] = []
        busy = {trial.ask.lane for trial in self.history.running()}
        for lane in range(self.n_lanes):
            trial = len(self.history.trials)
            if lane in busy or (self.total is not None and trial >= self.total):
                continue
            point, repeat = divmod(trial, self.repeats)
            params = self.history.trials[-1].params if repeat else self.sampler.ask(self.history, point)
            ask = Ask(trial, lane, params, point, repeat)
            self.history.begin(ask)
            self.objective.start(Start(ask))
            asks.append(ask)
        return asks

    def _judge(self, rows: tuple[Row, ...]) -> list[Decision]:
        """Return what is decided about the trials that arrived, in trial order."""
        goal = self.history.goal
        decisions, open_rows = [], []
        for row in rows:
            trial = self.history.trials[row.trial]
            value = row.metrics.get(goal.metric, trial.value)
            if row.failure is not None:
                decisions.append(Decision(row.trial, "fail", row.failure, "failure"))
            elif value is None:
                decisions.append(Decision(row.trial, "fail", f"ended without reporting {goal.metric}", "failure"))
            elif not math.isfinite(value):
                reason = f"{goal.metric} is {value} at epoch {row.epoch}"
                decisions.append(Decision(row.trial, "fail", reason, "failure"))
            elif row.finished:
                early = trial.epoch < trial.params.get("max_epochs", self.objective.epochs)
                reason = f"stopped early after epoch {trial.epoch}" if early else f"all {trial.epoch} epochs done"
                rule = "early_stopping" if early else "epochs"
                decisions.append(Decision(row.trial, "complete", reason, rule))
            else:
                open_rows.append(row)
        decisions += self.pruner.judge(self.history, open_rows)
        return sorted(decisions, key=lambda decision: decision.trial)

    def _check_metric(self, rows: tuple[Row, ...]) -> None:
        metric = self.history.goal.metric
        for row in rows:
            if row.metrics and row.failure is None and metric not in row.metrics:
                raise UserError(
                    f"metric {metric!r} is not among what a trial reports{did_you_mean(metric, row.metrics)}"
                )

    def _hopeless(self, decisions: tuple[Decision, ...]) -> str | None:
        """Return why the study stops where every one of its first trials failed, else None."""
        failing = {decision.trial: decision.reason for decision in decisions if decision.action == "fail"}
        trials = self.history.trials
        enough = max(MANY_FAILURES, self.n_lanes)
        enough = enough if self.total is None else min(enough, self.total)
        if not failing or len(trials) < enough:
            return None
        if any(trial.state != "FAILED" and trial.number not in failing for trial in trials):
            return None
        first = trials[0].decision
        reason = failing[0] if first is None else first.reason
        return f"{ALL_FAILED}: all of the first {len(trials)} trials, trial 0 because {reason}"

    def _checkpoint(self) -> None:
        try:
            self.checkpoints.save(self.history.tick, self.objective.states())
        except OSError as error:
            self.observer.message(
                f"no checkpoint saved ({error}); a killed study would train longer again, that is all"
            )
