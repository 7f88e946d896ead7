"""Errors of the machine, such as a full disk, told in one line that says where they happened and what to do."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Iterator

REMEDIES = {
    errno.EACCES: "you may not do that there: choose another place, or have its owner let you",
    errno.EPERM: "you may not do that there: choose another place, or have its owner let you",
    errno.EROFS: "nothing can be written there: choose another place",
    errno.ENOSPC: "make room and run the same command again",
    errno.EDQUOT: "your share of the disk is used up: make room and run the same command again",
    errno.EMFILE: "too many files are open: raise the limit with `ulimit -n`",
    errno.ENOENT: "it is not there: look at the path",
    errno.ENOTDIR: "a file stands in the place of a folder: look at the path",
    errno.EISDIR: "a folder stands in the place of a file: look at the path",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EIO: "the disk does not answer: look at it before you go on",
    errno.ENOMEM: "the memory is used up: end other programs, or train fewer at a time (--workers)",
}
"""What to do about an error of the machine."""

MACHINE = (OSError, ValueError, MemoryError)
"""Errors that are told in one line; UnicodeError is a ValueError. Any other is our mistake and keeps its traceback."""


def line(error: BaseException) -> str:
    """Return one line for people about an error of the machine.

    Args:
        error: One of :data:`MACHINE`.
    """
    if isinstance(error, OSError) and error.errno is not None:
        names = [os.fsdecode(name) for name in (error.filename, error.filename2) if isinstance(name, str | bytes)]
        cause = error.strerror or os.strerror(error.errno)
        remedy = REMEDIES.get(error.errno)
        return f"{' -> '.join(names) + ': ' if names else ''}{cause}{f' ({remedy})' if remedy else ''}"
    if isinstance(error, UnicodeError):
        return f"a text that is no UTF-8 ({error}): write that file or name in UTF-8"
    if isinstance(error, MemoryError):
        return REMEDIES[errno.ENOMEM]
    return str(error) or type(error).__name__


@contextlib.contextmanager
def printing_aside() -> Iterator[None]:
    """For a block, send what is printed to standard error, also what trials and their processes print.

    For commands whose standard output is read by a program.
    """
    sys.stdout.flush()
    standard_output = os.dup(1)
    os.dup2(2, 1)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(standard_output, 1)
        os.close(standard_output)


def open_standard_streams() -> None:
    """Open those of the three standard streams that the caller has closed.

    Otherwise the next file that is opened would get the descriptor of a closed one, and what a library prints would be
    written into that file: into a log, perhaps.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != descriptor:
                os.dup2(opened, descriptor)
                os.close(opened)
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - for the process's whole life
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - as above
