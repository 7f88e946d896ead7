"""What a decision sees that looks back: of the other trials what was due by then, of its own trial everything.

A lane's :class:`View` is a fold of the log that stops at a virtual time. :func:`sight` adds the trial that is decided
about, which may have begun after that, so that its number is not known yet.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace

from hpsearch.log.history import History
from hpsearch.log.numbered import Numbered
from hpsearch.log.records import Record, Tick
from hpsearch.log.trial import Trial


class Lines:
    """The records of a log as they are written; those that every view has applied are dropped to save memory.

    Args:
        records: What was written so far.
    """

    def __init__(self, records: list[Record]) -> None:
        self._records = records
        self._n_forgotten = 0

    def append(self, record: Record) -> None:
        """Take in what was written."""
        self._records.append(record)

    def at(self, index: int) -> Record | None:
        """Return the record at an index of the log, from 0; None where that is not written yet."""
        return self._records[index - self._n_forgotten] if index - self._n_forgotten < len(self._records) else None

    def forget(self, index: int) -> None:
        """Drop all records before an index."""
        del self._records[: index - self._n_forgotten]
        self._n_forgotten = max(index, self._n_forgotten)


class View:
    """The log as it stood at a virtual time that only grows.

    Args:
        lines: The log.
        history: The fold of those before ``place``.
        place: The first line that is not in the history.
    """

    def __init__(self, lines: Lines, history: History, place: int = 0) -> None:
        self._lines = lines
        self._history = history
        self.place = place

    def at(self, moment: float) -> History:
        """Return the fold of the lines that were due at or before a moment; a later call brings no earlier one."""
        while (record := self._lines.at(self.place)) is not None:
            if isinstance(record, Tick) and record.due is not None and record.due > moment:
                break
            self._history.apply(record)
            self.place += 1
        return self._history.current


def sight(view: History, trial: Trial, rung_values: Mapping[int, float], number: int | None) -> tuple[History, int]:
    """Return what a decision about a trial sees, and the number that the trial has there.

    Args:
        view: What is known of the others. It stays as it is.
        trial: The trial with all of its rows.
        rung_values: What it stands with on the rung of each epoch.
        number: Its number in the log, or None where that is not known yet.
    """
    adjusted = copy.copy(view)
    trials = Numbered[Trial](view.first)
    trials.extend(view.trials)
    index = len(trials) if number is None else min(number - view.first, len(trials))
    decided = copy.copy(trial)
    decided.ask = replace(trial.ask, trial=view.first + index)
    trials[index : index + 1] = [decided]
    adjusted.trials = trials
    adjusted.table = dict(view.table)
    for epoch, value in rung_values.items():
        column = view.table.get(epoch, {})
        if decided.number not in column:
            adjusted.table[epoch] = {**column, decided.number: value}
    return adjusted, decided.number
