"""What is to be predicted: classes or numbers, decided by the model and the target together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from hpsearch.errors import UserError
from hpsearch.models.preprocessing import values
from hpsearch.models.preprocessing.columns import NUMBER
from hpsearch.study.table import Task
from hpsearch.tables.kinds import kind_of

FEW = 20
"""Up to so many different whole numbers may be classes; more may where each has ``ROWS_EACH`` rows on average."""

ROWS_EACH = 10
"""Rows that each of many whole numbers must have, on average, to be taken for classes."""

TEXTS_EACH = 2
"""Rows that each of many texts must have, on average, to be taken for classes."""

SMALL = 5
"""Rows that each of few whole numbers must have, on average, to be taken for classes where no model says so."""


def kind_of_model(model: Any) -> Task | None:
    """Return what a model predicts; None for what is neither a classifier nor a regressor, or where there is none."""
    if model is None:
        return None
    from sklearn.base import is_classifier, is_regressor

    return "classification" if is_classifier(model) else "regression" if is_regressor(model) else None


def task_of(target: pd.Series[Any], declared: Task | None, model: Task | None, where: str) -> Task:
    """Return what is to be predicted.

    Args:
        target: The target column, none missing.
        declared: What the user says, or None.
        model: What the model predicts, or None.
        where: What errors name: the table and the column.

    Raises:
        UserError: Model, target and the declared task do not go together; the message has the fix.
    """
    numeric = kind_of(target) == NUMBER
    if declared is not None and model is not None and declared != model:
        actual = "regressor" if model == "regression" else "classifier"
        raise UserError(f"{where}: task={declared!r}, but the model is a {actual}")
    task = declared or model
    if task == "regression":
        if not numeric:
            example = next(iter(target))
            raise UserError(f"{where} holds {example!r}: a regression needs numbers; take a classifier for classes")
        return task
    if not numeric:
        different, n = target.nunique(), len(target)
        if declared is None and different > FEW and n < TEXTS_EACH * different:
            raise UserError(
                f"{where} holds {different:,} different values that are no numbers in {n:,} rows, too many to be "
                "classes; name another column as the target (or say task='classification')"
            )
        return "classification"
    if target.dtype.kind == "b":
        return "classification"
    numbers = values.numbers(target) if target.dtype.kind not in "iuf" else target.to_numpy()
    different, n = len(np.unique(numbers)), len(numbers)
    all_whole = bool((np.mod(numbers, 1) == 0).all())
    if task is None:
        return "classification" if all_whole and different <= FEW and n >= SMALL * different else "regression"
    if declared is None and not all_whole:
        raise UserError(
            f"{where} holds numbers such as {numbers[np.mod(numbers, 1) != 0][0]:g}, which are no classes; take a "
            "regressor such as MLPRegressor (or say task='classification')"
        )
    if declared is None and different > FEW and n < ROWS_EACH * different:
        raise UserError(
            f"{where} holds {different:,} different whole numbers in {n:,} rows, too many to be classes; take a "
            "regressor such as MLPRegressor (or say task='classification')"
        )
    return "classification"


def labels(target: pd.Series[Any], task: Task) -> np.ndarray[Any, Any]:
    """Return a target column as float64 numbers, or as labels: int64, bool or str, shape (n,)."""
    if task == "regression":
        return np.ascontiguousarray(
            target.to_numpy(np.float64) if target.dtype.kind in "iufb" else values.numbers(target), np.float64
        )
    if isinstance(target.dtype, pd.CategoricalDtype):
        target = target.astype(target.cat.categories.dtype)
    if isinstance(target.dtype, np.dtype) and target.dtype.kind in "iuf":
        numbers = target.to_numpy()
        if (np.mod(numbers, 1) == 0).all() and np.abs(numbers).max() < 2**53:
            return numbers.astype(np.int64)
        return np.array([f"{number:g}" for number in numbers])
    if isinstance(target.dtype, np.dtype) and target.dtype.kind == "b":
        return target.to_numpy()
    return np.array([str(value).strip() for value in target])
