"""Freeze-thaw Bayesian optimization (Swersky, Snoek and Adams, 2014): what to train next, and for how long.

Sampler and pruner are one decision: see :mod:`hpsearch.samplers.curve_search`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from hpsearch.errors import UserError
from hpsearch.samplers.base import Sampler, check_single
from hpsearch.study.study import Study

_EXCLUDED: tuple[tuple[str, Callable[[Study], bool], str], ...] = (
    ("stages=", lambda study: study.stages is not None, "there smaller problems say early what a point is worth"),
    ("repeats=", lambda study: study.repeats > 1, "a point would go on with some of its repeats and not with others"),
    ("cv=", lambda study: study.cv is not None, "a trial's epochs are its folds there"),
    ("audit=", lambda study: bool(study.audit), "it stops nobody for good"),
)
"""What it does not go with, and why."""


@dataclass(frozen=True)
class FreezeThaw:
    """Declares freeze-thaw Bayesian optimization, which also decides how long each trial is trained.

    Attributes:
        n_startup: Points that are spread evenly, trained for an epoch and halved, before the process is asked.
        explore: Share of new points that are drawn at random; it grows, up to four times, while nothing improves.
        worthwhile: Once no more points begin, the search ends when going on with any curve is expected to improve by
            less than this share of the spread of losses.
        max_epochs: Epochs of a whole training. None: the study's.

    Examples:
        >>> from hpsearch import Float, Study, samplers
        >>> def objective(trial):
        ...     for epoch in range(1, 5):
        ...         yield 1 - abs(trial["x"] - 0.5) - 1 / epoch
        >>> thaw = samplers.FreezeThaw(n_startup=4)
        >>> study = Study("thaw", objective=objective, space={"x": Float(0, 1)}, sampler=thaw, epochs=4, n_trials=6,
        ...               lanes=2)
        >>> trials = study.run(tracking=False, quiet=True).trials
        >>> len(trials), int(trials["epochs"].sum()) < 6 * 4  # what promises little is not trained to its end
        (6, True)
    """

    n_startup: int = 8
    explore: float = 0.1
    worthwhile: float = 0.001
    max_epochs: int | None = None

    pauses: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.n_startup < 2:
            raise UserError(f"{self!r}: n_startup must be at least 2")
        if not 0 <= self.explore <= 1:
            raise UserError(f"{self!r}: explore must be a share from 0 to 1")
        if not self.worthwhile >= 0:
            raise UserError(f"{self!r}: worthwhile must be at least 0")
        if self.max_epochs is not None and self.max_epochs < 2:
            raise UserError(f"{self!r}: a trial of one epoch cannot be paused; take sampler 'gp'")

    def build(self, study: Study) -> Sampler:
        """Return the sampler for a study.

        Raises:
            UserError: The study has several metrics, stages, repeats or a space that is a function, or nothing says how
                long a trial is.
        """
        if callable(study.space):
            raise UserError("sampler 'freeze_thaw' needs a space of dimensions, not a function: take 'tpe' or 'random'")
        check_single(study, "freeze_thaw")
        for name, declared, reason in _EXCLUDED:
            if declared(study):
                raise UserError(f"sampler 'freeze_thaw' does not go with {name}: {reason}; take 'gp' or 'tpe'")
        epochs = self.max_epochs if study.epochs is None else study.epochs
        if epochs is None:
            raise UserError(
                "sampler 'freeze_thaw' needs to know the most epochs of a trial: say epochs=, or "
                "FreezeThaw(max_epochs=…)"
            )
        if epochs < 2:
            raise UserError("sampler 'freeze_thaw' pauses trials between epochs, and these have one: take 'gp'")
        from hpsearch.samplers.curve_search import Settings  # imports SciPy
        from hpsearch.samplers.freeze_thaw_points import FreezeThawPoints

        return FreezeThawPoints(study, Settings(self.n_startup, self.explore, self.worthwhile), epochs)
