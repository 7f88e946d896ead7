"""The logical clock: in one tick every busy lane trains one epoch, then all that arrived is judged together.

An ask at tick t sees the log up to t-1 and this tick's earlier asks; asks go in lane order; decisions hold from the
next tick. So neither the number of processes, nor their speed, nor a kill at any moment changes what a study finds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hpsearch.engine import reusing
from hpsearch.engine.checkpoints import Checkpoints
from hpsearch.engine.early import EarlyRows
from hpsearch.engine.ending import own_end, reported
from hpsearch.engine.observer import Observer
from hpsearch.engine.stopping import ALL_FAILED, Limits
from hpsearch.errors import UserError
from hpsearch.ladder.base import Ladder
from hpsearch.log.history import SECONDS, History, Trial
from hpsearch.log.records import Ask, Begin, Decision, Extension, Row, Tick
from hpsearch.log.writer import Log
from hpsearch.objectives.base import Keeping, Objective, Start, Telling
from hpsearch.pruners.base import Pruner

CHECKPOINT_SECONDS = 5.0
"""A killed study loses at most this much training, or one tick where a tick is longer."""

MANY_FAILURES = 16
"""A study whose first trials all failed, this many or all there are, is stopped: its cause is not a single point."""


@dataclass
class Clock:
    """Runs a study to its end, from wherever its log stands.

    Attributes:
        log: The open log; everything in it is in ``history``.
        history: The fold of the log.
        objective: What the lanes run, with the running trials already taken up (see ``hpsearch.engine.resume``).
        ladder: Proposes trials.
        pruner: Stops trials.
        n_lanes: Trials that train at a time.
        checkpoints: Where the running trials' states are saved now and then.
        observer: Who watches.
        limits: Where the study stops before its last trial.
        interrupted: Asked after each tick; True ends the run, to be resumed later.
        intake: Asked before each tick what the user has changed meanwhile; it is written into the log.
        taken: Told that it is.
        early: Whether rows are in the log as soon as they are there: for a user's own functions, which may take long.
        halted: Asked after each tick for the reason why the user has the run end, or None; it is written into the log.
        now: The clock on the wall, for timestamps.
        elapsed: A clock that nobody sets: for the pace of checkpoints and for time limits, which are logged.
    """

    log: Log
    history: History
    objective: Objective
    ladder: Ladder
    pruner: Pruner
    n_lanes: int
    checkpoints: Checkpoints
    observer: Observer
    limits: Limits = field(default_factory=Limits)
    interrupted: Callable[[], bool] = lambda: False
    intake: Callable[[History], Iterable[Extension]] = lambda history: ()
    taken: Callable[[], None] = lambda: None
    early: bool = False
    halted: Callable[[], str | None] = lambda: None
    now: Callable[[], float] = time.time
    elapsed: Callable[[], float] = time.monotonic
    begun: float = field(default=0.0, init=False)
    _hinted: bool = field(default=False, init=False)

    def run(self) -> bool:
        """Run until every trial has ended or the study is stopped or interrupted.

        Returns:
            Whether the study is done or stopped; False where it was interrupted and waits to be resumed.
        """
        saved = self.begun = self.elapsed()
        if self.history.running():
            self._checkpoint()  # what was trained again to get here is not to be trained a third time
        while self.history.stop is None:
            if self.interrupted():
                self._checkpoint()
                return False
            if extensions := list(self.intake(self.history)):
                for extension in extensions:
                    self.log.append(extension)
                    self.history.apply(extension)
                self.taken()
            if (why := self.halted()) is not None:
                self.halt(why)
                break
            record = self.tick()
            if record is None:
                break
            self.observer.tick(self.history.current, record)
            if self.elapsed() - saved >= CHECKPOINT_SECONDS:
                self._checkpoint()
                saved = self.elapsed()
        if self.history.running():
            self._checkpoint()
        else:
            self._clear()
        return True

    def tick(self) -> Tick | None:
        """Advance the study by one tick; None where there is nothing left to do."""
        number = self.history.tick + 1
        begun = self.history.begun
        asks, notes = self._fill() if begun is None else (list(begun.asks), list(begun.notes))
        lanes = sorted(self.history.running(), key=lambda trial: trial.ask.lane)
        if not lanes:
            return None
        rows = self._rows(lanes, number, asks, notes)
        _check_order(rows, lanes)
        self._hint(rows)
        whole = self.settle(Tick(number, self.now(), tuple(asks), rows, (), notes=tuple(notes)))
        self._keep_best(rows)
        for note in notes:
            self.observer.message(note)
        for decision in whole.decisions:
            if decision.action != "audit" and self.history.trials[decision.trial].ask.reuses is None:
                self.objective.stop(decision.trial)
        return whole

    def settle(self, record: Tick) -> Tick:
        """Take a tick in whose asks have begun, decide about its rows, write it, and return it whole."""
        self.history.arrive(record)
        record = replace(record, decisions=tuple(self._judge(record.rows)))
        self.history.decide(record)
        stop, last = self._stop()
        whole = replace(record, decisions=_by_trial([*record.decisions, *last]), stop=stop)
        self.log.append(whole)
        self.history.decide(replace(whole, decisions=last))
        return whole

    def halt(self, why: str) -> None:
        """Write down that the user has the run end here; the trials that run wait to be resumed, as after a timeout."""
        extension = Extension(self.history.declaration.to_json(), self.now(), stop=why)
        self.log.append(extension)
        self.history.apply(extension)

    def _rows(self, lanes: list[Trial], tick: int, asks: list[Ask], notes: list[str]) -> tuple[Row, ...]:
        """Return the rows of a tick, in lane order; those that come early are in the log before the others are."""
        known = dict(self.history.waiting)
        missing = [trial.number for trial in reusing.trained(lanes) if trial.number not in known]
        if self.early and len(lanes) > 1 and isinstance(self.objective, Telling):
            begin = Begin(tick, self.now(), tuple(asks), tuple(notes))
            plain = self.objective.epochs == 1
            self.objective.tell(EarlyRows(self.log, self.history, begin, missing, plain, self.now).arrived)
        known |= {row.trial: row for row in (self.objective.advance(missing, tick) if missing else ())}
        for trial in sorted(lanes, key=lambda trial: trial.number):
            if trial.ask.reuses is not None:
                known[trial.number] = reusing.followed(self.history, trial, known)
        return tuple(known[trial.number] for trial in lanes)

    def _keep_best(self, rows: tuple[Row, ...]) -> None:
        """Have the objective keep the incumbent's model where this tick has made it better."""
        best = self.history.best
        better = best is not None and any(row.trial == best.number and row.epoch == best.best_epoch for row in rows)
        if best is not None and better and isinstance(self.objective, Keeping):
            self.objective.keep(best.number)

    def _fill(self) -> tuple[list[Ask], list[str]]:
        """Begin a trial in each free lane, in lane order, while there are trials to begin; return what is noted too."""
        asks: list[Ask] = []
        notes: list[str] = []
        busy = {trial.ask.lane for trial in self.history.running()}
        for lane in range(self.n_lanes):
            if lane in busy:
                continue
            begun = self.begin_trial(lane)
            if begun is None:
                break
            asks.append(begun[0])
            notes += begun[1]
        return asks, notes

    def begin_trial(self, lane: int) -> tuple[Ask, list[str]] | None:
        """Begin the next trial in a lane; return it with what is noted, or None where there is none to begin."""
        proposal = self.ladder.next(self.history.current)
        if proposal is None:
            return None
        trial = len(self.history.trials)
        ask = Ask(
            trial, lane, proposal.params, proposal.point, proposal.repeat, proposal.stage, proposal.rejected,
            proposal.enqueued, proposal.reuses,
        )  # fmt: skip
        self.history.begin(ask)
        if ask.reuses is None:
            self.objective.start(Start(ask))
        return ask, [proposal.note] if proposal.note else []

    def _judge(self, rows: tuple[Row, ...]) -> list[Decision]:
        """Return what is decided about the trials that arrived, in trial order."""
        goal = self.history.goal
        decisions: list[Decision] = []
        open_rows: list[Row] = []
        for row in rows:
            trial = self.history.trials[row.trial]
            if trial.ask.reuses is not None:
                continue  # it ends as the trial that it follows
            if (ended := own_end(goal, trial, row)) is not None:
                decisions.append(ended)
            elif row.finished:
                most = self.ladder.epochs(trial.ask.stage, _most_epochs(trial.params, self.objective.epochs))
                early = trial.epoch < most
                reason = f"stopped early after epoch {trial.epoch}" if early else f"all {trial.epoch} epochs done"
                rule = "early_stopping" if early else "epochs"
                decisions.append(Decision(row.trial, "complete", reason, rule))
            elif self.limits.trial_timeout is not None and trial.seconds > self.limits.trial_timeout:
                reason = f"trained for {trial.seconds:.1f} s, longer than trial_timeout={self.limits.trial_timeout:g} s"
                decisions.append(Decision(row.trial, "fail", reason, "timeout"))
            elif self.ladder.searches(trial.ask.stage) and row.trial in self.history.table.get(row.epoch, ()):
                open_rows.append(row)  # who has not reported yet is not judged
        decisions += self.pruner.judge(self.history.current, open_rows)
        decisions += reusing.ends(self.history, [self.history.trials[row.trial] for row in rows], decisions)
        return list(_by_trial(decisions))

    def _hint(self, rows: tuple[Row, ...]) -> None:
        """Say once where a trial reports metrics, and not the study's: it may be a slip, or come in a later epoch."""
        for row in rows:
            if self._hinted or not row.metrics or row.failure is not None:
                continue
            for metric in self.history.goal.metrics:
                if metric not in row.metrics and metric != SECONDS:
                    self._hinted = True
                    self.observer.message(f"trial {row.trial} does not report {metric!r} yet{reported(metric, [row])}")
                    break

    def _stop(self) -> tuple[str | None, tuple[Decision, ...]]:
        """Return why the study stops with this tick, or None, and what is decided about its trials because of that.

        A study that found what it was after ends its running trials; one whose time is over leaves them to be resumed.
        """
        going = self.history.running()
        if (hopeless := self._hopeless()) is not None:
            return hopeless, ()
        if not going and self.ladder.over(self.history.current):
            return self.ladder.exhausted(self.history.current), ()
        if (reached := self.limits.reached(self.history.current)) is not None:
            rule, reason = reached
            searching = [trial for trial in going if self.ladder.searches(trial.ask.stage)]
            last = tuple(Decision(t.number, "prune", f"the study stopped: {reason}", rule) for t in searching)
            if len(searching) == len(going) and not self.ladder.confirms(self.history.current):
                return reason, last
            if last:
                return None, last  # the search is over; what it found is still to be confirmed
        timeout = self.limits.timeout
        if timeout is not None and self.elapsed() - self.begun >= timeout:
            return f"timeout: this run has taken {timeout:g} s", ()
        return None, ()

    def _hopeless(self) -> str | None:
        """Return why the study stops where every one of its first trials failed, else None."""
        trials = self.history.current.trials
        first = next(iter(trials), None)  # of a later version it is not number 0
        if first is None or first.state != "FAILED":
            return None
        enough = max(MANY_FAILURES, self.n_lanes)
        enough = enough if self.ladder.total is None else min(enough, self.ladder.total)
        if len(trials) < enough:
            return None
        if any(trial.state != "FAILED" for trial in trials):
            return None
        reason = first.decision.reason if first.decision else ""
        return f"{ALL_FAILED}: all of the first {len(trials)} trials, trial {first.number} because {reason}"

    def _checkpoint(self) -> None:
        try:
            self.checkpoints.save(self.history.tick, self.objective.states())
        except OSError as error:
            self.observer.message(
                f"no checkpoint saved ({error}); a killed study would train longer again, that is all"
            )

    def _clear(self) -> None:
        try:
            self.checkpoints.clear()
        except OSError as error:
            self.observer.message(f"checkpoints that nothing needs any more stay ({error}); `hpsearch gc` deletes them")


def _check_order(rows: Sequence[Row], lanes: Sequence[Trial]) -> None:
    """Refuse rows that are not the next epochs of the trials that run, before they are written.

    Raises:
        UserError: A row is of another trial, or of another epoch than its trial's next.
    """
    brought, due = [(row.trial, row.epoch) for row in rows], [(trial.number, trial.epoch + 1) for trial in lanes]
    if brought != due:
        wrong = next((pair for pair in zip(brought, due, strict=False) if pair[0] != pair[1]), (brought, due))
        raise UserError(
            f"training brought (trial, epoch) {wrong[0]} where {wrong[1]} was due; nothing wrong was written, "
            "run the same command again to go on from the log (and please report this)"
        )


def _by_trial(decisions: Iterable[Decision]) -> tuple[Decision, ...]:
    return tuple(sorted(decisions, key=lambda decision: decision.trial))


def _most_epochs(params: Mapping[str, Any], epochs: int) -> int:
    """Return how many epochs a trial with these parameters may train; in a pipeline the name has a prefix."""
    return next((int(value) for name, value in params.items() if name.rpartition("__")[2] == "max_epochs"), epochs)
