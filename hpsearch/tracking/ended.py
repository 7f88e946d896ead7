"""Trials that have ended, as runs that can be written many at a time."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence

from hpsearch.log.history import Trial
from hpsearch.log.records import Header
from hpsearch.study.declared import Declaration
from hpsearch.tracking import content
from hpsearch.tracking.bulk import Ended
from hpsearch.tracking.content import STATUS, millis
from hpsearch.tracking.store import Found

FEW = 3
"""Trials that have ended since the last look and are sent one by one: so few are no work."""


def gathered(
    trials: Sequence[Trial],
    header: Header,
    declaration: Declaration,
    parent: str,
    user: str | None,
    began: Mapping[int, float],
    times: list[float],
    with_files: Container[int] = (),
) -> dict[int, Ended]:
    """Return ended trials as runs, by their numbers; those that come with a file of their own are left out.

    The file of such a trial is sent before its run ends, so that a run which has ended is whole.

    Args:
        trials: Trials that have ended.
        header: The study's.
        declaration: What holds now.
        parent: Id of the study's run.
        user: Who runs the study, or None.
        began: When each trial began, in seconds since 1970.
        times: When each tick ended.
        with_files: Keys of the trials that have logged artifacts.
    """
    found: dict[int, Ended] = {}
    for trial in trials:
        params = content.trial_params(declaration, trial)
        if content.altered(params) or (trial.rows and trial.rows[-1].traceback) or trial.ask.key in with_files:
            continue
        outcome = content.trial_outcome(trial, trial.state, declaration)
        found[trial.number] = Ended(
            name=f"trial {trial.number:04d}",
            start=millis(began[trial.number]),
            end=millis(max(began[trial.number], times[-1] if trial.ended_at is None else trial.ended_at)),
            status=STATUS[trial.state],
            tags=content.trial_tags(header, trial, parent, user) | outcome,
            params=content.params(params),
            points=content.trial_points(trial, times, 0),
        )
    return found


def by_trial(found: list[Found]) -> dict[int | None, Found]:
    """Return runs by their trials; where a person deleted one and another took its place, the one that is there."""
    return {run.trial: run for run in sorted(found, key=lambda run: run.deleted, reverse=True)}
