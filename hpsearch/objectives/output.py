"""What a trial's code prints: kept with the trial, and shown where it would have been shown anyway.

Kept is what Python prints (``print``, the root logger, a progress bar), and not what a program or a library in C writes
to the terminal by itself. It is written at once, so that it can be read even where the trial's process dies; secrets
are taken out, as from everything that is recorded.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from io import FileIO
from pathlib import Path
from typing import Any

from hpsearch.log import redact
from hpsearch.log.kept import HEAD_BYTES, TAIL_BYTES, OutputFiles

LONGEST_LINE = 16 * 1024
"""Characters after which a line is written before it ends."""

_KEY = "-----BEGIN "
"""Where a private key may begin: it spans several lines, which are checked for secrets together."""


class Output:
    """The output of one trial.

    Args:
        study_dir: The study's folder.
        trial: The trial's number.
        epoch: Epochs that it has done where it is taken up again: what it printed before stays.
    """

    def __init__(self, study_dir: Path, trial: int, epoch: int) -> None:
        self._files = OutputFiles(study_dir, trial)
        self._trial = trial
        self._file: FileIO | None = None
        self._in_tail = False
        self._room_left = 0
        self._closed = False
        self._pending = ""
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._clean: Callable[[str], str] | None = None
        try:
            if epoch == 0:
                self._files.remove()
            elif self._files.head.exists():
                self.write(f"… taken up again after epoch {epoch} …\n")
        except OSError as error:
            self._give_up(error)

    def capture(self) -> AbstractContextManager[None]:
        """Return a context manager: what is printed inside is kept."""
        return _Capture(self)

    def end_capture(self) -> None:
        """Write what was printed without a line end too: the trial's code pauses here."""
        if self._pending:
            with self._own_lock():
                self._flush(all_of_it=True)
        self._clean = None

    def write(self, text: str) -> None:
        """Keep a text: whole lines are written at once, the rest once its line ends."""
        if self._closed:
            return
        with self._own_lock():
            self._pending += text
            if "\n" in text or "\r" in text or len(self._pending) > LONGEST_LINE:
                self._flush()

    def close(self) -> None:
        """Write what is pending, and keep nothing more: the trial has ended."""
        if self._pending:
            with self._own_lock():
                self._flush(all_of_it=True)
        self._closed = True
        if self._file is not None:
            self._file.close()

    def _own_lock(self) -> threading.Lock:
        """Return the lock that one thread at a time holds; a forked child gets its own, and an empty buffer."""
        if self._process != os.getpid():
            self._process = os.getpid()
            self._lock = threading.Lock()
            self._pending = ""
        return self._lock

    def _flush(self, *, all_of_it: bool = False) -> None:
        end = max(self._pending.rfind("\n"), self._pending.rfind("\r")) + 1
        if all_of_it or len(self._pending) > LONGEST_LINE:
            end = len(self._pending)
        elif _KEY in self._pending and "-----END " not in self._pending:
            return
        text, self._pending = self._pending[:end], self._pending[end:]
        self._clean = self._clean or redact.cleaner()
        data = memoryview(self._clean(text).encode("utf-8", "backslashreplace"))
        try:
            while data:
                if self._room_left == 0:
                    self._next_file()
                assert self._file is not None, "it was opened"
                n_written = self._file.write(data[: self._room_left])
                self._room_left -= n_written
                data = data[n_written:]
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        """Keep nothing more, as the file cannot be written; the trial goes on."""
        self._closed = True
        logging.getLogger("hpsearch").warning(
            "what trial %d prints is kept no further (%s: %s)", self._trial, self._files.head, error.strerror
        )

    def _next_file(self) -> None:
        """Open the file in which the output goes on."""
        if self._file is None:
            self._files.head.parent.mkdir(parents=True, exist_ok=True)
            self._in_tail = self._files.tail.exists()
        else:
            self._file.close()
            if self._in_tail:
                os.replace(self._files.tail, self._files.previous_tail)
            self._in_tail = True
        path, most = (self._files.tail, TAIL_BYTES) if self._in_tail else (self._files.head, HEAD_BYTES)
        self._file = FileIO(path, "ab")
        self._room_left = most - os.fstat(self._file.fileno()).st_size
        if self._room_left <= 0:
            self._room_left = 0
            self._next_file()


class _Capture:
    """A context manager that keeps what is printed as a trial's output. A class, for speed: each report enters it."""

    __slots__ = ("_handlers", "_outer", "_output", "_streams")

    def __init__(self, output: Output) -> None:
        self._output = output

    def __enter__(self) -> None:
        streams = (sys.stdout, sys.stderr)
        self._streams = streams
        self._outer = _Tee.output
        for tee, stream in zip(_tees, streams, strict=True):
            if stream is not tee.stream and stream not in _tees:  # tees stand there in a study that a trial runs
                tee.stream = stream
        self._handlers = [
            (handler, stream)
            for handler in logging.root.handlers
            if (stream := getattr(handler, "stream", None)) in streams
        ]
        for handler, stream in self._handlers:
            handler.stream = _tees[streams.index(stream)]  # type: ignore[attr-defined]
        sys.stdout, sys.stderr = _tees
        _Tee.output = self._output

    def __exit__(self, *_: object) -> None:
        _Tee.output = self._outer
        sys.stdout, sys.stderr = self._streams
        for handler, stream in self._handlers:
            handler.stream = stream  # type: ignore[attr-defined]
        self._output.end_capture()


class _Tee:
    """Stands in the place of a standard stream: what is written goes to the trial that runs, and on to that stream.

    There is one for each stream, whichever trial runs: code keeps a stream that it has once seen, as a handler of
    logging does.
    """

    output: Output | None = None
    stream: Any = None

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if self.output is not None:
            self.output.write(text)
        if self.stream is not None:
            self.stream.write(text)
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if self.stream is not None:
            self.stream.flush()

    def close(self) -> None:
        """Leave the stream open: it is not the trial's."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


_tees: Any = (_Tee(), _Tee())
