"""The coordinator's side of a delivery: starts its process beside the study, and reports at the end."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path
from typing import IO

import hpsearch
from hpsearch.log import files
from hpsearch.tracking import cursor
from hpsearch.tracking.delivery_report import BUSY, UNDER_WAY, DeliveryReport, progress_text, report
from hpsearch.tracking.uri import redact, resolve

GRACE = 5.0
"""Seconds after the study's end during which a delivery tries a failing store again."""
TELL = 3.0
"""Seconds between two messages to the user who waits for it."""
OUTPUT = "delivery.log"

DELIVERED = b"delivered\n"
"""What the process writes once all of the log is delivered; the report and the model follow."""
PROBLEM = b"problem: "
"""What it writes where it gives up, followed by the reason, which cannot be stored on a full disk."""

_left_behind: list[subprocess.Popen[bytes]] = []
"""Deliveries that go on by themselves, if need be beyond the end of this process."""


def show_nothing(line: str) -> None:
    """Ignore a line."""


@atexit.register
def _let_go() -> None:
    for process in _left_behind:
        process.returncode = 0  # nobody waits for it on purpose: without this, Popen would warn


class Outcome(IntEnum):
    """How a delivery ended; the exit code of its process."""

    DELIVERED = 0
    UNDELIVERED = 3
    BUSY = 4


