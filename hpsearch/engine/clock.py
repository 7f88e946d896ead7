"""The logical clock: in one tick every busy lane trains one epoch, then all that arrived is judged together.

An ask at tick t sees the log up to t-1 and this tick's earlier asks; asks go in lane order; decisions hold from the
next tick. So neither the number of processes, nor their speed, nor a kill at any moment changes what a study finds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

from hpsearch.engine import paused, reusing
from hpsearch.engine.arriving import by_trial, check_order, in_its_lane
from hpsearch.engine.checkpoints import Checkpoints
from hpsearch.engine.early import EarlyRows
from hpsearch.engine.ending import unreported
from hpsearch.engine.observer import Observer
from hpsearch.engine.pace import Launching, Pace, Ticks
from hpsearch.engine.stopping import Limits, Stopping, only_failures
from hpsearch.engine.verdicts import verdicts
from hpsearch.ladder.base import Ladder
from hpsearch.log.history import History, Trial
from hpsearch.log.records import Ask, Begin, Decision, Extension, Resume, Row, Tick
from hpsearch.log.writer import Log
from hpsearch.objectives.base import Keeping, Objective, Start, Telling
from hpsearch.pruners.base import Pruner

CHECKPOINT_SECONDS = 5.0
"""A killed study loses at most this much training, or one tick where a tick is longer."""


class BegunTrial(NamedTuple):
    """A trial that begins in a lane.

    Attributes:
        ask: Its record.
        notes: What the ladder says about it, for people.
    """

    ask: Ask
    notes: tuple[str, ...]


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
        observer: Shows the run.
        limits: Where the study stops before its last trial.
        interrupted: Called after each tick; where it returns True the run ends, to be resumed later.
        intake: Called before each tick; returns what the user has changed meanwhile, which is written into the log.
        taken: Called once that is written.
        early: Whether each row is written as soon as it has come: for a user's own functions, which may take long.
        halted: Called before each tick; returns why the user ends the run, which is written into the log, or None.
        pace: Which lanes bring their rows next: all of them in every tick, or those that are due in virtual time.
        now: The clock on the wall, for timestamps.
        elapsed: A monotonic clock, for the pace of checkpoints and for time limits, which are logged.
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
    pace: Pace = field(default_factory=Ticks)
    now: Callable[[], float] = time.time
    elapsed: Callable[[], float] = time.monotonic
    begun: float = field(default=0.0, init=False)
    _hinted: bool = field(default=False, init=False)

    # Cached: a protocol's isinstance looks at each of its methods.
    @cached_property
    def _launches(self) -> bool:
        return isinstance(self.objective, Launching)

    @cached_property
    def _tells(self) -> Telling | None:
        return self.objective if self.early and isinstance(self.objective, Telling) else None

    @cached_property
    def _paused(self) -> paused.Paused:
        return paused.Paused(self.objective, self.checkpoints, self.history, self.observer.message)

    def run(self) -> bool:
        """Run until every trial has ended or the study is stopped or interrupted.

        Returns:
            Whether the study is done or stopped; False where it was interrupted and waits to be resumed.
        """
        saved = self.begun = self.elapsed()
        if self.history.unfinished:
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
            if (reason := self.halted()) is not None:
                self.halt(reason)
                break
            record = self.tick()
            if record is None:
                break
            self.observer.tick(self.history.current, record)
            if self.elapsed() - saved >= CHECKPOINT_SECONDS:
                self._checkpoint()
                saved = self.elapsed()
        if self.history.unfinished:
            self._checkpoint()
        else:
            self._clear()
        return True

    def tick(self) -> Tick | None:
        """Advance the study by one tick; None where there is nothing left to do."""
        number = self.history.tick + 1
        begin = self.history.begun or self._fill(number)
        running = sorted(self.history.running(), key=lambda trial: trial.lane)
        lanes, due = self.pace.due(running)
        left_paused = () if lanes else paused.left(self.history.current)
        if not lanes and not left_paused:
            return None
        rows = self._rows(lanes, running, begin)
        check_order(rows, lanes)
        self._hint(rows)
        settled = self.settle(
            Tick(number, self.now(), begin.asks, rows, left_paused, notes=begin.notes, resumes=begin.resumes, due=due)
        )
        self._keep_best(rows)
        for note in begin.notes:
            self.observer.message(note)
        for decision in settled.decisions:
            if decision.action != "audit" and self.history.trials[decision.trial].ask.reuses is None:
                self._act(decision)
        return settled

    def _act(self, decision: Decision) -> None:
        """Have the objective let go of a trial that has ended, or keep one that is paused."""
        if decision.action == "pause":
            self.pace.rewind(self.objective, decision.trial)
            self._paused.pause(decision.trial)
        elif self._paused.end(decision.trial):
            self.objective.stop(self.history.trials[decision.trial].ask.key)

    def settle(self, record: Tick) -> Tick:
        """Take a tick in whose asks have begun, decide about its rows, write it, and return it with its decisions."""
        self.history.arrive(record)
        settled = self._decide(record)
        self.log.append(settled)
        return settled

    def _decide(self, record: Tick) -> Tick:
        """Decide about the trials of a tick, then about the study, which sees how they ended; return it with both."""
        judged = replace(record, decisions=(*record.decisions, *self._judge(record.rows)))
        self.history.decide(judged)
        stopping = self._stopping()
        if stopping.decisions or stopping.reason is not None:
            self.history.decide(replace(judged, decisions=stopping.decisions, stop=stopping.reason))
        return replace(judged, decisions=by_trial([*judged.decisions, *stopping.decisions]), stop=stopping.reason)

    def halt(self, reason: str) -> None:
        """Write down that the user has the run end here; the trials that run wait to be resumed, as after a timeout."""
        extension = Extension(self.history.declaration.to_json(), self.now(), stop=reason)
        self.log.append(extension)
        self.history.apply(extension)

    def _rows(self, lanes: list[Trial], running: list[Trial], begin: Begin) -> tuple[Row, ...]:
        """Return the rows of a tick, in lane order; those that come early are in the log before the others are."""
        rows = dict(self.history.waiting)
        train = [trial for trial in reusing.trained(running) if trial.number not in rows]
        due = {trial.number for trial in lanes}
        missing = [trial for trial in train if trial.number in due]
        owed = [trial.number for trial in (train if self._launches else missing)]
        if self._tells is not None:
            plain = self.objective.epochs == 1
            early = EarlyRows(self.log, self.history, begin, owed, plain, self.now)
            self._tells.tell(early.arrived)  # also where a single row is awaited: else the line before would hear of it
        trained = self.pace.train(self.objective, missing, train, begin.tick)
        rows |= {row.trial: in_its_lane(self.history, row) for row in trained}
        for trial in sorted(lanes, key=lambda trial: trial.number):
            if trial.ask.reuses is not None:
                rows[trial.number] = reusing.followed(self.history, trial, rows)
        return tuple(rows[trial.number] for trial in lanes)

    def _keep_best(self, rows: tuple[Row, ...]) -> None:
        """Have the objective keep the incumbent's model where this tick has made it better."""
        best = self.history.best
        better = best is not None and any(row.trial == best.number and row.epoch == best.best_epoch for row in rows)
        if best is not None and better and isinstance(self.objective, Keeping):
            self.objective.keep(best.ask.key)

    def _fill(self, tick: int) -> Begin:
        """Begin or resume a trial in each free lane, in lane order, while there are any."""
        asks: list[Ask] = []
        notes: list[str] = []
        resumes: list[Resume] = []
        busy = {trial.lane for trial in self.history.running()}
        for lane in range(self.n_lanes):
            if lane in busy:
                continue
            if (resumed := self._resume_trial(lane)) is not None:
                resumes.append(resumed)
                continue
            begun = self.begin_trial(lane)
            if begun is None:
                break
            asks.append(begun.ask)
            notes += begun.notes
        return Begin(tick, self.now(), tuple(asks), tuple(notes), tuple(resumes))

    def _resume_trial(self, lane: int) -> Resume | None:
        """Go on with a paused trial in a lane; None where a new one is to begin."""
        chosen = self.ladder.resume(self.history.current) if self.history.unfinished.paused else None
        if chosen is None:
            return None
        resume = Resume(chosen.trial, lane, chosen.until, chosen.reason, chosen.rule, chosen.evidence)
        self.history.resume_trial(resume)
        self._paused.resume(resume)
        return resume

    def begin_trial(self, lane: int) -> BegunTrial | None:
        """Begin the next trial in a lane and return it; None where there is none to begin."""
        proposal = self.ladder.next(self.history.current)
        if proposal is None:
            return None
        trial = len(self.history.trials)
        ask = Ask(
            trial,
            lane,
            proposal.params,
            proposal.point,
            proposal.repeat,
            proposal.stage,
            proposal.rejected,
            proposal.enqueued,
            proposal.reuses,
            proposal.allotment.until,
            proposal.allotment.evidence,
            self.pace.cost(proposal.params),
        )
        self.history.begin(ask)
        if ask.reuses is None:
            self.objective.start(Start(ask))
        return BegunTrial(ask, (proposal.note,) if proposal.note else ())

    def _judge(self, rows: tuple[Row, ...]) -> list[Decision]:
        """Return what is decided about the trials that arrived, in trial order."""
        return verdicts(self.history, rows, self.ladder, self.pruner, self.limits, self.objective.epochs)

    def _hint(self, rows: tuple[Row, ...]) -> None:
        """Say once where a trial reports metrics, and not the study's: it may be a slip, or come in a later epoch."""
        if not self._hinted and (hint := unreported(self.history.goal, rows)) is not None:
            self._hinted = True
            self.observer.message(hint)

    def _stopping(self) -> Stopping:
        """Return whether the study stops with this tick, and how trials end because of that.

        A study that found what it was after ends its running trials; one whose time is over leaves them to be resumed.
        """
        going = list(self.history.unfinished)
        if (hopeless := only_failures(self.history.current, self.n_lanes, self.ladder.total)) is not None:
            return Stopping(hopeless)
        if not going and self.ladder.over(self.history.current):
            return Stopping(self.ladder.exhausted(self.history.current))
        if (reached := self.limits.reached(self.history.current)) is not None:
            searching = [trial for trial in going if self.ladder.searches(trial.ask.stage)]
            ends = tuple(
                Decision(trial.number, "prune", f"the study stopped: {reached.reason}", reached.rule)
                for trial in searching
            )
            if len(searching) == len(going) and not self.ladder.confirms(self.history.current):
                return Stopping(reached.reason, ends)
            if ends:
                return Stopping(None, ends)  # the search is over; its winner is still to be confirmed
        timeout = self.limits.timeout
        if timeout is not None and self.elapsed() - self.begun >= timeout:
            return Stopping(f"timeout: this run has taken {timeout:g} s")
        return Stopping()

    def _checkpoint(self) -> None:
        self.log.sync()  # no state is ahead of it
        try:
            self._paused.save(self.history.tick, self.objective.states())
        except OSError as error:
            self.observer.message(
                f"no checkpoint saved ({error}); a killed study would train longer again, that is all"
            )

    def _clear(self) -> None:
        try:
            self.checkpoints.clear()
        except OSError as error:
            self.observer.message(f"checkpoints that nothing needs any more stay ({error}); `hpsearch gc` deletes them")
