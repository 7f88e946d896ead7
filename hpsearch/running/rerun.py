"""Running one trial of a study again in this process, with its exception raised: to see why it failed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from hpsearch.engine.resume import catch_up, difference
from hpsearch.errors import UserError
from hpsearch.log.catalogue import LOG, version_file
from hpsearch.log.history import History, Trial
from hpsearch.objectives import broken
from hpsearch.objectives.base import Foldered, Start
from hpsearch.objectives.staged import prepare
from hpsearch.objectives.surroundings import declared_threads, surrounded, surroundings
from hpsearch.report import words
from hpsearch.running.plan import loaded
from hpsearch.running.replay import as_declared, data_of
from hpsearch.study.declared import Declaration
from hpsearch.study.loading import load_study


def rerun(history: History, trial: Trial, study_dir: Path, say: Callable[[str], object] = print) -> None:
    """Run a trial again along its ticks, in this process and in no other; the study is left as it is.

    The study file is the one that was run, with any changes since, where it still exists; else the copy beside the log.
    Checkpoints, output and artifacts of the trial go to a temporary folder.

    Args:
        history: The study.
        trial: One of its trials.
        study_dir: The study's folder.
        say: Shows a line to the user.

    Raises:
        UserError: The study was begun from Python, its file cannot be run, or its data are no longer there.
        BaseException: Whatever the trial's code raises.
    """
    if trial.ask.reuses is not None:
        raise UserError(f"trial {trial.number} was not trained: it has the result of trial {trial.ask.reuses}")
    header = history.header
    assert header is not None, "a history that was read has one"
    path = _study_file(history, trial, study_dir)
    declaration = history.declaration.to_json()
    study = as_declared(load_study(path, study_dir.name, data_of(study_dir.name, declaration)), declaration)
    # Limits need a process of their own, in which no debugger can be.
    study = replace(study, trial_timeout=None, trial_memory=None)
    say(f"trial {trial.number} again, by {path}")
    threads = declared_threads(Declaration.of(declaration), header.environment)
    study, dataset = loaded(study, study_dir / LOG)
    with surroundings(threads), TemporaryDirectory(prefix="hpsearch-rerun-") as folder, broken.raised():
        objective = surrounded(prepare(study, dataset).make, threads, dataset)
        if isinstance(objective, Foldered):
            objective.place(Path(folder))
        differs = None
        try:
            for index, (_, row) in enumerate(catch_up(objective, [(Start(trial.ask), trial.starts)])):
                metrics = ", ".join(f"{name} {words.number(value)}" for name, value in row.metrics.items())
                say(f"epoch {row.epoch}: {metrics or 'no metric'}")
                differs = differs or difference(trial.rows[index], row, header.environment)
        finally:
            objective.stop(trial.number)
    say("nothing was raised; " + (f"it differs from the log: {differs}" if differs else "it is as the log says"))


def _study_file(history: History, trial: Trial, study_dir: Path) -> Path:
    """Return the file that declares the study: the user's own, or the copy beside the log."""
    copy = study_dir / version_file(trial.version)
    if not copy.is_file():
        raise UserError(f"study {study_dir.name!r} was begun from Python, so no file says what its trials run")
    argv = (history.header.environment if history.header else {}).get("argv") or []
    for path in map(Path, argv[1:]):
        if path.suffix == ".py" and path.is_file():
            return path
        if path.is_dir():
            alike = [file for file in sorted(path.glob("*.py")) if file.read_bytes() == copy.read_bytes()]
            if alike:
                return alike[0]
    return copy
