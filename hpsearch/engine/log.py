"""The log: a study's only store of truth, a checksummed line per record, fsynced before anything acts on it."""

from __future__ import annotations

import os
import socket
from io import FileIO
from pathlib import Path
from typing import IO

from hpsearch.errors import UserError
from hpsearch.logfile import encode, read
from hpsearch.records import Record

if os.name == "nt":  # pragma: no cover - hpsearch supports Linux and macOS
    raise ImportError("hpsearch needs a POSIX system: its log is held by a POSIX file lock")
import fcntl


class Log:
    """A log opened for writing: one writer at a time, held by a lock that dies with its process.

    Use as a context manager. Opening cuts a torn last line off: what was not written whole never happened.

    Attributes:
        path: The log's file.
        records: What stood in it when it was opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: FileIO | None = None
        self._lock: IO[str] | None = None
        self._held = False
        self.records: list[Record] = []

    def __enter__(self) -> Log:
        folder = self.path.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = (folder / "lock").open("a+", encoding="utf-8")
            self._hold(self._lock)
            # Unbuffered: a line that could not be written must not be tried again when the file is closed.
            self._file = FileIO(self.path, "ab")
            self._take_up(self._file)
        except OSError as error:
            self.__exit__()
            reason = error.strerror
            raise UserError(f"{folder}: cannot write the study there ({reason}); choose another --root") from error
        except BaseException:
            self.__exit__()
            raise
        return self

    def _hold(self, lock: IO[str]) -> None:
        """Become the one writer, and say in the lock's file who that is."""
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            holder = lock.read().strip() or "another process"
            raise UserError(f"{self.path.parent.name}: this study is being run by {holder}") from error
        self._held = True
        lock.truncate(0)
        lock.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        lock.flush()

    def _take_up(self, file: FileIO) -> None:
        """Read what stands in the log and cut a torn last line off."""
        if self.path.stat().st_size:
            end = 0
            for record, end in read(self.path):  # noqa: B007 - the last offset is wanted behind the loop
                self.records.append(record)
            file.truncate(end)

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
        if self._lock is not None:
            if self._held:
                self._lock.truncate(0)
            self._lock.close()

    def append(self, record: Record) -> None:
        """Write a record and return once it is on the disk.

        Raises:
            UserError: The disk is full or has gone; the log is cut back to its last whole line.
        """
        assert self._file is not None, "the log is not open"
        whole = os.fstat(self._file.fileno()).st_size
        try:
            rest = memoryview(encode(record))
            while rest:
                rest = rest[self._file.write(rest) :]
            os.fsync(self._file.fileno())
        except OSError as error:
            try:
                os.ftruncate(self._file.fileno(), whole)
            except OSError:
                error.add_note("the torn last line will be cut when the study is resumed")
            raise UserError(
                f"{self.path}: cannot write the log ({error.strerror}); make room and run the same command again"
            ) from error
