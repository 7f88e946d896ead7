"""The clock of a study: the plain one, or one whose decisions look back."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from hpsearch import pruners, samplers
from hpsearch.engine.clock import Clock
from hpsearch.engine.looking_back import LookingBack
from hpsearch.errors import UserError
from hpsearch.ladder.dealt import Dealt
from hpsearch.ladder.settled import Settled
from hpsearch.pruners.base import Pruner
from hpsearch.samplers.base import Pausing, Sampler
from hpsearch.study.study import Study


def clock_of(study: Study, epochs: int) -> Callable[..., Clock]:
    """Return the class of a study's clock, or a function that makes the clock with the same arguments.

    Args:
        study: The study, with the trials that it was extended to.
        epochs: Most epochs of a trial.
    """
    if not study.lookback:
        return Clock

    def desk(lane: int) -> tuple[Dealt, Pruner]:
        sampler = samplers.build(study, None if study.model is None else epochs)
        total = samplers.budget(study.n_trials, sampler.size, study.repeats)
        points = sampler.size if study.sampler == "listed" else None
        settled = None if callable(study.space) else Settled(study)
        dealt = Dealt(sampler, lane, study.lanes, total, study.repeats, points, settled)
        return dealt, pruners.build(study, epochs)

    return partial(LookingBack, lookback=study.lookback, desk=desk)


def check(study: Study, sampler: Sampler, pruner: Pruner) -> None:
    """Check that a study whose decisions look back has a sampler and a pruner that do not need the order of events.

    Raises:
        UserError: One of them does.
    """
    if not study.lookback:
        return
    if isinstance(sampler, Pausing) or (sampler.reads_history and not getattr(sampler, "any_order", False)):
        name = study.sampler if isinstance(study.sampler, str) else type(study.sampler).__name__
        raise UserError(
            f"study {study.name!r}: sampler {name!r} goes by the order in which points begin, and with lookback= "
            "that is not known: take 'tpe', 'gp', 'random', 'qmc' or 'grid', or leave lookback 0"
        )
    if getattr(pruner, "in_order", False):
        raise UserError(
            f"study {study.name!r}: pruners of Optuna go by the order of all reports, and with lookback= that is "
            "not known: take one of ours, such as 'asha' or 'hyperband', or leave lookback 0"
        )
