"""What proposes the next point: deterministic functions of the history.

``build`` makes the sampler that a study declares. A sampler is one file with a declaration (a frozen dataclass with a
``build`` method) and one line in :mod:`hpsearch.study.registry`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hpsearch.errors import UserError
from hpsearch.log.history import History
from hpsearch.samplers import grid
from hpsearch.samplers.base import Pausing, Sampler
from hpsearch.samplers.chapter import Chapter
from hpsearch.samplers.enqueued import Enqueued, EnqueuedPausing
from hpsearch.samplers.freeze_thaw import FreezeThaw
from hpsearch.samplers.gp import GP
from hpsearch.samplers.grid import Grid
from hpsearch.samplers.listed import Listed
from hpsearch.samplers.qmc import QMC
from hpsearch.samplers.random import Random
from hpsearch.samplers.tpe import TPE
from hpsearch.study.registry import SAMPLERS, resolve
from hpsearch.study.study import DEFAULT_TRIALS, Study

__all__ = [
    "GP",
    "QMC",
    "TPE",
    "Chapter",
    "FreezeThaw",
    "Grid",
    "Listed",
    "Random",
    "Sampler",
    "budget",
    "build",
    "check_size",
]


def build(study: Study, epochs: int | None = None) -> Sampler:
    """Return the sampler that a study declares.

    Args:
        study: The study.
        epochs: Most epochs of a trial, where the study does not say it and it is known; else None.

    Raises:
        UserError: It does not go with the study's space, or a package that it needs is missing.

    Examples:
        >>> from hpsearch import Float, Study, samplers
        >>> from hpsearch.log.history import History
        >>> study = Study("asked", objective=abs, space={"x": Float(0, 1, step=0.5)}, sampler="grid")
        >>> sampler = samplers.build(study)
        >>> sampler.size, [sampler.ask(History(study.goal), point) for point in range(3)]
        (3, [{'x': 0.0}, {'x': 0.5}, {'x': 1.0}])
    """
    declared = _declared(study)
    if study.epochs is None and epochs is not None:
        study = replace(study, epochs=epochs)
    try:
        if hasattr(declared, "build"):
            sampler: Sampler = declared.build(study)
        else:
            from hpsearch.samplers.foreign import ForeignSampler  # imports Optuna

            sampler = ForeignSampler(study, declared)
        if study.constraints and sampler.size is None:
            Random().build(study).ask(History(study.goal), 0)  # is there any point that meets them?
    except UserError as error:
        raise UserError(f"study {study.name!r}: {error}") from error
    if not getattr(sampler, "observes", False) and any(not source.first for source in study.sources):
        raise UserError(
            f"study {study.name!r}: sampler {_name(study)!r} observes no results from elsewhere: take 'tpe' or "
            "'gp', or have the best points tried first (--first N, or WarmStart(…, first=N))"
        )
    if isinstance(sampler, Pausing) and study.duplicates == "reuse":
        raise UserError(
            f"study {study.name!r}: sampler {_name(study)!r} pauses its trials, which those that reuse their results "
            "cannot follow: take duplicates='skip' or 'retrain'"
        )
    if not study.enqueue:
        return sampler
    return (EnqueuedPausing if isinstance(sampler, Pausing) else Enqueued)(study.enqueue, sampler)


def check_size(study: Study) -> None:
    """Raise a UserError where a study's sampler is a grid of more points than a million.

    Examples:
        >>> from hpsearch import Float, Study, samplers
        >>> study = Study("large", objective=abs, space={"x": Float(0, 1, step=1e-7)}, sampler="grid")
        >>> samplers.check_size(study)
        Traceback (most recent call last):
            ...
        hpsearch.errors.UserError: ...grid...
    """
    if isinstance(_declared(study), Grid):
        try:
            grid.check_size(study)
        except UserError as error:
            raise UserError(f"study {study.name!r}: {error}") from error


def _name(study: Study) -> str:
    return study.sampler if isinstance(study.sampler, str) else type(study.sampler).__name__


def _declared(study: Study) -> Any:
    if not callable(study.space) and not study.space:
        return Grid()  # an empty space has one point, whatever the sampler
    return resolve(SAMPLERS[study.sampler])() if isinstance(study.sampler, str) else study.sampler


def budget(n_trials: int | None, size: int | None, repeats: int) -> int:
    """Return how many trials a study runs.

    Args:
        n_trials: What the study says, repeats counted, or None.
        size: How many points its sampler has, or None where there is no end.
        repeats: Trials per point.

    Examples:
        >>> from hpsearch.samplers import budget
        >>> budget(None, None, 1), budget(None, 6, 2), budget(100, 6, 2)
        (64, 12, 12)
    """
    if size is None:
        return DEFAULT_TRIALS if n_trials is None else n_trials
    return size * repeats if n_trials is None else min(n_trials, size * repeats)
