"""From a table to a data set: roles, task, rows of each part, and the steps that turn its columns into numbers."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hpsearch.errors import UserError
from hpsearch.models.datasets import Dataset
from hpsearch.models.preprocessing import Columns, values
from hpsearch.models.preprocessing.columns import AS_IS, NUMBER
from hpsearch.study.table import Table, Task
from hpsearch.tables import encoding
from hpsearch.tables.checks import unscaled, warnings_of
from hpsearch.tables.given import Origin, is_our_network
from hpsearch.tables.kinds import plain
from hpsearch.tables.reader import READER
from hpsearch.tables.roles import Roles, described, roles_of
from hpsearch.tables.split import ENOUGH, Parts, divide
from hpsearch.tables.task import kind_of_model, labels, task_of

Array = NDArray[Any]

EXAMPLES = 3
"""Validation rows that go along with a model, to try it with."""


def settle(frame: pd.DataFrame, table: Table, origin: Origin, model: Any, seed: int, reader: int = READER) -> Dataset:
    """Return a table as a data set.

    Args:
        frame: The table as it was read.
        table: What the user says of it.
        origin: Where it came from.
        model: The study's model, or None.
        seed: Seed of the split.
        reader: The rules, from 2.

    Raises:
        UserError: The table cannot be used.
    """
    where = origin.source if origin.source != "memory" else "data"
    try:
        frame = plain(frame)
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
    roles = roles_of(frame, table, where)
    frame, origin, dropped = _with_target(frame, roles, table, origin, where)
    task = task_of(frame[roles.target], table.task, kind_of_model(model), f"{where}: column {roles.target!r}")
    y = labels(frame[roles.target], task)
    small = _check_classes(y, task, roles, where)
    weights = None if roles.weights is None else _weights(frame, roles.weights, where)
    typed = Columns(roles.kinds).fit(frame).transform(frame)
    parts = _parts(frame, typed, y, table, origin, roles, seed, where)
    for part, part_rows in _named(parts):
        if weights is not None and not weights[part_rows].any():
            raise UserError(f"{where}: weights: column {roles.weights!r} is 0 in all rows of the {part} part")
    X = {name: typed.iloc[rows].reset_index(drop=True) for name, rows in _named(parts)}
    steps = _steps(model, X["train"], roles, task, reader)
    arrays: dict[str, Any] = {}
    for name, rows in (*_named(parts), *([] if len(parts.test) else [("test", None)])):
        arrays[f"X_{name}"] = None if rows is None else X[name]
        arrays[f"y_{name}"] = None if rows is None else _frozen(y[rows])
        arrays[f"w_{name}"] = None if rows is None or weights is None else _frozen(weights[rows])
    reason = {"named": "", "name": ", by its name", "last": ", the last column"}[roles.how]
    classes = f" of {len(np.unique(y)):,} classes" if task == "classification" else ""
    sizes = ", ".join(f"{len(rows):,} {name}" for name, rows in _named(parts))
    written = f", {origin.written}" if origin.written else ""
    missing = sum(int(part.isna().to_numpy().sum()) for part in X.values())
    about = "; ".join([*described(roles), *([f"{missing:,} cells are missing"] if missing else [])])
    remarks = [
        f"{where}: {len(frame):,} rows{written}; target {roles.target!r}{reason}: {task}{classes}; {about}",
        *([f"{dropped:,} rows without a target are left out"] if dropped else []),
        f"rows divided {parts.words}: {sizes}",
    ]
    if len(steps) > 1 and (free := encoding.free_texts(X["train"], roles.kinds)):
        remarks.append(
            f"{', '.join(map(repr, free))}: free text, of which the words are hashed; skrub's TableVectorizer in a "
            "pipeline of your own may read it better"
        )
    if len(parts.valid) < ENOUGH:
        remarks.append(f"{len(parts.valid)} validation rows are few: what is measured on them is coarse")
    warnings = warnings_of(typed, y, roles, parts, small)
    if len(steps) == 1 and all(kind == NUMBER for kind in roles.kinds.values()):
        warnings += unscaled(X["train"], model, list(roles.kinds))
    return Dataset(
        name=origin.name,
        digest=_digest(arrays, roles, reader if len(steps) > 1 else 2),
        image_shape=None,
        source=origin.source,
        reader=reader,
        preprocessing=tuple(steps),
        encodes=len(steps) > 1,
        target=roles.target,
        said=tuple(remarks),
        warnings=tuple(warnings),
        example=frame[list(roles.kinds)].iloc[parts.valid[:EXAMPLES]].reset_index(drop=True),
        own_split=origin.sizes is None,
        places=(parts.train, parts.valid),
        groups=None if roles.groups is None else _codes(frame[roles.groups], roles.groups, where),
        **arrays,
    )


def _with_target(
    frame: pd.DataFrame, roles: Roles, table: Table, origin: Origin, where: str
) -> tuple[pd.DataFrame, Origin, int]:
    """Return the rows that have a target, and how many were left out because the user asked for that."""
    target = frame[roles.target]
    missing = np.array(target.isna())
    if target.dtype == object or pd.api.types.is_string_dtype(target.dtype):
        missing |= np.array([isinstance(value, str) and not value.strip() for value in target])
    if not missing.any():
        return frame, origin, 0
    if missing.all():
        raise UserError(f"{where}: column {roles.target!r} is empty: there is nothing to predict")
    count, rows = int(missing.sum()), np.flatnonzero(missing)
    listed = ", ".join(f"{row + 1:,}" for row in rows[:3]) + (" …" if count > 3 else "")
    if not table.drop_missing_target:
        raise UserError(
            f"{where}: column {roles.target!r} has no value in {count:,} of {len(frame):,} rows (row {listed}); leave "
            "them out by drop_missing_target=True (--drop-missing-target), or name another target"
        )
    if origin.sizes is not None:
        ends = np.cumsum(origin.sizes)
        sizes = [int((~missing[end - size : end]).sum()) for end, size in zip(ends, origin.sizes, strict=True)]
        origin = Origin(origin.name, origin.source, origin.written, tuple(sizes))
    return frame[~missing].reset_index(drop=True), origin, count


def _check_classes(y: Array, task: Task, roles: Roles, where: str) -> list[str]:
    """Return warnings of classes that are too small; a single class, or a single number, is refused."""
    different, counts = np.unique(y, return_counts=True)
    if len(different) < 2:
        noun = "class" if task == "classification" else "number"
        raise UserError(f"{where}: column {roles.target!r} holds a single {noun} ({different[0]}): nothing to learn")
    if task == "regression":
        return []
    small = [(label, int(count)) for label, count in zip(different, counts, strict=True) if count < 3]
    if not small:
        return []
    listed = ", ".join(f"{str(label)!r} ({count})" for label, count in small[:5])
    more = f" and {len(small) - 5} more" if len(small) > 5 else ""
    warning = (
        f"classes of less than 3 rows in {roles.target!r}: {listed}{more}; such a class cannot be in the training, "
        "validation and test part, so nothing is known of how well it is told: add rows, join it with another class, "
        "or leave its rows out"
    )
    return [warning]


def _weights(frame: pd.DataFrame, column: str, where: str) -> Array:
    weights = values.numbers(frame[column])
    if not np.isfinite(weights).all() or (weights < 0).any() or not weights.any():
        raise UserError(f"{where}: weights: column {column!r} must hold finite numbers ≥ 0, not all of them 0")
    return weights


def _parts(
    frame: pd.DataFrame,
    typed: pd.DataFrame,
    y: Array,
    table: Table,
    origin: Origin,
    roles: Roles,
    seed: int,
    where: str,
) -> Parts:
    if origin.sizes is not None:
        ends = np.cumsum(origin.sizes)
        rows = [np.arange(end - size, end) for end, size in zip(ends, origin.sizes, strict=True)]
        return Parts(rows[0], rows[1], rows[2] if len(rows) > 2 else np.arange(0), "as they came")
    groups = None if roles.groups is None else _codes(frame[roles.groups], roles.groups, where)
    time = None
    if roles.time is not None:
        moments = typed[roles.time]
        if moments.isna().any() or moments.dtype.kind not in "iufM":
            raise UserError(f"{where}: time: column {roles.time!r} must hold numbers or dates, none of them missing")
        time = moments.to_numpy()
    return divide(y, table.split, seed, where, groups, time)


def _codes(column: pd.Series[Any], name: str, where: str) -> Array:
    if column.isna().any():
        raise UserError(
            f"{where}: groups: column {name!r} is empty in row {int(column.isna().to_numpy().argmax()) + 1}"
        )
    return np.asarray(pd.factorize(column)[0])


def _steps(model: Any, train: pd.DataFrame, roles: Roles, task: Task, reader: int) -> list[tuple[str, Any]]:
    """Return the steps before the model: the columns by name, and their encoding where it takes nothing but numbers.

    A pipeline that the user gives is taken as it is.
    """
    from sklearn.pipeline import Pipeline

    if model is None or isinstance(model, Pipeline):
        return encoding.steps(roles.kinds)
    if is_our_network(model) or encoding.needs_numbers(model, train, roles.kinds):
        return encoding.numbers(train, roles.kinds, task, reader)
    return encoding.steps(roles.kinds)


def _named(parts: Parts) -> list[tuple[str, Array]]:
    parts_by_name = [("train", parts.train), ("valid", parts.valid), ("test", parts.test)]
    return [(name, rows) for name, rows in parts_by_name if len(rows)]


def _frozen(array: Array) -> Array:
    array.flags.writeable = False
    return array


def _digest(arrays: dict[str, Any], roles: Roles, reader: int) -> str:
    """Return the sha256 (hex) over the parts: names, kinds and cells of the columns, targets and weights.

    It depends on the rules by which the columns become numbers too, so that data are read again by the same rules.
    """
    hasher = hashlib.sha256(repr((roles.target, list(roles.kinds.items()))).encode())
    if reader > 2:
        hasher.update(f"\nrules {reader}".encode())
    for name, array in arrays.items():
        hasher.update(f"\n{name} {None if array is None else len(array)}\n".encode())
        if array is None:
            continue
        if not hasattr(array, "columns"):
            hasher.update(_bytes(array))
            continue
        for column in array.columns:
            hasher.update(f"{column}\n".encode())
            as_text = roles.kinds[column] == AS_IS
            hasher.update(_bytes(array[column].astype(str).to_numpy(object) if as_text else array[column].to_numpy()))
    return hasher.hexdigest()


def _bytes(array: Array) -> bytes:
    if array.dtype.kind in "OUT":
        texts = ("\1" if values.is_missing(value) else str(value) for value in array)
        return "\0".join(texts).encode("utf-8", "surrogatepass")
    if array.dtype.kind == "M":
        array = array.astype("datetime64[us]").view(np.int64)
    return array.dtype.str.encode() + np.ascontiguousarray(array).tobytes()
