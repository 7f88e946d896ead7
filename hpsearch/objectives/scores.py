"""What is measured of a fitted scikit-learn estimator: the usual metrics of its kind, and a study's own ``scoring``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpsearch.errors import UserError, did_you_mean
from hpsearch.study.scoring import ALONE, named

Array = NDArray[Any]
Scorer = Callable[..., float]
"""A function of a fitted estimator, X and y, as scikit-learn's scorers are."""
Measure = Callable[[Array, Array, Array | None], float]
"""A function of targets, predictions and the samples' weights."""

CLASSIFIER = ("val_accuracy", "train_accuracy")
REGRESSOR = ("val_r2", "train_r2", "val_mse", "val_mae")


@dataclass(frozen=True)
class Scores:
    """Measures an estimator on training and validation data.

    A classifier has ``val_accuracy``, ``train_accuracy`` and, where it tells probabilities, ``val_cost`` (log loss, in
    nats); a regressor ``val_r2``, ``train_r2``, ``val_mse`` and ``val_mae``.

    Attributes:
        kind: ``classifier``, ``regressor`` or another word where neither is known.
        scorers: The study's own scorers, by the name of the metric that each gives; measured on the validation data.
        errors: What is measured of predictions alone, by metric: it needs no estimator.
    """

    kind: str
    scorers: Mapping[str, Scorer]
    errors: Mapping[str, Measure] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """The metrics that every trial reports."""
        usual: dict[str, tuple[str, ...]] = {"classifier": CLASSIFIER, "regressor": REGRESSOR}
        return [*usual.get(self.kind, ()), *self.errors, *self.scorers]

    @property
    def open(self) -> bool:
        """Whether a scorer without a name may bring metrics that only it knows."""
        return ALONE in self.scorers

    @property
    def possible(self) -> list[str]:
        """The metrics that a trial may report: ``val_cost`` only where the estimator tells probabilities."""
        return [*self.names, *(["val_cost"] if self.kind == "classifier" else [])]

    def beside(self, y: Array) -> Scores:
        """Return the scores to be measured in addition to those that a population of regressors computes itself.

        Args:
            y: Targets, shape (n,) or (n, n_outputs). Of several, R² is the mean over them, as scikit-learn has it.
        """
        errors: dict[str, Measure] = {"val_mae": absolute_error}
        return replace(self, errors=errors if y.ndim == 1 else {**errors, "val_r2": mean_r2})

    def measure(
        self, estimator: Any, X_train: Any, y_train: Array, X_valid: Any, y_valid: Array, weights: Array | None = None
    ) -> dict[str, float]:
        """Return the metrics of a fitted estimator, by name.

        Args:
            estimator: Fitted.
            X_train: What it was fitted to, shape (n_train, n_features).
            y_train: Labels or targets, shape (n_train,) or (n_train, n_outputs).
            X_valid: Validation data, shape (n_valid, n_features).
            y_valid: Their labels or targets.
            weights: How much each validation sample counts, shape (n_valid,), or None. A scorer of the user's own gets
                them as ``sample_weight`` where it takes that.
        """
        metrics: dict[str, float] = {}
        if self.kind == "classifier":
            metrics["train_accuracy"] = _accuracy(y_train, estimator.predict(X_train))
            metrics["val_accuracy"] = _accuracy(y_valid, estimator.predict(X_valid), weights)
            if hasattr(estimator, "predict_proba"):
                metrics["val_cost"] = _log_loss(estimator, X_valid, y_valid, weights)
        elif self.kind == "regressor":
            from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score

            predicted = estimator.predict(X_valid)
            metrics["train_r2"] = r2_score(y_train, estimator.predict(X_train))
            metrics["val_r2"] = r2_score(y_valid, predicted, sample_weight=weights)
            metrics["val_mse"] = mean_squared_error(y_valid, predicted, sample_weight=weights)
            metrics["val_mae"] = mean_absolute_error(y_valid, predicted, sample_weight=weights)
        return {name: float(value) for name, value in metrics.items()} | self.scored(
            estimator, X_valid, y_valid, weights
        )

    def predicted(self, y: Array, predicted: Array, weights: Array | None = None) -> dict[str, float]:
        """Return the errors of predictions, by metric; see :func:`absolute_error`."""
        return {name: measure(y, predicted, weights) for name, measure in self.errors.items()}

    def scored(self, estimator: Any, X: Any, y: Array, weights: Array | None = None) -> dict[str, float]:
        """Return the scores of the study's own scorers for a fitted estimator, by metric; see :meth:`measure`.

        Raises:
            Exception: Whatever a scorer raises.
        """
        metrics: dict[str, float] = {}
        for name, scorer in self.scorers.items():
            weighted = weights is not None and _takes_weights(scorer)
            score = scorer(estimator, X, y, **({"sample_weight": weights} if weighted else {}))
            by_name = score if isinstance(score, Mapping) else {name: score}
            metrics |= {name if metric == name else f"val_{metric}": float(value) for metric, value in by_name.items()}
        return metrics


