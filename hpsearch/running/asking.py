"""Ask and tell: a study whose trials are trained elsewhere, in another language, in a laboratory or behind a queue.

Each call takes the study's log, does its work and gives the log back; so several processes may ask and tell in turn,
and a process that is killed holds nothing. What a session has read of a log it does not read again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from hpsearch import pruners, samplers
from hpsearch.engine import intake
from hpsearch.engine.checkpoints import Checkpoints
from hpsearch.engine.observer import Silent
from hpsearch.engine.opening import open_history
from hpsearch.engine.outside import Elsewhere, Outside
from hpsearch.engine.stopping import Limits, all_failed, standing
from hpsearch.errors import StudyFailed, UserError, did_you_mean
from hpsearch.log import catalogue
from hpsearch.log.history import SECONDS, History, Trial
from hpsearch.log.lines import header_at
from hpsearch.log.lock import StudyHeld
from hpsearch.log.writer import Log, LogPlace
from hpsearch.objectives import streams
from hpsearch.objectives.artifacts import Artifacts
from hpsearch.objectives.build import Prepared
from hpsearch.objectives.parked import same
from hpsearch.objectives.reports import attribute_of, metrics_of
from hpsearch.objectives.surroundings import surroundings
from hpsearch.objectives.user_trial import UserTrial
from hpsearch.running.asked import AskedTrial
from hpsearch.running.plan import Plan
from hpsearch.space import restore
from hpsearch.study.study import Study
from hpsearch.study.unsaid import under

PATIENCE_SECONDS = 10.0
"""How long to wait for another process that asks or tells at the same moment."""

STATES = {"complete": "complete", "pruned": "pruned", "prune": "pruned", "failed": "failed", "fail": "failed"}
"""How a trial may be said to end; Optuna's names are among them."""

_sessions: WeakKeyDictionary[Study, dict[Path, Session]] = WeakKeyDictionary()


def session(study: Study, root: str | Path) -> Session:
    """Return the session of a study in a root; each process has one for each study and root.

    Raises:
        UserError: The study trains by itself, or its parts do not go together.
    """
    sessions = _sessions.setdefault(study, {})
    root_path = Path(root).absolute()
    if root_path not in sessions:
        sessions[root_path] = Session(replace(study), Path(root))
    return sessions[root_path]


class _Closed(NamedTuple):
    """A study between two calls.

    Attributes:
        history: The fold of its log.
        log_place: How far the log had been read.
    """

    history: History
    log_place: LogPlace


