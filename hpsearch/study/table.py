"""A table as a study's data: where it is, and the roles of its columns."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from hpsearch.errors import UserError

Task = Literal["classification", "regression"]

_LISTS = ("drop", "keep", "na")
_COLUMNS = ("target", "groups", "weights", "time")


@dataclass(frozen=True, eq=False)
class Table:
    """A table: a file or a data frame, and what its columns are for.

    Nothing is read before the study runs; a column that is not there is told of then.

    Attributes:
        data: Path of a file (csv, tsv, txt, data, parquet, feather, json lines, Excel, ARFF, compressed or not), or a
            data frame of pandas or polars.
        target: The column that is predicted; None: the one named target, label, class or y, else the last.
        drop: Columns that are left out.
        keep: Columns that are never left out, though they look like row numbers or identifiers.
        groups: A column whose values are never on both sides of a split, such as a patient's number. It is no feature.
        weights: A column that says how much each row counts. It is no feature.
        time: A column by which rows are divided: the earliest train, the latest test. It stays a feature.
        task: ``classification`` or ``regression``; None: by the model and the target.
        sep: What separates the columns of a text file; None: found.
        na: Texts that stand for a missing value, beside the usual ones (empty, NA, nan, null, ?).
        encoding: Of a text file; None: found.
        decimal: ``.`` or ``,``; None: found.
        header: Whether a text file's first line names the columns; None: found.
        split: Fractions of the rows (train, valid, test); None: 60, 20 and 20 %, of small tables more to validate.
        drop_missing_target: Leave out the rows without a target, instead of refusing the table.

    Raises:
        UserError: An option is invalid.

    Examples:
        >>> import pandas as pd
        >>> from hpsearch import Table
        >>> frame = pd.DataFrame({"patient": [1, 1, 2, 2], "age": [30, 31, 60, 61], "ill": ["no", "no", "yes", "yes"]})
        >>> table = Table(frame, target="ill", groups="patient")  # a patient's rows stay on one side of the split
        >>> table.target, table.groups
        ('ill', 'patient')
    """

    data: Any
    target: str | None = None
    drop: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    groups: str | None = None
    weights: str | None = None
    time: str | None = None
    task: Task | None = None
    sep: str | None = None
    na: tuple[str, ...] = ()
    encoding: str | None = None
    decimal: str | None = None
    header: bool | None = None
    split: tuple[float, float, float] | None = None
    drop_missing_target: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.data, os.PathLike):
            object.__setattr__(self, "data", os.fspath(self.data))
        if not isinstance(self.data, str) and not hasattr(self.data, "columns"):
            raise UserError(f"Table: data must be a path or a data frame, not {type(self.data).__name__}")
        for name in _LISTS:
            value = getattr(self, name)
            listed = (value,) if isinstance(value, str) else value
            if not isinstance(listed, Sequence) or not all(isinstance(item, str) for item in listed):
                raise UserError(f"Table: {name} must be a list of texts, not {value!r}")
            object.__setattr__(self, name, tuple(listed))
        for name in (*_COLUMNS, "sep", "encoding"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, str) or value == ""):
                raise UserError(f"Table: {name} must be a text, not {value!r}")
        if self.task is not None and self.task not in get_args(Task):
            raise UserError(f"Table: task must be 'classification' or 'regression', not {self.task!r}")
        if self.decimal not in (None, ".", ","):
            raise UserError(f"Table: decimal must be '.' or ',', not {self.decimal!r}")
        if self.split is not None:
            object.__setattr__(self, "split", tuple(self.split))
        self._check_roles()

    def _check_roles(self) -> None:
        roles = {name: column for name in _COLUMNS if (column := getattr(self, name)) is not None}
        for name, column in roles.items():
            if column in self.drop:
                raise UserError(f"Table: column {column!r} is both {name} and dropped")
        exclusive = [roles[name] for name in ("target", "groups", "weights") if name in roles]
        twice = next((column for column in exclusive if exclusive.count(column) > 1), None)
        if twice is not None or (self.time is not None and self.time in (self.target, self.weights)):
            raise UserError(f"Table: column {twice or self.time!r} has two roles")

    @property
    def path(self) -> Path | None:
        """Where the file is; None for a data frame."""
        return Path(self.data) if isinstance(self.data, str) else None

    def to_json(self) -> dict[str, Any]:
        """Return what decides a result, as JSON values; a data frame is stood for by the study's data digest."""
        described: dict[str, Any] = {}
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if name != "data" and value not in (None, (), False):
                described[name] = list(value) if isinstance(value, tuple) else value
        return {"table": self.data if isinstance(self.data, str) else None, **described}

    @classmethod
    def from_json(cls, described: dict[str, Any]) -> Table:
        """Return the table that :meth:`to_json` described; it was read from a file."""
        options: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in described.items()
        }
        return cls(options.pop("table"), **options)


def is_data(data: Any) -> bool:
    """Return whether something may be a study's data; what is in it is seen when the study runs."""
    bunch = isinstance(data, Mapping) and "data" in data and "target" in data
    return (
        isinstance(data, str | Path | tuple | list | Table)
        or hasattr(data, "X_train")
        or hasattr(data, "columns")
        or bunch
    )
