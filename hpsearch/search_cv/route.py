"""How a search trains: networks epoch by epoch, pruned on their curves; all other estimators in whole fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hpsearch.errors import UserError
from hpsearch.models.datasets import Dataset
from hpsearch.models.estimators.base import Perceptron
from hpsearch.models.estimators.of_numbers import NetworkOfNumbers
from hpsearch.objectives.transformers import split
from hpsearch.space import Choice
from hpsearch.study.cross_validation import Pair
from hpsearch.study.goal import Counts
from hpsearch.study.samples import ResourceName, Samples, check_resource

OWN = {"early_stopping": ("none",), "lr_schedule": ("constant", "step", "cosine")}
"""Settings of our networks with which a fold needs no validation rows beside those that it is scored on."""


@dataclass(frozen=True)
class EpochRoute:
    """How the trials of a search train epoch by epoch, as a study's do.

    Attributes:
        dataset: All rows as training part; the validation part is empty, as the folds take its place.
        name: The estimator's parameter for its number of epochs, or None.
        metric: The metric that decides, where the study itself measures the scores; else None.
        value: Which epoch of a trial counts.
    """

    dataset: Dataset
    name: str | None
    metric: str | None
    value: Counts


def find_route(
    estimator: Any,
    X: Any,
    y: Any,
    pairs: Sequence[Pair],
    *,
    resource: ResourceName | Samples,
    scoring: Any,
    space: Any,
    fit_params: Mapping[str, Any],
    score_params: Mapping[str, Any],
    train_score: bool,
) -> EpochRoute | None:
    """Return how a search trains by epochs (or by growing parts of the samples); None where each fit is a whole one.

    Args:
        estimator: The estimator whose parameters are searched.
        X: Samples.
        y: Targets.
        pairs: The rows of each fold.
        resource: As a study takes it.
        scoring: As the user gives it to the searcher.
        space: The space that is searched.
        fit_params: Arguments of ``fit``.
        score_params: Arguments of the scorer.
        train_score: Whether training rows are scored too.

    Raises:
        UserError: The estimator or the data do not go with the resource that is asked for.
    """
    check_resource(resource, estimator)
    if resource == "fit":
        return None
    refused = _refused(estimator, X, y, pairs, scoring, fit_params, score_params, resource, train_score)
    if refused is None and resource == "auto" and not _is_ours(estimator, space):
        return None
    if refused is not None:
        if resource == "auto":
            return None
        raise UserError(f"resource={resource!r}: {refused}")
    parts, by_epochs = split(estimator), resource in ("auto", "epochs")
    own_params = parts.last.get_params()
    name = next((f"{parts.prefix}{key}" for key in ("max_epochs", "max_iter") if key in own_params), None)
    schedules = {own_params.get("lr_schedule", "constant"), *_options(space, f"{parts.prefix}lr_schedule")}
    return EpochRoute(
        _dataset(estimator, X, y, fit_params),
        name if by_epochs else None,
        _measured(parts.last, scoring),
        # Where the learning rate depends on the last epoch, training for fewer epochs gives another model.
        "best" if schedules == {"constant"} and by_epochs else "last",
    )


def _refused(
    estimator: Any,
    X: Any,
    y: Any,
    pairs: Sequence[Pair],
    scoring: Any,
    fit_params: Mapping[str, Any],
    score_params: Mapping[str, Any],
    resource: ResourceName | Samples,
    train_score: bool,
) -> str | None:
    """Return why models cannot train by a resource, or None where they can."""
    from sklearn.base import is_classifier, is_regressor
    from sklearn.utils import get_tags

    last = split(estimator).last
    if not (is_classifier(estimator) or is_regressor(estimator)) or y is None:
        return "it takes a classifier or a regressor, and targets"
    if resource == "epochs" and not hasattr(last, "partial_fit"):
        return f"{type(last).__name__} has no partial_fit"
    if get_tags(estimator).input_tags.pairwise:
        return "it takes samples, not distances between them"
    refused = [name for name, value in fit_params.items() if value is not None and name != "sample_weight"]
    if refused or score_params or (fit_params.get("sample_weight") is not None and last is not estimator):
        return "fit takes no parameters then, but sample_weight of a model without steps before it"
    if train_score and _measured(last, scoring) is None:
        return "training scores are of the estimator's own score alone"
    if callable(scoring) and not hasattr(scoring, "_score_func"):
        return "scoring must be a name or one of scikit-learn's scorers"
    if np.ndim(y) != 1 or not hasattr(X, "shape") or len(X.shape) != 2:
        return "it takes an array or a data frame of two dimensions, and one target"
    if 0 in X.shape:
        return "there are no samples, or no features"  # whole fits then raise the estimator's own error
    if last is estimator and (hasattr(X, "toarray") or np.asarray(X).dtype.kind not in "biuf"):
        return "it takes numbers"
    targets = np.asarray(y)
    if is_classifier(estimator):
        if targets.dtype.kind == "f":
            return "classes must be whole numbers or texts"
        lacking = any(len(np.setdiff1d(targets[test], targets[train])) for train, test in pairs)
        if lacking:
            return "a fold is scored on a class that it does not train on"
    return None


def _is_ours(estimator: Any, space: Any) -> bool:
    """Return whether an estimator ends in one of our networks, whose settings need no validation rows."""
    parts = split(estimator)
    if not isinstance(parts.last, Perceptron) or callable(space) or _is_chosen(space, parts.prefix):
        return False
    own_params = parts.last.get_params()
    for name, allowed in OWN.items():
        if any(value not in allowed for value in [own_params[name], *_options(space, f"{parts.prefix}{name}")]):
            return False
    return True


def _is_chosen(space: Any, prefix: str) -> bool:
    """Return whether the last step, or a pipeline around it, is searched: then it may be another kind of model."""
    steps = prefix.split("__")[:-1]
    names = {"__".join(steps[: depth + 1]) for depth in range(len(steps))}
    return any(not names.isdisjoint(grid) for grid in (space if isinstance(space, list | tuple) else [space]))


def _options(space: Any, name: str) -> list[Any]:
    """Return the options of a choice in a space, or in any of a list of grids."""
    values: list[Any] = []
    for grid in space if isinstance(space, list | tuple) else [space]:
        dimension = grid.get(name) if isinstance(grid, Mapping) else None
        options = dimension.options if isinstance(dimension, Choice) else dimension
        if options is not None:
            values += list(options) if isinstance(options, list | tuple | np.ndarray) else [options]
    return values


def _measured(estimator: Any, scoring: Any) -> str | None:
    """Return the study's own metric that equals the user's scoring, or None where there is none."""
    if not isinstance(estimator, Perceptron):
        return None
    metric, name = ("val_r2", "r2") if isinstance(estimator, NetworkOfNumbers) else ("val_accuracy", "accuracy")
    return metric if scoring in (None, name) else None


def _dataset(estimator: Any, X: Any, y: Any, fit_params: Mapping[str, Any]) -> Dataset:
    from sklearn.base import is_regressor
    from sklearn.utils import _safe_indexing

    targets = np.asarray(y)
    if is_regressor(estimator):
        targets = targets.astype(np.float64)
    elif targets.dtype.kind == "O":
        targets = np.asarray(targets.tolist())
    weights = fit_params.get("sample_weight")
    none = np.arange(0)
    return Dataset(
        name="memory",
        X_train=X,
        y_train=targets,
        X_valid=_safe_indexing(X, none),
        y_valid=targets[none],
        X_test=None,
        y_test=None,
        digest="",
        image_shape=None,
        source="memory",
        w_train=None if weights is None else np.asarray(weights, np.float64),
    )


def as_dataset(X: Any, y: Any, digest: str) -> Dataset:
    """Return a placeholder of the data's size, for a search whose fits take the data themselves as they are."""
    from sklearn.utils.validation import _num_samples

    n = _num_samples(X)
    stand_in = np.zeros((n, X.shape[1] if hasattr(X, "shape") and len(X.shape) > 1 else 1), np.float32)
    return Dataset(
        name="memory",
        X_train=stand_in,
        y_train=np.zeros(n),
        X_valid=stand_in[:0],
        y_valid=np.zeros(0),
        X_test=None,
        y_test=None,
        digest=digest,
        image_shape=None,
        source="memory",
    )
