"""Bayesian optimization with a Gaussian process (Snoek, Larochelle and Adams, 2012), on scikit-learn's."""

from __future__ import annotations

from dataclasses import dataclass

from hpsearch.errors import UserError
from hpsearch.samplers.base import Sampler, check_single
from hpsearch.study.study import Study

_IDLE = ("none", "NoPruner", "NopPruner")
"""Pruners that leave no curve unfinished."""


@dataclass(frozen=True)
class GP:
    """Declares Bayesian optimization with a Gaussian process.

    Attributes:
        n_startup: Quasi-random points whose values must be known before the process is asked.
        per_second: Whether expected improvement is divided by the expected seconds of a trial. What is asked then
            depends on the seconds in the log: a resumed study goes on as if it had not stopped, but running it anew
            measures other seconds and may ask for other points.

    Examples:
        >>> from hpsearch import Float, Study, samplers
        >>> def objective(trial):
        ...     return -abs(trial["x"] - 0.5)
        >>> gp = samplers.GP(n_startup=4)
        >>> study = Study("gp", objective=objective, space={"x": Float(0, 1)}, sampler=gp, pruner="none", n_trials=8,
        ...               lanes=1)
        >>> study.run(tracking=False, quiet=True).best_trial.value > -0.1
        True
    """

    n_startup: int = 8
    per_second: bool = False

    def __post_init__(self) -> None:
        if self.n_startup < 2:
            raise UserError(f"{self!r}: n_startup must be at least 2")

    def build(self, study: Study) -> Sampler:
        """Return the sampler for a study.

        Raises:
            UserError: The space is a function, or there are several metrics.
        """
        if callable(study.space):
            raise UserError("sampler 'gp' needs a space of dimensions, not a function: take 'tpe' or 'random'")
        check_single(study, "gp")
        from hpsearch.samplers.gp_curves import CurvePoints  # imports SciPy
        from hpsearch.samplers.gp_points import GPPoints  # imports scikit-learn too

        name = study.pruner if isinstance(study.pruner, str) else type(study.pruner).__name__
        pruned = name not in _IDLE and study.stages is None and study.repeats == 1 and not self.per_second
        epochs = study.epochs or 1
        curves = CurvePoints(study, epochs) if pruned and epochs > 1 else None
        return GPPoints(study, self.n_startup, self.per_second, curves)
