"""The clock of studies whose decisions look back: no lane waits for one that is a little behind in virtual time.

A decision about a trial at virtual time v sees of the others exactly what was due at or before v − D, never a row more
that happens to have arrived; of the trial itself it sees all. So a lane whose trial has done an epoch goes on as soon
as the log has come to v − D, and what it goes on with is a function of the declaration alone. What lanes have decided
ahead of the log is held here and written in virtual order, and only then has a trial its number.
"""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property

from hpsearch.engine.clock import Clock
from hpsearch.engine.executor import POLL_SECONDS
from hpsearch.engine.lane import Lane
from hpsearch.engine.pace import Launch, Launching
from hpsearch.engine.verdicts import verdicts
from hpsearch.ladder.dealt import Dealt
from hpsearch.log.history import History, Trial
from hpsearch.log.records import Ask, Begin, Decision, Record, Row, Tick
from hpsearch.log.sight import Lines, View
from hpsearch.objectives.base import Start
from hpsearch.pruners.base import Pruner

Desk = Callable[[int], tuple[Dealt, Pruner]]
"""Returns what a lane goes by: a sampler and a pruner of its own, as each remembers what it has seen."""


@dataclass
class LookingBack(Clock):
    """Runs a study with a declared cost whose decisions look back.

    Attributes:
        lookback: How far, in mean costs of the trials with which the study begins.
        desk: Says what each lane goes by.
    """

    lookback: float = 0.0
    desk: Desk = field(kw_only=True)

    def __post_init__(self) -> None:
        self._look = 0.0
        self._points_begun = 0
        self._due = -math.inf

    @cached_property
    def _lanes(self) -> list[Lane]:
        """The lanes as the log leaves them; those that are free begin their next trials."""
        history = self.history
        desks = [self.desk(number) for number in range(self.n_lanes)]
        lines = Lines(self._written())
        begun = history.trials[: self.n_lanes]
        self._look = self._mean([trial.ask for trial in begun])
        view = View(lines, History(history.goal))
        seen = view.at(history.virtual - self._look if begun else -math.inf)
        views = [view, *(View(lines, copy, view.place) for copy in _copies(seen, self.n_lanes - 1))]
        self._lines = lines
        lanes = [Lane(number, *desk, views[number], self.pace.cost, history.goal) for number, desk in enumerate(desks)]
        for trial in history.trials:
            lanes[trial.ask.lane].took(trial)
            self._points_begun += trial.ask.repeat == 0
        free = [lane for lane in lanes if lane.trial is None]
        asks = [self._begin(lane, history.virtual) for lane in free]
        if not begun:
            self._look = self._mean([ask for ask in asks if ask is not None][: self.ladder.total])
        return lanes

    def _mean(self, asks: list[Ask]) -> float:
        costs = [ask.cost for ask in asks if ask.cost is not None]
        return self.lookback * math.fsum(costs) / len(costs) if costs else 0.0

    def _written(self) -> list[Record]:
        """Return the log so far; of a study that is written nowhere, what it began with."""
        return self.log.written() or ([] if self.history.header is None else [self.history.header])

    @cached_property
    def _workers(self) -> Launching | None:
        """The objective, where it trains ahead of what is asked for."""
        return self.objective if isinstance(self.objective, Launching) else None

    def settle(self, record: Tick) -> Tick:
        """Take a tick in, decide about the study, write it, and return it with its decisions."""
        settled = super().settle(record)
        self._lines.append(settled)
        if (workers := self._workers) is not None:
            for row in settled.rows:
                workers.logged(self.history.trials[row.trial].ask.key, row.epoch)
        return settled

    def _fill(self, tick: int) -> Begin:
        """Give the trials that began with the last line their numbers, in lane order; throw away those in excess."""
        asks: list[Ask] = []
        points = math.inf if self.ladder.total is None else math.ceil(self.ladder.total / self._repeats)
        for lane in self._lanes:
            if not lane.births or lane.births[0].at > self.history.virtual:
                continue
            ask = replace(lane.births[0].ask, trial=len(self.history.trials))
            if self._is_full or (ask.repeat == 0 and self._points_begun >= points):
                for key in lane.close():
                    self.objective.stop(key)
                continue
            self._points_begun += ask.repeat == 0
            lane.numbered(ask)
            self.history.begin(ask)
            asks.append(ask)
        return Begin(tick, self.now(), tuple(asks))

    @property
    def _repeats(self) -> int:
        return self.history.declaration.repeats

    @property
    def _is_full(self) -> bool:
        total = self.ladder.total
        return total is not None and len(self.history.trials) >= total

    def _rows(self, lanes: list[Trial], running: list[Trial], begin: Begin) -> tuple[Row, ...]:
        """Return the rows of the next line; meanwhile lanes go on as far as they may."""
        due = [self._lanes[trial.lane] for trial in lanes]
        self._due = lanes[0].due if lanes else math.inf
        for lane in self._lanes:
            lane.view.at(self._due - self._look)
        self._lines.forget(min(lane.view.place for lane in self._lanes))
        patience = 0.0
        while patience == 0.0 or any(not lane.decided for lane in due):
            local = [lane for lane in due if not lane.decided and self._trains_here(lane)]
            if local:
                self._train(local)
                patience = POLL_SECONDS if self._workers is None else 0.0
            elif self._workers is not None:
                self._workers.launch(self._wanted())
                self._workers.turn(patience)
                patience = 0.0 if self._collect() else POLL_SECONDS
            else:
                patience = POLL_SECONDS
        return tuple(replace(lane.decided[0].row, trial=t.number) for lane, t in zip(due, lanes, strict=True))

    def _judge(self, rows: tuple[Row, ...]) -> list[Decision]:
        """Return what was decided about the trials whose rows are written now."""
        epochs = [(row, self._lanes[row.lane].decided.popleft()) for row in rows]
        decisions = [replace(decision, trial=row.trial) for row, epoch in epochs for decision in epoch.decisions]
        return sorted(decisions, key=lambda decision: decision.trial)

    def _wanted(self) -> list[Launch]:
        trials = [lane.trial for lane in self._lanes if lane.trial is not None]
        return [Launch(trial.number, trial.begins(trial.epoch + 1), trial.due) for trial in trials]

    def _trains_here(self, lane: Lane) -> bool:
        """Return whether the trial of a lane trains when it is asked to, and not before."""
        assert lane.trial is not None, "its row is wanted"
        return self._workers is None or self._workers.waits(lane.trial.number)

    def _train(self, lanes: list[Lane]) -> None:
        """Train the trials of these lanes, those together that begin an epoch at one multiple."""
        together: dict[int, list[Lane]] = {}
        for lane in lanes:
            assert lane.trial is not None, "its row is wanted"
            together.setdefault(lane.trial.begins(lane.trial.epoch + 1), []).append(lane)
        for begins, group in together.items():
            keys = [lane.trial.number for lane in group if lane.trial is not None]
            for lane, row in zip(group, self.objective.advance(keys, begins), strict=True):
                self._step(lane, row)

    def _collect(self) -> bool:
        """Decide about all epochs that have been trained and may be decided about; return whether there was one."""
        assert self._workers is not None, "others bring rows when they are asked to"
        decided = False
        for lane in self._lanes:
            while (trial := lane.trial) is not None and trial.due - self._look < self._due:
                row = self._workers.brought(trial.number, trial.begins(trial.epoch + 1))
                if row is None:
                    break
                self._step(lane, row)
                decided = True
        return decided

    def _step(self, lane: Lane, row: Row) -> None:
        """Take in what a lane has brought, and have it go on."""
        if not lane.decide(row, self._look, self._verdicts):
            self._begin(lane, lane.decided[-1].due)

    def _verdicts(self, seen: History, row: Row, pruner: Pruner) -> list[Decision]:
        return verdicts(seen, [row], self.ladder, pruner, self.limits, self.objective.epochs)

    def _begin(self, lane: Lane, moment: float) -> Ask | None:
        """Begin a lane's next trial, unless all have begun; that it is one too many is known when it is written."""
        ask = None if self._is_full or lane.closed else lane.begin(moment, self._look)
        if ask is not None:
            self.objective.start(Start(ask))
        return ask


def _copies(history: History, count: int) -> list[History]:
    pickled = pickle.dumps(history)
    return [pickle.loads(pickled) for _ in range(count)]
