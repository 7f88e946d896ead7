"""Training that begins in this process and goes on in workers once that pays: what ``--workers auto`` is.

Where a trial trains never changes what it brings, so measured seconds may decide when workers are started, and a study
may go over to them in the middle.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

from hpsearch.engine.executor import Executor
from hpsearch.engine.local_crew import LocalCrew
from hpsearch.engine.pace import Launch, Launching
from hpsearch.errors import UserError
from hpsearch.log.records import Row
from hpsearch.objectives.base import Keeping, KeptModel, Objective, Start

AFTER_SECONDS = 8.0
"""CPU seconds that a study trains in this process before workers are started: a study of seconds has none."""

WORTH_SECONDS = 0.02
"""CPU seconds that a tick must take: of a shorter one most would be spent on the way to the workers and back."""


class Growing:
    """An objective that trains here, and on the workers of this machine from the tick on at which they are ready.

    Trials whose states can be saved move there as they stand; others end where they began.

    Args:
        here: Trains in this process.
        hire: Makes the workers, whose processes have not been started.
        executor: Makes what has trials trained by them.
        notice: Called with a line once workers train, or where there are none.
        spent: A clock that counts the seconds which this process has computed.
    """

    def __init__(
        self,
        here: Objective,
        hire: Callable[[], LocalCrew],
        executor: Callable[[LocalCrew], Executor],
        notice: Callable[[str], None],
        spent: Callable[[], float] = time.process_time,
    ) -> None:
        self.epochs = here.epochs
        self._here = here
        self._hire = hire
        self._executor = executor
        self._notice = notice
        self._spent = spent
        self._local: set[int] = set()
        self._trained = 0.0
        self._crew: LocalCrew | None = None
        self._there: Executor | None = None
        self._alone = False
        self._stack = ExitStack()

    def __enter__(self) -> Growing:
        return self

    def __exit__(self, *raised: Any) -> None:
        """End the workers."""
        self._stack.__exit__(*raised)

    def start(self, trial: Start) -> None:
        """Take a trial in, where trials train now."""
        if self._there is None:
            self._local.add(trial.ask.trial)
            self._here.start(trial)
        else:
            self._there.start(trial)

    def advance(self, trials: Sequence[int], tick: int) -> list[Row]:
        """Train each of these trials for one epoch."""
        self._go_over()
        local = [number for number in trials if number in self._local]
        remote = [number for number in trials if number not in self._local]
        rows = self._there.advance(remote, tick) if self._there is not None and remote else []
        if local:
            begun = self._spent()
            rows += self._here.advance(local, tick)
            self._consider(len(local), self._spent() - begun)
        by_trial = {row.trial: row for row in rows}
        return [by_trial[number] for number in trials]

    def launch(self, trials: Sequence[Launch]) -> None:
        """Have those that workers train go ahead of what is decided, where they can."""
        if isinstance(self._there, Launching):
            self._there.launch([launch for launch in trials if launch.trial not in self._local])

    def rewind(self, trial: int) -> None:
        """Forget what a trial trained beyond its last row: it is paused."""
        if trial not in self._local and isinstance(self._there, Launching):
            self._there.rewind(trial)

    def waits(self, trial: int) -> bool:
        """Return whether a trial trains here, which it does when its row is asked for."""
        return trial in self._local

    def turn(self, patience: float) -> None:
        """Have workers train, and take in what they bring."""
        if isinstance(self._there, Launching):
            self._there.turn(patience)

    def brought(self, trial: int, tick: int) -> Row | None:
        """Return the next row of a trial that a worker has trained, or None."""
        if trial in self._local or not isinstance(self._there, Launching):
            return None
        return self._there.brought(trial, tick)

    def logged(self, trial: int, epoch: int) -> None:
        """Take in that the log has a trial's rows up to an epoch."""
        if trial not in self._local and isinstance(self._there, Launching):
            self._there.logged(trial, epoch)

    def states(self) -> list[Start]:
        """Return the trials that can be saved."""
        return self._here.states() + ([] if self._there is None else self._there.states())

    def stop(self, trial: int) -> None:
        """Forget a trial."""
        if trial in self._local:
            self._local.remove(trial)
            self._here.stop(trial)
        else:
            assert self._there is not None, "a trial that does not train here trains in a worker"
            self._there.stop(trial)

    def keep(self, trial: int) -> None:
        """Keep a copy of a trial's model where it trains here; of others the winner is trained once more."""
        if trial in self._local and isinstance(self._here, Keeping):
            self._here.keep(trial)

    def kept(self) -> KeptModel | None:
        """Return whose model is kept, or None."""
        return self._here.kept() if isinstance(self._here, Keeping) else None

    def model(self) -> Any:
        """Return the kept model as a fitted scikit-learn estimator."""
        assert isinstance(self._here, Keeping), "a model is kept"
        return self._here.model()

    def _consider(self, trials: int, seconds: float) -> None:
        """Start workers where the study has trained for long and several trials of it can train at a time."""
        self._trained += seconds
        pays = trials > 1 and self._trained >= AFTER_SECONDS and seconds >= WORTH_SECONDS
        if not pays or self._alone or self._crew is not None:
            return
        try:
            crew = self._hire()
            self._stack.enter_context(crew)
        except (UserError, OSError) as error:
            self._stay(error)
        else:
            self._crew = crew

    def _go_over(self) -> None:
        """Move the trials to the workers where these have become ready since the last tick."""
        if self._crew is None or self._there is not None:
            return
        try:
            if not self._crew.all_ready():
                return
        except UserError as error:
            self._stay(error)
            return
        self._there = self._stack.enter_context(self._executor(self._crew))
        for start in self._here.states():
            if start.ask.trial in self._local:
                self._there.start(start)
                self._local.remove(start.ask.trial)
                self._here.stop(start.ask.trial)
        self._notice(
            f"{self._crew.size} worker processes train from here on (--workers 1 keeps a study in one process)"
        )

    def _stay(self, error: Exception) -> None:
        """Go on in this process alone, and say why."""
        self._notice(f"no worker processes: {error}; training goes on in this process")
        self._stack.close()
        self._crew, self._alone = None, True
