"""Trials that are paused: what becomes of their states while they wait, and how they go on.

A paused trial stays where it trained, so that going on costs nothing. At a checkpoint its state is saved, once, in a
file of its own that any process can take up; of those that wait longest only the file is kept. A function's code cannot
be saved: it stays parked, and after a kill it goes on from its checkpoint folder, or from its start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from hpsearch.engine.checkpoints import Checkpoints
from hpsearch.engine.resume import take_up
from hpsearch.log.history import History
from hpsearch.log.records import Decision, Resume
from hpsearch.objectives.base import Objective, Start

HELD = 64
"""Paused trials whose states stay in memory once they are saved; of others the file is read when they go on."""

UNTIL = "until"
"""The rule by which a trial is paused at the epoch that was named when it began or was resumed."""

LEFT = "paused"
"""The rule by which a trial ends that was paused when nothing else was left to train."""


class Paused:
    """The paused trials of a study, as the objective has them.

    Args:
        objective: What the lanes run.
        checkpoints: Where states are saved.
        history: The fold of the log.
        notice: Called with a line about what has to be trained again.
    """

    def __init__(
        self, objective: Objective, checkpoints: Checkpoints, history: History, notice: Callable[[str], None]
    ) -> None:
        self._objective = objective
        self._checkpoints = checkpoints
        self._history = history
        self._notice = notice
        self._held: dict[int, int] = {}
        """Trials that the objective has, with the epochs at which they were last saved, in the order of pausing."""

    def pause(self, trial: int) -> None:
        """Take in that a trial is paused; the objective keeps it."""
        self._held[trial] = 0

    def resume(self, resume: Resume) -> None:
        """Have the objective train a trial again from the next epoch on."""
        if self._held.pop(resume.trial, None) is not None:
            return
        trial = self._history.trials[resume.trial]
        again = take_up(self._history, [trial], self._objective, self._checkpoints, self._notice)
        if again:
            self._notice(
                f"paused trial {trial.number} goes on after epoch {trial.epoch}; what was not saved of it was trained "
                f"again: {again} epoch{'s' if again > 1 else ''}"
            )

    def end(self, trial: int) -> bool:
        """Forget a trial that has ended, and return whether the objective still has it."""
        record = self._history.trials[trial]
        if not record.pauses:
            return True
        self._checkpoints.forget(trial)
        held = self._held.pop(trial, None) is not None
        return held or len(record.resumes) == len(record.pauses)

    def save(self, tick: int, states: Iterable[Start]) -> None:
        """Save the trials that train, and once those that are paused; let go of those that wait longest.

        Raises:
            OSError: The disk is full or read-only.
        """
        running = []
        for start in states:
            number = start.ask.trial
            if number not in self._held:
                running.append(start)
            elif start.state is not None and start.epoch > self._held[number]:
                self._checkpoints.save_paused(start)
                self._held[number] = start.epoch
        self._checkpoints.save(tick, running)
        saved = [number for number, epoch in self._held.items() if epoch]
        for number in saved[: max(0, len(saved) - HELD)]:
            del self._held[number]
            self._objective.stop(number)


def at_its_epoch(history: History, numbers: Iterable[int], decided: Sequence[Decision]) -> list[Decision]:
    """Return the decisions to pause the trials that have come to the epoch that they were to be trained to.

    Args:
        history: The study, this tick's rows taken in.
        numbers: The trials that may go on.
        decided: What is decided about some of them already.
    """
    ended = {decision.trial for decision in decided if decision.action != "audit"}
    pauses = []
    for number in numbers:
        trial = history.trials[number]
        if number not in ended and trial.until is not None and trial.epoch >= trial.until:
            reason = f"trained to epoch {trial.until}, as was decided when it {'went on' if trial.resumes else 'began'}"
            pauses.append(Decision(number, "pause", reason, UNTIL, {"epoch": trial.epoch}))
    return pauses


def left(history: History) -> tuple[Decision, ...]:
    """Return how the trials end that are paused when nothing else is left to train."""
    return tuple(
        Decision(trial.number, "prune", f"paused at epoch {trial.epoch}, and the search went on without it", LEFT)
        for trial in history.unfinished.paused
    )