def absolute_error(y: Array, predicted: Array, weights: Array | None = None) -> float:
    """Return the mean absolute error, to the bit as scikit-learn has it, whose checks take longer than small networks.

    Args:
        y: Targets, shape (n,) or (n, n_outputs).
        predicted: Of the same shape, float64.
        weights: How much each sample counts, shape (n,), or None.
    """
    errors = np.abs(predicted.reshape(len(y), -1) - np.asarray(y, np.float64).reshape(len(y), -1))
    weights = None if weights is None else np.asarray(weights, np.float64)
    return float(np.average(np.average(errors, axis=0, weights=weights)))


def mean_r2(y: Array, predicted: Array, weights: Array | None = None) -> float:
    """Return R², the mean over the outputs; see :func:`absolute_error`."""
    from sklearn.metrics import r2_score

    return float(r2_score(y, predicted, sample_weight=weights))


def scorers_of(scoring: Any) -> dict[str, Scorer]:
    """Return a study's ``scoring`` as scorers by metric.

    Raises:
        UserError: A name is not one of scikit-learn's.
    """
    return {} if scoring is None else {name: _scorer(scorer) for name, scorer in named(scoring).items()}


def tested(metrics: Mapping[str, float]) -> dict[str, float]:
    """Return metrics under the names that they have when they were measured on the test set."""
    return {f"test_{name.removeprefix('val_')}": value for name, value in metrics.items()}


def _scorer(scoring: Any) -> Scorer:
    from sklearn.metrics import get_scorer, get_scorer_names

    if not isinstance(scoring, str):
        scorer: Scorer = scoring
        return scorer
    if scoring not in get_scorer_names():
        raise UserError(f"scoring: unknown name {scoring!r}{did_you_mean(scoring, get_scorer_names())}")
    named_scorer: Scorer = get_scorer(scoring)
    return named_scorer


def _takes_weights(scorer: Any) -> bool:
    """Return whether a scorer is one of scikit-learn's whose score takes weights, or a function that does."""
    score = getattr(scorer, "_score_func", scorer)
    return "sample_weight" in inspect.signature(score).parameters


def _accuracy(y: Array, predicted: Array, weights: Array | None = None) -> float:
    return float(np.average(np.asarray(predicted) == y, weights=weights))


def _log_loss(estimator: Any, X: Any, y: Array, weights: Array | None) -> float:
    """Return the mean of -ln p(y), with p no less than the machine epsilon of its dtype."""
    probability = np.asarray(estimator.predict_proba(X))
    classes = np.asarray(estimator.classes_)
    if not np.isin(y, classes).all():
        return float("inf")  # a class that it was not trained on
    of_label = probability[np.arange(len(y)), np.searchsorted(classes, y)]
    return float(np.average(-np.log(np.maximum(of_label, np.finfo(probability.dtype).eps)), weights=weights))
