"""The loop of a delivery: follow the log as it grows and bring MLflow into line about once a second."""

from __future__ import annotations

import getpass
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from hpsearch.errors import UserError
from hpsearch.log import lock
from hpsearch.log.files import flush
from hpsearch.log.lines import read
from hpsearch.log.posix import fcntl
from hpsearch.log.redact import text as redacted
from hpsearch.tracking import cursor
from hpsearch.tracking.content import is_done
from hpsearch.tracking.exhibits import Exhibits
from hpsearch.tracking.process import Outcome
from hpsearch.tracking.projection import Projection
from hpsearch.tracking.store import Store, StoreGone, settings
from hpsearch.tracking.uri import redact

INTERVAL = 1.0
"""Seconds between two deliveries while the study runs: live curves, and few calls."""
POLL_INTERVAL = 0.15
"""Seconds between two looks at the log's size."""
LONGEST_PAUSE = 30.0
"""Seconds between two attempts at most while the store is down."""

LOCK = "delivery.lock"

_CAUSES = {
    "NewConnectionError": "no server answers there",
    "NameResolutionError": "no such host",
    "Read timed out": "the server does not answer in time",
    "database is locked": "the store is locked by another process",
    "database or disk is full": "no space left on the disk of the store",
    "No space left on device": "no space left on the disk of the store",
    "error code 401": "the server asks for a login: set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD",
    "error code 403": "the server does not allow this login to write there",
    "too many 500 error responses": "the server fails (500)",
    "too many 503 error responses": "the server is overloaded (503)",
}
"""Causes in a few words, by what MLflow's long messages about a failing store contain."""


