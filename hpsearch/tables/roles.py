"""What each column of a table is for, and which columns are no features and are left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hpsearch.errors import UserError, did_you_mean
from hpsearch.models.preprocessing.columns import DATE, NUMBER, TEXT
from hpsearch.study.table import Table
from hpsearch.tables.kinds import kind_of
from hpsearch.tables.read import UNNAMED

TARGET_NAMES = ("target", "label", "class", "y")
"""A column of such a name, in any case, is the target where none is named."""

INDEX_NAMES = (
    "", "index", "idx", "id", "no", "no.", "nr", "#", "row", "rowid", "row_id", "rownum", "row_number", "rowname",
    "rownames", "row.names", "obs", "observation", "case", "record", "unnamed: 0",
)  # fmt: skip
"""Names, in lower case, of columns that count rows."""


@dataclass(frozen=True)
class Roles:
    """The columns by what they are for.

    Attributes:
        target: The column that is predicted.
        how: How it was chosen: ``named`` by the user, by its ``name``, or as the ``last``.
        kinds: The features, in the order of the table, and what each holds.
        groups: The column of groups, or None.
        weights: The column of weights, or None.
        time: The column of times, or None.
        left_out: Columns that are no features, and why, in words.
    """

    target: str
    how: str
    kinds: dict[str, str]
    groups: str | None
    weights: str | None
    time: str | None
    left_out: dict[str, str]


def roles_of(frame: pd.DataFrame, table: Table, where: str) -> Roles:
    """Return what a plain frame's columns are for.

    Args:
        frame: The table.
        table: What the user says.
        where: Where the table is, for messages.

    Raises:
        UserError: A column that is named is not there, the target is not clear, or no feature is left.
    """
    names = list(frame.columns)
    for role in ("target", "groups", "weights", "time"):
        column = getattr(table, role)
        if column is not None and column not in names:
            raise UserError(f"{where}: {role}: there is no column {column!r}{did_you_mean(column, names)}")
    for role in ("drop", "keep"):
        for column in getattr(table, role):
            if column not in names:
                raise UserError(f"{where}: {role}: there is no column {column!r}{did_you_mean(column, names)}")
    target, how = _target(names, table, where)
    spoken_for = {target, table.groups, table.weights, *table.drop}
    features = [name for name in names if name not in spoken_for]
    if not features:
        raise UserError(
            f"{where}: no column is left to predict {target!r} from; it holds {', '.join(map(repr, names))}"
        )
    kinds = {name: kind_of(frame[name]) for name in features}
    left_out: dict[str, str] = dict.fromkeys(table.drop, "as asked")
    safe = {*table.keep, table.time}
    for name in features:
        if name not in safe and (reason := _says_nothing(frame[name], name, kinds[name])):
            left_out[name] = reason
    useful = [name for name in features if name not in left_out]
    if not useful:
        constant = [name for name in features if left_out.get(name) == CONSTANT]
        useful = [name for name in features if name not in constant][-1:]
        if not useful:
            raise UserError(f"{where}: every column but {target!r} is constant: there is nothing to predict it from")
        del left_out[useful[0]]
    return Roles(target, how, {name: kinds[name] for name in useful}, table.groups, table.weights, table.time, left_out)


CONSTANT = "constant"


def _target(names: Sequence[str], table: Table, where: str) -> tuple[str, str]:
    if table.target is not None:
        return table.target, "named"
    free = [name for name in names if name not in (*table.drop, table.groups, table.weights, table.time)]
    if len(free) < 2:
        raise UserError(
            f"{where}: expected at least one feature and a target, found {', '.join(map(repr, names)) or 'no column'}; "
            "if columns are separated by another sign, name it by sep"
        )
    target_like = [name for name in free if name.strip().lower() in TARGET_NAMES]
    if len(target_like) > 1:
        listed = " and ".join(map(repr, target_like))
        raise UserError(
            f"{where}: which column is the target? {listed} are named like one; say target={target_like[0]!r}"
        )
    return (target_like[0], "name") if target_like else (free[-1], "last")


def _says_nothing(column: pd.Series[Any], name: str, kind: str) -> str | None:
    """Return why a column is no feature, or None where it is one."""
    if column.nunique(dropna=False) <= 1:
        return CONSTANT
    if kind == NUMBER and _counts_rows(column, name):
        return "row numbers"
    if kind == TEXT and len(column) > 2 and column.nunique() == len(column):
        hint = "; keep (--keep) brings it back where its words tell" if is_prose(column) else ""
        return f"text that is different in every row{hint}"
    return None


WORDS = 4.0
"""Text of so many words or more, on average, is free text, not a name or a category."""


def is_prose(texts: pd.Series[Any]) -> bool:
    """Return whether the texts of a column have as many words as free text has."""
    present = texts.dropna()
    return sum(len(str(cell).split()) for cell in present) >= WORDS * max(len(present), 1)


def _counts_rows(column: pd.Series[Any], name: str) -> bool:
    if name.strip().lower() not in INDEX_NAMES and name != UNNAMED:
        return False
    numbers = column.to_numpy()
    if numbers.dtype.kind not in "iu" or len(numbers) < 2 or int(numbers[0]) not in (0, 1):
        return False
    return bool((np.diff(numbers.astype(np.int64)) == 1).all())


def described(roles: Roles) -> list[str]:
    """Return in words what kinds of columns there are and which are left out."""
    counts: dict[str, int] = {}
    for kind in roles.kinds.values():
        word = {NUMBER: "number", TEXT: "text", DATE: "date"}.get(kind.partition(":")[0], "category")
        counts[word] = counts.get(word, 0) + 1
    counted = [f"{count} {word}{'' if count == 1 else 's'}" for word, count in counts.items()]
    counted = [word.replace("categorys", "categories") for word in counted]
    lines = [f"features: {', '.join(counted)}"]
    by_reason: dict[str, list[str]] = {}
    for name, reason in roles.left_out.items():
        by_reason.setdefault(reason, []).append("without a name" if name == UNNAMED else repr(name))
    for reason, columns in by_reason.items():
        listed = ", ".join(columns[:6]) + (f" and {len(columns) - 6} more" if len(columns) > 6 else "")
        lines.append(f"left out: {listed} ({reason})")
    return lines
