"""One writer at a time: a lock on a study's folder that dies with the process that holds it."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import IO

from hpsearch.errors import UserError

if os.name == "nt":  # pragma: no cover - hpsearch supports Linux and macOS
    raise ImportError("hpsearch needs a POSIX system: a study is held by a POSIX file lock")
import fcntl

FILE = "lock"


class Lock:
    """Holds a study; its file says who does, and is empty once that one has ended in order.

    Args:
        folder: The study's folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: IO[str] | None = None
        self._held = False

    def __enter__(self) -> Lock:
        """Take the lock.

        Raises:
            UserError: Another process has it.
            OSError: The folder cannot be written.
        """
        self._file = (self._folder / FILE).open("a+", encoding="utf-8")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.seek(0)
            holder = self._file.read().strip() or "another process"
            self.__exit__()
            raise UserError(f"{self._folder.name}: this study is being run by {holder}") from error
        self._held = True
        self._file.truncate(0)
        self._file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        self._file.flush()
        return self

    def give_up(self) -> None:
        """Close the lock's file in a forked child; its parent holds the study on, and the file still says who."""
        if self._file is not None:
            self._file.close()
        self._file, self._held = None, False

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            if self._held:
                self._file.truncate(0)
            self._file.close()
        self._file, self._held = None, False


def left_by(folder: Path) -> str | None:
    """Return who held the lock of a study and ended without giving it back, or None; the study is not being run."""
    path = folder / FILE
    return path.read_text(encoding="utf-8").strip() or None if path.exists() else None


def clear(folder: Path) -> None:
    """Take the name of a holder that was killed out of the lock's file."""
    (folder / FILE).write_text("", encoding="utf-8")