class Delivery:
    """Delivers a study to MLflow while it runs, in a process of its own. Never blocks, never raises for MLflow's sake.

    It ends by itself when this process does, however it does: it delivers what is in the log and marks the study as
    interrupted. Started again, it goes on where it was. Entered as a context, its process imports mlflow already while
    the study is still being prepared, and touches nothing before :meth:`start`.

    Args:
        uri: The tracking URI; None for MLFLOW_TRACKING_URI or the root's own store.
        root: The root of all state.

    Raises:
        UserError: MLflow would not take the URI.
    """

    def __init__(self, uri: str | None, root: Path) -> None:
        self._uri = resolve(root, uri)
        self._root = root.absolute()
        self._study_dir = self._root
        self._process: subprocess.Popen[bytes] | None = None
        self._started = self._ended = self._finished = False
        self._problem: str | None = None

    def __enter__(self) -> Delivery:
        if self._process is None:
            self._process = self._spawn()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is None or self._finished:
            return
        if self._started:
            self.finish()
        else:
            # The study did not come to be: the process has done nothing and has nothing to do.
            self._process.kill()
            self._process.communicate()
            self._process = None

    def start(self, study_dir: Path) -> None:
        """Begin to deliver, now that the study has its folder and its log.

        Args:
            study_dir: The study's folder.
        """
        self._study_dir = study_dir.absolute()
        if self._process is None:
            self._process = self._spawn()
        with files.as_user_error(self._study_dir):
            cursor.note(self._study_dir, self._uri, None)
        self._started = True
        self._tell(str(self._study_dir))

    @property
    def address(self) -> str:
        """The tracking URI, without a password."""
        return redact(self._uri)

    def problem(self) -> str | None:
        """Return why delivery fails now, or None while it works or nothing is known; for a warning while running."""
        return cursor.load(self._study_dir, self._uri).problem if self._started else None

    def ended(self) -> None:
        """Say that nothing more comes in the log: the rest is delivered while the winner's model is written."""
        if self._started and not self._ended:
            self._ended = True
            self._tell()

    def announce(self, notice: Callable[[str], None]) -> None:
        """Tell the user what the time is spent on that :meth:`finish` may take."""
        notice("delivering the rest to MLflow")

    def finish(
        self, timeout: float = 30.0, *, exhibits: bool = False, progress: Callable[[str], object] = show_nothing
    ) -> DeliveryReport:
        """Say that the study ended and its model is there, wait for the rest of its log to be delivered, and report.

        The report and the winner's model, which take a second or two to make, follow by themselves.

        Args:
            timeout: Seconds to wait at most. A delivery that needs longer goes on by itself.
            exhibits: Whether to wait for the report and the model, too.
            progress: Told every few seconds how far it is.

        Raises:
            KeyboardInterrupt: Nobody wants to wait; the delivery goes on by itself.
        """
        self._problem = None
        code = self._end(timeout, exhibits, progress)
        if code not in (None, *Outcome):
            # It was killed, perhaps for memory: once more, with the training out of the way.
            self._process = self._spawn()
            self._ended = False
            self._tell(str(self._study_dir))
            code = self._end(timeout, exhibits, progress)
        why = None
        if code is None:
            why = UNDER_WAY
        elif code == Outcome.BUSY:
            why = BUSY
        elif code not in tuple(Outcome):
            why = f"its process ended with {code}, see {self._study_dir / OUTPUT}"
        return report(self._study_dir, self._uri, why or self._problem)

    def _waited(self, stream: IO[bytes], end: float, progress: Callable[[str], object]) -> bool:
        """Wait until the process writes something or the time is over, and report the progress meanwhile."""
        last_told = time.monotonic()
        while (seconds_left := end - time.monotonic()) > 0:
            if select.select([stream], [], [], min(seconds_left, 0.5))[0]:
                return True
            if time.monotonic() - last_told >= TELL:
                last_told = time.monotonic()
                if (text := progress_text(cursor.load(self._study_dir, self._uri))) is not None:
                    progress(f"{text} to MLflow; Ctrl-C leaves it to go on by itself")
        return False

    def _spawn(self) -> subprocess.Popen[bytes]:
        # The URI is not an argument: it may hold a password, and arguments are for all to see.
        environment = {**os.environ, "MLFLOW_TRACKING_URI": self._uri}
        package = Path(hpsearch.__file__).parents[1]
        if package.name not in ("site-packages", "dist-packages"):
            import_path = environment.get("PYTHONPATH")
            environment["PYTHONPATH"] = f"{import_path}{os.pathsep}{package}" if import_path else str(package)
        # -P: modules beside the study file must not stand in for the ones that mlflow imports.
        command = [sys.executable, "-P", "-m", "hpsearch.running.delivery", "follow", str(os.getpid())]
        command += ["--root", str(self._root)]
        # A session of its own: Ctrl-C in the terminal is for the coordinator alone.
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
            bufsize=0,
        )

    def _tell(self, line: str | None = None) -> None:
        """Send the process a line: the study's folder; then that the study ended; then that its model is there."""
        assert self._process is not None, "the delivery was not started"
        assert self._process.stdin is not None, "it was started with a pipe"
        # As JSON: a folder's name may hold a line's end, and bytes that are no UTF-8.
        # Where it has ended already, its exit code tells why.
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(line).encode() + b"\n")

    def _end(self, timeout: float, exhibits: bool, progress: Callable[[str], object]) -> int | None:
        """Return how it ended, DELIVERED also where it still makes the report; None where it needs longer."""
        # Lines, not only the end of the file: a process forked from this one may hold the pipe open.
        self.ended()
        self._tell()
        process = self._process
        assert process is not None, "_tell has seen it"
        assert process.stdin is not None, "_tell has seen it"
        assert process.stdout is not None, "it was started with a pipe"
        process.stdin.close()
        self._finished = True
        end = time.monotonic() + timeout
        try:
            readable = self._waited(process.stdout, end, progress)
        except KeyboardInterrupt as error:
            _left_behind.append(process)
            raise KeyboardInterrupt(
                f"interrupted; {self._study_dir.name} is whole, and its delivery to MLflow goes on by itself "
                "(`hpsearch doctor` tells how far it is)"
            ) from error
        message = os.read(process.stdout.fileno(), 4096) if readable else None
        process.stdout.close()
        if message is not None and message.startswith(PROBLEM):
            self._problem = os.fsdecode(message.removeprefix(PROBLEM)).strip()
        if message is None or (message == DELIVERED and not exhibits):
            _left_behind[:] = [other for other in _left_behind if other.poll() is None] + [process]
            return None if message is None else Outcome.DELIVERED
        try:
            return process.wait(max(end - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired:
            _left_behind.append(process)
            return None


class NoDelivery:
    """Takes the place of a delivery where nothing is to be delivered to MLflow: it does and reports nothing."""

    address = ""

    def __enter__(self) -> NoDelivery:
        return self

    def __exit__(self, *_: object) -> None:
        """Close nothing."""

    def start(self, study_dir: Path) -> None:
        """Deliver nothing."""

    def problem(self) -> str | None:
        """Return None: nothing fails."""
        return None

    def ended(self) -> None:
        """Take no note."""

    def announce(self, notice: Callable[[str], None]) -> None:
        """Say nothing."""

    def finish(
        self, timeout: float = 30.0, *, exhibits: bool = False, progress: Callable[[str], object] = show_nothing
    ) -> DeliveryReport:
        """Return the report of a delivery that was not wanted."""
        return DeliveryReport(False, None, 0, None, "", None, None, None)
