"""Cells as people write them, as values: numbers with thousands and units, dates, texts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import numpy as np

from ..kernels import Array

ISO = "iso"
"""The format of dates that NumPy reads: 2024-05-01, 2024-05, 2024-05-01 12:30:00."""

_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(\D|$))")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_UNITS = str.maketrans("", "", "$€£%  \t")


def is_missing(value: Any) -> bool:
    """Return whether a value stands for nothing: None, NaN, NaT or pandas' NA."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return bool(isinstance(value, float | np.floating) and np.isnan(value))


def number(value: Any) -> float:
    """Return a cell as a number: 1,234.5 and $12 and 3% are 1234.5, 12 and 3; NaN where it is missing.

    Raises:
        ValueError: It is none.
    """
    if is_missing(value):
        return float("nan")
    if not isinstance(value, str):
        return float(value)
    digits = _THOUSANDS.sub("", value.translate(_UNITS))
    if digits == "":
        return float("nan")
    if not _NUMBER.fullmatch(digits):
        raise ValueError(f"{value!r} is no number")
    return float(digits)


def numbers(values: Iterable[Any]) -> Array:
    """Return cells as float64, shape (n,)."""
    return np.array([number(value) for value in values], np.float64)


def dates(values: Iterable[Any], form: str) -> Array:
    """Return cells as datetime64[us], shape (n,), in UTC where they name a zone; NaT where one is missing.

    Args:
        values: Texts, dates or times.
        form: `ISO`, or a format of strptime.

    Raises:
        ValueError: A text is no date of this form.
    """
    return np.array([_date(value, form) for value in values], "datetime64[us]")


def texts(values: Iterable[Any]) -> Array:
    """Return cells as an object array of str, shape (n,); NaN where one is missing."""
    cells = np.empty(len(listed := list(values)), object)
    cells[:] = [np.nan if is_missing(value) else str(value) for value in listed]
    return cells


def _date(value: Any, form: str) -> np.datetime64:
    if is_missing(value):
        return np.datetime64("NaT", "us")
    if isinstance(value, str):
        written = value.strip()
        if form != ISO:
            return np.datetime64(datetime.strptime(written, form), "us")
        if written.endswith("Z") or re.search(r"[+-]\d\d:?\d\d$", written[10:]):
            moment = datetime.fromisoformat(written)
            offset = moment.utcoffset()
            return np.datetime64(moment.replace(tzinfo=None) - offset if offset else moment.replace(tzinfo=None), "us")
        return np.datetime64(written.replace(" ", "T"), "us")
    if isinstance(value, datetime) and value.utcoffset() is not None:
        offset = value.utcoffset()
        assert offset is not None, "asked before"
        value = value.replace(tzinfo=None) - offset
    return np.datetime64(value, "us")
