"""The log: a study's only store of truth, a checksummed line per record, written before anything acts on it."""

from __future__ import annotations

import os
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from typing import NamedTuple

from hpsearch.errors import UserError
from hpsearch.log import redact
from hpsearch.log.forking import in_children
from hpsearch.log.lines import encode, key_at, key_of, read
from hpsearch.log.lock import Lock
from hpsearch.log.records import Header, Record
from hpsearch.log.syncing import Syncing


class LogPlace(NamedTuple):
    """Identifies the file of a log, and how long it is.

    Attributes:
        inode: The file's inode number.
        size: Its length in bytes.
    """

    inode: int
    size: int


class Log:
    """A log opened for writing: one writer at a time, held by a lock that dies with its process.

    Use as a context manager. Opening cuts a torn last line off: what was not written whole never happened.

    Args:
        path: The log's file.
        closed_at: Its place where it was closed before (:attr:`place`): what stood in it then is not read again.

    Attributes:
        path: The log's file.
        records: The records in it when it was opened; with ``closed_at``, only those that came since.
        whole: Whether those are all of the log's: without ``closed_at``, or where the file is another one by now.
    """

    def __init__(self, path: Path, closed_at: LogPlace | None = None) -> None:
        self.path = path
        self.whole = True
        self._closed_at = closed_at
        self._file: FileIO | None = None
        self._lock = Lock(path.parent, log=False)
        self._key = 0
        self._syncing: Syncing | None = None
        self._cancel_fork_action: Callable[[], None] = lambda: None
        self.records: list[Record] = []

    def __enter__(self) -> Log:
        folder = self.path.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock.__enter__()
            self._cancel_fork_action = in_children(self._give_up)
            self._file = self._open_locked()
            self._syncing = Syncing(self._file.fileno())
            self._read_existing(self._file)
        except OSError as error:
            self.__exit__(type(error))
            reason = error.strerror
            raise UserError(f"{folder}: cannot write the study there ({reason}); choose another --root") from error
        except BaseException as error:
            self.__exit__(type(error))
            raise
        return self

    def _open_locked(self) -> FileIO:
        """Open the log and lock the file itself: removing any other file lets no second writer in."""
        while True:
            # Unbuffered: a line that could not be written must not be tried again when the file is closed.
            file = FileIO(self.path, "ab")
            try:
                self._lock.take(file)
                if self._is_at_path(file):
                    return file
            except BaseException:
                file.close()
                raise
            file.close()  # it was replaced between its opening and its lock

    def _is_at_path(self, file: FileIO) -> bool:
        """Return whether the open file is still the one at the log's path."""
        try:
            at_path, opened = os.stat(self.path), os.fstat(file.fileno())
        except (FileNotFoundError, NotADirectoryError):
            return False
        return (at_path.st_dev, at_path.st_ino) == (opened.st_dev, opened.st_ino)

    def check(self) -> None:
        """Make sure that the open file is still the one at the log's path.

        Raises:
            UserError: The log was removed or replaced, or may not be looked at any more.
        """
        assert self._file is not None, "the log is not open"
        try:
            is_ours = self._is_at_path(self._file)
        except OSError as error:
            raise UserError(
                f"{self.path}: the log cannot be reached any more ({error.strerror}), so the study ends here; "
                "see to that and run the same command again"
            ) from error
        if not is_ours:
            raise UserError(
                f"{self.path}: the log was removed or replaced while the study ran, which ends here; "
                "put that file back, or run the same command again to begin anew"
            )

    def _read_existing(self, file: FileIO) -> None:
        """Read what stands in the log and cut a torn last line off."""
        status = os.fstat(file.fileno())
        offset = 0
        closed_at = self._closed_at
        if closed_at is not None and closed_at.inode == status.st_ino and 0 < closed_at.size <= status.st_size:
            offset, self.whole = closed_at.size, False
        if status.st_size:
            end = offset
            unread = read(self.path, offset) if offset < status.st_size else ()
            for record, end in unread:  # noqa: B007 - the last offset is wanted behind the loop
                self.records.append(record)
            if end < status.st_size:
                file.truncate(end)
            self._key = key_at(self.path)

    @property
    def place(self) -> LogPlace:
        """Which file the open log is, and how long: a log that is opened again by it reads only what came since."""
        assert self._file is not None, "the log is not open"
        status = os.fstat(self._file.fileno())
        return LogPlace(status.st_ino, status.st_size)

    def _give_up(self) -> None:
        """Close the log in a forked child: the study is its parent's."""
        if self._file is not None:
            self._file.close()
        self._file = None
        self._lock.give_up()

    def __exit__(self, error_type: type[BaseException] | None = None, *_: object) -> None:
        self._cancel_fork_action()
        try:
            if self._file is not None and error_type is None:
                self.check()
            if self._syncing is not None:
                self._finish(self._syncing)
        finally:
            self._syncing = None
            if self._file is not None:
                self._file.close()
                self._file = None
            self._lock.__exit__()

    def append(self, record: Record, *, synced: bool = True) -> None:
        """Write a record, without the secrets in its texts: from then on it outlives this process.

        Args:
            record: What happened.
            synced: Whether it must survive a crash of the machine too: it is then synced to the disk, at once or
                within a few milliseconds where the record before came just now. Other records are synced with the next
                one that must.

        Raises:
            UserError: The disk is full or has gone, and the log is cut back to its last whole line; or the log was
                removed or replaced.
        """
        assert self._file is not None, "the log is not open"
        assert self._syncing is not None, "the log is not open"
        self.check()
        size_before = os.fstat(self._file.fileno()).st_size
        try:
            unwritten = memoryview(encode(redact.record(record), self._key))
            while unwritten:
                unwritten = unwritten[self._file.write(unwritten) :]
            if synced:
                self._syncing.soon()
        except OSError as error:
            try:
                os.ftruncate(self._file.fileno(), size_before)
            except OSError:
                error.add_note("the torn last line will be cut when the study is resumed")
            raise self._write_error(error) from error
        if isinstance(record, Header):
            self._key = key_of(record)

    def written(self) -> list[Record]:
        """Return all records that are in the log now."""
        return [record for record, _ in read(self.path)]

    def sync(self) -> None:
        """Return once all that was written is on the disk: before somebody who remembers it is told of it.

        Raises:
            UserError: It cannot be synced.
        """
        assert self._syncing is not None, "the log is not open"
        self._finish(self._syncing)

    def _finish(self, syncing: Syncing) -> None:
        try:
            syncing.finish()
        except OSError as error:
            raise self._write_error(error) from error

    def _write_error(self, error: OSError) -> UserError:
        return UserError(
            f"{self.path}: cannot write the log ({error.strerror}); make room and run the same command again"
        )
