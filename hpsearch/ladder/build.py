"""From a study to its ladder."""

from __future__ import annotations

from collections.abc import Callable

from hpsearch import samplers
from hpsearch.errors import UserError
from hpsearch.ladder.base import Flat, Ladder
from hpsearch.ladder.promotion import check
from hpsearch.ladder.staged import Staged
from hpsearch.log.history import History
from hpsearch.study.scaling import Scale, split
from hpsearch.study.study import DEFAULT_TRIALS, Study


def build(
    study: Study,
    first: int | None = None,
    enough: Callable[[History], bool] = lambda history: False,
    n: int | None = None,
) -> Ladder:
    """Return the ladder of a study; the flat one where it has no stages and confirms nothing.

    Args:
        study: The study, its stages settled.
        first: Its number of trials when it was begun, or None where that was not said.
        enough: Whether the search has found what it was after.
        n: Training samples of the full problem, by which stages share out the trials; None: evenly.

    Raises:
        UserError: The sampler does not suit its space, or the trials cannot be shared out.
    """
    if study.stages is None:
        sampler = samplers.build(study)
        total = samplers.budget(study.n_trials, sampler.size, study.repeats)
        if not study.confirm:
            return Flat(sampler, total, study.repeats, sampler.size if study.sampler == "listed" else None)
        return Staged(study, [Scale()], [total], enough)
    assert not isinstance(study.stages, str), "stages were settled"
    try:
        counts = split(study.stages, study.n_trials, first, DEFAULT_TRIALS, n)
    except UserError as error:
        raise UserError(f"study {study.name!r}: {error}") from error
    for scale in study.stages:
        check(study, scale)
    return Staged(study, study.stages, counts, enough)
