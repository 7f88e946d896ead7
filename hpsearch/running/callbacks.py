"""A user's functions that are called after each trial, in the process that runs the study and in the log's order."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hpsearch.engine.observer import Observer, StudyPlan
from hpsearch.errors import UserError
from hpsearch.log.history import History, Trial
from hpsearch.log.records import Tick
from hpsearch.objectives.broken import reason
from hpsearch.study.study import Study

Callback = Callable[[Study, Trial], None]
"""Takes the study and a trial that has just ended."""


class Callbacks:
    """An observer that calls a user's functions once a trial's end is on the disk, and forwards everything.

    A trial's end is told once: not again where the study is resumed.

    Args:
        inner: The observer to which everything is forwarded.
        study: The study that the callbacks are given.
        callbacks: Called in this order for each trial.
    """

    def __init__(self, inner: Observer, study: Study, callbacks: Sequence[Callback]) -> None:
        self._inner = inner
        self._study = study
        self._callbacks = tuple(callbacks)

    def begin(self, history: History, plan: StudyPlan) -> None:
        """Forward that a study begins."""
        self._inner.begin(history, plan)

    def tick(self, history: History, record: Tick) -> None:
        """Call for each trial that ended in a tick, by number.

        Raises:
            UserError: A callback raised something; the trial is in the log.
        """
        self._inner.tick(history, record)
        for decision in record.decisions:
            if decision.action != "audit":
                for callback in self._callbacks:
                    self._call(callback, history.trials[decision.trial])

    def message(self, text: str) -> None:
        """Forward a notice."""
        self._inner.message(text)

    def end(self, history: History) -> None:
        """Forward that the run has ended."""
        self._inner.end(history)

    def _call(self, callback: Callback, trial: Trial) -> None:
        try:
            callback(self._study, trial)
        except (Exception, SystemExit) as error:  # whatever the user's code raises ends the run in one line
            name = getattr(callback, "__qualname__", type(callback).__name__)
            raise UserError(
                f"callback {name} failed after trial {trial.number}: {reason(error)}; the trial is in the log, and the "
                "same call goes on behind it"
            ) from error


def checked(callbacks: Sequence[Callback]) -> tuple[Callback, ...]:
    """Return callbacks as a tuple of functions.

    Raises:
        UserError: Something among them is no function.
    """
    if callable(callbacks) or not isinstance(callbacks, Sequence):
        raise UserError(f"callbacks must be a list of functions of (study, trial), not {callbacks!r}")
    for callback in callbacks:
        if not callable(callback):
            raise UserError(f"callbacks must be a list of functions of (study, trial); {callback!r} is none")
    return tuple(callbacks)
