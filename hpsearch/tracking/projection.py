"""Brings MLflow into line with the fold of a log: what is there is looked up, what lacks is added, nothing twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hpsearch.log import redact
from hpsearch.log.catalogue import version_file
from hpsearch.log.history import Goal, History, Trial
from hpsearch.log.kept import artifacts, trials_with_artifacts
from hpsearch.log.records import Extension, Header, Record, Tick
from hpsearch.tracking import content
from hpsearch.tracking.attachments import as_json, send_study
from hpsearch.tracking.bulk import CHUNK
from hpsearch.tracking.content import STATUS, Point, millis
from hpsearch.tracking.ended import FEW, by_trial, gathered
from hpsearch.tracking.exhibits import Exhibits
from hpsearch.tracking.incumbent import Incumbent
from hpsearch.tracking.store import Found, Store, StoreGone


@dataclass
class _Sent:
    """What the store holds of one run, as far as this process knows."""

    run: str
    status: str = "RUNNING"
    state: str = "RUNNING"
    rows: int = 0
    prepared: bool = False
    tags: dict[str, str] = field(default_factory=dict)
    there: set[tuple[str, int]] = field(default_factory=set)
    end: int | None = None

    def lacks(self, points: list[Point]) -> list[Point]:
        return [point for point in points if (point.key, point.step) not in self.there]

    def changed(self, tags: dict[str, str]) -> dict[str, str]:
        return {name: value for name, value in tags.items() if self.tags.get(name) != value}


class Projection:
    """One study in one MLflow store.

    Args:
        study_dir: The study's folder; ``study.py`` in it becomes an artifact.
        open_store: Opens the store for a study's name.
        user: Who runs the study, or None.
        progress: Told how many trials have ended in the store, of how many that have begun.

    Attributes:
        history: The fold of the records applied so far, or None before the header.
        experiment: Id of the experiment, once known.
        run: Id of the study's run, once known.
    """

    def __init__(
        self,
        study_dir: Path,
        open_store: Callable[[str], Store],
        user: str | None,
        progress: Callable[[int, int], None] = lambda done, of: None,
    ) -> None:
        self._study_dir, self._open_store, self._user = study_dir, open_store, user
        self._progress = progress
        self._bulk = True
        self.history: History | None = None
        self.experiment: str | None = None
        self._store: Store | None = None
        self._header: Header | None = None
        self._parent: _Sent | None = None
        self._found: dict[int | None, Found] = {}
        self._trials: dict[int, _Sent] = {}
        self._unfinished: dict[int, Trial] = {}
        self._times: list[float] = []
        self._began: dict[int, float] = {}
        self._best: list[Point] = []
        self._incumbent = Incumbent()
        self._declared: dict[int, dict[str, Any]] = {}
        self._relabel = False

    @property
    def run(self) -> str | None:
        """Id of the study's run, once known."""
        return None if self._parent is None else self._parent.run

    @property
    def ended(self) -> int:
        """How many trials have ended in the store."""
        return 0 if self.history is None else len(self.history.trials) - len(self._unfinished)

    def apply(self, record: Record) -> None:
        """Take one more record in; nothing is sent before :meth:`push`."""
        if isinstance(record, Header):
            # A log of version 0.1 may hold what this one would not have written.
            clean = redact.record(record)
            assert isinstance(clean, Header), "a header stays one"
            self._header = clean
            self.history = History(Goal.of(record.declaration))
        if self.history is None:
            raise ValueError("the log does not begin with a header")
        self.history.apply(record)
        if isinstance(record, Header | Extension):
            self._declared[self.history.version] = record.declaration
        if isinstance(record, Extension) and record.change == "new_version":
            self._incumbent, self._relabel = Incumbent(), True
        elif isinstance(record, Tick):
            assert self._header is not None, "a history has a header"
            began = content.began(record, self._times[-1] if self._times else self._header.time)
            self._times.append(record.time)
            for ask in record.asks:
                self._began[ask.trial] = began
                self._unfinished[ask.trial] = self.history.trials[ask.trial]
            self._best += self._incumbent.follow(self.history, record)
            self._best += content.calibration_points(self.history, record)

    def connect(self) -> None:
        """Open the store, which may take seconds, and look up the runs that are there.

        Raises:
            Exception: Whatever the store raised.
        """
        if self._header is None or self._parent is not None:
            return
        if self._store is None:
            self._store = self._open_store(self._header.name)
            self.experiment = self._store.experiment
        self._found = by_trial(self._store.find(self._header.uid))
        self._store.is_new = False
        if None in self._found:
            self._parent = self._adopt(self._store, self._found[None])

    def push(self, alive: bool) -> None:
        """Bring the store into line with what was applied.

        A trial that the store refuses does not keep the others from being sent; the second in a row is taken for an
        outage.

        Args:
            alive: Whether the study may still be running; otherwise what has not ended is marked as interrupted.

        Raises:
            Exception: The first that the store raised, after all else was sent. The next push looks all up again.
        """
        if self._header is None:
            return
        refused: list[Exception] = []
        try:
            self.connect()
            assert self._store is not None, "it is connected"
            parent = self._parent = self._parent or self._create_study(self._store)
            self._push_ended(self._store, parent.run)
            in_a_row = 0
            for trial in list(self._unfinished.values()):
                try:
                    self._push_trial(self._store, trial, parent.run, alive)
                    in_a_row = 0
                    self._told()
                except Exception as error:
                    refused.append(error)
                    in_a_row += 1
                    if in_a_row == 2:
                        raise
            self._push_study(self._store, parent, alive)
            self._label(self._store)
            if refused:
                raise refused[0]
        except Exception:
            self._parent = None
            self._trials.clear()
            raise

    def exhibit(self, exhibits: Exhibits) -> None:
        """Send what is shown beside the curves, all of which have been pushed.

        Raises:
            Exception: Whatever the store raised.
        """
        assert self._store is not None, "it has been pushed to"
        assert self._parent is not None, "it has been pushed to"
        assert self.history is not None, "it has been pushed"
        exhibits.send(self._store, self._parent.run, self.history.current, self._study_dir)
        assert self._header is not None, "it has been pushed"
        said_of = content.diagnosis_tags(self.history)
        for run in self._store.find(self._header.uid) if said_of else ():
            if run.trial in said_of and not run.deleted:
                self._store.log(run.run, [], {}, said_of[run.trial])

    def _create_study(self, store: Store) -> _Sent:
        header, history = self._header, self.history
        assert header is not None, "called with a history"
        assert history is not None, "called with a history"
        tags = content.study_tags(header, self._user) | content.study_progress(history, "RUNNING")
        return _Sent(store.create(header.name, millis(header.time), tags), tags=tags)

    def _adopt(self, store: Store, found: Found) -> _Sent:
        if found.deleted:
            raise StoreGone(
                "the run of this study was deleted in MLflow: bring it back with "
                f"`mlflow runs restore --run-id {found.run}`"
            )
        return _Sent(found.run, found.status, found.state, there=store.points(found), end=found.end)

    def _push_ended(self, store: Store, parent: str) -> None:
        """Send the trials that have ended and of which nothing is there yet, many at a time where the store can."""
        header, history = self._header, self.history
        assert header is not None, "called with a history"
        assert history is not None, "called with a history"
        there = {*self._found, *self._trials}
        fresh = [each for each in self._unfinished.values() if each.decision is not None and each.number not in there]
        if len(fresh) < FEW or not self._bulk or not store.takes_bulk:
            return
        with_files = trials_with_artifacts(self._study_dir)
        for first in range(0, len(fresh), CHUNK):
            some = fresh[first : first + CHUNK]
            runs = gathered(some, header, history.declaration, parent, self._user, self._began, self._times, with_files)
            try:
                store.add(list(runs.values()), header.dataset)
            except Exception:
                # All or none of them are there: that is looked up, and each is sent on its own, so that one which the
                # store refuses does not keep the others back. A store that is down raises here or there once more.
                self._bulk = False
                self._found = by_trial(store.find(header.uid))
                return
            for number in runs:
                del self._unfinished[number]
            self._told()

    def _told(self) -> None:
        """Say how many trials have ended in the store."""
        assert self.history is not None, "called with a history"
        self._progress(self.ended, len(self.history.trials))

    def _push_trial(self, store: Store, trial: Trial, parent: str, alive: bool) -> None:
        header, found = self._header, self._found.get(trial.number)
        assert header is not None, "called with a history"
        assert self.history is not None, "called with a history"
        state = trial.state if trial.decision is not None or alive else "INTERRUPTED"
        if found is not None and (found.deleted or (trial.decision is not None and found.is_at(state))):
            # The status is written last, so all else is there; and what a person deleted stays deleted.
            del self._unfinished[trial.number]
            return
        outcome = content.trial_outcome(trial, state, self.history.declaration)
        sent = self._trials.get(trial.number)
        if sent is None and found is not None:
            sent = self._trials[trial.number] = self._adopt(store, found)
        elif sent is None:
            assert self.history is not None, "a trial is of a history"
            tags = content.trial_tags(header, trial, parent, self._user) | outcome
            tags |= content.version_tags(self.history, trial)
            run = store.create(f"trial {trial.number:04d}", millis(self._began[trial.number]), tags)
            sent = self._trials[trial.number] = _Sent(run, tags=tags)
        values: dict[str, str] = {}
        if not sent.prepared:
            params = content.trial_params(self.history.declaration, trial)
            values = content.params(params)
            if content.altered(params):
                store.log_text(sent.run, as_json(params), "params.json")
            if header.dataset:
                store.log_dataset(sent.run, header.dataset, "train")
        self._set_running(store, sent, state)
        points = sent.lacks(content.trial_points(trial, self._times, sent.rows))
        store.log(sent.run, points, values, sent.changed(outcome))
        sent.prepared, sent.rows, sent.tags = True, len(trial.rows), sent.tags | outcome
        if trial.decision is not None and trial.rows and trial.rows[-1].traceback:
            store.log_text(sent.run, redact.text(trial.rows[-1].traceback), "traceback.txt")
        if trial.decision is not None:
            for path, name in artifacts(self._study_dir, trial.number):
                store.log_path(sent.run, path, name)
        self._set_ended(store, sent, state, self._times[-1] if trial.ended_at is None else trial.ended_at)
        if trial.decision is not None:
            del self._unfinished[trial.number], self._trials[trial.number]

    def _push_study(self, store: Store, sent: _Sent, alive: bool) -> None:
        assert self._header is not None, "called with a history"
        assert self.history is not None, "called with a history"
        state = content.study_state(self.history.current, alive)
        if alive and content.is_done(self.history.current):
            # Whoever runs it may go on (an extension): the end is told when it is gone, and a finished one stays so.
            state = sent.state
        progress = content.study_progress(self.history.current, state)
        self._set_running(store, sent, state)
        params = {} if sent.prepared else content.study_params(self._header)
        store.log(sent.run, sent.lacks(self._best[sent.rows :]), content.params(params), sent.changed(progress))
        sent.rows, sent.tags, sent.state = len(self._best), sent.tags | progress, state
        if not sent.prepared:
            if content.altered(params):
                store.log_text(sent.run, as_json(params), "params.json")
            if self._header.dataset:
                store.log_dataset(sent.run, self._header.dataset, "train")
            send_study(store, sent.run, self._header.environment, self._study_dir)
            sent.prepared = True
        for version, declaration in self._declared.items():
            folder = "" if version == 1 else f"versions/{version}/"
            store.log_text(sent.run, as_json(declaration), f"{folder}declaration.json")
            study = self._study_dir / version_file(version)
            if version > 1 and study.exists():
                store.log_text(sent.run, study.read_text(encoding="utf-8"), version_file(version))
        self._declared = {}
        self._set_ended(store, sent, state, self.history.time or self._header.time)

    def _label(self, store: Store) -> None:
        """Tell runs of earlier versions from those of the current one, once there is more than one version."""
        if not self._relabel or self.history is None or self._header is None:
            return
        for found in store.find(self._header.uid):
            if found.trial is not None and not found.deleted and found.trial < len(self.history.trials):
                store.log(found.run, [], {}, content.version_tags(self.history, self.history.trials[found.trial]))
        self._relabel = False

    def _set_running(self, store: Store, sent: _Sent, state: str) -> None:
        if sent.status != "RUNNING" and state == "RUNNING":
            store.reopen(sent.run)
            sent.status = "RUNNING"

    def _set_ended(self, store: Store, sent: _Sent, state: str, when: float) -> None:
        """End a run, or end it again where it went on since: an extension may be over before it is first delivered."""
        status, end = STATUS[state], millis(when)
        if state != "RUNNING" and (sent.status, sent.end) != (status, end):
            store.end(sent.run, status, end)
            sent.status, sent.end = status, end
