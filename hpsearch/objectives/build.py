"""From a study to what its lanes run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from hpsearch.errors import UserError, did_you_mean
from hpsearch.log.history import SECONDS
from hpsearch.models.datasets import Dataset
from hpsearch.objectives.base import WEIGHTS, Objective
from hpsearch.space import Choice, Space
from hpsearch.study.declaration import RULE
from hpsearch.study.samples import Samples
from hpsearch.study.study import Study

if TYPE_CHECKING:
    from hpsearch.objectives.outputs import Outputs
    from hpsearch.objectives.resources import Plan
    from hpsearch.objectives.scores import Scores
    from hpsearch.objectives.transformers import Behind, Split


@dataclass(frozen=True)
class Prepared:
    """An objective that can be made wherever it is to run.

    Attributes:
        make: Makes it from the study's data; can be pickled with cloudpickle.
        epochs: Most epochs that a trial trains.
        by_fold: Whether its epochs are its folds, one after the other.
        cross_validates: Whether a trial trains several models, a fold each.
        stays: Whether a trial goes on only in the process in which it began: its state cannot be saved.
    """

    make: Callable[[Dataset | None], Objective]
    epochs: int
    by_fold: bool = False
    cross_validates: bool = False
    stays: bool = False


def prepare(study: Study, dataset: Dataset | None, rule: int = RULE) -> Prepared:
    """Return the objective of a study, checked but not yet made.

    Args:
        study: The study.
        dataset: Its data, already loaded; None where it has none.
        rule: The rule of its log's declaration; 1 for one that was begun by version 0.1.

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
    from hpsearch.objectives.outputs import Classes
    from hpsearch.objectives.transformers import behind

    assert dataset is not None, "a study with a model has data"
    model = behind(study.model, dataset)
    outputs = outputs_of(study, dataset, rule)
    if study.measure_test and not isinstance(outputs, Classes):
        raise UserError(f"study {study.name!r}: measure_test is for an MLPClassifier")
    return _sklearn(study, dataset, model, rule) if outputs is None else _networks(study, dataset, model, outputs, rule)


def outputs_of(study: Study, dataset: Dataset, rule: int = RULE) -> Outputs | None:
    """Return what the outputs of a study's networks mean; None where its trials are no networks that train fused.

    Args:
        study: The study.
        dataset: Its data.
        rule: As :func:`prepare` takes it.
    """
    from hpsearch.models.estimators.of_classes import NetworkOfClasses
    from hpsearch.models.estimators.of_numbers import NetworkOfNumbers
    from hpsearch.objectives import first_rules
    from hpsearch.objectives.chosen import last_options
    from hpsearch.objectives.outputs import Classes, Numbers, Values
    from hpsearch.objectives.transformers import split

    parts = split(study.model)
    options = last_options(parts, study.dimensions)
    if len(options) > 1 or options[0] is not parts.last:
        return None  # the last step is itself a choice
    if rule == 1 and first_rules.trained_apart(study, parts):
        return None
    if isinstance(parts.last, NetworkOfClasses):
        return Classes()
    if not isinstance(parts.last, NetworkOfNumbers):
        return None
    return Values.of(dataset) if dataset.preprocessing and dataset.y_train.ndim == 1 else Numbers.of(dataset)


def _function(study: Study) -> Prepared:
    from hpsearch.objectives.function import FunctionObjective

    function = study.objective
    metrics = study.goal.metrics
    seed = study.seed
    epochs = study.epochs
    reported = [metric for metric in metrics if metric != SECONDS or metric == metrics[0]]
    space = study.dimensions
    assert function is not None
    return Prepared(
        lambda data: FunctionObjective(function, reported, seed, epochs, space, data), epochs or 1, stays=True
    )


def _networks(study: Study, dataset: Dataset, model: Behind, outputs: Outputs, rule: int) -> Prepared:
    """Return a population of our networks."""
    from hpsearch.objectives import first_rules
    from hpsearch.objectives.combinations import check_combinations
    from hpsearch.objectives.outputs import Classes, training_data

    parts, classifies = model.parts, isinstance(outputs, Classes)
    declared: dict[str, Any] = parts.last.get_params(deep=False)
    check = _buildable(outputs, _width(study, dataset, parts, declared))
    try:
        check(declared)
    except ValueError as error:
        raise UserError(f"study {study.name!r}: model: {error}") from error
    params = outputs.params(declared)
    if rule > 1:
        check_combinations(study, parts.prefix, declared, check)
    if classifies and dataset.classes is None:
        raise UserError(f"study {study.name!r}: the model is a classifier, but data {dataset.name!r} has no classes")
    if study.measure_test and dataset.X_test is None:
        raise UserError(f"study {study.name!r}: measure_test: data {dataset.name!r} has no test set")
    if classifies and parts.before is None:
        training_data(dataset, params["dtype"], test=study.measure_test)
    scores = _scores(study, "classifier" if classifies else "regressor", type(parts.last).__name__, [*OURS, WEIGHTS])
    if not classifies:
        scores = scores.beside(dataset.y_train)
    epochs = study.epochs or _most(study, f"{parts.prefix}max_epochs", params["max_epochs"])
    reports = {
        "weights": WEIGHTS in study.goal.metrics,
        "test": study.measure_test,
        "scores": scores,
        "outputs": outputs if rule > 1 else first_rules.OnePatience(outputs),
    }
    if parts.before is None:
        reports["space"] = study.dimensions
        return Prepared(partial(_population, declared, study.seed, epochs, reports), epochs)
    return Prepared(partial(_pipeline, model, study.seed, epochs, study.dimensions, reports), epochs)


