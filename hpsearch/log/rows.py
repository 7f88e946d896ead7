"""The rows of one trial, as columns: a study may have a million of them, and each is a few numbers."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import overload

from hpsearch.log.records import Row

_NAMES: dict[tuple[str, ...], tuple[str, ...]] = {}
"""The names that rows report, one tuple for all rows that report the same."""


class Rows(Sequence[Row]):
    """What each epoch of a trial brought: a sequence of :class:`~hpsearch.log.records.Row` that takes little room.

    A row costs its numbers and two pointers, a tenth of what a ``Row`` costs; it is put together when it is read.
    """

    __slots__ = (
        "_ends",
        "_epochs",
        "_equal_counts",
        "_lanes",
        "_names",
        "_same_names",
        "_scoring",
        "_seconds",
        "_starts",
        "_trial",
        "_values",
        "_within",
    )

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self._equal_counts = True  # whether each row has as many metrics
        self._same_names = True  # and whether they are the same ones
        self._trial = 0
        self._lanes: list[tuple[int, int]] = []  # (row from which on, lane)
        self._epochs = array("q")
        self._names: list[tuple[str, ...]] = []
        self._values = array("d")
        self._starts = array("q")  # where each row's values begin, once rows differ in how many they have
        self._seconds = array("d")
        self._scoring: dict[int, float] = {}
        self._within: dict[int, tuple[tuple[int, dict[str, float]], ...]] = {}
        self._ends: dict[int, Row] = {}
        for row in rows:
            self.append(row)

    def append(self, row: Row) -> None:
        """Take in the next row."""
        if row.finished or row.failure is not None or row.quiet:
            self._ends[len(self._epochs)] = row  # the last row, and quiet ones: kept whole, with their texts
        if row.score_seconds:
            self._scoring[len(self._epochs)] = row.score_seconds
        if row.within:
            self._within[len(self._epochs)] = row.within
        self._trial = row.trial
        if not self._lanes or row.lane != self._lanes[-1][1]:
            self._lanes.append((len(self._epochs), row.lane))
        self._epochs.append(row.epoch)
        names = tuple(row.metrics)
        self._names.append(_NAMES.setdefault(names, names))
        self._same_names = self._same_names and self._names[-1] is self._names[0]
        self._equal_counts = self._equal_counts and len(names) == len(self._names[0])
        self._values.extend(row.metrics.values())
        self._seconds.append(row.seconds)

    @property
    def seconds(self) -> float:
        """Observed training time of all rows."""
        return sum(self._seconds)

    @property
    def epoch(self) -> int:
        """The last row's epoch, or 0."""
        return self._epochs[-1] if self._epochs else 0

    @property
    def epochs(self) -> list[int]:
        """Each row's epoch."""
        return self._epochs.tolist()

    @property
    def metrics(self) -> list[str]:
        """Every metric that a row reports, in the order in which they first do."""
        return list(dict.fromkeys(name for names in dict.fromkeys(self._names) for name in names))

    @property
    def times(self) -> list[float]:
        """Each row's observed training time."""
        return self._seconds.tolist()

    def curve(self, metric: str, until: int | None = None) -> list[float]:
        """Return a metric at each epoch that reported it, of all rows or of the first ``until``."""
        if self._same_names:
            if not self._names or metric not in (names := self._names[0]):
                return []
            return self._values[names.index(metric) :: len(names)][:until].tolist()
        return [value for value in self.column(metric)[:until] if value is not None]

    def column(self, metric: str) -> list[float | None]:
        """Return a metric at each row, None where the row did not report it."""
        if self._same_names:
            return list(self.curve(metric)) if self._names and metric in self._names[0] else [None] * len(self)
        values: list[float | None] = []
        start = 0
        for names in self._names:
            values.append(self._values[start + names.index(metric)] if metric in names else None)
            start += len(names)
        return values

    @property
    def monitored(self) -> list[str]:
        """Every metric that was measured within an epoch, in the order in which they first were."""
        return list(
            dict.fromkeys(name for points in self._within.values() for _, metrics in points for name in metrics)
        )

    def within(self, metric: str) -> tuple[list[int], list[float]]:
        """Return a metric as it was measured within the epochs: samples trained on until then, and values."""
        points = [
            (n, metrics[metric]) for points in self._within.values() for n, metrics in points if metric in metrics
        ]
        return [n for n, _ in points], [value for _, value in points]

    def __len__(self) -> int:
        return len(self._epochs)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        position = range(len(self))[index]
        if position in self._ends:
            return self._ends[position]
        names = self._names[position]
        start = self._start(position)
        values = self._values[start : start + len(names)]
        trial = self._trial
        lane = next(lane for since, lane in reversed(self._lanes) if since <= position)
        metrics = dict(zip(names, values, strict=True))
        scoring = self._scoring.get(position, 0.0)
        within = self._within.get(position, ())
        return Row(
            trial, lane, self._epochs[position], metrics, self._seconds[position], score_seconds=scoring, within=within
        )

    def _start(self, position: int) -> int:
        if self._equal_counts:
            return position * len(self._names[0])
        while len(self._starts) <= position:
            row = len(self._starts)
            self._starts.append(self._starts[-1] + len(self._names[row - 1]) if row else 0)
        return self._starts[position]

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, Sequence) else NotImplemented

    __hash__ = None  # type: ignore[assignment]
