"""From a study to what its lanes run."""

from __future__ import annotations

from typing import Any

from hpsearch.errors import UserError
from hpsearch.objectives.base import Objective
from hpsearch.study import Study
from models.datasets import Dataset


def build_objective(study: Study, dataset: Dataset | None) -> Objective:
    """Return the objective of a study.

    Args:
        study: The study.
        dataset: Its data, already loaded; None where it has none.

    Raises:
        UserError: The model cannot be searched, or the data do not suit it.
    """
    from models.estimator import MLPClassifier

    if isinstance(study.model, MLPClassifier):
        return _mlp(study, dataset)
    raise UserError(f"study {study.name!r}: model must be an MLPClassifier, not {type(study.model).__name__}")


def _mlp(study: Study, dataset: Dataset | None) -> Objective:
    from hpsearch.objectives.mlp import MLPPopulation
    from models.parameters import validate_params

    if dataset is None:
        raise UserError(f"study {study.name!r}: a model needs data, for example data='digits'")
    params: dict[str, Any] = study.model.get_params()
    try:
        validate_params(params)
    except ValueError as error:
        raise UserError(f"study {study.name!r}: model: {error}") from error
    return MLPPopulation(params, dataset, study.seed, study.epochs or params["max_epochs"])
