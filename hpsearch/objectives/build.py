"""From a study to what its lanes run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from hpsearch.errors import UserError, did_you_mean
from hpsearch.log.history import SECONDS
from hpsearch.models.datasets import Dataset
from hpsearch.objectives.base import WEIGHTS, Objective
from hpsearch.space import Choice, Dimension, Space
from hpsearch.study.study import Study

if TYPE_CHECKING:
    from hpsearch.objectives.outputs import Classes, Values
    from hpsearch.objectives.scores import Scores
    from hpsearch.objectives.sklearn import Resource
    from hpsearch.objectives.transformers import Behind


FUSED_REGRESSION = ("val_r2", "train_r2", "val_mse", "val_cost", "train_cost")
"""What a population of regressors measures."""


@dataclass(frozen=True)
class Prepared:
    """An objective that can be made wherever it is to run.

    Attributes:
        make: Makes it from the study's data; can be pickled with cloudpickle.
        epochs: Most epochs that a trial trains.
        by_fold: Whether these are its folds, one after the other.
        cross_validates: Whether a trial trains several models, a fold each.
    """

    make: Callable[[Dataset | None], Objective]
    epochs: int
    by_fold: bool = False
    cross_validates: bool = False


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
    if study.model is None:
        raise UserError(
            f"study {study.name!r}: nothing to train: give exactly one of model= and objective=, or train elsewhere "
            "by study.ask() and study.tell() (`hpsearch ask`, `hpsearch tell`)"
        )
    from hpsearch.objectives.outputs import Classes, Values
    from hpsearch.objectives.transformers import behind

    assert dataset is not None, "a study with a model has data"
    model = behind(study.model, dataset)
    outputs = outputs_of(study, dataset)
    if study.measure_test and not isinstance(outputs, Classes):
        raise UserError(f"study {study.name!r}: measure_test is for an MLPClassifier without scoring=")
    if isinstance(outputs, Values):
        return _regressor(study, dataset, model, outputs)
    return _sklearn(study, dataset, model) if outputs is None else _mlp(study, dataset, model)


def outputs_of(study: Study, dataset: Dataset) -> Classes | Values | None:
    """Return what the outputs of a study's networks mean where they train fused; None where its model is another."""
    from hpsearch.models.estimators.classifier import MLPClassifier
    from hpsearch.models.estimators.regressor import MLPRegressor
    from hpsearch.objectives.outputs import Classes, Values
    from hpsearch.objectives.transformers import split

    last = split(study.model).last
    if study.scoring is not None:
        return None
    if isinstance(last, MLPClassifier):
        return Classes()
    measured = {*FUSED_REGRESSION, SECONDS, WEIGHTS}.issuperset(study.goal.metrics)
    return Values.of(dataset) if isinstance(last, MLPRegressor) and dataset.preprocessing and measured else None


def _function(study: Study) -> Prepared:
    from hpsearch.objectives.function import FunctionObjective

    function, metrics, seed, epochs = study.objective, study.goal.metrics, study.seed, study.epochs
    reported = [metric for metric in metrics if metric != SECONDS or metric == metrics[0]]
    space = study.dimensions
    assert function is not None
    return Prepared(lambda data: FunctionObjective(function, reported, seed, epochs, space, data), epochs or 1)


def _regressor(study: Study, dataset: Dataset, model: Behind, outputs: Values) -> Prepared:
    """Return a population of regressors of a table's target, which is standardised for them."""
    from hpsearch.models.parameters import validate_params

    parts = model.parts
    try:
        validate_params(params := outputs.params(parts.last.get_params()))
    except ValueError as error:
        raise UserError(f"study {study.name!r}: model: {error}") from error
    epochs = study.epochs or _most(study, f"{parts.prefix}max_epochs", params["max_epochs"])
    reports = {"weights": WEIGHTS in study.goal.metrics, "outputs": outputs}
    return Prepared(partial(_pipeline, model, study.seed, epochs, study.dimensions, reports), epochs)


