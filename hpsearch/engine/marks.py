"""Which trial's code runs: a mark that is there before it begins, and survives the death of the process.

A trial that ends its process (``os._exit``, a fault in a library, no memory) cannot say so itself. The mark says so to
the next run: that trial then runs in a child, where its end is its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack, nullcontext
from pathlib import Path
from types import TracebackType

from hpsearch.log.records import Row
from hpsearch.objectives.base import Objective, Start
from hpsearch.objectives.isolated import Isolated
from hpsearch.objectives.surroundings import Surrounded

RUNNING = "running"
SUSPECTS = "suspects"
_WIDTH = 20


class Marks:
    """The mark of a study, and the trials under whose mark a process died.

    Not synced: it outlives the process, and a machine that dies was not killed by a trial.

    Args:
        folder: The study's folder, which its log's lock holds.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / SUSPECTS
        self._file = os.open(folder / RUNNING, os.O_RDWR | os.O_CREAT, 0o644)
        self.suspects = set(map(int, self._path.read_text().split())) if self._path.exists() else set()
        left = os.pread(self._file, _WIDTH, 0).strip()
        if left.isdigit():
            self.suspects.add(int(left))
            partial = self._path.with_suffix(".partial")
            partial.write_text(" ".join(map(str, sorted(self.suspects))))
            partial.replace(self._path)
        self.clear()

    def set(self, trial: int) -> None:
        """Say that a trial's code is about to run."""
        os.pwrite(self._file, b"%*d" % (_WIDTH, trial), 0)

    def clear(self) -> None:
        """Say that no trial's code runs."""
        os.pwrite(self._file, b" " * _WIDTH, 0)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


class Marked:
    """Runs each trial under its mark, and those in a child under whose mark a process died.

    Args:
        objective: Runs trials in this process.
        apart: Makes what runs them in children.
        folder: The study's folder.
    """

    def __init__(self, objective: Objective, apart: Callable[[], Isolated], folder: Path) -> None:
        self.epochs = objective.epochs
        self._here = objective
        self._make_apart = apart
        self._apart: Isolated | None = None
        self._marks = Marks(folder)
        self._stack = ExitStack()
        self._on_row: Callable[[Row], None] = lambda row: None

    def __enter__(self) -> Marked:
        self._stack.callback(self._marks.close)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._marks.clear()  # whatever ends the run in order was not a trial that took the process with it
        self._stack.__exit__(kind, error, trace)

    def start(self, trial: Start) -> None:
        """Take a trial in."""
        self._of(trial.ask.trial).start(trial)

    def advance(self, trials: Sequence[int], tick: int) -> list[Row]:
        """Train each of these trials for one epoch."""
        rows = []
        with self._here.held() if isinstance(self._here, Surrounded) else nullcontext():
            for number in trials:
                if number in self._marks.suspects:
                    self._marks.clear()
                else:
                    self._marks.set(number)
                (row,) = self._of(number).advance([number], tick)
                self._on_row(row)
                rows.append(row)
        self._marks.clear()
        return rows

    def tell(self, arrived: Callable[[Row], None]) -> None:
        """Call a function with each row as soon as it is there."""
        self._on_row = arrived

    def states(self) -> list[Start]:
        """Return the trials that can be saved."""
        return self._here.states()

    def stop(self, trial: int) -> None:
        """Forget a trial."""
        if trial not in self._marks.suspects:
            self._marks.set(trial)  # its clean-up is its code too
        self._of(trial).stop(trial)
        self._marks.clear()

    def _of(self, trial: int) -> Objective:
        if trial not in self._marks.suspects:
            return self._here
        if self._apart is None:
            self._apart = self._stack.enter_context(self._make_apart())
        return self._apart
