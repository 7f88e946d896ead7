"""A trial's checkpoint folder: when an epoch is reported, a copy of it is kept, whole or not at all.

It is copied, never hard-linked: a file that is opened for writing again would change the one that is kept. Its files
are the user's own; nothing in them is read here.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from hpsearch.log.files import flush

CHECKPOINTS = "checkpoints/trials"
"""The folder of all trials' checkpoints in a study's folder."""

KEPT = 2
"""Copies kept of a trial: the newest may be of an epoch that the log does not have."""

_PREFIX = "epoch-"


class Folder:
    """The folder of one trial.

    Args:
        root: Where the folders of a study's trials are.
        trial: The trial's number.
    """

    def __init__(self, root: Path, trial: int) -> None:
        self._name = f"{root}/{trial}"
        self._used = False
        self._state: list[tuple[str, int, int]] = []

    @cached_property
    def _root(self) -> Path:  # most trials ask for no folder, and paths take long to make
        return Path(self._name)

    @cached_property
    def _work(self) -> Path:
        return self._root / "work"

    @property
    def work(self) -> Path:
        """The folder in which the trial reads and writes; reading this attribute creates it."""
        self._work.mkdir(parents=True, exist_ok=True)
        self._used = True
        return self._work

    def open(self, epoch: int) -> bool:
        """Restore it as it was after an epoch, and return whether there was a copy of that; without one it is empty."""
        if not os.path.isdir(self._name):
            return False
        shutil.rmtree(self._work, ignore_errors=True)
        if epoch and self._epoch_folder(epoch).is_dir():
            shutil.copytree(self._epoch_folder(epoch), self._work)
            self._used = True
            self._state = self._contents()
            return True
        shutil.rmtree(self._root, ignore_errors=True)
        return False

    def keep(self, epoch: int) -> None:
        """Keep a copy of it as it is after an epoch, where it has changed since the last copy.

        Raises:
            OSError: The disk is full; what was kept before is still there.
        """
        state = self._contents() if self._used else []
        if not state or state == self._state:
            return
        partial = self._root / "partial"
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(self._work, partial)
        for path in (partial, *partial.rglob("*")):
            flush(path)
        shutil.rmtree(self._epoch_folder(epoch), ignore_errors=True)
        partial.rename(self._epoch_folder(epoch))
        flush(self._root)
        self._state = state
        for old in sorted(_kept_epochs(self._root))[:-KEPT]:
            shutil.rmtree(self._epoch_folder(old))

    def clear(self) -> None:
        """Delete it with all its copies: the trial has ended."""
        if self._used:
            shutil.rmtree(self._root, ignore_errors=True)

    def _epoch_folder(self, epoch: int) -> Path:
        return self._root / f"{_PREFIX}{epoch:09d}"

    def _contents(self) -> list[tuple[str, int, int]]:
        """Return (name, time of change, size) of each file in it; none where the trial's code has removed it."""
        files = (path for path in self._work.rglob("*") if path.is_file())
        return sorted((str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in files)


def kept_epoch(root: Path, trial: int, last_epoch: int) -> int:
    """Return the newest epoch of which a trial has a copy and that is not ahead of the log; 0 where there is none."""
    return max((epoch for epoch in _kept_epochs(root / str(trial)) if epoch <= last_epoch), default=0)


def _kept_epochs(folder: Path) -> Iterator[int]:
    for path in folder.glob(f"{_PREFIX}*"):
        yield int(path.name.removeprefix(_PREFIX))