class Deliverer:
    """Delivers one study's log to one store.

    Args:
        study_dir: The study's folder, with ``log.jsonl`` in it, now or soon.
        uri: The tracking URI, resolved.
        root: The root of all state.
        exhibits: Sends the report and the model once the study is done; None for neither.

    Attributes:
        problem: Why the last failed attempt failed, or None without one.
    """

    def __init__(self, study_dir: Path, uri: str, root: Path, exhibits: Exhibits | None = None) -> None:
        self._study_dir = study_dir
        self._uri = uri
        self._root = root
        self._exhibits = exhibits
        self._log = study_dir / "log.jsonl"
        self._stores: dict[str, Store] = {}
        self._progress_noted_at = 0.0
        self.problem: str | None = None
        self._printed_problems: set[str] = set()
        self._projection = self._new_projection()
        self._offset = 0
        self._inode = -1

    def follow(
        self,
        wait: Callable[[float], bool],
        grace: float,
        done: Callable[[], None] = lambda: None,
        ready: Callable[[], None] = lambda: None,
    ) -> Outcome:
        """Deliver until the study ends, then the rest of the log, then the report and the model.

        Args:
            wait: Waits up to so many seconds and returns whether the study may still be running.
            grace: Seconds after the study's end during which a failing store is tried again.
            done: Called when all of the log is delivered: nobody needs to wait for the report and the model.
            ready: Waits until the model is there.
        """
        with settings(), locked(self._study_dir, wait, grace) as has_lock:
            if not has_lock:
                return Outcome.BUSY
            last_attempt = -LONGEST_PAUSE
            pause = 0.0
            while wait(POLL_INTERVAL):
                now = time.monotonic()
                if now - last_attempt >= max(INTERVAL, pause) and self._is_behind():
                    last_attempt = now
                    delivered = self.deliver(alive=True)
                    pause = 0.0 if delivered else min(max(1.0, 2 * pause), LONGEST_PAUSE)
            ended = time.monotonic()
            while not self.deliver(alive=False):
                if time.monotonic() - ended >= grace:
                    return Outcome.UNDELIVERED
                time.sleep(1.0)
            self._settle()
            done()
            ready()
            return Outcome.DELIVERED if self.exhibit() else Outcome.UNDELIVERED

    def once(self, alive: bool) -> Outcome:
        """Deliver what the log holds now.

        Args:
            alive: Whether the study may be running; otherwise what has not ended is marked as interrupted.
        """
        with settings(), locked(self._study_dir, lambda _: False, 0.0) as has_lock:
            if not has_lock:
                return Outcome.BUSY
            if not self.deliver(alive):
                return Outcome.UNDELIVERED
            self._settle()
            return Outcome.DELIVERED if alive or self.exhibit() else Outcome.UNDELIVERED

    def deliver(self, alive: bool) -> bool:
        """Deliver what the log holds now and return whether that worked; if not, the cursor holds the reason."""

        def push() -> None:
            self._read()
            self._projection.connect()
            # A new store takes seconds to open, in which a short study may have run.
            self._read()
            self._projection.push(alive)

        if not self._attempt(push):
            return False
        return self._attempt(lambda: self._note_delivered(alive))

    def _note_delivered(self, alive: bool) -> None:
        projection = self._projection
        state = replace(
            cursor.load(self._study_dir, self._uri),
            offset=self._offset,
            closed=not alive,
            experiment=projection.experiment,
            run=projection.run,
            problem=None,
            trials=projection.ended,
            begun=0 if projection.history is None else len(projection.history.trials),
        )
        cursor.save(self._study_dir, self._uri, state)

    def exhibit(self) -> bool:
        """Deliver the report and the model of a study that is done, and return whether that worked.

        All of the log has been delivered before.
        """
        history = self._projection.history
        exhibits = self._exhibits
        if exhibits is None or history is None or not is_done(history):
            return True
        wanted = f"{self._offset}:{exhibits.version(self._study_dir)}"
        if cursor.load(self._study_dir, self._uri).exhibits == wanted:
            return True

        def send() -> None:
            self._projection.exhibit(exhibits)
            self._settle()
            state = cursor.load(self._study_dir, self._uri)
            cursor.save(self._study_dir, self._uri, replace(state, exhibits=wanted))

        return self._attempt(send)

    def _settle(self) -> None:
        for store in self._stores.values():
            store.settle()

    def _attempt(self, send: Callable[[], None]) -> bool:
        try:
            send()
        except (UserError, StoreGone) as error:
            return self._failed(str(error))
        except Exception as error:
            # Whatever a store raises must not end the delivery of a running study: it is reported and tried again.
            return self._failed(
                _one_line(error), redacted(traceback.format_exc().replace(self._uri, redact(self._uri)))
            )
        return True

    def _failed(self, problem: str, details: str = "") -> bool:
        """Note why an attempt failed. A repeated failure is printed once, and its traceback only the first time."""
        problem = redacted(problem.replace(self._uri, redact(self._uri)))
        try:
            if problem != self.problem:
                details = "" if problem in self._printed_problems else details
                print(f"{details}{redact(self._uri)}: {problem}", file=sys.stderr, flush=True)
                self._printed_problems.add(problem)
            cursor.note(self._study_dir, self._uri, problem)
        except OSError as error:
            # On a full disk nothing can be noted: the reason is in this object alone.
            problem = f"{problem}; {error.filename or self._study_dir}: {error.strerror}"
        self.problem = problem
        return False

    def _is_behind(self) -> bool:
        try:
            return self._log.stat().st_size != self._offset or self._projection.run is None
        except FileNotFoundError:
            return False

    def _read(self) -> None:
        if not self._log.exists():
            return
        stat = self._log.stat()
        if stat.st_size < self._offset or stat.st_ino != self._inode:
            # A line that could not be flushed was cut off again, so it never happened; or this is another log.
            self._projection = self._new_projection()
            self._offset = 0
            self._inode = stat.st_ino
        flush(self._log)  # what is delivered must be on the disk before
        for record, end in read(self._log, self._offset):
            if end > stat.st_size:
                break
            self._projection.apply(record)
            self._offset = end

    def _new_projection(self) -> Projection:
        return Projection(self._study_dir, self._open_store, _user(), self._note_progress)

    def _note_progress(self, done: int, of: int) -> None:
        """Store how far the delivery is, once a second, for people who wait for it."""
        now = time.monotonic()
        if now - self._progress_noted_at >= INTERVAL:
            self._progress_noted_at = now
            state = cursor.load(self._study_dir, self._uri)
            cursor.save(self._study_dir, self._uri, replace(state, trials=done, begun=of))

    def _open_store(self, name: str) -> Store:
        if name not in self._stores:
            self._stores[name] = Store(self._uri, self._root, name)
        return self._stores[name]


def _one_line(error: Exception) -> str:
    """Return an error in one line for people; the whole message is in the delivery's output."""
    message = str(error).strip()
    for sign, words in _CAUSES.items():
        if sign in message:
            return words
    lines = message.splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}"[:300]


def _user() -> str | None:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container without an entry for this user.
        return None


@contextmanager
def locked(study_dir: Path, wait: Callable[[float], bool], grace: float) -> Iterator[bool]:
    """Hold the study's delivery lock, and wait for another process that holds it.

    Args:
        study_dir: The study's folder.
        wait: Waits up to so many seconds and returns whether the study may still be running.
        grace: Seconds to wait for the lock after the study's end.

    Yields:
        Whether the lock is held; false where another process kept it for longer than that.
    """
    ended: float | None = None
    study_dir.mkdir(parents=True, exist_ok=True)
    with (study_dir / LOCK).open("a") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if ended is None and not wait(POLL_INTERVAL):
                    ended = time.monotonic()
                if ended is not None:
                    if time.monotonic() - ended >= grace:
                        yield False
                        return
                    time.sleep(POLL_INTERVAL)
        yield True


def is_running(study_dir: Path) -> bool:
    """Return whether a coordinator holds this study now."""
    return lock.is_held(study_dir)


def is_delivering(study_dir: Path) -> bool:
    """Return whether a process delivers this study now."""
    return lock.is_locked(study_dir / LOCK)
