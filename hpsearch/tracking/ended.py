"""Trials that have ended, as runs that can be written many at a time."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence

from hpsearch.log.history import Trial
from hpsearch.log.records import Header
from hpsearch.study.declared import Declaration
from hpsearch.tracking import content, spelling
from hpsearch.tracking.bulk import EndedRun
from hpsearch.tracking.content import STATUS
from hpsearch.tracking.spelling import millis
from hpsearch.tracking.store import StoredRun

LEAST_IN_BULK = 3
"""Ended trials from which on they are sent together; fewer are sent one by one."""


def ended_runs(
    trials: Sequence[Trial],
    header: Header,
    declaration: Declaration,
    parent: str,
    user: str | None,
    began: Mapping[int, float],
    times: list[float],
    with_files: Container[int] = (),
) -> dict[int, EndedRun]:
    """Return ended trials as runs, by their numbers; those that have files of their own are left out.

    The files of such a trial are sent before its run ends, so that a run which has ended is complete.

    Args:
        trials: Trials that have ended.
        header: The header of the study's log.
        declaration: The study's current declaration.
        parent: Id of the study's run.
        user: Who runs the study, or None.
        began: When each trial began, in seconds since 1970.
        times: When each tick ended.
        with_files: Keys of the trials that have logged artifacts.
    """
    runs: dict[int, EndedRun] = {}
    for trial in trials:
        params = content.trial_params(declaration, trial)
        if spelling.altered(params) or (trial.rows and trial.rows[-1].traceback) or trial.ask.key in with_files:
            continue
        outcome = content.trial_outcome(trial, trial.state, declaration)
        runs[trial.number] = EndedRun(
            name=f"trial {trial.number:04d}",
            start=millis(began[trial.number]),
            end=millis(max(began[trial.number], times[-1] if trial.ended_at is None else trial.ended_at)),
            status=STATUS[trial.state],
            tags=content.trial_tags(header, trial, parent, user) | outcome,
            params=spelling.params(params),
            points=content.trial_points(trial, times, 0),
        )
    return runs


def by_trial(runs: list[StoredRun]) -> dict[int | None, StoredRun]:
    """Return runs by their trials; of a run that was deleted and the one that replaced it, the latter."""
    return {run.trial: run for run in sorted(runs, key=lambda run: run.deleted, reverse=True)}
