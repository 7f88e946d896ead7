"""One writer at a time: a study's log is its own lock, which dies with the process that holds it.

The log's file is locked, so that nothing that is removed lets a second writer into it. Version 0.1 locked a file of its
own beside it; that is taken too, and says who holds the study.
"""

from __future__ import annotations

import os
import re
import socket
import time
from io import FileIO
from pathlib import Path
from typing import IO

from hpsearch.errors import UserError
from hpsearch.log.posix import fcntl

if os.name == "nt":  # pragma: no cover - hpsearch supports Linux and macOS
    raise ImportError("hpsearch needs a POSIX system: a study is held by a POSIX file lock")


FILE = "lock"
LOG = "log.jsonl"

TRIES = 10
PAUSE = 0.03
"""Seconds between tries: a process that only looks whether a study is being run holds the lock for a moment."""

ORPHANED = 60.0
"""Seconds to wait for a lock whose holder has ended: a child that it had just forked closes what it inherited as soon
as it runs, and on a busy machine that takes a while."""


class StudyHeld(UserError):
    """Another process writes the study."""


class Lock:
    """Holds a study; the lock's file names the holder, and is empty once the holder has ended in order.

    Args:
        folder: The study's folder.
        log: Whether to lock the log too, where there is one; a writer of the log locks the file that it has opened.
    """

    def __init__(self, folder: Path, *, log: bool = True) -> None:
        self._folder = folder
        self._with_log = log
        self._file: IO[str] | None = None
        self._log: FileIO | None = None
        self._held = False

    def __enter__(self) -> Lock:
        """Take the lock.

        Raises:
            StudyHeld: Another process has it.
            OSError: The folder cannot be written.
        """
        self._file = (self._folder / FILE).open("a+", encoding="utf-8")
        try:
            self._take(self._file)
            if self._with_log and (self._folder / LOG).exists():
                self._log = FileIO(self._folder / LOG, "r+b")
                self.take(self._log)
        except BaseException:
            self.__exit__()
            raise
        self._held = True
        self._file.truncate(0)
        self._file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        self._file.flush()
        return self

    def give_up(self) -> None:
        """Close the lock's files in a forked child; its parent goes on holding the study, and stays named there."""
        for file in (self._file, self._log):
            if file is not None:
                file.close()
        self._file, self._log, self._held = None, None, False

    def __exit__(self, *_: object) -> None:
        if self._log is not None:
            self._log.close()
        if self._file is not None:
            if self._held:
                self._file.truncate(0)
            self._file.close()
        self._file, self._log, self._held = None, None, False

    def take(self, log: FileIO) -> None:
        """Lock an open log.

        Raises:
            StudyHeld: Another process has it.
        """
        self._take(log)

    def _take(self, file: IO[str] | FileIO) -> None:
        if _try_to_lock(file):
            return
        deadline = time.monotonic() + ORPHANED
        while self._holder_has_ended():
            if _try_to_lock(file):
                return
            if time.monotonic() > deadline:
                raise self.refusal(f"a child of {self._holder()}, which has itself ended; end that child first")
        raise self.refusal()

    def _holder(self) -> str:
        """Return the holder that the lock's file names; empty where it names none."""
        if self._held:
            return ""  # the lock's file was removed under its holder, and is ours by now
        try:
            return (self._folder / FILE).read_text(encoding="utf-8", errors="replace").strip()
        except FileNotFoundError:
            return ""

    def _holder_has_ended(self) -> bool:
        """Return whether the holder was a process of this machine that is gone: a child of it holds the lock."""
        match = re.fullmatch(r"process (\d+) on (.+)", self._holder())
        return match is not None and match[2] == socket.gethostname() and not _lives(int(match[1]))

    def refusal(self, holder: str = "") -> StudyHeld:
        """Return the error for a study that another process holds.

        Args:
            holder: Who does; empty: whom the lock's file names.
        """
        held_by = holder or self._holder() or "another process"
        return StudyHeld(f"{self._folder.name}: this study is being run by {held_by}")


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # another user's
    return True


def _try_to_lock(file: IO[str] | FileIO) -> bool:
    """Return whether the lock of a file could be taken, within a few tries."""
    for attempt in range(TRIES):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if attempt < TRIES - 1:
                time.sleep(PAUSE)
        else:
            return True
    return False


def is_held(folder: Path) -> bool:
    """Return whether a process, of this version or of 0.1, writes a study now."""
    path = folder / FILE
    # The holder empties the file when it ends well, so only after a kill is the lock itself tried.
    holder_is_named = path.exists() and path.stat().st_size > 0
    return (holder_is_named and is_locked(path)) or is_locked(folder / LOG)


def is_locked(path: Path) -> bool:
    """Return whether a process holds the lock of a file; a file that is not there is not held."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def left_by(folder: Path) -> str | None:
    """Return who held the lock of a study and ended without giving it back, or None; the study is not being run."""
    path = folder / FILE
    return path.read_text(encoding="utf-8", errors="replace").strip() or None if path.exists() else None


def clear(folder: Path) -> None:
    """Delete the name of a holder that was killed from the lock's file."""
    (folder / FILE).write_text("", encoding="utf-8")
