"""What a study knows: the fold of its log's records.

Samplers, pruners, the live view, exports and the MLflow projection all read this one value; nothing else remembers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from hpsearch.log import virtual
from hpsearch.log.brought import Brought
from hpsearch.log.completing import complete
from hpsearch.log.numbered import Numbered
from hpsearch.log.points import Leader, Point, ranked_points
from hpsearch.log.ranking import front
from hpsearch.log.records import Arrival, Ask, Begin, Extension, Header, Record, Resume, Row, Tick
from hpsearch.log.trial import BROKEN, FAILURE, Pause, State, Trial, broken
from hpsearch.log.unfinished import Unfinished
from hpsearch.study.declared import Declaration
from hpsearch.study.goal import SECONDS, Counts, Direction, Goal
from hpsearch.study.roles import Roles

__all__ = ["BROKEN", "FAILURE", "SECONDS", "Counts", "Direction", "Goal", "History", "State", "Trial"]


class History:
    """The fold of a log.

    Attributes:
        goal: The metric and direction by which trials are ranked.
        header: The log's first record, or None before it was applied.
        declaration: The declaration that holds now (the header's, or the last extension's).
        trials: All trials, by number.
        first: Number of the first of them: of a later version it is not 0.
        tick: The last tick applied, or -1.
        time: When that tick ended, in seconds since 1970.
        virtual: The virtual time up to which all is decided, in studies with a declared cost.
        stop: Why the last tick stopped the study, or None.
        table: ``table[epoch][trial]`` is the trial's best finite value up to that epoch (its value at that epoch, where
            the last one counts): the rung table of the pruners. A trial that reported no finite value stands in it with
            the worst possible value; one that has not reported any is not in it, and is not judged.
        full_stage: The last stage of the search, which trains on the full problem: its trials alone are ranked.
        notes: What the ladder decided on its way, in words.
        ends: The tick at which each of its trials ended, in the order in which they did.
        best: The incumbent: the best of its trials so far, running ones included and failed ones not, or None; of
            equals the one with the lowest number. Where points are repeated, the best trial of the best point.
        spaces: The spaces that were declared, as JSON values: the first one and each that took its place.
        retries: Numbers of failed trials that the user asked to be tried again, in this order.
        again: How many trials tried an earlier one again.
        unfinished: Its trials that have not ended: those that train, and those that are paused.
        queue: Points that the user enqueued since the study was begun, each with a value for some or all dimensions.
        dequeued: How many trials of them have begun.
        brought: Results from elsewhere, which samplers observe and which are not ranked.
        alike: Number of the first trial that trained for as many epochs as those that begin now.
        version: Number of the version of the study's code that its trials are of, from 1; the whole log's is the last.
        begun: What began in the tick under way, or None.
        waiting: The rows that have come in the tick under way, by trial; they count once it is whole.
    """

    def __init__(self, goal: Goal, *, first: int = 0, version: int = 1) -> None:
        """Make an empty history.

        Args:
            goal: The metric and direction by which trials are ranked.
            first: Number of its first trial.
            version: The version of the study that its trials are of.
        """
        self.goal = goal
        self.version = version
        self.header: Header | None = None
        self.declaration = Declaration()
        self.trials: list[Trial] = Numbered(first)
        self.tick = -1
        self.time = 0.0
        self.virtual = 0.0
        self.stop: str | None = None
        self.table: dict[int, dict[int, float]] = {}
        self.full_stage = 0
        self.notes: list[str] = []
        self.ends: list[int] = []
        self.best: Trial | None = None
        self.spaces: list[dict[str, Any]] = []
        self.retries: list[int] = []
        self.again = 0
        self.queue: list[dict[str, Any]] = []
        self.dequeued = 0
        self.brought = Brought()
        self.alike = first
        self.begun: Begin | None = None
        self.waiting: dict[int, Row] = {}
        self.unfinished = Unfinished()
        self._repeats: set[tuple[int, int, int]] = set()  # that have begun: (stage, point, repeat)
        self.first = first
        self._current: History | None = None
        self._leader = Leader(goal, self.declaration.repeats)

    @classmethod
    def fold(cls, records: Iterable[Record], goal: Goal) -> History:
        """Return the history of these records."""
        history = cls(goal)
        for record in records:
            history.apply(record)
        return history

    def apply(self, record: Record) -> None:
        """Take in the next record of the log; raise a ValueError where it does not follow those before it."""
        if isinstance(record, Header):
            self.header, self.declaration, self.time = record, Declaration.of(record.declaration), record.time
            self.spaces.append(self.declaration.space)
            self.brought = Brought.of(record.brought)
            self.full_stage = len(self.declaration.scales) - 1
            self._lead()
        elif isinstance(record, Extension):
            if record.brought or "warm_start" not in record.declaration:
                self.brought = Brought.of(record.brought)
            if record.change == "new_version":
                self._begin_version(record)
            elif self._current is not None:
                self._current.apply(record)
            if self.declaration.epochs != record.declaration.get("epochs"):
                self.alike = self.first + len(self.trials)
            self.declaration, self.stop = Declaration.of(record.declaration), record.stop or None
            self.retries += record.retry
            self.queue += record.points
            self.brought = complete(self.trials, self.brought, record)
            if record.earlier:
                self._lead()
            if self.declaration.space != self.spaces[-1]:
                self.spaces.append(self.declaration.space)
        else:
            if record.tick != self.tick + 1:
                raise ValueError(f"tick {record.tick} follows tick {self.tick}")
            if isinstance(record, Arrival):
                self.waiting[record.row.trial] = record.row
                return
            for ask in record.asks:
                if self.begun is None or ask not in self.begun.asks:
                    self.begin(ask)
            for resume in record.resumes:
                if self.begun is None or resume not in self.begun.resumes:
                    self.resume_trial(resume)
            if isinstance(record, Begin):
                self.begun = record
                return
            self.arrive(record)
            self.decide(record)

    def begin(self, ask: Ask) -> None:
        """Take in that a trial begins; raise a ValueError where its number is not the next one."""
        if ask.trial != self.first + len(self.trials):
            raise ValueError(f"trial {ask.trial} follows trial {self.first + len(self.trials) - 1}")
        if self._current is not None:
            self._current.begin(ask)
        trial = Trial(ask, asked_at=self.time, version=self.version)
        self.trials.append(trial)
        trial.join(self.virtual)
        self.unfinished.begin(trial)
        if ask.stage == self.full_stage:
            self._leader.begin(trial)
        repeat = ask.stage, ask.point, ask.repeat
        self.again += repeat in self._repeats
        self.dequeued += ask.enqueued
        self._repeats.add(repeat)

    def resume_trial(self, resume: Resume) -> None:
        """Take in that a paused trial goes on."""
        self.unfinished.resume(resume.trial)
        if self._current is not None:
            self._current.resume_trial(resume)
        self.trials[resume.trial].resumes += (resume,)
        self.trials[resume.trial].join(self.virtual)

    def arrive(self, tick: Tick) -> None:
        """Take in the rows of a tick whose asks have begun, before anything is decided about them."""
        if self._current is not None:
            self._current.arrive(tick)
        self.tick, self.time = tick.tick, tick.time
        self.virtual = self.virtual if tick.due is None else tick.due
        self.begun = None
        self.notes += tick.notes
        changed: list[Trial] = []
        for row in tick.rows:
            self.waiting.pop(row.trial, None)
            if row.attributes:
                self.trials[row.trial].attributes |= row.attributes
            if row.is_empty:
                continue  # a generator that ended had nothing more to report
            trial = self.trials[row.trial]
            if trial.decision is not None or row.epoch != trial.epoch + 1:
                self._break(trial, row, tick)
                continue
            if trial.take(row, tick.tick, self.goal):
                changed.append(trial)
            if row.epoch == 1 and self.declaration.cost == virtual.MEASURED:
                trial.measure(row.seconds, self.virtual)
            if (rung_value := trial.shown(row, self.goal)) is not None:
                self.table.setdefault(row.epoch, {})[row.trial] = rung_value
        self._follow(changed)

    def _lead(self) -> None:
        """Find the incumbent anew among all trials, under the declaration that holds."""
        ranked = [trial for trial in self.trials if trial.ask.stage == self.full_stage]
        self._leader = Leader(self.goal, self.declaration.repeats, ranked)
        self._follow(ranked)

    def _follow(self, changed: Iterable[Trial]) -> None:
        """Find the incumbent after these trials have changed."""
        self.best = self._leader.update(changed) if self._current is None else self._current.best

    @property
    def best_point(self) -> Point | None:
        """The point of the incumbent, ranked by its mean over its repeats; or None."""
        return self._leader.best if self._current is None else self._current.best_point

    def decide(self, tick: Tick) -> None:
        """Take in the decisions of a tick that has already arrived."""
        if self._current is not None:
            self._current.decide(tick)
        for decision in tick.decisions:
            trial = self.trials[decision.trial]
            if trial.is_broken:
                continue
            if decision.action != "audit":
                self.waiting.pop(trial.number, None)
            if decision.action == "audit":
                trial.audit = decision
                continue
            if decision.action == "pause":
                trial.pauses += (Pause(trial.epoch, decision),)
                self.unfinished.pause(trial.number)
                continue
            trial.end(decision, tick.time)
            self.unfinished.end(trial.number)
            if trial.ask.stage == self.full_stage:
                self.ends.append(tick.tick)
        self._follow(self.trials[decision.trial] for decision in tick.decisions)
        self.stop = tick.stop

    def resume(self, stop: str | None) -> None:
        """Take in that a run takes the study up, and why it, too, has nothing to do under its limits, or None."""
        self.stop = stop
        if self._current is not None:
            self._current.stop = stop

    @property
    def current(self) -> History:
        """The history of the study's current version alone: everything that decides looks at this."""
        return self if self._current is None else self._current

    def _begin_version(self, extension: Extension) -> None:
        """Take in that trials from here on are of another version: nothing that was before decides any more."""
        if self.unfinished:
            raise ValueError(f"version {self.version + 1} begins while trials of the one before run")
        self.version += 1
        self._current = History(self.goal, first=self.first + len(self.trials), version=self.version)
        view = self._current
        view.header, view.declaration = self.header, Declaration.of(extension.declaration)
        view.full_stage = self.full_stage
        view.tick, view.time, view.virtual, view.brought = self.tick, self.time, self.virtual, self.brought
        view.spaces.append(view.declaration.space)
        view._lead()
        view.queue = self.queue[-(-self.dequeued // self.declaration.repeats) :]
        self.best, self._repeats, self.retries, self.again = None, set(), [], 0

    @property
    def roles(self) -> Roles:
        """What each stage is for."""
        return Roles(self.full_stage)

    def _break(self, trial: Trial, row: Row, tick: Tick) -> None:
        """Fail a trial whose log goes on with another epoch than its next: what follows is not its curve.

        Version 0.1 could write such rows where a study trained on several workers. The epochs before them stand.
        """
        if trial.is_broken:
            return
        self.unfinished.end(trial.number)
        if trial.decision is None and trial.ask.stage == self.full_stage:
            self.ends.append(tick.tick)
        trial.end(broken(trial, row), tick.time)
        trial.value, trial.best_epoch, trial.values = None, None, ()
        for column in self.table.values():
            column.pop(trial.number, None)
        self._follow([trial])

    @property
    def to_retry(self) -> list[int]:
        """Numbers of the failed trials that are still to be tried again."""
        return self.retries[self.again :]

    def failed(self) -> list[int]:
        """Return the numbers of the trials that failed, or broke after a good epoch, and are not tried again."""
        if self._current is not None:
            return self._current.failed()
        latest = {(trial.ask.stage, trial.ask.point, trial.ask.repeat): trial for trial in self.trials}
        failed = [trial.number for trial in latest.values() if trial.state == "FAILED" or trial.ended_badly]
        to_retry = set(self.to_retry)
        return [number for number in failed if number not in to_retry]

    def running(self) -> list[Trial]:
        """Return the trials that train, by number."""
        return self.unfinished.running

    def ended(self, *states: State) -> Iterator[Trial]:
        """Yield the trials in one of these states, by number."""
        return (trial for trial in self.trials if trial.state in states)

    def ranked(self) -> list[Trial]:
        """Return the search's trials on the full problem that have a value and did not fail, best point first."""
        return self.ranked_at(self.full_stage)

    def points(self, stage: int | None = None) -> list[Point]:
        """Return the points of a stage (None: the full problem's) with a value, best mean over repeats first."""
        if self._current is not None:
            return self._current.points(stage)
        stage = self.full_stage if stage is None else stage
        repeats = self.declaration.repeats if stage <= self.full_stage else 1  # what confirms has seeds of its own
        return ranked_points(self.goal, (trial for trial in self.trials if trial.ask.stage == stage), repeats)

    def front(self) -> list[Trial]:
        """Return the Pareto front: the best trials of the points that no other point dominates.

        With a single metric these are the best trial and its equals.
        """
        return [point.best for point in front(self.goal, self.points())]

    def ranked_at(self, stage: int) -> list[Trial]:
        """Return the trials of a stage that have a value and did not fail, best first."""
        return [trial for point in self.points(stage) for trial in (*point.trials, *point.others)]
