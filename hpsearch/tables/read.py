"""Files of any kind as data frames of pandas: text of any dialect here, everything else in `formats`."""

from __future__ import annotations

import csv
import importlib.util
import io
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from hpsearch.errors import UserError, did_you_mean
from hpsearch.study.table import Table
from hpsearch.tables import formats
from hpsearch.tables.sniff import MISSING, Dialect, head, opened, sniff

PACKED = (".gz", ".bz2", ".xz", ".zip")
"""Endings of compressed text files."""

TEXT = (".csv", ".tsv", ".txt", ".data", ".dat", ".tab")
"""Endings of text files."""


def kind_of(path: Path) -> str | None:
    """Return the ending that says a file's format, compression left out; None where it is no table's."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in PACKED:
        suffixes.pop()
        texts = (*TEXT, *(ending for ending, form in formats.FORMATS.items() if form.packed))
        if not suffixes or suffixes[-1] not in texts:
            return ".csv" if not suffixes else None
    return suffixes[-1] if suffixes and suffixes[-1] in (*TEXT, *formats.FORMATS) else None


def read(path: Path, table: Table) -> tuple[pd.DataFrame, str]:
    """Read a file.

    Args:
        path: The file.
        table: What the user says of how it is written.

    Returns:
        The table, and in words how the file is written.

    Raises:
        UserError: The file cannot be read, or a row of it is malformed: with file, line and what is wrong.
    """
    if not path.is_file():
        near = did_you_mean(path.name, [file.name for file in path.parent.iterdir()]) if path.parent.is_dir() else ""
        raise UserError(f"{path}: no such file{near if 'did you mean' in near else ''}")
    if path.suffix.lower() == ".npz":
        raise UserError(f"{path}: an npz archive is no table: its arrays say what is the target; leave the options out")
    kind = kind_of(path)
    if kind in TEXT and formats.is_arff(head(path)):
        kind = ".arff"
    if kind in TEXT or kind is None:
        return _text_file(path, table)
    form = formats.FORMATS[kind]
    if importlib.util.find_spec(form.module) is None:
        raise UserError(f"{path}: reading {kind} files needs {form.module}; install it: pip install '{form.install}'")
    try:
        frame, written = formats.read(path, kind, table)
    except UserError:
        raise
    except Exception as error:  # each format's library raises errors of its own on a damaged file
        raise UserError(f"{path}: not a readable {kind} file ({' '.join(str(error).split())[:200]})") from error
    frame.columns = pd.Index(formats.distinct(str(name) for name in frame.columns))
    return frame, written


def _text_file(path: Path, table: Table) -> tuple[pd.DataFrame, str]:
    dialect = sniff(path, table)
    names = _names(dialect)
    options: dict[str, Any] = {
        "sep": r"\s+" if dialect.sep == " " else dialect.sep,
        "decimal": dialect.decimal,
        "encoding": dialect.encoding,
        "header": 0 if dialect.header else None,
        "names": names,
        "skiprows": dialect.skip,
        "skipinitialspace": True,
        "index_col": False,
        "na_values": [*MISSING, *table.na],
        "keep_default_na": False,
    }
    if len(dialect.sep) > 1:
        options["engine"] = "python"
    else:
        options["low_memory"] = False
        if tuple(int(number) for number in pd.__version__.split(".")[:2]) < (3, 1):
            options["float_precision"] = "round_trip"  # what later versions do anyway
    try:
        with warnings.catch_warnings():
            # Rows longer than the header, which pandas would cut.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            with opened(path) as file:
                frame = pd.read_csv(file, **options)
    except pd.errors.EmptyDataError as error:
        raise UserError(f"{path}: expected rows under the header, found none") from error
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        _find_ragged(path, dialect)
        raise UserError(f"{path}: {_reason(error)}") from error
    except UnicodeDecodeError as error:
        position = f"byte {error.object[error.start]:#x} at {error.start}"
        raise UserError(f"{path}: {position} is no {dialect.encoding}; name its encoding by --encoding") from error
    except (OSError, EOFError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({_reason(error)})") from error
    if not len(frame):
        raise UserError(f"{path}: expected rows under the header, found none")
    if len(names) > 1 and frame.iloc[:, -1].isna().any():
        _find_ragged(path, dialect)  # pandas fills rows that are too short
    return frame, dialect.words


def _names(dialect: Dialect) -> list[str]:
    """Return the columns' names; a first column without a name, of row numbers, gets the name that pandas gives it."""
    names = list(dialect.names)
    if dialect.header and names and not names[0].strip():
        names[0] = UNNAMED
    return formats.distinct(names)


UNNAMED = "Unnamed: 0"
"""What pandas calls a first column without a name: as a rule the numbers of the rows."""


def _find_ragged(path: Path, dialect: Dialect) -> None:
    """Raise a UserError for the first row that has not as many cells as the others; nothing where there is none."""
    if len(dialect.sep) > 1:
        return
    with opened(path) as file, io.TextIOWrapper(file, dialect.encoding) as stream:
        lines: Iterator[str] = iter(stream)
        for _ in range(dialect.skip):
            next(lines)
        if dialect.sep == " ":
            lines = (" ".join(line.split()) + "\n" for line in lines)
        rows = csv.reader(lines, delimiter=dialect.sep, skipinitialspace=True)
        if dialect.header:
            next(rows, None)
        width = len(dialect.names)
        try:
            for row in rows:
                if row and len(row) != width and row != [""] * len(row):
                    raise UserError(
                        f"{path}, line {rows.line_num + dialect.skip}: expected {width} cells, found {len(row)} "
                        f"({_excerpt(row)})"
                    )
        except csv.Error as error:
            raise UserError(f"{path}, line {rows.line_num + dialect.skip}: {error}") from error


def _excerpt(row: Sequence[str]) -> str:
    joined = ", ".join(row)
    return joined if len(joined) <= 60 else f"{joined[:57]}…"


def _reason(error: BaseException) -> str:
    message = " ".join(str(error).split())
    return message.removeprefix("Error tokenizing data. C error: ")[:200]
