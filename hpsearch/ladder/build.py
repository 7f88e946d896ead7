"""From a study to its ladder."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hpsearch import samplers
from hpsearch.errors import UserError
from hpsearch.ladder import promotion
from hpsearch.ladder.base import Flat, Ladder
from hpsearch.ladder.duplicates import Duplicates
from hpsearch.ladder.settled import Settled
from hpsearch.ladder.staged import Staged
from hpsearch.log.history import History
from hpsearch.samplers.base import Sampler
from hpsearch.study.allocation import split
from hpsearch.study.scaling import Scale
from hpsearch.study.study import DEFAULT_TRIALS, Study
from hpsearch.study.unsaid import derived


def build(
    study: Study,
    n_at_begin: int | None = None,
    enough: Callable[[History], bool] = lambda history: False,
    n: int | None = None,
    *,
    sampler: Sampler | None = None,
    epochs: int | None = None,
) -> Ladder:
    """Return the ladder of a study; the flat one where it has no stages and confirms nothing.

    Args:
        study: The study, its stages settled.
        n_at_begin: Its number of trials when it was begun, or None where that was not said.
        enough: Whether the search has found what it was after.
        n: Training samples of the full problem, by which stages share out the trials; None: evenly.
        sampler: The study's sampler, where it was built already.
        epochs: Most epochs of a trial, where the study does not say it and it is known.

    Raises:
        UserError: The sampler does not suit its space, or the trials cannot be shared out.
    """
    if study.stages is None:
        sampler = sampler or samplers.build(study)
        total = samplers.budget(study.n_trials, sampler.size, study.repeats)
        if not study.confirm:
            settled = None if callable(study.space) else Settled(study)
            points = sampler.size if study.sampler == "listed" else None
            duplicates = None if study.duplicates == "retrain" else Duplicates(study)
            skips = study.duplicates == "skip"
            return Flat(
                sampler,
                total,
                study.repeats,
                points,
                settled,
                duplicates if skips else None,
                None if skips else duplicates,
            )
        if study.epochs is None and epochs is not None:
            study = derived(study, epochs=epochs)
        return Staged(study, [Scale()], [total], enough)
    assert not isinstance(study.stages, str), "stages were settled"
    return Staged(study, study.stages, _counts(study, study.stages, n_at_begin, n), enough)


def check(study: Study, n: int | None = None) -> None:
    """Refuse a study whose trials cannot be shared out among its stages, or whose stages cannot promote.

    Args:
        study: The study, its stages settled.
        n: Training samples of the full problem, or None.

    Raises:
        UserError: It is one.
    """
    if study.stages is not None:
        assert not isinstance(study.stages, str), "stages were settled"
        _counts(study, study.stages, None, n)


def _counts(study: Study, stages: Sequence[Scale], n_at_begin: int | None, n: int | None) -> list[int]:
    """Return how many trials each stage has, of stages that can promote."""
    try:
        counts = split(stages, study.n_trials, n_at_begin, DEFAULT_TRIALS, n)
    except UserError as error:
        raise UserError(f"study {study.name!r}: {error}") from error
    for scale in stages:
        promotion.check(study, scale)
    return counts
