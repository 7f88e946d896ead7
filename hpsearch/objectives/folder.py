"""A trial's checkpoint folder: as it stood when an epoch was reported it is kept, whole or not at all.

Kept by copy, never by hard link: a file that is opened for writing again would change the one kept. What is in it is
the user's own; nothing of it is read here.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from hpsearch.log.files import flush

CHECKPOINTS = "checkpoints/trials"
"""Where in a study's folder they are."""

KEPT = 2
"""Epochs kept of a trial: the newest may be one that the log does not have."""

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
        """Where the trial reads and writes; asking for it makes it."""
        self._work.mkdir(parents=True, exist_ok=True)
        self._used = True
        return self._work

    def open(self, epoch: int) -> bool:
        """Have it as it stood after an epoch, and return whether that was kept; else it is empty."""
        if not os.path.isdir(self._name):
            return False
        shutil.rmtree(self._work, ignore_errors=True)
        if epoch and self._at(epoch).is_dir():
            shutil.copytree(self._at(epoch), self._work)
            self._used = True
            self._state = self._contents()
            return True
        shutil.rmtree(self._root, ignore_errors=True)
        return False

    def keep(self, epoch: int) -> None:
        """Keep it as it stands after an epoch, where it has changed since the one before.

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
        shutil.rmtree(self._at(epoch), ignore_errors=True)
        partial.rename(self._at(epoch))
        flush(self._root)
        self._state = state
        for old in sorted(_kept(self._root))[:-KEPT]:
            shutil.rmtree(self._at(old))

    def clear(self) -> None:
        """Delete it with all that was kept: the trial has ended."""
        if self._used:
            shutil.rmtree(self._root, ignore_errors=True)

    def _at(self, epoch: int) -> Path:
        return self._root / f"{_PREFIX}{epoch:09d}"

    def _contents(self) -> list[tuple[str, int, int]]:
        """Return what is in it by name, time and size; empty where the trial's code has removed it."""
        files = (path for path in self._work.rglob("*") if path.is_file())
        return sorted((str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in files)


def kept_epoch(root: Path, trial: int, last_epoch: int) -> int:
    """Return the newest epoch of a trial that was kept and is not ahead of the log; 0 where there is none."""
    return max((epoch for epoch in _kept(root / str(trial)) if epoch <= last_epoch), default=0)


def _kept(folder: Path) -> Iterator[int]:
    for path in folder.glob(f"{_PREFIX}*"):
        yield int(path.name.removeprefix(_PREFIX))
