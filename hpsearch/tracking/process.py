"""The coordinator's end of a delivery: start its process beside the study, and hear at the end what was delivered."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import IO

import hpsearch
from hpsearch.tracking import cursor
from hpsearch.tracking.uri import redact, run_page

GRACE = 5.0
"""Seconds after the study's end during which a delivery tries a failing store again."""
OUTPUT = "delivery.log"
BUSY = "another process is delivering it"

_left_behind: list[subprocess.Popen[bytes]] = []


class Outcome(IntEnum):
    """How a delivery ended; the exit code of its process."""

    DELIVERED = 0
    UNDELIVERED = 3
    BUSY = 4


@dataclass(frozen=True)
class DeliveryReport:
    """What became of a delivery.

    Attributes:
        delivered: Whether all of the log is in MLflow.
        message: One line for people where it is not: how much lacks, why, and what to type; else None.
        ticks: Lines of the log that are not in MLflow.
        uri: The tracking URI, without a password.
        experiment: Id of the experiment, or None if it is not known.
        run: Id of the study's run, or None if it is not known.
        url: Address of the study's run on a server, or None for a store without one.
    """

    delivered: bool
    message: str | None
    ticks: int
    uri: str
    experiment: str | None
    run: str | None
    url: str | None


class Delivery:
    """Delivers a study to MLflow while it runs, in a process of its own. Never blocks, never raises for MLflow's sake.

    The process ends by itself when this one does, however it does: it then delivers what is in the log and marks the
    study as interrupted. Started again, it goes on where it was.

    Args:
        study_dir: The study's folder.
        uri: The tracking URI, from :func:`hpsearch.tracking.uri.resolve`.
        root: The root of all state.
    """

    def __init__(self, study_dir: Path, uri: str, root: Path) -> None:
        self._study_dir, self._uri, self._root = study_dir.absolute(), uri, root.absolute()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process. Call it as early as may be: it imports mlflow and makes the store meanwhile."""
        self._study_dir.mkdir(parents=True, exist_ok=True)
        cursor.note(self._study_dir, self._uri, None)
        self._process = self._spawn()

    def problem(self) -> str | None:
        """Return why delivery fails now, or None while it works or nothing is known; for a warning while running."""
        return cursor.load(self._study_dir, self._uri).problem if self._process is not None else None

    def finish(self, timeout: float = 30.0) -> DeliveryReport:
        """Say that the study ended, wait for the rest to be delivered, and report.

        Args:
            timeout: Seconds to wait at most. A delivery that needs longer goes on by itself.
        """
        assert self._process is not None, "the delivery was not started"
        code = self._end(self._process, timeout)
        if code not in (None, *Outcome):
            # It was killed, perhaps for memory: once more, with the training out of the way.
            self._process = self._spawn()
            code = self._end(self._process, timeout)
        why = None
        if code is None:
            _left_behind.append(self._process)
            why = "its delivery goes on in the background"
        elif code not in (*Outcome,):
            why = f"its process ended with {code}, see {self._study_dir / OUTPUT}"
        return report(self._study_dir, self._uri, BUSY if code == Outcome.BUSY else why)

    def _spawn(self) -> subprocess.Popen[bytes]:
        # Not an argument: it may hold a password, and arguments are for all to see.
        environment = {**os.environ, "MLFLOW_TRACKING_URI": self._uri}
        package = Path(hpsearch.__file__).parents[1]
        if package.name not in ("site-packages", "dist-packages"):
            known = environment.get("PYTHONPATH")
            environment["PYTHONPATH"] = f"{known}{os.pathsep}{package}" if known else str(package)
        # -P: modules beside the study file must not stand in for the ones that mlflow imports.
        command = [sys.executable, "-P", "-m", "hpsearch.tracking", "deliver", str(self._study_dir)]
        command += ["--root", str(self._root), "--follow", str(os.getpid())]
        with (self._study_dir / OUTPUT).open("ab") as output:
            return _popen(command, environment, output)

    @staticmethod
    def _end(process: subprocess.Popen[bytes], timeout: float) -> int | None:
        assert process.stdin is not None, "started with a pipe"
        try:
            # A byte, not only the end of the file: a process forked from this one may hold the pipe open.
            process.stdin.write(b"\n")
            process.stdin.close()
        except BrokenPipeError:
            # It has ended already; its exit code tells why.
            process.stdin = None
        try:
            return process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None


def report(study_dir: Path, uri: str, why: str | None = None) -> DeliveryReport:
    """Return what of a study is in MLflow now, from the cursor and the log's size.

    Args:
        study_dir: The study's folder.
        uri: The tracking URI.
        why: Why something lacks, where the cursor cannot tell.
    """
    here = cursor.load(study_dir, uri)
    ticks = _lines(study_dir / "log.jsonl", here.offset)
    delivered = ticks == 0 and why is None and here.problem is None
    message = None
    if not delivered:
        problem = why or here.problem or "the delivery did not come so far"
        much = f"{ticks} line{'s' if ticks != 1 else ''} of the log" if ticks else "the last state"
        message = (
            f"{study_dir.name}: {much} not yet in MLflow at {redact(uri)} ({problem}); "
            "nothing is lost, deliver with `hpsearch sync`"
        )
    url = run_page(uri, here.experiment, here.run) if here.experiment and here.run else None
    return DeliveryReport(delivered, message, ticks, redact(uri), here.experiment, here.run, url)


def _lines(log: Path, offset: int) -> int:
    if not log.exists():
        return 0
    with log.open("rb") as file:
        file.seek(offset)
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))


def _popen(command: list[str], environment: dict[str, str], output: IO[bytes]) -> subprocess.Popen[bytes]:
    # A session of its own: Ctrl-C in the terminal is for the coordinator alone.
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=output, stderr=output, env=environment, start_new_session=True
    )
