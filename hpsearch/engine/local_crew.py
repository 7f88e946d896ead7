"""Workers on this machine, without a cluster: processes of the standard library, each at the end of a pipe.

A worker that dies is replaced. All of them end with the coordinator, however that ends, and leave Ctrl-C to it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import struct
import subprocess
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, Pipe, wait
from typing import Any

from hpsearch.engine.crew import Answer
from hpsearch.engine.remote import Job
from hpsearch.errors import UserError
from hpsearch.objectives.portable import Maker, pack
from hpsearch.objectives.processes import start
from hpsearch.objectives.shared_data import share

START_SECONDS = 60.0
"""Most seconds to wait for the workers to be ready, all together."""

TRANSFER_SECONDS = 60.0
"""Most seconds that a message may take once a worker has begun to send or to receive it."""

STOPPED_SECONDS = 30.0
"""A worker that somebody has stopped (SIGSTOP) is given up after so many seconds."""

SPARE_SECONDS = 2.0
"""Spare workers start so long after the others are ready: a study of seconds has none, and none starts beside them."""

GRACE_SECONDS = 5.0
"""How long workers may take to end by themselves once their pipes are closed, all together."""

REFUSALS = 3
"""So many workers in a row that end before they are ready end the run."""


@dataclass
class _Worker:
    """A process, the pipe to it, and the jobs that wait for it.

    Attributes:
        process: The process.
        pipe: Our end of the pipe.
        ready: It has loaded the data.
        errand: The job that it is at, or None.
        waiting: The jobs that it is given next: one is sent when the one before has been answered.
        stopped_at: Since when it has been seen stopped, or None.
    """

    process: subprocess.Popen[bytes]
    pipe: Connection[Any, Any]
    ready: bool = False
    errand: int | None = None
    waiting: deque[tuple[int, str, Job]] = field(default_factory=deque)
    stopped_at: float | None = None

    @property
    def errands(self) -> list[int]:
        """The jobs that it owes an answer for."""
        under_way = [] if self.errand is None else [self.errand]
        return under_way + [errand for errand, _, _ in self.waiting]


class LocalCrew:
    """Worker processes of this machine; a context, at whose end they end.

    Args:
        size: How many are to train at a time.
        maker: Makes a fresh objective from the data, on a worker.
        data: The study's data; their large arrays are held once, for all workers together.
        now: The clock by which waits are limited, in seconds.
        spare: How many there are to be beyond that, once the others have been ready for a while: for trials that
            cannot go on elsewhere than where they began.
        notice: Called with a line where these cannot be had.

    Attributes:
        size: As given.
    """

    def __init__(
        self,
        size: int,
        maker: Maker,
        data: Any,
        now: Callable[[], float] = time.monotonic,
        *,
        spare: int = 0,
        notice: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.size = size
        self._spare = spare
        self._notice = notice
        self._maker = pack(maker)
        self._file, self._layout = share(data)
        self._now = now
        self._workers: dict[str, _Worker] = {}
        self._made = 0
        self._refused = 0
        self._met_at: float | None = None
        self._answers: list[Answer] = []

    def __enter__(self) -> LocalCrew:
        self.begin()
        return self

    def __exit__(self, *_: object) -> None:
        """End all workers."""
        workers, self._workers = list(self._workers.values()), {}
        for worker in workers:
            worker.pipe.close()
        deadline = self._now() + GRACE_SECONDS
        for worker in workers:
            with contextlib.suppress(subprocess.TimeoutExpired):
                idle = worker.ready and worker.errand is None
                worker.process.wait(max(deadline - self._now(), 0.0) if idle else 0.0)
            _kill(worker.process)
        self._file.close()

    def begin(self) -> None:
        """Have the processes start that are lacking; they are workers once they are ready."""
        settled = self._met_at is not None and self._now() - self._met_at >= SPARE_SECONDS
        while len(self._workers) < self.size + (self._spare if settled else 0):
            self._start()

    @property
    def ready(self) -> int:
        """How many workers can take a job."""
        return sum(worker.ready for worker in self._workers.values())

    def all_ready(self) -> bool:
        """Return whether all workers but the spare ones are ready, without waiting for them.

        Raises:
            UserError: One after the other ends before it is ready.
        """
        self.begin()
        self._listen(0.0)
        return self.ready >= self.size

    def workers(self) -> list[str]:
        """Return the names of the workers that are ready; the first time wait for all but the spare, later for one.

        Raises:
            UserError: One after the other ends before it is ready.
        """
        self.begin()
        self._listen(0.0)
        deadline = self._now() + START_SECONDS
        while self.ready < (self.size if self._met_at is None else 1) and (seconds_left := deadline - self._now()) > 0:
            self.begin()  # also in place of those that ended a moment ago: there is somebody to listen to
            self._listen(seconds_left)
        if self._met_at is None:
            self._met_at = self._now()
        return sorted(worker for worker, handle in self._workers.items() if handle.ready)

    def send(self, errand: int, worker: str, name: str, job: Job) -> None:
        """Have a worker do a job, after those that it was given before."""
        handle = self._workers.get(worker)
        if handle is None:
            self._answers.append(Answer(errand, lost="was lost", blamed=False))  # it went before it had the job
            return
        handle.waiting.append((errand, name, job))
        self._next(worker, handle)

    def answers(self, seconds: float) -> list[Answer]:
        """Return what has come within that time."""
        if not self._answers:
            self._listen(seconds)
        self._look_for_stopped()
        answers, self._answers = self._answers, []
        return answers

    def end(self, worker: str) -> None:
        """Kill a worker; another takes its place."""
        if worker in self._workers:
            self._lose(worker, "was ended", blamed=False)

    def forget(self, name: str) -> None:
        """Drop what the workers hold under names that begin like this; those that are at a job are ended."""
        self._answers = []
        for worker, handle in list(self._workers.items()):
            if handle.errand is not None:
                self.end(worker)
            elif handle.ready:
                with contextlib.suppress(OSError):
                    handle.pipe.send((None, name, None))

    def _start(self) -> None:
        ours, theirs = Pipe()
        _limit_transfers(ours)
        process = start("hpsearch.engine.local_worker", [theirs.fileno(), self._file.fileno()])
        theirs.close()
        name = f"{self._made:04d} (process {process.pid})"
        self._made += 1
        self._workers[name] = _Worker(process, ours)
        with contextlib.suppress(OSError):  # it has ended already: its pipe says so when it is listened to
            ours.send((self._maker, self._layout))

    def _next(self, worker: str, handle: _Worker) -> None:
        """Send a worker its next job where it has none: it reads none while it works on one."""
        if handle.errand is not None or not handle.waiting:
            return
        handle.errand, name, job = handle.waiting.popleft()
        try:
            handle.pipe.send((handle.errand, name, job))
        except OSError:
            self._lose(worker, "was lost", blamed=False)

    def _listen(self, seconds: float) -> None:
        """Take in what workers bring within that time; those whose pipes are closed have died."""
        by_pipe = {handle.pipe: worker for worker, handle in self._workers.items()}
        for pipe in wait(list(by_pipe), seconds):
            worker = by_pipe[pipe]  # type: ignore[index]
            handle = self._workers[worker]
            try:
                message = handle.pipe.recv()
            except (EOFError, OSError):
                self._lose(worker, f"died ({_how(handle.process)})")
                continue
            if not handle.ready:
                handle.ready, self._refused = True, 0
                continue
            errand, report, error = message
            handle.errand = None
            self._answers.append(Answer(errand, report, error=error))
            self._next(worker, handle)

    def _lose(self, worker: str, what: str, *, blamed: bool = True) -> None:
        """Answer what a worker owes, which brings nothing any more.

        Raises:
            UserError: One after the other ends before it is ready.
        """
        handle = self._workers.pop(worker)
        handle.pipe.close()
        _kill(handle.process)
        for errand in handle.errands:
            under_way = errand == handle.errand
            self._answers.append(Answer(errand, lost=what, blamed=blamed and under_way))
        if not handle.ready and blamed:
            self._refused += 1
            if self._refused >= REFUSALS:
                self._give_up(what.removeprefix("died ").strip("()"))

    def _give_up(self, how: str) -> None:
        """Do without the spare workers where it is these that do not start.

        Raises:
            UserError: It is the others.
        """
        ended = f"{REFUSALS} worker processes one after the other ended before they were ready ({how})"
        if self.ready < self.size or not self._spare:
            raise UserError(f"--workers {self.size}: {ended}; what they printed stands above")
        self._notice(f"--workers {self.size}: {ended}; training goes on in {self.ready}")
        self._spare = self.ready - self.size
        self._refused = 0

    def _look_for_stopped(self) -> None:
        """Give up the workers that somebody stopped and did not let go on."""
        for worker, handle in list(self._workers.items()):
            if handle.errand is None or not _is_stopped(handle.process.pid):
                handle.stopped_at = None
            elif handle.stopped_at is None:
                handle.stopped_at = self._now()
            elif self._now() - handle.stopped_at > STOPPED_SECONDS:
                self._lose(worker, "was stopped", blamed=False)


def _limit_transfers(pipe: Connection[Any, Any]) -> None:
    """Have a message that stands still raise an error, in place of a wait without end."""
    limit = struct.pack("ll", int(TRANSFER_SECONDS), 0)
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(pipe.fileno())) as way:
        way.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
        way.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)


def _is_stopped(pid: int) -> bool:
    """Return whether a process is stopped by a signal; False where that cannot be seen (elsewhere than on Linux)."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return stat.read().rpartition(b")")[2].split()[0] in (b"T", b"t")
    except OSError:
        return False


def _how(process: subprocess.Popen[bytes]) -> str:
    """Return in words how a process ended whose pipe is closed."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(GRACE_SECONDS)
    code = process.returncode
    if code is None:
        return "its pipe was closed"
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and what it started, and wait for it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
