"""The trials that have not ended: those that train, and those that are paused."""

from __future__ import annotations

from collections.abc import Iterator

from hpsearch.log.trial import Trial


class Unfinished:
    """The trials of a history that have not ended, by number."""

    def __init__(self) -> None:
        self._running: dict[int, Trial] = {}
        self._paused: dict[int, Trial] = {}

    def begin(self, trial: Trial) -> None:
        """Take in that a trial begins."""
        self._running[trial.number] = trial

    def pause(self, number: int) -> None:
        """Take in that a trial that trains is paused."""
        self._paused[number] = self._running.pop(number)

    def resume(self, number: int) -> None:
        """Take in that a paused trial goes on.

        Raises:
            ValueError: It is not paused.
        """
        if number not in self._paused:
            raise ValueError(f"trial {number} is resumed and was not paused")
        self._running[number] = self._paused.pop(number)

    def end(self, number: int) -> None:
        """Take in that a trial has ended; nothing where it had before."""
        self._running.pop(number, None)
        self._paused.pop(number, None)

    @property
    def running(self) -> list[Trial]:
        """The trials that train, by number."""
        return [self._running[number] for number in sorted(self._running)]

    @property
    def paused(self) -> list[Trial]:
        """The trials that are paused, by number."""
        return [self._paused[number] for number in sorted(self._paused)]

    def __iter__(self) -> Iterator[Trial]:
        return iter(sorted((*self._running.values(), *self._paused.values()), key=lambda trial: trial.number))

    def __len__(self) -> int:
        return len(self._running) + len(self._paused)
