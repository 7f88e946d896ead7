"""An objective whose trials run in child processes, one at a time: what a trial does to its process stays there.

A child outlives its trial and takes the next one up. Time and memory of a trial can be limited, as a process can be
killed in the middle of anything.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from hpsearch.errors import UserError
from hpsearch.log.history import FAILURE
from hpsearch.log.records import Row
from hpsearch.objectives.base import Start
from hpsearch.objectives.portable import Maker, pack
from hpsearch.objectives.processes import start

POLL_SECONDS = 0.05
"""Seconds between two looks at a child's time and memory."""

GRACE_SECONDS = 5.0
"""How long a child may take to end by itself once its pipe is closed."""


class _BrokenLimit(NamedTuple):
    """A limit of the study that a trial breaks.

    Attributes:
        rule: The limit, as a row names it.
        reason: How it was broken, in words.
    """

    rule: str
    reason: str


class Isolated:
    """Runs the trials of an objective in processes of their own.

    Args:
        maker: Makes the objective from the data, in a child; packed, where it has come from another process.
        data: The study's data, or None.
        epochs: Most epochs of a trial.
        timeout: Seconds that a trial may train, over all its epochs, or None.
        memory: Bytes that a trial's process may hold, or None.
    """

    def __init__(
        self, maker: Maker | bytes, data: Any, epochs: int, timeout: float | None = None, memory: float | None = None
    ) -> None:
        self.epochs = epochs
        self._maker = maker if isinstance(maker, bytes) else pack(maker)
        self._data = data
        self._timeout = timeout
        self._memory = memory
        self._starts: dict[int, Start] = {}
        self._epochs_done: dict[int, int] = {}
        self._seconds_spent: dict[int, float] = {}
        self._end_rows: dict[int, Row] = {}
        self._busy: dict[int, _Child] = {}
        self._idle: list[_Child] = []
        self._on_row: Callable[[Row], None] = lambda row: None

    def start(self, trial: Start) -> None:
        """Take a trial in; it gets a process with its first epoch."""
        number = trial.ask.trial
        self._starts[number] = trial
        self._epochs_done[number] = trial.epoch
        self._seconds_spent[number] = 0.0

    def advance(self, trials: Sequence[int], tick: int) -> list[Row]:
        """Run each of these trials to its next report; one whose process ends, or breaks a limit, fails."""
        rows = []
        for number in trials:
            over = self._end_rows.get(number)
            row = (
                replace(over, epoch=self._epochs_done[number] + 1, metrics={}) if over else self._advance(number, tick)
            )
            self._epochs_done[number] = row.epoch
            if row.ended and over is None:
                self._end_rows[number] = row
                self._release(number)
            self._on_row(row)
            rows.append(row)
        return rows

    def tell(self, arrived: Callable[[Row], None]) -> None:
        """Call a function with each row as soon as it is there."""
        self._on_row = arrived

    def states(self) -> list[Start]:
        """Return nothing: running code cannot be saved."""
        return []

    def stop(self, trial: int) -> None:
        """Forget a trial; its process takes the next one up."""
        for by_trial in (self._starts, self._epochs_done, self._seconds_spent, self._end_rows):
            by_trial.pop(trial, None)
        self._release(trial)

    def _release(self, trial: int) -> None:
        """Take a trial from its process, which is free for another one then."""
        child = self._busy.pop(trial, None)
        if child is not None:
            try:
                child.connection.send(("stop", trial))
            except OSError:
                child.kill()
            else:
                self._idle.append(child)

    def __enter__(self) -> Isolated:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all processes."""
        children = [*self._idle, *self._busy.values()]
        self._idle, self._busy = [], {}
        for child in children:
            child.connection.close()
        for child in children:
            child.end()

    def _advance(self, number: int, tick: int) -> Row:
        start, begun = self._starts[number], time.perf_counter()
        child = self._busy.get(number)
        try:
            if child is None:
                child = self._idle.pop() if self._idle else _Child(self._maker, self._data)
                self._busy[number] = child
                child.connection.send(("start", start))
                begun = time.perf_counter()
            child.connection.send(("advance", [number], tick))
            broken = self._await(child, self._seconds_spent[number], begun)
            if broken is None:
                row: Row = child.connection.recv()
                self._seconds_spent[number] += row.seconds
                return row
            rule, reason = broken.rule, broken.reason
        except (EOFError, OSError):
            assert child is not None
            rule = FAILURE
            reason = f"its process ended ({child.exit_reason()}) while it trained"
        child.kill()
        self._busy.pop(number, None)
        seconds = time.perf_counter() - begun
        return Row(number, start.ask.lane, self._epochs_done[number] + 1, {}, seconds, failure=reason, rule=rule)

    def _await(self, child: _Child, spent: float, begun: float) -> _BrokenLimit | None:
        """Wait for a child's answer; return the limit that it breaks, or None."""
        while not child.connection.poll(POLL_SECONDS if self._memory or self._timeout else None):
            if self._timeout is not None and spent + time.perf_counter() - begun > self._timeout:
                return _BrokenLimit("timeout", f"trained for longer than trial_timeout={self._timeout:g} s")
            if self._memory is not None and (held := child.memory()) > self._memory:
                reason = f"held {held / 1e6:,.0f} MB, more than trial_memory={self._memory / 1e6:,.0f} MB"
                return _BrokenLimit("memory", reason)
        return None


class _Child:
    """A process, and the pipe to it."""

    def __init__(self, maker: bytes, data: Any) -> None:
        parent_end, child_end = Pipe()
        self.connection: Connection[Any, Any] = parent_end
        self.process = start("hpsearch.objectives.child", [child_end.fileno()])
        child_end.close()
        try:
            parent_end.send((maker, data))
            parent_end.recv()  # once it is ready: the time to start it is not the trial's
        except (EOFError, OSError) as error:
            raise UserError(
                f"the objective cannot run in a process of its own: that ended ({self.exit_reason()})"
            ) from error

    def memory(self) -> int:
        """Return the bytes that the process holds; 0 where that cannot be seen."""
        if sys.platform == "linux":
            with contextlib.suppress(OSError, IndexError):  # it has ended
                return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
            return 0
        output = subprocess.run(
            ["ps", "-o", "rss=", "-p", str(self.process.pid)], capture_output=True, text=True, check=False
        ).stdout
        return int(output or 0) * 1024

    def exit_reason(self) -> str:
        """Return in words how the process ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(GRACE_SECONDS)
        code = self.process.returncode
        if code is None:
            return "its pipe was closed"
        return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"

    def end(self) -> None:
        """Let the process end by itself, and kill it where it does not."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(GRACE_SECONDS)
        self.kill()

    def kill(self) -> None:
        """Kill the process and what it started."""
        self.connection.close()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
