"""The log: a study's only store of truth, a checksummed line per record, fsynced before anything acts on it."""

from __future__ import annotations

import os
from collections.abc import Callable
from io import FileIO
from pathlib import Path

from hpsearch.errors import UserError
from hpsearch.log.forking import in_children
from hpsearch.log.lines import encode, read
from hpsearch.log.lock import Lock
from hpsearch.log.records import Record


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
        self._lock = Lock(path.parent)
        self._kept_at_forks: Callable[[], None] = lambda: None
        self.records: list[Record] = []

    def __enter__(self) -> Log:
        folder = self.path.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock.__enter__()
            self._kept_at_forks = in_children(self._give_up)
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

    def _take_up(self, file: FileIO) -> None:
        """Read what stands in the log and cut a torn last line off."""
        if self.path.stat().st_size:
            end = 0
            for record, end in read(self.path):  # noqa: B007 - the last offset is wanted behind the loop
                self.records.append(record)
            file.truncate(end)

    def _give_up(self) -> None:
        """Close the log in a forked child: the study is its parent's."""
        if self._file is not None:
            self._file.close()
        self._file = None
        self._lock.give_up()

    def __exit__(self, *_: object) -> None:
        self._kept_at_forks()
        if self._file is not None:
            self._file.close()
        self._lock.__exit__()

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
