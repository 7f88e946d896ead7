"""From the columns of a table to numbers that a model learns from, by scikit-learn's own transformers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from hpsearch.models.preprocessing import Columns, DateParts, PlainText, SmoothClip
from hpsearch.models.preprocessing.columns import DATE, NUMBER
from hpsearch.study.table import Task
from hpsearch.tables.reader import READER
from hpsearch.tables.roles import is_prose

MANY = 20
"""A category of more values than this is encoded by the target's mean, of fewer as one column for each value."""

HASHED = 512
"""Columns that the words of a free text are hashed into."""

COMPONENTS = 24
"""Components that are kept of them: an encoder of a text column takes 100 kB."""


def steps(kinds: Mapping[str, str]) -> list[tuple[str, Any]]:
    """Return the step before a user's own pipeline: it takes the columns by name and reads their cells."""
    return [("columns", Columns(dict(kinds)))]


def numbers(frame: pd.DataFrame, kinds: Mapping[str, str], task: Task, reader: int = READER) -> list[tuple[str, Any]]:
    """Return unfitted steps that turn a table into numbers of about unit scale, each with a name.

    Numbers are imputed by their median, with a column that says where, brought to a robust unit scale, and tamed beyond
    five of it; categories become a column for each value, or the mean of the target where there are many; dates become
    days, and phases of the year, the week and the day; free text is hashed by words and reduced.

    Args:
        frame: The training rows.
        kinds: Its columns, and what each holds.
        task: What is predicted.
        reader: The rules. By those before 3 numbers were tamed beyond three, and standardised after that: rare values
            were blown up, and networks could not follow targets with long tails.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import HashingVectorizer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import (
        OneHotEncoder,
        RobustScaler,
        StandardScaler,
        TargetEncoder,
    )

    columns_by_sort: dict[str, list[int]] = {"numbers": [], "dates": [], "few": [], "many": [], "free": []}
    for index, (name, kind) in enumerate(kinds.items()):
        columns_by_sort[_sort_of(frame[name], kind)].append(index)  # by place, so that an array of numbers will do
    encoders: list[tuple[str, Any, Any]] = []
    if columns_by_sort["numbers"]:
        tamed = (SmoothClip(5.0),) if reader >= 3 else (SmoothClip(), StandardScaler())
        numeric = make_pipeline(
            SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
            RobustScaler(quantile_range=(25.0, 75.0), unit_variance=True),
            *tamed,
        )
        encoders.append(("numbers", numeric, columns_by_sort["numbers"]))
    if columns_by_sort["dates"]:
        encoders.append(("dates", DateParts(), columns_by_sort["dates"]))
    if columns_by_sort["few"]:
        one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
        encoders.append(("few", one_hot, columns_by_sort["few"]))
    if columns_by_sort["many"]:
        by_target = TargetEncoder(target_type="continuous" if task == "regression" else "auto")
        encoders.append(("many", make_pipeline(by_target, StandardScaler()), columns_by_sort["many"]))
    for index in columns_by_sort["free"]:
        free = make_pipeline(
            PlainText(),
            HashingVectorizer(n_features=HASHED, alternate_sign=False),
            TruncatedSVD(COMPONENTS),
            StandardScaler(),
        )
        encoders.append((f"free{index}", free, [index]))
    columns = Columns(dict(kinds), as_array=all(kind == NUMBER for kind in kinds.values()))
    return [("columns", columns), ("numbers", ColumnTransformer(encoders, sparse_threshold=0.0))]


def free_texts(frame: pd.DataFrame, kinds: Mapping[str, str]) -> list[str]:
    """Return the columns that hold free text."""
    return [name for name, kind in kinds.items() if _sort_of(frame[name], kind) == "free"]


def _sort_of(column: pd.Series[Any], kind: str) -> str:
    """Return the sort of encoder that suits a column: numbers, dates, few, many (categories) or free (text)."""
    if kind == NUMBER:
        return "numbers"
    if kind.startswith(DATE):
        return "dates"
    present = column.dropna()
    different = present.nunique()
    if different > MANY and different > len(present) / 2 and is_prose(present):
        return "free"
    return "few" if different <= MANY else "many"


def needs_numbers(model: Any, frame: pd.DataFrame, kinds: Mapping[str, str]) -> bool:
    """Return whether a model cannot take the columns of a table as they are: texts, dates, or missing values."""
    if any(kind != NUMBER for kind in kinds.values()):
        return True
    if not frame[list(kinds)].isna().to_numpy().any():
        return False
    from sklearn.utils import get_tags

    return not get_tags(model).input_tags.allow_nan