class Session:
    """Asks and tells for one study in one root.

    Args:
        study: The declaration, with neither a model nor an objective.
        root: Where all state is.
        study_file: The file that declares it, kept beside its log.
    """

    def __init__(self, study: Study, root: Path, study_file: Path | None = None) -> None:
        _check(study)
        header = header_at(root / "studies" / study.name / catalogue.LOG)
        study = under(study, None if header is None else header.rules)
        self._study = study
        self._study_file = study_file
        limits = replace(Limits.of(study), timeout=None)
        epochs = study.epochs or 1
        self._plan = Plan(
            study,
            None,
            Prepared(lambda data: Elsewhere(epochs), epochs),
            samplers.build(study),
            pruners.build(study, epochs),
            limits,
            root,
        )
        if not self._plan.log.is_file():
            samplers.check_size(study)
        self._mutex = threading.RLock()
        self._closed: _Closed | None = None
        self._clock: Outside | None = None

    def ask(self) -> UserTrial | None:
        """Begin a trial and return it; None where all have begun, or the study has reached what stops it.

        Raises:
            StudyFailed: All of its first trials failed.
        """
        with self._opened() as clock:
            if all_failed(clock.history):
                raise StudyFailed(f"study {self._study.name!r} {clock.history.stop}")
            trial = clock.ask() if clock.history.stop is None else None
            return None if trial is None else self._user_trial(trial)

    def report(self, number: int, metrics: Any, attributes: Mapping[str, Any]) -> bool:
        """Take in the metrics of an epoch of a trial, and return whether to go on with it.

        Raises:
            UserError: There is no such trial, it has ended, or what is reported are no metrics.
        """
        with self._opened() as clock:
            trial = self._trial(clock, number)
            if trial.state == "PRUNED":
                return False
            self._check_runs(trial)
            return clock.report(trial, self._metrics(metrics), self._attributes(attributes))

    def tell(self, number: int, value: Any, state: Any, reason: str | None, attributes: Mapping[str, Any]) -> Trial:
        """Take in how a trial ended, and return it as the log has it.

        Raises:
            UserError: There is no such trial, it has ended, or what is told does not go together.
        """
        outcome = _state(state)
        if outcome == "complete" and reason is not None:
            raise UserError("tell: a reason goes with state='failed' or state='pruned'")
        with self._opened() as clock:
            trial = self._trial(clock, number)
            if trial.state == "PRUNED":
                return trial  # the study has stopped it already
            self._check_runs(trial)
            metrics, attributes = self._metrics(value), self._attributes(attributes)
            if trial.rows and same(metrics, trial.rows[-1].metrics):
                metrics = {}  # they repeat its last report
            if outcome == "complete":
                self._check_told(trial, metrics)
                clock.end(trial, metrics, attributes)
                return trial
            if metrics and not clock.report(trial, metrics, attributes):
                return trial
            if outcome == "failed":
                clock.end(trial, {}, attributes, failure=reason or "told as failed")
            else:
                clock.end(trial, {}, attributes, refusal=reason or "told as pruned")
            return trial

    def open_trials(self) -> list[UserTrial]:
        """Return the trials that were asked for and not told of, by number; the log is only read."""
        if not self._plan.log.is_file():
            return []
        return [self._user_trial(trial) for trial in catalogue.load_version(self._plan.folder).running()]

    def why_none(self) -> str:
        """Return why there is no trial to begin, in words."""
        with self._opened() as clock:
            return clock.history.stop or f"all {len(clock.history.current.trials)} trials have begun"

    @property
    def name(self) -> str:
        """The study's name."""
        return self._study.name

    def artifact(self, number: int, path: Any, inside: str | None) -> None:
        """Keep a file with a trial."""
        Artifacts(self._plan.folder, number).keep(path, inside)

    @contextmanager
    def _opened(self) -> Iterator[Outside]:
        """Hold the log for one call."""
        closed_at = None if self._closed is None else self._closed.log_place
        with self._mutex, surroundings(self._plan.threads), _patiently(self._plan.log, closed_at) as log:
            clock = self._clock_of(log)
            self._closed = None  # where the call fails, the history may hold what is not in the log
            yield clock
            self._closed = _Closed(clock.history, log.place)

    def _clock_of(self, log: Log) -> Outside:
        """Return the clock of an open log; its history is the fold of all records so far."""
        if self._closed is not None and not log.whole:
            history = self._closed.history
            for record in log.records:
                history.apply(record)
            if self._clock is not None and not log.records:
                self._clock.log = log
                return self._clock
        else:
            history = open_history(log, self._study, None, self._study_file, _ignore)
        plan = self._plan.following(history)
        ladder = plan.ladder(history)
        if not all_failed(history):
            history.resume(standing(history.current, plan.limits, ladder))
        folder = plan.folder
        self._clock = Outside(
            log,
            history,
            Elsewhere(plan.prepared.epochs),
            ladder,
            plan.pruner,
            plan.study.lanes,
            Checkpoints(folder / "checkpoints", ""),
            Silent(),
            plan.limits,
            intake=partial(intake.take, folder),
            taken=partial(intake.taken, folder),
        )
        return self._clock

    def _user_trial(self, trial: Trial) -> UserTrial:
        params = restore(self._study.dimensions, trial.params)
        seed = streams.of_function(self._study.seed, trial.ask)
        user_trial = UserTrial(trial.number, params, trial.ask.repeat, seed)
        return replace(user_trial, handle=AskedTrial(self, trial.number, trial.epoch))

    def _trial(self, clock: Outside, number: int) -> Trial:
        trials = clock.history.current.trials
        last_trials = {trial.number: trial for trial in trials[-1:]}
        last_number = max(last_trials, default=-1)
        first_number = last_number - len(trials) + 1
        if not first_number <= number <= last_number:
            existing = f"trials {first_number} to {last_number}" if trials else "no trial yet"
            raise UserError(f"study {self._study.name!r} has no trial {number}: it has {existing}")
        trial: Trial = trials[number]
        return trial

    def _check_runs(self, trial: Trial) -> None:
        if trial.decision is not None:
            raise UserError(
                f"trial {trial.number} of study {self._study.name!r} has ended ({trial.state}: {trial.decision.reason})"
            )

    def _check_told(self, trial: Trial, metrics: Mapping[str, float]) -> None:
        """Raise a UserError where the goal's metrics were never told: a misspelt name must not cost the trial."""
        goal = self._study.goal
        reported = {*metrics, SECONDS, *(name for row in trial.rows for name in row.metrics)}
        for metric in goal.metrics:
            if metric not in reported:
                names = sorted(reported - {SECONDS})
                hint = did_you_mean(metric, names) if names else ""
                raise UserError(
                    f"trial {trial.number} of study {self._study.name!r}: tell its {metric}{hint}, or state='failed'"
                )

    def _attributes(self, attributes: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return {name: attribute_of(name, value) for name, value in attributes.items()}
        except TypeError as error:
            raise UserError(f"study {self._study.name!r}: {error}") from error

    def _metrics(self, reported: Any) -> dict[str, float]:
        try:
            return metrics_of(reported, self._study.goal.metrics)
        except (TypeError, ValueError) as error:
            raise UserError(f"study {self._study.name!r}: {error}") from error


def tell(
    study: Study, trial: UserTrial | int, value: Any, state: Any, reason: str | None, root: str | Path | None
) -> Trial:
    """Tell how a trial ended; see :meth:`hpsearch.running.study.Study.tell`."""
    if isinstance(trial, UserTrial):
        if not isinstance(trial.handle, AskedTrial):
            raise UserError(f"tell: trial {trial.number} was not asked for by study.ask()")
        if root is None:
            return trial.handle.tell(value, state, reason)
        trial = trial.number
    if isinstance(trial, bool) or not hasattr(trial, "__index__"):
        raise UserError(f"tell: the trial is what ask() returned, or its number, not {trial!r}")
    return session(study, "mlruns" if root is None else root).tell(trial.__index__(), value, state, reason, {})


@contextmanager
def _patiently(path: Path, closed_at: LogPlace | None) -> Iterator[Log]:
    """Open a log; where another process holds it to ask or tell, wait for up to PATIENCE_SECONDS."""
    end = time.monotonic() + PATIENCE_SECONDS
    with ExitStack() as stack:
        while True:
            try:
                log = stack.enter_context(Log(path, closed_at))
                break
            except StudyHeld:
                if time.monotonic() >= end:
                    raise
        yield log


def _state(state: Any) -> str:
    """Return one of the three states for what the user gives, which may be one of Optuna's."""
    name = str(getattr(state, "name", state)).lower()
    if name not in STATES:
        raise UserError(f"tell: state must be 'complete', 'pruned' or 'failed', not {state!r}")
    return STATES[name]


def _check(study: Study) -> None:
    name = study.name
    if study.model is not None or study.objective is not None:
        trained = "objective" if study.model is None else "model"
        raise UserError(f"study {name!r} trains its {trained} itself: run it, or leave {trained}= out to ask and tell")
    if study.stages is not None or study.confirm:
        raise UserError(f"study {name!r}: ask and tell go with neither stages nor confirmation")
    for limit in ("trial_timeout", "trial_memory"):
        if getattr(study, limit) is not None:
            raise UserError(f"study {name!r}: {limit} is for trials that the study trains; leave it out")


def _ignore(line: str) -> None:
    """Drop a line about the log: nothing shows it."""
