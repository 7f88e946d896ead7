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
from hpsearch.tracking import content, view
from hpsearch.tracking.attachments import as_json, send_study
from hpsearch.tracking.bulk import CHUNK
from hpsearch.tracking.content import STATUS, Point, millis
from hpsearch.tracking.ended import FEW, by_trial, gathered
from hpsearch.tracking.exhibits import Exhibits
from hpsearch.tracking.folded import Folded
from hpsearch.tracking.store import Found, Store, StoreGone

_LOG = logging.getLogger("hpsearch")


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


class StudyRuns:
    """The runs of one study in one store: its own, and one for each trial.

    It is good as long as every call succeeds. After one that did not, nobody knows what the store holds: another
    object looks all up again.

    Args:
        store: The store, open.
        folded: The fold of the study's log; what has been sent is taken off what waits in it.
        study_dir: The study's folder.
        user: Who runs the study, or None.
        progress: Told how many trials have ended in the store, of how many that have begun.
        bulk: Whether ended trials may be sent many at a time.

    Attributes:
        bulk: Likewise; no more once the store has refused that.

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
        self._store, self._folded, self._study_dir, self._user = store, folded, study_dir, user
        self._progress = progress
        self.bulk = bulk
        self._found = by_trial(store.find(folded.header.uid))
        store.is_new = False
        self._study = self._adopt(self._found[None]) if None in self._found else None
        self._trials: dict[int, _Sent] = {}

    @property
    def run(self) -> str | None:
        """Id of the study's run, or None where it has not been made yet."""
        return None if self._study is None else self._study.run

    def push(self, alive: bool) -> None:
        """Bring the store into line with the fold; see :meth:`hpsearch.tracking.projection.Projection.push`."""
        refused: list[Exception] = []
        study = self._begun()
        self._push_ended(study.run)
        in_a_row = 0
        for trial in list(self._folded.unfinished.values()):
            try:
                self._push_trial(trial, study.run, alive)
                in_a_row = 0
                self._told()
            except Exception as error:
                refused.append(error)
                in_a_row += 1
                if in_a_row == 2:
                    raise
        self._push_study(study, alive)
        self._label()
        if refused:
            raise refused[0]

    def exhibit(self, exhibits: Exhibits) -> None:
        """Send what is shown beside the curves, all of which have been pushed."""
        history, uid = self._folded.history, self._folded.header.uid
        exhibits.send(self._store, self._begun().run, history.current, self._study_dir)
        said_of = content.diagnosis_tags(history)
        for run in self._store.find(uid) if said_of else ():
            if run.trial in said_of and not run.deleted:
                self._store.log(run.run, [], {}, said_of[run.trial])

    def _begun(self) -> _Sent:
        """Return the study's run, which is made where it is not there."""
        if self._study is None:
            header, history = self._folded.header, self._folded.history
            tags = content.study_tags(header, self._user) | content.study_progress(history, "RUNNING")
            self._study = _Sent(self._store.create(header.name, millis(header.time), tags), tags=tags)
        return self._study

    def _adopt(self, found: Found) -> _Sent:
        if found.deleted:
            raise StoreGone(
                "the run of this study was deleted in MLflow: bring it back with "
                f"`mlflow runs restore --run-id {found.run}`"
            )
        return _Sent(found.run, found.status, found.state, there=self._store.points(found), end=found.end)

    def _push_ended(self, study: str) -> None:
        """Send the trials that have ended and of which nothing is there yet, many at a time where the store can."""
        folded, header = self._folded, self._folded.header
        there = {*self._found, *self._trials}
        fresh = [each for each in folded.unfinished.values() if each.decision is not None and each.number not in there]
        if len(fresh) < FEW or not self.bulk or not self._store.takes_bulk:
            return
        with_files = trials_with_artifacts(self._study_dir)
        for first in range(0, len(fresh), CHUNK):
            some = fresh[first : first + CHUNK]
            declaration = folded.history.declaration
            runs = gathered(some, header, declaration, study, self._user, folded.began, folded.times, with_files)
            try:
                self._store.add(list(runs.values()), header.dataset)
            except Exception as error:
                # All or none of them are there: that is looked up, and each is sent on its own, so that one which the
                # store refuses does not keep the others back. A store that is down raises here or there once more.
                self.bulk = False
                why = redact.text(f"{type(error).__name__}: {error}".partition("\n")[0])
                _LOG.warning("%d runs could not be delivered at once (%s); each is sent on its own", len(runs), why)
                self._found = by_trial(self._store.find(header.uid))
                return
            for number in runs:
                del folded.unfinished[number]
            self._told()

    def _told(self) -> None:
        """Say how many trials have ended in the store."""
        self._progress(self._folded.ended, len(self._folded.history.trials))

    def _push_trial(self, trial: Trial, study: str, alive: bool) -> None:
        folded, header, history = self._folded, self._folded.header, self._folded.history
        store, found = self._store, self._found.get(trial.number)
        state = trial.state if trial.decision is not None or alive else "INTERRUPTED"
        if found is not None and (found.deleted or (trial.decision is not None and found.is_at(state))):
            # The status is written last, so all else is there; and what a person deleted stays deleted.
            del folded.unfinished[trial.number]
            return
        outcome = content.trial_outcome(trial, state, history.declaration)
        sent = self._trials.get(trial.number)
        if sent is None and found is not None:
            sent = self._trials[trial.number] = self._adopt(found)
        elif sent is None:
            tags = content.trial_tags(header, trial, study, self._user) | outcome
            tags |= content.version_tags(history, trial)
            run = store.create(f"trial {trial.number:04d}", millis(folded.began[trial.number]), tags)
            sent = self._trials[trial.number] = _Sent(run, tags=tags)
        values: dict[str, str] = {}
        if not sent.prepared:
            params = content.trial_params(history.declaration, trial)
            values = content.params(params)
            if content.altered(params):
                store.log_text(sent.run, as_json(params), "params.json")
            if header.dataset:
                store.log_dataset(sent.run, header.dataset, "train")
        self._set_running(sent, state)
        points = sent.lacks(content.trial_points(trial, folded.times, sent.rows))
        store.log(sent.run, points, values, sent.changed(outcome))
        sent.prepared, sent.rows, sent.tags = True, len(trial.rows), sent.tags | outcome
        if trial.decision is not None and trial.rows and trial.rows[-1].traceback:
            store.log_text(sent.run, redact.text(trial.rows[-1].traceback), "traceback.txt")
        if trial.decision is not None:
            for path, name in artifacts(self._study_dir, trial.ask.key):
                store.log_path(sent.run, path, name)
        ended = folded.times[-1] if trial.ended_at is None else trial.ended_at
        self._set_ended(sent, state, max(ended, folded.began[trial.number]))  # the wall's clock may go back
        if trial.decision is not None:
            del folded.unfinished[trial.number], self._trials[trial.number]

    def _push_study(self, sent: _Sent, alive: bool) -> None:
        folded, header, history = self._folded, self._folded.header, self._folded.history
        store = self._store
        state = content.study_state(history.current, alive)
        if alive and content.is_done(history.current):
            # Whoever runs it may go on (an extension): the end is told when it is gone, and a finished one stays so.
            state = sent.state
        progress = content.study_progress(history.current, state)
        self._set_running(sent, state)
        params = {} if sent.prepared else content.study_params(header)
        store.log(sent.run, sent.lacks(folded.best[sent.rows :]), content.params(params), sent.changed(progress))
        sent.rows, sent.tags, sent.state = len(folded.best), sent.tags | progress, state
        if not sent.prepared:
            if content.altered(params):
                store.log_text(sent.run, as_json(params), "params.json")
            if header.dataset:
                store.log_dataset(sent.run, header.dataset, "train")
            send_study(store, sent.run, header.environment, self._study_dir)
            store.tag_experiment(view.TAG, view.view(header, sent.run))
            sent.prepared = True
        for version, declaration in folded.declared.items():
            folder = "" if version == 1 else f"versions/{version}/"
            store.log_text(sent.run, as_json(declaration), f"{folder}declaration.json")
            study = self._study_dir / version_file(version)
            if version > 1 and study.exists():
                store.log_text(sent.run, study.read_text(encoding="utf-8"), version_file(version))
        folded.declared = {}
        self._set_ended(sent, state, max(history.time or 0.0, header.time))

    def _label(self) -> None:
        """Tell runs of earlier versions from those of the current one, once there is more than one version."""
        folded, trials = self._folded, self._folded.history.trials
        if not folded.relabel:
            return
        for found in self._store.find(folded.header.uid):
            if found.trial is not None and not found.deleted and found.trial < len(trials):
                self._store.log(found.run, [], {}, content.version_tags(folded.history, trials[found.trial]))
        folded.relabel = False

    def _set_running(self, sent: _Sent, state: str) -> None:
        if sent.status != "RUNNING" and STATUS[state] == "RUNNING":
            self._store.reopen(sent.run)
            sent.status = "RUNNING"

    def _set_ended(self, sent: _Sent, state: str, when: float) -> None:
        """End a run, or end it again where it went on since: an extension may be over before it is first delivered."""
        status, end = STATUS[state], millis(when)
        if status != "RUNNING" and (sent.status, sent.end) != (status, end):
            self._store.end(sent.run, status, end)
            sent.status, sent.end = status, end
