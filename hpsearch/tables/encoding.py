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

HASHED, COMPONENTS = 512, 24
"""Columns that the words of a free text are hashed into, and the components that are kept of them: 100 kB a text."""


def steps(kinds: Mapping[str, str]) -> list[tuple[str, Any]]:
    """Return what stands before a pipeline that the user gives: it takes the columns by name and reads their cells."""
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

    sort: dict[str, list[int]] = {"numbers": [], "dates": [], "few": [], "many": [], "free": []}
    for place, (name, kind) in enumerate(kinds.items()):
        sort[_sort_of(frame[name], kind)].append(place)  # by place, so that an array of numbers will do
    parts: list[tuple[str, Any, Any]] = []
    if sort["numbers"]:
        tamed = (SmoothClip(5.0),) if reader >= 3 else (SmoothClip(), StandardScaler())
        numeric = make_pipeline(
            SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
            RobustScaler(quantile_range=(25.0, 75.0), unit_variance=True),
            *tamed,
        )
        parts.append(("numbers", numeric, sort["numbers"]))
    if sort["dates"]:
        parts.append(("dates", DateParts(), sort["dates"]))
    if sort["few"]:
        one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
        parts.append(("few", one_hot, sort["few"]))
    if sort["many"]:
        by_target = TargetEncoder(target_type="continuous" if task == "regression" else "auto")
        parts.append(("many", make_pipeline(by_target, StandardScaler()), sort["many"]))
    for place in sort["free"]:
        free = make_pipeline(
            PlainText(),
            HashingVectorizer(n_features=HASHED, alternate_sign=False),
            TruncatedSVD(COMPONENTS),
            StandardScaler(),
        )
        parts.append((f"free{place}", free, [place]))
    columns = Columns(dict(kinds), as_array=all(kind == NUMBER for kind in kinds.values()))
    return [("columns", columns), ("numbers", ColumnTransformer(parts, sparse_threshold=0.0))]


def free_texts(frame: pd.DataFrame, kinds: Mapping[str, str]) -> list[str]:
    """Return the columns that hold free text."""
    return [name for name, kind in kinds.items() if _sort_of(frame[name], kind) == "free"]


def _sort_of(column: pd.Series[Any], kind: str) -> str:
    """Return which of the encoders suits a column."""
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
