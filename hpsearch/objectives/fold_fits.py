"""Fits as scikit-learn's searchers make them, fold by fold: any estimator, any data, any scorer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.model_selection._validation import _fit_and_score
from sklearn.utils.parallel import Parallel, delayed

from hpsearch.log.records import Row
from hpsearch.models.datasets import Dataset
from hpsearch.models.threads import limited
from hpsearch.objectives import streams
from hpsearch.objectives.base import Start
from hpsearch.objectives.cross_validated import done_folds, kept_folds
from hpsearch.objectives.fold_scores import so_far
from hpsearch.objectives.transformers import seed_random_states
from hpsearch.space import Space, restore
from hpsearch.study.cross_validation import Fits, Pair, Splits
from hpsearch.study.study import Study


class FoldFits:
    """Fits one fold of a trial in each tick by scikit-learn's own function, several trials side by side.

    Args:
        model: The estimator; a ``random_state`` that is None becomes a number of the trial's own.
        fits: Data, scorer and the other arguments of a fit.
        pairs: The rows of each fold.
        seed: The study's seed.
        space: Where the parameters come from.
        decides: The metric that decides.
    """

    def __init__(
        self, model: Any, fits: Fits, pairs: Sequence[Pair], seed: int, space: Space, decides: str = "val_score"
    ) -> None:
        self.epochs = len(pairs)
        self._model = model
        self._fits = fits
        self._pairs = pairs
        self._seed = seed
        self._space = space
        self._decides = decides
        self._trials: dict[int, tuple[Start, list[dict[str, float]]]] = {}
        self._settled: dict[int, dict[str, Any]] = {}

    @classmethod
    def from_study(cls, study: Study, dataset: Dataset | None) -> FoldFits:
        """Return the objective of a study whose ``cv`` holds how its models are fitted."""
        assert isinstance(study.cv, Splits), "the study says the rows of its folds"
        assert study.cv.fits is not None, "and how its models are fitted"
        return cls(study.model, study.cv.fits, study.cv.pairs, study.seed, study.dimensions, study.goal.metric)

    def start(self, trial: Start) -> None:
        """Take a trial in; folds that it has done are not fitted again."""
        self._trials[trial.ask.trial] = trial, done_folds(trial)

    def advance(self, trials: Sequence[int], tick: int) -> list[Row]:
        """Fit the next fold of each of these trials."""
        tasks = [self._task(number) for number in trials]
        results = Parallel(n_jobs=self._fits.n_jobs)(delayed(fitted)(*task) for task in tasks)
        return [self._row(number, result) for number, result in zip(trials, results, strict=True)]

    def states(self) -> list[Start]:
        """Return the trials with what their folds have scored."""
        return [Start(start.ask, len(scored), kept_folds(scored)) for start, scored in self._trials.values() if scored]

    def stop(self, trial: int) -> None:
        """Forget a trial."""
        del self._trials[trial]
        self._settled.pop(trial, None)

    def _task(self, number: int) -> tuple[Any, ...]:
        """Return the arguments of :func:`fitted` for the next fold of a trial."""
        start, scored = self._trials[number]
        if number not in self._settled:  # the same in every fold
            owner = streams.of_trial(self._seed, start.ask)
            self._settled[number] = settled(self._model, restore(self._space, start.ask.params), owner)
        progress = (len(scored), self.epochs)
        return self._model, self._settled[number], self._fits, self._pairs[len(scored)], progress, number

    def _row(self, number: int, result: Mapping[str, Any]) -> Row:
        start, scored = self._trials[number]
        fold = len(scored)
        metrics = scores_of(result["test_scores"], "val")
        metrics.setdefault(self._decides, next(iter(metrics.values())))  # a function may name its scores itself
        if self._fits.return_train_score:
            metrics |= scores_of(result.get("train_scores", {}), "train")
        scored.append(metrics)
        error = result.get("fit_error")
        attributes = None if error is None else {f"split{fold}_error": error}
        failure = None
        if not all(map(np.isfinite, metrics.values())):
            cause = str(error).strip().splitlines()[-1] if error else f"scores {_listed(metrics)}"
            failure = f"split {fold}: {cause}"
        seconds = float(result["fit_time"]) + float(result["score_time"])
        return Row(
            number,
            start.ask.lane,
            fold + 1,
            so_far(scored, set(metrics)),
            seconds,
            finished=failure is None and len(scored) == self.epochs,
            failure=failure,
            traceback=error,
            attributes=attributes,
            score_seconds=float(result["score_time"]),
        )


def fitted(
    model: Any, params: Mapping[str, Any], fits: Fits, pair: Pair, progress: tuple[int, int], number: int
) -> dict[str, Any]:
    """Return what one fit scores: ``test_scores``, ``train_scores``, ``fit_time``, ``score_time`` and ``fit_error``.

    Args:
        model: The estimator, which is left as it is.
        params: Parameters of the trial, a number for each ``random_state`` among them.
        fits: Data, scorer and the other arguments of a fit.
        pair: Rows to fit and rows to score.
        progress: Number of the fold, and how many there are.
        number: The trial's number.
    """
    X, y = fits.data
    train, test = pair
    estimator = clone(model)
    with limited():
        result: dict[str, Any] = _fit_and_score(
            estimator,
            X,
            y,
            scorer=fits.scorer,
            train=train,
            test=test,
            verbose=fits.verbose,
            parameters=params,
            fit_params=fits.fit_params,
            score_params=fits.score_params,
            return_train_score=fits.return_train_score,
            return_times=True,
            return_n_test_samples=True,
            split_progress=progress,
            candidate_progress=(number, number + 1),
            error_score=fits.error_score,
        )
    return result


def settled(estimator: Any, params: Mapping[str, Any], entropy: tuple[int, ...]) -> dict[str, Any]:
    """Return parameters together with a number for each ``random_state`` that they leave None.

    Parameters that cannot be set are returned as they are: the fit then fails, and is scored by ``error_score``.

    Args:
        estimator: Whose parameters they are; it is left as it is.
        params: The parameters.
        entropy: Where the numbers come from.
    """
    cloned = {name: clone(value, safe=False) for name, value in params.items()}
    if not hasattr(estimator, "set_params"):
        return cloned
    trial = clone(estimator)
    try:
        trial.set_params(**{name: clone(value, safe=False) for name, value in params.items()})
    except (ValueError, TypeError, AttributeError):
        return cloned
    current = trial.get_params(deep=True)
    unseeded = sorted(n for n, v in current.items() if n.rpartition("__")[2] == "random_state" and v is None)
    seed_random_states(trial, entropy)
    drawn = trial.get_params(deep=True)
    return cloned | {name: drawn[name] for name in unseeded}


def scores_of(scores: Any, part: str) -> dict[str, float]:
    """Return the scores of a fit by metric: ``val_score``, or ``val_NAME`` of several."""
    by_name = scores if isinstance(scores, Mapping) else {"score": scores}
    return {f"{part}_{name}": float(score) for name, score in by_name.items()}


def _listed(metrics: Mapping[str, float]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in metrics.items())