def _mlp(study: Study, dataset: Dataset, model: Behind) -> Prepared:
    from hpsearch.models.parameters import validate_params
    from hpsearch.objectives.outputs import training_data

    parts = model.parts
    params: dict[str, Any] = parts.last.get_params()
    try:
        validate_params(params)
    except ValueError as error:
        raise UserError(f"study {study.name!r}: model: {error}") from error
    if dataset.classes is None:
        raise UserError(f"study {study.name!r}: the model is a classifier, but data {dataset.name!r} has no classes")
    if study.measure_test and dataset.X_test is None:
        raise UserError(f"study {study.name!r}: measure_test: data {dataset.name!r} has no test set")
    if parts.before is None:
        training_data(dataset, params["dtype"], test=study.measure_test)
    epochs = study.epochs or _most(study, f"{parts.prefix}max_epochs", params["max_epochs"])
    reports = {"weights": WEIGHTS in study.goal.metrics, "test": study.measure_test}
    if parts.before is None:
        return Prepared(partial(_population, params, study.seed, epochs, reports), epochs)
    return Prepared(partial(_pipeline, model, study.seed, epochs, study.dimensions, reports), epochs)


def _sklearn(study: Study, dataset: Dataset, model: Behind) -> Prepared:
    from sklearn.base import is_classifier, is_regressor

    from hpsearch.objectives.scores import Scores, scorers_of

    parts = model.parts
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
    searched = {name.removeprefix(parts.prefix): dimension for name, dimension in study.dimensions.items()}
    if _takes_epochs(parts.last, params, searched):
        name = next((name for name in ("max_epochs", "max_iter") if name in params), None)
        resource = "epochs"
        if study.epochs is None and name is not None:
            epochs = _most(study, f"{parts.prefix}{name}", params[name])
    elif epochs > 1:
        resource = "samples"
    return Prepared(partial(_estimator, model, study.seed, epochs, resource, scores, study.dimensions), epochs)


WHOLE: dict[str, tuple[Any, ...]] = {
    "early_stopping": (True, "patience", "growing"),
    "class_weight": ("balanced",),
    "lr_schedule": ("plateau",),  # reads a validation set, which partial_fit has not
    "solver": ("lbfgs",),
}
"""Settings, by parameter, with which an estimator can be fitted as a whole alone."""


def _takes_epochs(estimator: Any, params: Mapping[str, Any], space: Mapping[str, Dimension]) -> bool:
    """Return whether an estimator can be trained an epoch at a time, at every point of the space.

    Points are compared, so all are fitted in one way: a whole fit where one of them takes no other.
    """
    if not hasattr(estimator, "partial_fit"):
        return False
    for name, settings in WHOLE.items():
        values = space[name].grid() if isinstance(space.get(name), Choice) else [params.get(name)]
        if any(value in settings for value in values if isinstance(value, str | bool)):
            return False
    return True


def _most(study: Study, name: str, default: Any) -> int:
    """Return the greatest value of a parameter in the space; its value in the model where it is not searched."""
    searched = study.dimensions.get(name)
    return int(default if searched is None else max(searched.grid()))


def _population(
    params: dict[str, Any], seed: int, epochs: int, reports: dict[str, Any], dataset: Dataset | None
) -> Objective:
    from hpsearch.objectives.mlp import MLPPopulation

    assert dataset is not None
    return MLPPopulation(params, dataset, seed, epochs, **reports)


def _pipeline(
    model: Behind, seed: int, epochs: int, space: Space, reports: dict[str, Any], dataset: Dataset | None
) -> Objective:
    from hpsearch.objectives.pipeline import PipelinePopulation

    assert dataset is not None
    return PipelinePopulation(model, dataset, seed, epochs, space, **reports)


def _estimator(
    model: Behind, seed: int, epochs: int, resource: Resource, scores: Scores, space: Space, dataset: Dataset | None
) -> Objective:
    from hpsearch.objectives.sklearn import SklearnObjective

    assert dataset is not None
    return SklearnObjective(model, dataset, seed, epochs, resource, scores, space)
