"""Files of any kind as data frames of pandas: text of any dialect, parquet, feather, json lines, Excel, ARFF."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from hpsearch.errors import UserError, did_you_mean
from hpsearch.study.table import Table
from hpsearch.tables.sniff import Dialect, head, opened, sniff

PACKED = (".gz", ".bz2", ".xz", ".zip")
"""Endings of compressed text files."""

TEXT = (".csv", ".tsv", ".txt", ".data", ".dat", ".tab")
"""Endings of text files."""

OTHERS = (".parquet", ".feather", ".arrow", ".jsonl", ".ndjson", ".json", ".xlsx", ".xls", ".ods", ".arff", ".dta")

MISSING = (
    "", "?", ".", "NA", "N/A", "n/a", "NaN", "nan", "-NaN", "-nan", "NULL", "null", "None", "<NA>", "#N/A", "#NA",
)  # fmt: skip
"""Texts that stand for a missing value."""

NEEDED = {
    ".parquet": ("pyarrow", "pyarrow"),
    ".feather": ("pyarrow", "pyarrow"),
    ".arrow": ("pyarrow", "pyarrow"),
    ".xlsx": ("openpyxl", "hpsearch[excel]"),
    ".xls": ("xlrd", "xlrd"),
    ".ods": ("odf", "odfpy"),
}
"""What a format needs beside pandas: the module, and what to install for it."""


def kind_of(path: Path) -> str | None:
    """Return the ending that says what a file is, compression left out; None where it is no table's."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in PACKED:
        suffixes.pop()
        if not suffixes or suffixes[-1] not in (*TEXT, ".jsonl", ".ndjson", ".json"):
            return ".csv" if not suffixes else None
    return suffixes[-1] if suffixes and suffixes[-1] in (*TEXT, *OTHERS) else None


def read(path: Path, table: Table) -> tuple[pd.DataFrame, str]:
    """Read a file.

    Args:
        path: The file.
        table: What the user says of how it is written.

    Returns:
        The table as it is written, and in words how that is.

    Raises:
        UserError: The file cannot be read, or a row of it is malformed: with file, line and what is wrong.
    """
    if not path.is_file():
        near = did_you_mean(path.name, [each.name for each in path.parent.iterdir()]) if path.parent.is_dir() else ""
        raise UserError(f"{path}: no such file{near if 'did you mean' in near else ''}")
    kind = kind_of(path)
    if kind in TEXT or kind is None:
        if kind is not None and head(path).lstrip()[:9].lower() == b"@relation":
            return _arff(path, table), "arff"
        return _text(path, table)
    module, install = NEEDED.get(kind, ("pandas", ""))
    if importlib.util.find_spec(module) is None:
        raise UserError(f"{path}: reading {kind} files needs {module}; install it: pip install '{install}'")
    try:
        frame = _other(path, kind, table)
    except UserError:
        raise
    except Exception as error:  # each format's library raises errors of its own on a damaged file
        raise UserError(f"{path}: not a readable {kind} file ({' '.join(str(error).split())[:200]})") from error
    frame.columns = pd.Index(distinct(str(name) for name in frame.columns))
    return frame, kind.removeprefix(".")


def distinct(names: Iterable[str]) -> list[str]:
    """Return names of which none is empty or there twice: column3 for the third without one, a.1 for the second a."""
    found: list[str] = []
    for number, name in enumerate(names, start=1):
        base = name.strip() or f"column{number}"
        unique, again = base, 0
        while unique in found:
            again += 1
            unique = f"{base}.{again}"
        found.append(unique)
    return found


def _other(path: Path, kind: str, table: Table) -> pd.DataFrame:
    if kind == ".parquet":
        return pd.read_parquet(path)
    if kind in (".feather", ".arrow"):
        return pd.read_feather(path)
    if kind in (".xlsx", ".xls", ".ods"):
        return pd.read_excel(path, na_values=[*MISSING, *table.na])
    if kind == ".dta":
        return pd.read_stata(path)
    if kind == ".arff":
        return _arff(path, table)
    return _json(path, kind, table)


def _json(path: Path, kind: str, table: Table) -> pd.DataFrame:
    """Read records, as a list or one in each line, or columns by name."""
    with opened(path) as file, io.TextIOWrapper(file, table.encoding or "utf-8-sig") as text:
        content = text.read()
    if kind == ".json":
        found = json.loads(content)
        if isinstance(found, dict) and not all(isinstance(column, dict | list) for column in found.values()):
            found = [found]
    else:
        found = [json.loads(line) for line in content.splitlines() if line.strip()]
    frame = pd.DataFrame(found)
    return frame.replace(dict.fromkeys(table.na, None)) if table.na else frame


def _arff(path: Path, table: Table) -> pd.DataFrame:
    """Read an ARFF file, or one of KEEL's: attributes by name, then rows behind @data."""
    names: list[str] = []
    with opened(path) as file, io.TextIOWrapper(file, table.encoding or "utf-8", errors="replace") as text:
        for line in text:
            words = line.strip()
            if words.lower().startswith("@attribute"):
                found = _ATTRIBUTE.match(words)
                if found is None:
                    raise UserError(f"{path}: cannot read {words[:60]!r}")
                names.append(next(group for group in found.groups() if group is not None))
            elif words.lower().startswith("@data"):
                break
        rows = "".join(line for line in text if line.strip() and not line.startswith(("%", "@")))
    if not names or not rows:
        raise UserError(f"{path}: expected attributes and rows behind @data, found none")
    if rows.lstrip().startswith("{"):
        raise UserError(f"{path}: a sparse ARFF file; write it with a value for each attribute")
    return pd.read_csv(
        io.StringIO(rows), header=None, names=distinct(names), quotechar="'", skipinitialspace=True, index_col=False,
        na_values=[*MISSING, *table.na], keep_default_na=False,
    )  # fmt: skip


_ATTRIBUTE = re.compile(r"""@attribute\s+(?:'([^']*)'|"([^"]*)"|([^\s{[]+))""", re.IGNORECASE)


def _text(path: Path, table: Table) -> tuple[pd.DataFrame, str]:
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
        if tuple(int(part) for part in pd.__version__.split(".")[:2]) < (3, 1):
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
        place = f"byte {error.object[error.start]:#x} at {error.start}"
        raise UserError(f"{path}: {place} is no {dialect.encoding}; name its encoding by --encoding") from error
    except (OSError, EOFError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({_reason(error)})") from error
    if not len(frame):
        raise UserError(f"{path}: expected rows under the header, found none")
    if len(names) > 1 and frame.iloc[:, -1].isna().any():
        _find_ragged(path, dialect)  # pandas fills rows that are too short
    return frame, dialect.words


def _names(dialect: Dialect) -> list[str]:
    """Return the columns' names; row numbers at the front keep an empty one out of sight, as pandas calls it."""
    names = list(dialect.names)
    if dialect.header and names and not names[0].strip():
        names[0] = UNNAMED
    return distinct(names)


UNNAMED = "Unnamed: 0"
"""What pandas calls a first column without a name: as a rule the numbers of the rows."""


def _find_ragged(path: Path, dialect: Dialect) -> None:
    """Raise a UserError for the first row that has not as many cells as the others; nothing where there is none."""
    if len(dialect.sep) > 1:
        return
    with opened(path) as file, io.TextIOWrapper(file, dialect.encoding) as text:
        lines: Iterator[str] = iter(text)
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
    text = ", ".join(row)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _reason(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text.removeprefix("Error tokenizing data. C error: ")[:200]
