"""The one place where files for people are written: each is there whole, or as it was before."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hpsearch.errors import UserError


def write_whole(path: Path, content: bytes | str) -> None:
    """Write a file, which a reader finds as it was or as it is to be, whatever happens meanwhile.

    What is no plain file (a pipe, ``/dev/stdout``) is written to as it is. A link stays, and what it leads to is
    written; the permissions of a file that is replaced stay too.

    Args:
        path: The file; its folder exists.
        content: Bytes, or a text, which is written as UTF-8 with its line ends as they are.

    Raises:
        UserError: It cannot be written (the disk is full, the folder read-only); the old file is untouched.
    """
    data = content.encode() if isinstance(content, str) else content
    with as_user_error(path):
        if path.exists() and not path.is_file():
            with path.open("wb") as stream:
                stream.write(data)
            return
        replace(Path(os.path.realpath(path)), data)


def replace(target: Path, data: bytes) -> None:
    """Put a file in the place of another, once it is on the disk.

    Raises:
        OSError: It cannot be written; nothing of it is left.
    """
    partial = target.with_name(f".{target.name[:200]}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileNotFoundError):
            partial.chmod(target.stat().st_mode & 0o7777)
        os.replace(partial, target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def flush(path: Path) -> None:
    """Sync a file, or the names in a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def as_user_error(path: Path) -> Iterator[None]:
    """Turn what the machine raises while a file is written into one line that names the file.

    Raises:
        UserError: In the place of an OSError.
    """
    try:
        yield
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror})") from error