def _width(study: Study, dataset: Dataset, parts: Split, declared: Mapping[str, Any]) -> int | None:
    """Return how many features a sample has at the input of the network; None where a trial's parameters decide it.

    A table's own steps are fitted to find out, where the network is a chain of layers; a user's steps are not run
    before the log is begun.
    """
    from hpsearch.objectives.transformers import Transformers, split

    if parts.before is None:
        return int(dataset.X_train.shape[1])
    users_steps = split(study.model).before is not None or any(
        not name.startswith(parts.prefix) for name in study.dimensions
    )
    if users_steps or "layers" not in declared:
        return None
    return int(Transformers(parts.before, dataset, study.seed).transform({})[0].shape[1])


def _buildable(outputs: Outputs, n_features: int | None) -> Callable[[dict[str, Any]], None]:
    """Return a check that raises a ValueError for parameters of which no network can be built.

    Args:
        outputs: What the network's outputs mean.
        n_features: Features of a sample; None where steps before the network decide it.
    """
    from hpsearch.models import chain
    from hpsearch.models.network import Network
    from hpsearch.models.parameters import resolve_params

    def check(params: dict[str, Any]) -> None:
        resolved = resolve_params(outputs.params(chain.settled(params)))
        if resolved["layers"] is not None and n_features is not None:
            Network.build(resolved, n_features, 2)

    return check


OURS = ("train_cost", "learning_rate", "test_", "gradient_norm_", "saturated_")
"""Metrics that our networks report beside the scores of classifiers and regressors, or how their names begin."""


def _scores(study: Study, kind: str, model_name: str, further: Sequence[str] = ()) -> Scores:
    """Return what a study measures; raise a UserError where its metric will not be reported.

    Args:
        study: The study.
        kind: ``classifier``, ``regressor`` or another word where neither is known.
        model_name: The name of its model, for a message.
        further: Further metrics that the model reports, or how their names begin.
    """
    from hpsearch.objectives.scores import Scores, scorers_of

    try:
        scores = Scores(kind, scorers_of(study.scoring))
    except UserError as error:
        raise UserError(f"study {study.name!r}: {error}") from error
    possible = scores.possible + (["val_cost"] if further and kind == "regressor" else [])
    for metric in study.goal.metrics:
        if metric in possible or metric == SECONDS or metric.startswith(tuple(further)) or scores.open:
            continue
        hint = f"write metric={scores.names[0]!r}, or scoring=" if scores.names else "say by scoring= what to measure"
        similar = did_you_mean(metric, possible) if possible else ""
        raise UserError(f"study {study.name!r}: {model_name} has no metric {metric!r}{similar}; {hint}")
    return scores


def _sklearn(study: Study, dataset: Dataset, model: Behind, rule: int) -> Prepared:
    from sklearn.base import is_classifier, is_regressor

    parts = model.parts
    kind = "classifier" if is_classifier(study.model) else "regressor" if is_regressor(study.model) else "estimator"
    if kind == "classifier" and dataset.classes is None:
        raise UserError(f"study {study.name!r}: the model is a classifier, but data {dataset.name!r} has no classes")
    scores = _scores(study, kind, type(parts.last).__name__)
    plan = _plan(study, model, rule)
    make = partial(_estimator, model, study.seed, plan.epochs, plan, scores, study.dimensions)
    return Prepared(make, plan.epochs, stays=True)


def _plan(study: Study, model: Behind, rule: int) -> Plan:
    """Return how the trials of a study are trained, each as its own parameters allow."""
    from hpsearch.objectives import first_rules
    from hpsearch.objectives.chosen import last_options
    from hpsearch.objectives.resources import STEPS, Plan, counting, may_take_epochs

    parts, resource = model.parts, study.resource
    if rule == 1:
        name = counting(parts.last)
        n_epochs = 1 if name is None else _most(study, f"{parts.prefix}{name}", parts.last.get_params()[name])
        return first_rules.plan(study, parts, study.epochs or n_epochs)
    searched = {
        name.removeprefix(parts.prefix): dim.grid() if isinstance(dim, Choice) else None
        for name, dim in study.dimensions.items()
        if name.startswith(parts.prefix)
    }
    options = [option for option in last_options(parts, study.dimensions) if hasattr(option, "get_params")]
    by_epochs = [option for option in options if resource in ("auto", "epochs") and may_take_epochs(option, searched)]
    growing = [option for option in options if resource == "iterations" or (resource == "auto" and _grows(option))]
    of_samples = isinstance(resource, Samples) or resource == "samples"
    if study.epochs is not None:
        return Plan(resource, study.epochs, True, of_samples or (resource == "auto" and not by_epochs and not growing))
    counted = [
        _most(study, f"{parts.prefix}{name}", option.get_params()[name])
        for option in by_epochs
        if (name := counting(option)) is not None
    ]
    return Plan(resource, max([*counted, STEPS if growing or of_samples else 1]), False, of_samples)


def _grows(estimator: Any) -> bool:
    return bool(getattr(estimator, "warm_start", False)) and not hasattr(type(estimator), "partial_fit")


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
    model: Behind, seed: int, epochs: int, plan: Plan, scores: Scores, space: Space, dataset: Dataset | None
) -> Objective:
    from hpsearch.objectives.sklearn import SklearnObjective

    assert dataset is not None
    return SklearnObjective(model, dataset, seed, epochs, plan, scores, space)
