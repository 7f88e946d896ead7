"""The tree-structured Parzen estimator (Bergstra et al., 2011; Watanabe, 2023): Optuna's, made deterministic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from hpsearch.errors import UserError
from hpsearch.samplers.base import Sampler
from hpsearch.space.distributions import distribution
from hpsearch.study.study import Study

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


@dataclass(frozen=True)
class TPE:
    """Declares TPE: multivariate, with running trials counted as bad ones so that lanes do not crowd (constant liar).

    Points that failed count as worse than all others, so that it learns to keep away from where training diverges.
    With several metrics it is Optuna's multi-objective one: good points are those nearest the Pareto front.

    Attributes:
        n_startup: Points drawn at random before it begins.
        n_candidates: Candidates among which the best expected improvement is taken.

    Examples:
        >>> from hpsearch import Float, Study, samplers
        >>> def objective(trial):
        ...     return -abs(trial["x"] - 0.5)
        >>> tpe = samplers.TPE(n_startup=5)
        >>> study = Study("tpe", objective=objective, space={"x": Float(0, 1)}, sampler=tpe, n_trials=15, lanes=1)
        >>> study.run(tracking=False, quiet=True).best_trial.value > -0.1
        True
    """

    n_startup: int = 10
    n_candidates: int = 24

    def __post_init__(self) -> None:
        if self.n_startup < 1 or self.n_candidates < 1:
            raise UserError(f"{self!r}: n_startup and n_candidates must be at least 1")

    def build(self, study: Study) -> Sampler:
        """Return the sampler for a study."""
        from optuna.samplers import TPESampler  # slow to import

        from hpsearch.samplers.fresh import FixedSpaceTPE, FreshSampler

        options: dict[str, Any] = {"n_ei_candidates": self.n_candidates, "multivariate": True, "constant_liar": True}
        if callable(study.space) or any(dim.when for dim in study.dimensions.values()):
            # Trials have different parameters: they are modelled in groups of those that occur together.
            options["group"] = True
            maker: Callable[..., BaseSampler] = TPESampler
        else:
            maker = partial(FixedSpaceTPE, {name: distribution(dim) for name, dim in study.dimensions.items()})

        def make(seed: int, valueless: int) -> BaseSampler:
            # Points without a value rank last, and do not count as startup points.
            return maker(**options, n_startup_trials=self.n_startup + valueless, seed=seed)

        return FreshSampler(study, make)
