"""Checkpoints: the states of the running trials after a tick. A cache: deleting them costs time, never a result.

A checkpoint is an npz file, whose zip members carry CRC-32 checksums, renamed into place once it is whole.
"""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hpsearch.objectives.base import LaneState, Start, digest

KEPT = 2

DIGEST = ".digest"
"""Name, among the arrays of a state, of its digest."""

UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)
"""What reading a damaged checkpoint may raise."""


class SavedState(NamedTuple):
    """A trial's state.

    Attributes:
        epoch: Epochs done.
        state: Its arrays.
    """

    epoch: int
    state: LaneState


Saved = dict[int, SavedState]
"""What a checkpoint holds, by trial number."""


class Checkpoints:
    """The checkpoints of one study.

    Args:
        folder: Where they are; made when the first is saved.
        uid: The study's uid; a checkpoint of another study is not taken.
    """

    def __init__(self, folder: Path, uid: str) -> None:
        self.folder = folder
        self.uid = uid

    def save(self, tick: int, trials: Sequence[Start]) -> None:
        """Save the running trials of a tick and drop all but the newest checkpoints.

        Raises:
            OSError: The disk is full or read-only. Nothing half-written is left under a checkpoint's name.
        """
        self._write(self.folder / f"tick-{tick:09d}.npz", trials)
        for _, path in self._newest_first()[KEPT:]:
            path.unlink(missing_ok=True)

    def save_paused(self, trial: Start) -> None:
        """Save a paused trial, in a file that stays until the trial has ended.

        Raises:
            OSError: As :meth:`save`.
        """
        self._write(self._paused(trial.ask.trial), [trial])

    def paused(self, trial: int) -> Saved | str:
        """Return what is saved of a trial that was paused: nothing, or its state; or why that cannot be read."""
        path = self._paused(trial)
        try:
            return self._read(path) if path.exists() else {}
        except UNREADABLE as error:
            return f"{path}: checkpoint left aside ({error}); its epochs are trained again"

    def forget(self, trial: int) -> None:
        """Delete what was saved of a paused trial, which has ended."""
        self._paused(trial).unlink(missing_ok=True)

    def _paused(self, trial: int) -> Path:
        return self.folder / f"paused-{trial:09d}.npz"

    def _write(self, target: Path, trials: Sequence[Start]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        arrays = {
            f"{trial.ask.trial}/{trial.epoch}/{name}": array
            for trial in trials
            for name, array in ({**trial.state, DIGEST: np.array(trial.digest())} if trial.state else {}).items()
        }
        partial = target.with_suffix(".partial")
        try:
            with partial.open("wb") as file:
                np.savez(file, uid=np.array(self.uid), **arrays)  # type: ignore[arg-type]
                file.flush()
                os.fsync(file.fileno())
            partial.replace(target)
        except OSError:
            partial.unlink(missing_ok=True)
            raise

    def newest(self, last_tick: int) -> Iterator[Saved | str]:
        """Yield what is saved, newest first, in the checkpoints that are not ahead of the log.

        Where one cannot be read, a line that says why stands in its place.
        """
        for tick, path in self._newest_first():
            if tick <= last_tick:
                try:
                    yield self._read(path)
                except UNREADABLE as error:
                    yield f"{path}: checkpoint left aside ({error}); its ticks are trained again"

    def inspect(self) -> Iterator[tuple[Path, int, str | None]]:
        """Yield each checkpoint, the tick after which it was saved, and why it cannot be read, or None."""
        for tick, path in self._newest_first():
            try:
                self._read(path)
                yield path, tick, None
            except UNREADABLE as error:
                yield path, tick, str(error)

    def clear(self) -> None:
        """Delete all checkpoints."""
        for path in (*(path for _, path in self._newest_first()), *self.folder.glob("paused-*.npz")):
            path.unlink(missing_ok=True)

    def clear_stale(self, last_tick: int) -> int:
        """Delete all but the newest one that is not ahead of the log, and halves of others; return the bytes freed."""
        newest = next((path for tick, path in self._newest_first() if tick <= last_tick), None)
        stale = [path for _, path in self._newest_first() if path != newest] + list(self.folder.glob("*.partial"))
        stale += [] if last_tick >= 0 else list(self.folder.glob("paused-*.npz"))
        freed = sum(path.stat().st_size for path in stale)
        for path in stale:
            path.unlink()
        return freed

    def _newest_first(self) -> list[tuple[int, Path]]:
        by_tick = [(int(path.stem[5:]), path) for path in self.folder.glob("tick-*.npz") if path.stem[5:].isdigit()]
        return sorted(by_tick, reverse=True)

    def _read(self, path: Path) -> Saved:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as archive:
            if str(archive["uid"]) != self.uid:
                raise ValueError("it belongs to another study")
            saved: Saved = {}
            for key in archive.files:
                if key != "uid":
                    trial, epoch, name = key.split("/", 2)
                    saved.setdefault(int(trial), SavedState(int(epoch), {})).state[name] = archive[key]
            for number, (done, state) in saved.items():
                # Checkpoints of version 0.1 have no digests.
                if (wanted := state.pop(DIGEST, None)) is not None and digest(number, done, state) != str(wanted):
                    raise ValueError(f"the state of trial {number} is not what was saved")
            return saved
