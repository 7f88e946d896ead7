"""What one MLflow store holds of a study, and how it is brought into line with the fold of the study's log."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from hpsearch.log import redact
from hpsearch.log.catalogue import version_file
from hpsearch.log.history import Trial
from hpsearch.log.kept import artifacts, trials_with_artifacts
from hpsearch.tracking import content, spelling, view
from hpsearch.tracking.attachments import as_json, send_study
from hpsearch.tracking.bulk import CHUNK
from hpsearch.tracking.content import STATUS, Point
from hpsearch.tracking.ended import LEAST_IN_BULK, by_trial, ended_runs
from hpsearch.tracking.exhibits import Exhibits
from hpsearch.tracking.folded import Folded
from hpsearch.tracking.spelling import millis
from hpsearch.tracking.store import Store, StoredRun, StoreGone

_LOG = logging.getLogger("hpsearch")


@dataclass
class _RunState:
    """What the store holds of one run, as far as this process knows.

    Attributes:
        run: The run's id.
        status: MLflow's status.
        state: The tag ``hpsearch.state``.
        rows: How many rows of a trial, or points of the best-so-far curve, have been sent.
        prepared: Whether parameters, data set and first files have been sent.
        tags: The tags that have been sent.
        stored_points: Key and step of the points that the run had when it was looked up.
        end: When it ended, in ms since 1970, or None.
    """

    run: str
    status: str = "RUNNING"
    state: str = "RUNNING"
    rows: int = 0
    prepared: bool = False
    tags: dict[str, str] = field(default_factory=dict)
    stored_points: set[tuple[str, int]] = field(default_factory=set)
    end: int | None = None

    def lacks(self, points: list[Point]) -> list[Point]:
        return [point for point in points if (point.key, point.step) not in self.stored_points]

    def changed(self, tags: dict[str, str]) -> dict[str, str]:
        return {name: value for name, value in tags.items() if self.tags.get(name) != value}


class StudyRuns:
    """The runs of one study in one store: its own, and one for each trial.

    An object is valid as long as every call succeeds. After a call that failed it is not known what the store holds,
    and a new object has to look everything up again.

    Args:
        store: The store, open.
        folded: The fold of the study's log; what has been sent is removed from what waits in it.
        study_dir: The study's folder.
        user: Who runs the study, or None.
        progress: Told how many trials have ended in the store, of how many that have begun.
        bulk: Whether ended trials may be sent many at a time.

    Attributes:
        bulk: The same; false once the store has refused that.

    Raises:
        Exception: Whatever the store raised when it was asked for the runs that are there.
    """

    def __init__(
        self,
        store: Store,
        folded: Folded,
        study_dir: Path,
        user: str | None,
        progress: Callable[[int, int], None],
        bulk: bool,
    ) -> None:
        self._store = store
        self._folded = folded
        self._study_dir = study_dir
        self._user = user
        self._progress = progress
        self.bulk = bulk
        self._stored = by_trial(store.find(folded.header.uid))
        store.is_new = False
        self._study = self._adopt(self._stored[None]) if None in self._stored else None
        self._trials: dict[int, _RunState] = {}

    @property
    def run(self) -> str | None:
        """Id of the study's run, or None where it has not been made yet."""
        return None if self._study is None else self._study.run

    def push(self, alive: bool) -> None:
        """Bring the store into line with the fold; see :meth:`hpsearch.tracking.projection.Projection.push`."""
        refused: list[Exception] = []
        study = self._study_run()
        self._push_ended(study.run)
        in_a_row = 0
        for trial in list(self._folded.unfinished.values()):
            try:
                self._push_trial(trial, study.run, alive)
                in_a_row = 0
                self._report_progress()
            except Exception as error:
                refused.append(error)
                in_a_row += 1
                if in_a_row == 2:
                    raise
        self._push_study(study, alive)
        self._tag_versions()
        if refused:
            raise refused[0]

    def exhibit(self, exhibits: Exhibits) -> None:
        """Send the report, the model and the diagnoses, after all curves have been pushed."""
        history = self._folded.history
        uid = self._folded.header.uid
        exhibits.send(self._store, self._study_run().run, history.current, self._study_dir)
        tags_of = content.diagnosis_tags(history)
        for run in self._store.find(uid) if tags_of else ():
            if run.trial in tags_of and not run.deleted:
                self._store.log(run.run, [], {}, tags_of[run.trial])

    def _study_run(self) -> _RunState:
        """Return the study's run; it is created where it does not exist."""
        if self._study is None:
            header = self._folded.header
            history = self._folded.history
            tags = content.study_tags(header, self._user) | content.study_progress(history, "RUNNING")
            self._study = _RunState(self._store.create(header.name, millis(header.time), tags), tags=tags)
        return self._study

    def _adopt(self, stored: StoredRun) -> _RunState:
        if stored.deleted:
            raise StoreGone(
                "the run of this study was deleted in MLflow: bring it back with "
                f"`mlflow runs restore --run-id {stored.run}`"
            )
        points = self._store.points(stored)
        return _RunState(stored.run, stored.status, stored.state, stored_points=points, end=stored.end)

    def _push_ended(self, study: str) -> None:
        """Send trials that have ended and have no run in the store, many at a time where the store takes that."""
        folded = self._folded
        header = self._folded.header
        in_store = {*self._stored, *self._trials}
        ended = [trial for trial in folded.unfinished.values() if trial.decision is not None]
        new = [trial for trial in ended if trial.number not in in_store]
        if len(new) < LEAST_IN_BULK or not self.bulk or not self._store.takes_bulk:
            return
        with_files = trials_with_artifacts(self._study_dir)
        for start in range(0, len(new), CHUNK):
            chunk = new[start : start + CHUNK]
            declaration = folded.history.declaration
            runs = ended_runs(chunk, header, declaration, study, self._user, folded.began, folded.times, with_files)
            try:
                self._store.add(list(runs.values()), header.dataset)
            except Exception as error:
                # All or none of them are there: that is looked up, and each is sent on its own, so that one which the
                # store refuses does not keep the others back. A store that is down raises here or there once more.
                self.bulk = False
                why = redact.text(f"{type(error).__name__}: {error}".partition("\n")[0])
                _LOG.warning("%d runs could not be delivered at once (%s); each is sent on its own", len(runs), why)
                self._stored = by_trial(self._store.find(header.uid))
                return
            for number in runs:
                del folded.unfinished[number]
            self._report_progress()

    def _report_progress(self) -> None:
        """Report how many trials have ended in the store."""
        self._progress(self._folded.ended, len(self._folded.history.trials))

    def _push_trial(self, trial: Trial, study: str, alive: bool) -> None:
        folded = self._folded
        header = self._folded.header
        history = self._folded.history
        store = self._store
        stored = self._stored.get(trial.number)
        state = trial.state if trial.decision is not None or alive else "INTERRUPTED"
        if stored is not None and (stored.deleted or (trial.decision is not None and stored.is_at(state))):
            # The status is written last, so all else is there; and what a person deleted stays deleted.
            del folded.unfinished[trial.number]
            return
        outcome = content.trial_outcome(trial, state, history.declaration)
        sent = self._trials.get(trial.number)
        if sent is None and stored is not None:
            sent = self._trials[trial.number] = self._adopt(stored)
        elif sent is None:
            tags = content.trial_tags(header, trial, study, self._user) | outcome
            tags |= content.version_tags(history, trial)
            run = store.create(f"trial {trial.number:04d}", millis(folded.began[trial.number]), tags)
            sent = self._trials[trial.number] = _RunState(run, tags=tags)
        values: dict[str, str] = {}
        if not sent.prepared:
            params = content.trial_params(history.declaration, trial)
            values = spelling.params(params)
            if spelling.altered(params):
                store.log_text(sent.run, as_json(params), "params.json")
            if header.dataset:
                store.log_dataset(sent.run, header.dataset, "train")
        self._set_running(sent, state)
        points = sent.lacks(content.trial_points(trial, folded.times, sent.rows))
        store.log(sent.run, points, values, sent.changed(outcome))
        sent.prepared = True
        sent.rows = len(trial.rows)
        sent.tags = sent.tags | outcome
        if trial.decision is not None and trial.rows and trial.rows[-1].traceback:
            store.log_text(sent.run, redact.text(trial.rows[-1].traceback), "traceback.txt")
        if trial.decision is not None:
            for path, name in artifacts(self._study_dir, trial.ask.key):
                store.log_path(sent.run, path, name)
        ended = folded.times[-1] if trial.ended_at is None else trial.ended_at
        self._set_ended(sent, state, max(ended, folded.began[trial.number]))  # the wall's clock may go back
        if trial.decision is not None:
            del folded.unfinished[trial.number], self._trials[trial.number]

    def _push_study(self, sent: _RunState, alive: bool) -> None:
        folded = self._folded
        header = self._folded.header
        history = self._folded.history
        store = self._store
        state = content.study_state(history.current, alive)
        if alive and content.is_done(history.current):
            # Whoever runs it may go on (an extension): the end is told when it is gone, and a finished one stays so.
            state = sent.state
        progress = content.study_progress(history.current, state)
        self._set_running(sent, state)
        params = {} if sent.prepared else content.study_params(header)
        store.log(sent.run, sent.lacks(folded.best[sent.rows :]), spelling.params(params), sent.changed(progress))
        sent.rows = len(folded.best)
        sent.tags = sent.tags | progress
        sent.state = state
        if not sent.prepared:
            if spelling.altered(params):
                store.log_text(sent.run, as_json(params), "params.json")
            if header.dataset:
                store.log_dataset(sent.run, header.dataset, "train")
            send_study(store, sent.run, header.environment, self._study_dir)
            store.tag_experiment(view.TAG, view.view_json(header, sent.run))
            sent.prepared = True
        for version, declaration in folded.declared.items():
            folder = "" if version == 1 else f"versions/{version}/"
            store.log_text(sent.run, as_json(declaration), f"{folder}declaration.json")
            study = self._study_dir / version_file(version)
            if version > 1 and study.exists():
                store.log_text(sent.run, study.read_text(encoding="utf-8"), version_file(version))
        folded.declared = {}
        self._set_ended(sent, state, max(history.time or 0.0, header.time))

    def _tag_versions(self) -> None:
        """Tag every trial with its version of the study, once there is more than one version."""
        folded = self._folded
        trials = self._folded.history.trials
        if not folded.relabel:
            return
        for stored in self._store.find(folded.header.uid):
            if stored.trial is not None and not stored.deleted and stored.trial < len(trials):
                self._store.log(stored.run, [], {}, content.version_tags(folded.history, trials[stored.trial]))
        folded.relabel = False

    def _set_running(self, sent: _RunState, state: str) -> None:
        if sent.status != "RUNNING" and STATUS[state] == "RUNNING":
            self._store.reopen(sent.run)
            sent.status = "RUNNING"

    def _set_ended(self, sent: _RunState, state: str, when: float) -> None:
        """End a run, or end it again where it went on since: an extension may be over before it is first delivered."""
        status, end = STATUS[state], millis(when)
        if status != "RUNNING" and (sent.status, sent.end) != (status, end):
            self._store.end(sent.run, status, end)
            sent.status = status
            sent.end = end
