"""From a study to what its lanes run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from hpsearch.errors import UserError
from hpsearch.objectives.base import Objective
from hpsearch.study import Study
from models.datasets import Dataset


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
    from models.estimator import MLPClassifier

    if isinstance(study.model, MLPClassifier) and dataset is not None:
        return _mlp(study, dataset)
    raise UserError(f"study {study.name!r}: model must be an MLPClassifier, not {type(study.model).__name__}")


def _function(study: Study) -> Prepared:
    from hpsearch.objectives.function import FunctionObjective

    function, metric, seed, epochs = study.objective, study.metric, study.seed, study.epochs
    assert function is not None
    return Prepared(lambda _: FunctionObjective(function, metric, seed, epochs), epochs or 1)


def _mlp(study: Study, dataset: Dataset) -> Prepared:
    from hpsearch.objectives.mlp import training_data
    from models.parameters import validate_params

    params: dict[str, Any] = study.model.get_params()
    try:
        validate_params(params)
    except ValueError as error:
        raise UserError(f"study {study.name!r}: model: {error}") from error
    training_data(dataset, params["dtype"])
    most = study.dimensions.get("max_epochs")
    epochs = int(study.epochs or (max(most.grid()) if most is not None else params["max_epochs"]))
    return Prepared(partial(_population, params, study.seed, epochs), epochs)


def _population(params: dict[str, Any], seed: int, epochs: int, dataset: Dataset | None) -> Objective:
    from hpsearch.objectives.mlp import MLPPopulation

    assert dataset is not None
    return MLPPopulation(params, dataset, seed, epochs)
