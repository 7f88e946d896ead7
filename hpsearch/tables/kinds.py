"""What the columns of a table hold: numbers, texts or dates, however they are written."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from hpsearch.errors import UserError
from hpsearch.models.preprocessing import values
from hpsearch.models.preprocessing.columns import AS_IS, DATE, NUMBER, TEXT

FORMATS = (
    "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%Y/%m/%d", "%d-%m-%Y", "%m/%d/%y", "%d/%m/%y", "%d.%m.%y", "%d-%b-%y",
    "%d-%b-%Y", "%b %d %Y", "%b %d, %Y", "%B %d, %Y", "%d %b %Y", "%d %B %Y", "%Y-%m-%d", "%b %Y", "%B %Y",
    "%Y%m%dT%H%M%S", "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M", "%d.%m.%Y %H:%M", "%Y/%m/%d %H:%M", "%m/%d/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M:%S", "%d.%m.%Y %H:%M:%S", "%Y/%m/%d %H:%M:%S", "%m/%d/%y %H:%M", "%a, %d %b %Y %H:%M:%S",
)  # fmt: skip
"""Ways of writing dates that are tried after ISO's, the month first where both readings are possible."""

_ISO = re.compile(r"\d{4}-\d\d?(-\d\d?)?([T ]\d\d:\d\d(:\d\d(\.\d+)?)?)?\s*(Z|[+-]\d\d:?\d\d)?\Z")
_DIGITS = re.compile(r"\d")
_WRITTEN = re.compile(r"[+-]?\s*[$€£]?\s*[+-]?[\d,]*\.?\d+([eE][+-]?\d+)?\s*[%$€£]?\Z")
_GROUPED = re.compile(r"[^\d]*\d{1,3}(,\d{3})+(\.\d+)?[^\d]*\Z")

LOOKED_AT = 200
"""Distinct cells by which a format is guessed, before all cells are read by it."""


def plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame whose numbers have NumPy's types, with NaN where one is missing, whatever types it came with.

    Raises:
        UserError: A column holds complex numbers, or an infinite one.
    """
    changed: dict[str, Any] = {}
    for name in frame.columns:
        column = frame[name]
        new = _numpy(column)
        if new is not None:
            changed[name] = new
            column = new
        if isinstance(column.dtype, np.dtype) and column.dtype.kind == "f" and np.isinf(column.to_numpy()).any():
            row = int(np.flatnonzero(np.isinf(column.to_numpy()))[0])
            raise UserError(f"column {name!r} is infinite in row {row + 1}; leave the column out, or the row")
        if column.dtype.kind == "c":
            raise UserError(f"column {name!r} holds complex numbers; leave it out")
    return with_columns(frame, changed)


def with_columns(frame: pd.DataFrame, columns: Mapping[str, Any]) -> pd.DataFrame:
    """Return a copy of a frame with some columns added or replaced."""
    changed = frame.copy(deep=False)
    for name, cells in columns.items():
        changed[name] = cells
    return changed


def _numpy(column: pd.Series[Any]) -> Any:
    """Return a column with NumPy's type; None where it has it, or is no number."""
    dtype: Any = column.dtype
    if isinstance(dtype, np.dtype):
        if dtype.kind == "m":
            return column.dt.total_seconds()
        if dtype.kind == "f" and dtype.itemsize < 4:
            return column.astype("float32")
        return _from_objects(column) if dtype.kind == "O" else None
    if pd.api.types.is_bool_dtype(dtype) and not isinstance(dtype, pd.CategoricalDtype):
        return column.astype("float64") if column.isna().any() else column.astype("bool")
    if pd.api.types.is_integer_dtype(dtype):
        return column.astype("float64") if column.isna().any() else column.astype("int64")
    if pd.api.types.is_float_dtype(dtype):
        return column.astype("float64")
    if isinstance(dtype, pd.SparseDtype):
        return np.asarray(column)
    if isinstance(dtype, pd.PeriodDtype):
        return column.dt.to_timestamp()
    if isinstance(dtype, pd.DatetimeTZDtype):
        return column.dt.tz_convert(None)
    if "timestamp" in str(dtype) or "date32" in str(dtype):
        return column.astype("datetime64[us]")
    return None


def _from_objects(column: pd.Series[Any]) -> Any:
    present = [value for value in column if not values.is_missing(value)]
    if present and all(isinstance(value, bool | int | float | Decimal | np.number | np.bool_) for value in present):
        integers = len(present) == len(column) and all(isinstance(value, int | np.integer) for value in present)
        if integers and all(abs(int(value)) < 2**63 for value in present):
            return pd.Series([int(value) for value in column], column.index, dtype="int64")
        return pd.Series(values.numbers(column), column.index)
    if any(isinstance(value, list | dict | set | np.ndarray) for value in present):
        return pd.Series(values.texts(column), column.index)  # lists and records within a cell: what they look like
    return None


def kind_of(column: pd.Series[Any]) -> str:
    """Return what a column of a plain frame holds, by the words of :class:`hpsearch.models.preprocessing.Columns`."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return AS_IS
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iufb":
        return NUMBER
    if isinstance(column.dtype, np.dtype) and column.dtype.kind == "M":
        return f"{DATE}:{values.ISO}"
    present = list(dict.fromkeys(value for value in column if not values.is_missing(value)))
    if not present:
        return NUMBER
    if all(isinstance(value, datetime.date) for value in present):
        return f"{DATE}:{values.ISO}"
    if not all(isinstance(value, str) for value in present):
        return TEXT
    if form := _date_format(present):
        return f"{DATE}:{form}"
    return NUMBER if _are_numbers(present) else TEXT


def _are_numbers(present: Sequence[str]) -> bool:
    """Return whether all texts are numbers with signs of thousands, money or per cent."""
    if not all(_WRITTEN.match(cell.strip()) for cell in present[:LOOKED_AT]):
        return False
    if not all(_GROUPED.match(cell.strip()) for cell in present if "," in cell):
        return False
    try:
        values.numbers(present)
    except ValueError:
        return False
    return True


def _date_format(present: Sequence[str]) -> str | None:
    sample = present[:LOOKED_AT]
    if not all(_DIGITS.search(cell) and 6 <= len(cell.strip()) <= 35 for cell in sample):
        return None
    if all(_ISO.match(cell.strip()) for cell in sample):
        return values.ISO if _reads(present, values.ISO) else None
    for form in FORMATS:
        if _reads(sample, form) and _reads(present, form):
            return form
    return None


def _reads(texts: Sequence[str], form: str) -> bool:
    try:
        values.dates(texts, form)
    except (ValueError, OverflowError):
        return False
    return True
