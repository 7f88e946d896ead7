"""``StudySearchCV``: a study as one of scikit-learn's searchers."""

from __future__ import annotations

import numbers
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from joblib import effective_n_jobs
from sklearn.base import _fit_context, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection._search import BaseSearchCV
from sklearn.utils import get_tags
from sklearn.utils.validation import _check_method_params, column_or_1d, indexable

from hpsearch.errors import StudyFailed, UserError
from hpsearch.log.history import History
from hpsearch.models.estimators.base import Perceptron
from hpsearch.objectives import streams
from hpsearch.objectives.fold_fits import settled
from hpsearch.objectives.transformers import split
from hpsearch.running.in_memory import run_in_memory
from hpsearch.running.study import Study
from hpsearch.search_cv.declared import DeclaredSearch, declare_search, folds_of
from hpsearch.search_cv.failures import tell
from hpsearch.search_cv.identity import seed_of
from hpsearch.search_cv.results import Candidate, Reading, candidates, cv_results
from hpsearch.search_cv.route import EpochRoute, find_route
from hpsearch.study.cross_validation import Fits, Splits
from hpsearch.study.samples import ResourceName, Samples


class StudySearchCV(BaseSearchCV):  # type: ignore[misc]
    """Searches an estimator's parameters by a study whose points are cross-validated.

    It is used as ``GridSearchCV`` and ``RandomizedSearchCV`` are, and gives what they give. Beyond them its sampler
    learns from what was tried, its pruner ends candidates that are behind, and our networks train as one program.

    Args:
        estimator: Any estimator or pipeline of scikit-learn's kind.
        space: A dimension per parameter (``Float``, ``Int``, ``Choice``, a list), a list of grids, or a function of an
            Optuna trial.
        sampler: As a :class:`~hpsearch.Study` takes it.
        pruner: Likewise. Networks are pruned on their curves; models that are fitted whole go fold by fold, and may be
            pruned after each. ``auto``: :class:`~hpsearch.pruners.ASHA`, by which the better half goes on at a quarter
            and at half of the epochs, or at two and at four fifths of the folds; nobody is pruned in a list of grids.
        cv: A number of folds, a splitter, or pairs of rows.
        scoring: As in scikit-learn: a name, a function, a list or a dict; with several ``refit`` names what decides.
        n_trials: Candidates; None: all points of a grid, else 64.
        refit: Train the best candidate once more, on all rows; the name of the score that decides; or a function of
            ``cv_results_`` that returns an index.
        resource: What a candidate gets more of while it is good: ``epochs``; ``samples`` (growing parts of the training
            rows of each fold) or :class:`~hpsearch.study.samples.Samples`; ``iterations`` of a model with
            ``warm_start``; ``fit``: the next fold. ``auto``: epochs for our networks, else ``fit``.
        epochs: Most epochs (or parts) of a candidate; None: as many as the estimator says.
        random_state: Seed of the search, and of every ``random_state`` of the estimator that is None; None draws one.
        root: Folder of the study's log, by which a search that was interrupted goes on when ``fit`` is called again,
            and of MLflow's store; None writes nothing.
        name: The study's name there.
        tracking: Whether trials reach MLflow, or the address of its store; None: where there is a ``root``.
        n_jobs: Processes that train, at most one for each lane: candidates side by side. None is one, -1 as many as
            there are cores. It changes no result.
        lanes: Candidates that are under way side by side. Fewer know more of one another, more keep more processes
            busy.
        timeout: Seconds after which no more candidates are tried.
        return_train_score: Whether ``cv_results_`` has training scores.
        error_score: What a fit scores that raises; ``"raise"`` lets it.
        verbose: How much each fit prints.

    Attributes:
        best_params_: The best candidate's parameters, with its epochs where it went by them.
        best_score_: Its mean score.
        best_index_: Its row of ``cv_results_``.
        best_estimator_: It, trained on all rows.
        cv_results_: As in scikit-learn, a row for each candidate; with ``state`` (COMPLETE, PRUNED, FAILED, STOPPED)
            and ``n_resources`` (its epochs or folds). Candidates that were pruned rank behind those that were not.
        n_splits_: Number of folds.
        multimetric_: Whether several scores were measured.
        scorer_: What scored.
        refit_time_: Seconds that the last training took.
        seed_: The seed of the search.

    Examples:
        >>> import numpy as np
        >>> from sklearn.linear_model import Ridge
        >>> from hpsearch import StudySearchCV
        >>> X, y = np.arange(20.0).reshape(20, 1), 3 * np.arange(20.0)
        >>> search = StudySearchCV(Ridge(), {"alpha": [0.01, 1.0, 100.0]}, sampler="grid", cv=2, random_state=0)
        >>> search.fit(X, y).best_params_
        {'alpha': 0.01}
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **{n: c for n, c in BaseSearchCV._parameter_constraints.items() if n != "pre_dispatch"},
        **dict.fromkeys(
            ("space", "sampler", "pruner", "root", "name", "tracking", "timeout", "resource"), "no_validation"
        ),
        **{name: [numbers.Integral, None] for name in ("n_trials", "epochs")},
        "lanes": [numbers.Integral],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: Any,
        space: Any,
        *,
        sampler: Any = "tpe",
        pruner: Any = "auto",
        cv: Any = 5,
        scoring: Any = None,
        n_trials: int | None = 50,
        refit: Any = True,
        resource: ResourceName | Samples = "auto",
        epochs: int | None = None,
        random_state: Any = None,
        root: str | Path | None = None,
        name: str | None = None,
        tracking: bool | str | None = None,
        n_jobs: int | None = None,
        lanes: int = 4,
        timeout: float | None = None,
        return_train_score: bool = False,
        error_score: Any = np.nan,
        verbose: int = 0,
    ) -> None:
        super().__init__(
            estimator=estimator,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.space = space
        self.sampler = sampler
        self.pruner = pruner
        self.n_trials = n_trials
        self.resource = resource
        self.epochs = epochs
        self.random_state = random_state
        self.root = root
        self.name = name
        self.tracking = tracking
        self.lanes = lanes
        self.timeout = timeout

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags = deepcopy(get_tags(self.estimator).target_tags)
        return tags

    @_fit_context(prefer_skip_nested_validation=False)  # type: ignore[untyped-decorator]
    def fit(self, X: Any, y: Any = None, **params: Any) -> StudySearchCV:
        """Search, and train the best candidate on all rows.

        Args:
            X: Samples, of whatever kind the estimator takes.
            y: Targets, or None.
            **params: ``groups`` for the splitter, and what ``fit`` of the estimator takes (``sample_weight`` …); with
                scikit-learn's metadata routing whatever is requested.

        Raises:
            ValueError: The search cannot be, or every fit failed.
            KeyboardInterrupt: It was interrupted; with a ``root`` the same call goes on.
        """
        if y is None and get_tags(self).target_tags.required:
            raise ValueError(f"This {type(self).__name__} estimator requires y to be passed, but the target y is None.")
        if getattr(y, "shape", ())[1:] == (1,) and isinstance(split(self.estimator).last, Perceptron):
            y = column_or_1d(y, warn=True)  # as the network's own fit does
        scorers, refit_metric = self._get_scorers()
        X, y = indexable(X, y)
        routed = self._get_routed_params_for_fit(_check_method_params(X, params=params))
        fit_params, score_params = routed.estimator.fit, routed.scorer.score
        pairs = folds_of(self, X, y, routed.splitter.split)
        self.n_splits_ = len(pairs)
        self.seed_ = seed_of(self.random_state, self.root, self.name)
        with _as_value_errors():
            route = find_route(
                self.estimator,
                X,
                y,
                pairs,
                resource=self.resource,
                scoring=self.scoring,
                space=self.space,
                fit_params=fit_params,
                score_params=score_params,
                train_score=self.return_train_score,
            )
            fits = Fits(
                scorers,
                dict(fit_params),
                dict(score_params),
                self.error_score,
                self.return_train_score,
                self.n_jobs,
                self.verbose,
                (X, y),
            )
            declared = declare_search(self, self.seed_, pairs, route, fits, refit_metric)
            history = self._run(declared.study, declared.dataset)
        names = declared.names
        if route is None and callable(self.scoring):
            names = _reported(history) or names
        self.multimetric_ = set(names) != {"score"}
        if callable(self.scoring) and self.multimetric_:
            self._check_refit_for_multimetric(names)
            refit_metric = self.refit
        reading = self._reading(history, declared, route, names)
        ranked = candidates(history, reading)
        tell(ranked, self.n_splits_, self.error_score)
        results = cv_results(ranked, reading)
        self._choose(results, refit_metric)
        if self.refit:
            self._train(ranked, X, y, fit_params, route)
        self.scorer_ = getattr(scorers, "_scorers", scorers)
        self.cv_results_ = results
        return self

    def _run(self, study: Study, dataset: Any) -> History:
        workers = 1
        if isinstance(study.cv, Splits) and study.cv.fits is None:  # whole fits go to processes of joblib, fold by fold
            workers = min(effective_n_jobs(self.n_jobs), study.lanes)
        if self.root is None:
            return run_in_memory(study, dataset, workers=workers)
        tracking: dict[str, Any] = {"tracking": self.tracking is not False}
        if isinstance(self.tracking, str):
            tracking["tracking_uri"] = self.tracking
        result = study.run(self.root, quiet=True, model=False, refit=False, workers=workers, **tracking)
        if result.interrupted:
            raise KeyboardInterrupt
        return result.history

    def _reading(
        self, history: History, declared: DeclaredSearch, route: EpochRoute | None, names: Mapping[str, str]
    ) -> Reading:
        by_fold = history.goal.value == "complete"  # also where a network is asked for a single epoch
        train = {}
        if self.return_train_score:
            train = {name: metric.replace("val_", "train_", 1) for name, metric in names.items()}
        numeric = isinstance(self.error_score, numbers.Real)
        return Reading(
            self.n_splits_,
            by_fold,
            names,
            train,
            declared.study.dimensions,
            None if route is None or by_fold else route.name,
            float(self.error_score) if numeric else np.nan,
            declared.listed,
        )

    def _choose(self, results: Mapping[str, Any], refit_metric: Any) -> None:
        if not (self.refit or not self.multimetric_):
            return
        self.best_index_ = self._select_best_index(self.refit, refit_metric, results)
        if not callable(self.refit):
            self.best_score_ = results[f"mean_test_{refit_metric}"][self.best_index_]
        self.best_params_ = results["params"][self.best_index_]

    def _train(
        self, ranked: Sequence[Candidate], X: Any, y: Any, fit_params: Mapping[str, Any], route: EpochRoute | None
    ) -> None:
        """Train the best candidate on all rows, with the seeds that it had in its folds."""
        owner = (self.seed_, streams.NETWORK, ranked[self.best_index_].trial)
        estimator = clone(self.estimator)
        self.best_estimator_ = estimator.set_params(**settled(estimator, self.best_params_, owner))
        begun = time.time()
        with warnings.catch_warnings():
            if route is not None:  # it stops at its best epoch, where it need not have converged
                warnings.simplefilter("ignore", ConvergenceWarning)
            self.best_estimator_.fit(X, *([] if y is None else [y]), **fit_params)
        self.refit_time_ = time.time() - begun
        if hasattr(self.best_estimator_, "feature_names_in_"):
            self.feature_names_in_ = self.best_estimator_.feature_names_in_


def _reported(history: History) -> dict[str, str]:
    """Return the scores that a scoring function has reported, by name: they are known only once it was called."""
    for trial in history.trials:
        for row in trial.rows:
            names = [name for name in row.metrics if name.startswith("val_") and f"{name}_std" in row.metrics]
            names = [name for name in names if name != "val_score"] or names
            if names:
                return {name.removeprefix("val_"): name for name in names}
    return {}


@contextmanager
def _as_value_errors() -> Iterator[None]:
    """Raise hpsearch's errors as ValueErrors, as users of scikit-learn expect them."""
    try:
        yield
    except (UserError, StudyFailed) as error:
        raise ValueError(str(error)) from error
