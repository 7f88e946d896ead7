"""Brings MLflow into line with the fold of a log: what it holds is looked up, and what is missing is added once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hpsearch.log.history import History
from hpsearch.log.records import Header, Record
from hpsearch.tracking.exhibits import Exhibits
from hpsearch.tracking.folded import Folded
from hpsearch.tracking.store import Store
from hpsearch.tracking.study_runs import StudyRuns


class Projection:
    """One study in one MLflow store.

    Before the log's header there is nothing to send. With it come the fold of the log (:class:`Folded`) and, once the
    store is open, what the store holds of it (:class:`StudyRuns`).

    Args:
        study_dir: The study's folder; ``study.py`` in it becomes an artifact.
        open_store: Opens the store for a study's name.
        user: Who runs the study, or None.
        progress: Told how many trials have ended in the store, of how many that have begun.

    Attributes:
        experiment: Id of the experiment, once known.
    """

    def __init__(
        self,
        study_dir: Path,
        open_store: Callable[[str], Store],
        user: str | None,
        progress: Callable[[int, int], None] = lambda done, of: None,
    ) -> None:
        self._study_dir = study_dir
        self._open_store = open_store
        self._user = user
        self._progress = progress
        self._folded: Folded | None = None
        self._store: Store | None = None
        self._runs: StudyRuns | None = None
        self._bulk = True
        self.experiment: str | None = None

    @property
    def history(self) -> History | None:
        """The fold of the records applied so far, or None before the header."""
        return None if self._folded is None else self._folded.history

    @property
    def run(self) -> str | None:
        """Id of the study's run, once known."""
        return None if self._runs is None else self._runs.run

    @property
    def ended(self) -> int:
        """How many trials have ended in the store."""
        return 0 if self._folded is None else self._folded.ended

    def apply(self, record: Record) -> None:
        """Take one more record in; nothing is sent before :meth:`push`."""
        if isinstance(record, Header):
            self._folded = Folded(record)
        elif self._folded is None:
            raise ValueError("the log does not begin with a header")
        else:
            self._folded.apply(record)

    def connect(self) -> None:
        """Open the store, which may take seconds, and look up the runs that are there.

        Raises:
            Exception: Whatever the store raised.
        """
        if self._folded is not None:
            self._connected(self._folded)

    def push(self, alive: bool) -> None:
        """Bring the store into line with what was applied.

        A trial that the store refuses does not keep the others from being sent; the second in a row is taken for an
        outage.

        Args:
            alive: Whether the study may still be running; otherwise what has not ended is marked as interrupted.

        Raises:
            Exception: The first that the store raised, after all else was sent. The next push looks all up again.
        """
        if self._folded is None:
            return
        runs = self._connected(self._folded)
        try:
            runs.push(alive)
        except Exception:
            self._runs = None
            self._bulk = runs.bulk
            raise

    def exhibit(self, exhibits: Exhibits) -> None:
        """Send the report and the model, after all curves have been pushed.

        Raises:
            Exception: Whatever the store raised.
        """
        if self._folded is not None:
            self._connected(self._folded).exhibit(exhibits)

    def _connected(self, folded: Folded) -> StudyRuns:
        if self._runs is None:
            if self._store is None:
                self._store = self._open_store(folded.header.name)
                self.experiment = self._store.experiment
            self._runs = StudyRuns(self._store, folded, self._study_dir, self._user, self._progress, self._bulk)
        return self._runs
