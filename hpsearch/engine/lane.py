"""A lane of a study whose decisions look back: how far it has come ahead of the log, and what it goes by."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from hpsearch.errors import UserError
from hpsearch.ladder.dealt import Dealt
from hpsearch.log.history import History, Trial
from hpsearch.log.records import Ask, Decision, Row
from hpsearch.log.sight import View, sight
from hpsearch.pruners.base import Pruner
from hpsearch.study.goal import Goal

Judge = Callable[[History, Row, Pruner], list[Decision]]
"""Returns what is decided about the trial that brought a row."""


@dataclass(frozen=True)
class DecidedEpoch:
    """An epoch that is decided and not in the log yet.

    Attributes:
        due: When it was due.
        row: What it brought, under the trial's key.
        decisions: What was decided.
    """

    due: float
    row: Row
    decisions: tuple[Decision, ...]


@dataclass(frozen=True)
class Birth:
    """A trial that has begun and is not in the log yet.

    Attributes:
        at: The virtual time at which it began.
        ask: Its ask, under its key.
    """

    at: float
    ask: Ask


class Lane:
    """One lane.

    Args:
        number: Its number.
        dealt: What it tries.
        pruner: Stops its trials.
        view: What it sees of the others.
        cost: Returns what an epoch of a trial costs.
        goal: The study's.

    Attributes:
        trial: The trial that trains, under its key and with all of its rows, or None.
        decided: Its epochs that are not in the log yet, in order.
        births: Its trials that are not in the log yet, in order.
        closed: It begins no more trials.
    """

    def __init__(
        self,
        number: int,
        dealt: Dealt,
        pruner: Pruner,
        view: View,
        cost: Callable[[dict[str, Any]], float | None],
        goal: Goal,
    ) -> None:
        self.number = number
        self.view = view
        self.trial: Trial | None = None
        self.decided: deque[DecidedEpoch] = deque()
        self.births: deque[Birth] = deque()
        self.closed = False
        self._dealt, self._pruner = dealt, pruner
        self._cost, self._goal = cost, goal
        self._begun = 0
        self._last_params: dict[str, Any] = {}
        self._shown: dict[int, float] = {}
        self._logged: int | None = None

    @property
    def due(self) -> float | None:
        """When the first of its epochs is due that is not in the log; None where there is none."""
        if self.decided:
            return self.decided[0].due
        return None if self.trial is None else self.trial.due

    def took(self, trial: Trial) -> None:
        """Take in a trial of the log that began here, in the order of the log; the one that runs is taken up."""
        self._begun, self._last_params = self._begun + 1, trial.params
        if trial.state == "RUNNING":
            self._set(Trial(trial.ask.trained, trial.asked_at, audit=trial.audit, phases=trial.phases))
            self._logged = trial.number
            for row in trial.rows:
                self._take(replace(row, trial=trial.ask.key))

    def begin(self, moment: float, look: float) -> Ask | None:
        """Begin the next trial at a virtual time, and return its ask; None where there is none."""
        proposal = self._dealt.next(self.view.at(moment - look), self._begun, self._last_params)
        if proposal is None:
            self.closed = True
            return None
        place = self._dealt.place(self._begun)
        ask = Ask(
            place,
            self.number,
            proposal.params,
            proposal.point,
            proposal.repeat,
            rejected=proposal.rejected,
            cost=self._cost(proposal.params),
            place=place,
        )
        self._begun, self._last_params = self._begun + 1, proposal.params
        trial = Trial(ask, asked_at=0.0)
        trial.join(moment)
        self._set(trial)
        self._logged = None
        self.births.append(Birth(moment, ask))
        return ask

    def numbered(self, ask: Ask) -> None:
        """Take in the number that the first trial has which was not in the log."""
        self.births.popleft()
        if self.trial is not None and self.trial.number == ask.key:
            self._logged = ask.trial

    def decide(self, row: Row, look: float, judge: Judge) -> bool:
        """Decide about the next epoch of the trial, and return whether the trial goes on.

        Raises:
            UserError: The pruner pauses it.
        """
        assert self.trial is not None, "it brought a row"
        due = self.trial.due
        self._take(row)
        seen, number = sight(self.view.at(due - look), self.trial, self._shown, self._logged)
        decisions = tuple(judge(seen, replace(row, trial=number), self._pruner))
        self.decided.append(DecidedEpoch(due, row, decisions))
        for decision in decisions:
            if decision.action == "pause":
                raise UserError(f"the pruner pauses trials ({decision.reason}), which goes with lookback=0 alone")
            if decision.action == "audit":
                assert self.trial is not None, "it still runs"
                self.trial.audit = decision
            else:
                self.trial = None
        return self.trial is not None

    def close(self) -> list[int]:
        """Throw away all that is not in the log, and return the keys of the trials: the study has all of its trials."""
        keys = [birth.ask.trial for birth in self.births]
        self.decided.clear()
        self.births.clear()
        self.trial, self.closed = None, True
        return keys

    def _set(self, trial: Trial) -> None:
        self.trial, self._shown = trial, {}

    def _take(self, row: Row) -> None:
        assert self.trial is not None, "it brought a row"
        if row.attributes:
            self.trial.attributes = {**self.trial.attributes, **row.attributes}
        if row.is_empty:
            return
        self.trial.take(row, len(self.trial.rows), self._goal)
        if (value := self.trial.shown(row, self._goal)) is not None:
            self._shown[row.epoch] = value
