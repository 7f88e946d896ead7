"""From a study to what its lanes run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from hpsearch.errors import UserError, did_you_mean
from hpsearch.log.history import SECONDS
from hpsearch.models.datasets import Dataset
from hpsearch.objectives.base import WEIGHTS, Objective
from hpsearch.space import Space
from hpsearch.study.study import Study

if TYPE_CHECKING:
    from hpsearch.objectives.scores import Scores
    from hpsearch.objectives.sklearn import Resource
    from hpsearch.objectives.transformers import Split


@dataclass(frozen=True)
class Prepared:
    """An objective that can be made wherever it is to run.

    Attributes:
        make: Makes it from the study's data; can be pickled with cloudpickle.
        epochs: Most epochs that a trial trains.
    """

    make: Callable[[Dataset | None], Objective]
    epochs: int


def prepare(study: Study, dataset: Dataset | None) -> Prepared:
    """Return the objective of a study, checked but not yet made.

    Args:
        study: The study.
        dataset: Its data, already loaded; None where it has none.

    Raises:
        UserError: The model cannot be searched, or the data do not suit it.
    """
    if study.objective is not None:
        return _function(study)
    from hpsearch.models.estimators.classifier import MLPClassifier
    from hpsearch.objectives.transformers import split

    assert dataset is not None, "a study with a model has data"
    parts = split(study.model)
    ours = isinstance(parts.last, MLPClassifier) and study.scoring is None
    if study.measure_test and not ours:
        raise UserError(f"study {study.name!r}: measure_test is for an MLPClassifier without scoring=")
    if ours:
        return _mlp(study, dataset, parts)
    return _sklearn(study, dataset, parts)


def _function(study: Study) -> Prepared:
    from hpsearch.objectives.function import FunctionObjective

    function, metrics, seed, epochs = study.objective, study.goal.metrics, study.seed, study.epochs
    reported = [metric for metric in metrics if metric != SECONDS or metric == metrics[0]]
    space = study.dimensions
    assert function is not None
    return Prepared(lambda data: FunctionObjective(function, reported, seed, epochs, space, data), epochs or 1)


def _mlp(study: Study, dataset: Dataset, parts: Split) -> Prepared:
    from hpsearch.models.parameters import validate_params
    from hpsearch.objectives.mlp import training_data

    params: dict[str, Any] = parts.last.get_params()
    try:
        validate_params(params)
    except ValueError as error:
        raise UserError(f"study {study.name!r}: model: {error}") from error
    if dataset.classes is None:
        raise UserError(f"study {study.name!r}: the model is a classifier, but data {dataset.name!r} has no classes")
    if study.measure_test and dataset.X_test is None:
        raise UserError(f"study {study.name!r}: measure_test: data {dataset.name!r} has no test set")
    training_data(dataset, params["dtype"], test=study.measure_test)
    epochs = study.epochs or _most(study, f"{parts.prefix}max_epochs", params["max_epochs"])
    reports = {"weights": WEIGHTS in study.goal.metrics, "test": study.measure_test}
    if parts.before is None:
        return Prepared(partial(_population, params, study.seed, epochs, reports), epochs)
    return Prepared(partial(_pipeline, study.model, study.seed, epochs, study.dimensions, reports), epochs)


def _sklearn(study: Study, dataset: Dataset, parts: Split) -> Prepared:
    from sklearn.base import is_classifier, is_regressor

    from hpsearch.objectives.scores import Scores, scorers_of

    kind = "classifier" if is_classifier(study.model) else "regressor" if is_regressor(study.model) else "estimator"
    if kind == "classifier" and dataset.classes is None:
        raise UserError(f"study {study.name!r}: the model is a classifier, but data {dataset.name!r} has no classes")
    try:
        scores = Scores(kind, scorers_of(study.scoring))
    except UserError as error:
        raise UserError(f"study {study.name!r}: {error}") from error
    for metric in study.goal.metrics:
        if metric in scores.possible or metric == SECONDS:
            continue
        hint = f"write metric={scores.names[0]!r}, or scoring=" if scores.names else "say by scoring= what to measure"
        raise UserError(
            f"study {study.name!r}: {type(parts.last).__name__} has no metric {metric!r}"
            f"{did_you_mean(metric, scores.possible) if scores.possible else ''}; {hint}"
        )
    params = parts.last.get_params()
    resource: Resource = "fit"
    epochs = study.epochs or 1
    if _takes_epochs(parts.last, params):
        name = next((name for name in ("max_epochs", "max_iter") if name in params), None)
        resource = "epochs"
        if study.epochs is None and name is not None:
            epochs = _most(study, f"{parts.prefix}{name}", params[name])
    elif epochs > 1:
        resource = "samples"
    return Prepared(partial(_estimator, study.model, study.seed, epochs, resource, scores, study.dimensions), epochs)


def _takes_epochs(estimator: Any, params: dict[str, Any]) -> bool:
    """Return whether an estimator can be trained an epoch at a time; some can in part of their settings alone."""
    whole = params.get("early_stopping") in (True, "patience", "growing") or params.get("class_weight") == "balanced"
    whole = whole or params.get("lr_schedule") == "plateau"  # reads a validation set, which partial_fit has not
    return hasattr(estimator, "partial_fit") and not whole


def _most(study: Study, name: str, default: Any) -> int:
    """Return the greatest value of a parameter in the space; its value in the model where it is not searched."""
    searched = study.dimensions.get(name)
    return int(default if searched is None else max(searched.grid()))


def _population(
    params: dict[str, Any], seed: int, epochs: int, reports: dict[str, bool], dataset: Dataset | None
) -> Objective:
    from hpsearch.objectives.mlp import MLPPopulation

    assert dataset is not None
    return MLPPopulation(params, dataset, seed, epochs, **reports)


def _pipeline(
    pipeline: Any, seed: int, epochs: int, space: Space, reports: dict[str, bool], dataset: Dataset | None
) -> Objective:
    from hpsearch.objectives.pipeline import PipelinePopulation

    assert dataset is not None
    return PipelinePopulation(pipeline, dataset, seed, epochs, space, **reports)


def _estimator(
    model: Any, seed: int, epochs: int, resource: Resource, scores: Scores, space: Space, dataset: Dataset | None
) -> Objective:
    from hpsearch.objectives.sklearn import SklearnObjective

    assert dataset is not None
    return SklearnObjective(model, dataset, seed, epochs, resource, scores, space)
