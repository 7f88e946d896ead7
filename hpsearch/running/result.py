"""The result of a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from hpsearch.judging.confirm import Verdict, verdict, winner
from hpsearch.log import stages
from hpsearch.log.history import History, Trial

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Result:
    """The result of a study.

    Attributes:
        name: The study's name.
        history: Everything in its log.
        interrupted: Whether it was interrupted; the same call resumes it.
        run: Id of the study's run in MLflow, or None where nothing was delivered.

    Examples:
        >>> from hpsearch import Float, Study
        >>> def objective(trial):
        ...     return 1 - abs(trial["x"] - 0.5)
        >>> study = Study("peak", objective=objective, space={"x": Float(0, 1, step=0.25)}, sampler="grid")
        >>> result = study.run(tracking=False, quiet=True)
        >>> result.best_trial.params, result.best_trial.value
        ({'x': 0.5}, 1.0)
        >>> result.trials[["params.x", "value"]].values.tolist()
        [[0.0, 0.5], [0.25, 0.75], [0.5, 1.0], [0.75, 0.75], [1.0, 0.5]]
    """

    name: str
    history: History
    interrupted: bool
    run: str | None = None
    _make: Callable[[], Any] = field(default=lambda: None, repr=False, compare=False)
    _refit: Callable[[], Any] | None = field(default=None, repr=False, compare=False)

    @cached_property
    def model(self) -> Any:
        """The model to predict with: the winner, trained once more with the validation rows that hpsearch split off.

        See :mod:`hpsearch.running.refit`; for data that came with a validation part of their own, or for a run with
        ``refit=False``, it is :attr:`trial_model`. The study's score is always that of the latter.

        Raises:
            UserError: Training it again failed.
        """
        return self.trial_model if self._refit is None else self._refit()

    @cached_property
    def trial_model(self) -> Any:
        """The winner's model, as it was after its best epoch: a fitted scikit-learn estimator, the one in MLflow.

        None where the study searched a function, or where no trial has a value. It is trained again, to the same bits,
        where the study did not train it in this process.

        Raises:
            UserError: Training it again did not give the value in the log.
        """
        return self._make()

    def _repr_html_(self) -> str:
        from hpsearch.report.notebook import result_html

        return result_html(self.name, self.history, interrupted=self.interrupted)

    @property
    def best_trial(self) -> Trial | None:
        """The trial whose model is handed over: of confirmed points the winner's, else the search's best.

        None where no trial has a value.
        """
        return winner(self.history)

    @property
    def search_best(self) -> Trial | None:
        """The trial with the best value of the search, which was measured once and may be high by chance."""
        return self.history.best

    @property
    def front(self) -> list[Trial]:
        """The Pareto front of a study with several metrics, best by the first one first; else the best trials."""
        return self.history.front()

    @property
    def full_epochs(self) -> float:
        """What the search cost, in epochs of the full problem; see :mod:`hpsearch.log.stages`."""
        return stages.full_epochs(self.history)

    @property
    def verdict(self) -> Verdict | None:
        """What confirmation found, or None where there was none."""
        return verdict(self.history.current)

    @property
    def trials(self) -> pd.DataFrame:
        """A row per trial."""
        from hpsearch.report.export import trials_frame

        return trials_frame(self.history)

    @property
    def curves(self) -> pd.DataFrame:
        """A row per trial and epoch."""
        from hpsearch.report.export import curves_frame

        return curves_frame(self.history)
