"""Files that are no plain text, or have rules of their own: parquet, feather, json, Stata, Excel, ARFF, npy."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hpsearch.errors import UserError
from hpsearch.study.table import Table
from hpsearch.tables.sniff import MISSING, opened

LOOKED_AT = 50
"""Rows of a sheet in which the first row of its table is looked for."""

Read = tuple[pd.DataFrame, str]
"""A file as a frame, and a remark on how it was read beside its format, such as which sheet; or an empty text."""


@dataclass(frozen=True)
class Format:
    """How files with an ending are read.

    Attributes:
        read: Function of a path and of what the user says of how the file is written.
        module: The module that it needs beside pandas.
        install: What to install for that, as an argument of pip.
        packed: Whether such files are texts, which may be compressed.
    """

    read: Callable[[Path, Table], Read]
    module: str = "pandas"
    install: str = ""
    packed: bool = False


def distinct(names: Iterable[str]) -> list[str]:
    """Return names without empty ones and repeats: column3 for an empty third one, a.1 for the second a."""
    unique_names: list[str] = []
    for position, name in enumerate(names, start=1):
        base = name.strip() or f"column{position}"
        unique, copies = base, 0
        while unique in unique_names:
            copies += 1
            unique = f"{base}.{copies}"
        unique_names.append(unique)
    return unique_names


def read(path: Path, kind: str, table: Table) -> tuple[pd.DataFrame, str]:
    """Return a file as a frame, and in words how it is written.

    Args:
        path: The file.
        kind: Its ending, one of `FORMATS`.
        table: What the user says of how it is written.

    Raises:
        UserError: It is malformed; with file, line and column where they can be named.
        Exception: What the format's library raises of a damaged file.
    """
    frame, remark = FORMATS[kind].read(path, table)
    return frame, kind.removeprefix(".") + remark


def _parquet(path: Path, table: Table) -> Read:
    return pd.read_parquet(path), ""


def _feather(path: Path, table: Table) -> Read:
    return pd.read_feather(path), ""


def _stata(path: Path, table: Table) -> Read:
    return pd.read_stata(path), ""


def _sheet(path: Path, table: Table) -> Read:
    """Read the first sheet of a workbook that holds anything; say which, and where its table begins below a title."""
    options: dict[str, Any] = {"na_values": [*MISSING, *table.na], "keep_default_na": False}
    header = None if table.header is False else 0
    with pd.ExcelFile(path) as book:
        names = [str(name) for name in book.sheet_names]
        for name in names:
            top = pd.read_excel(book, sheet_name=name, header=None, nrows=LOOKED_AT, **options)
            above = int((top.notna().mean(axis=1) >= 0.5).to_numpy().argmax()) if len(top) else 0
            frame = pd.read_excel(book, sheet_name=name, header=header, skiprows=above, **options)
            nameless = [
                column for column in frame if str(column).startswith("Unnamed: ") and frame[column].isna().all()
            ]
            frame = frame.drop(columns=nameless)
            if len(frame):
                sheet = f", sheet {name!r} of {len(names)}" if len(names) > 1 else ""
                return frame, sheet + (f", from row {above + 1}" if above else "")
    raise UserError(f"{path}: expected rows under the header, found none")


def _npy(path: Path, table: Table) -> Read:
    """Read an array: the columns of a matrix are called x0, x1 and so on, those of a record array by their names."""
    array = np.load(path, allow_pickle=False)
    if array.dtype.names and array.ndim == 1:
        return pd.DataFrame({name: _decoded(array[name]) for name in array.dtype.names}), ""
    if array.ndim != 2 or 0 in array.shape:
        raise UserError(
            f"{path}: an array of shape {array.shape} is no table; expected (rows, columns), the last column the "
            "target; X and y in one file: np.savez('data.npz', X=X, y=y)"
        )
    return pd.DataFrame(_decoded(array), columns=[f"x{i}" for i in range(array.shape[1])]), ""


def _decoded(array: Any) -> Any:
    """Return an array in this machine's byte order, texts as str."""
    if array.dtype.kind == "S":
        return np.char.decode(array, "utf-8")
    return array.astype(array.dtype.newbyteorder("="))


def _json(path: Path, table: Table) -> Read:
    """Read a list of records, or columns by name; parts of a record are columns of their own."""
    content = _parsed(_text(path, table), path, 1)
    if isinstance(content, dict) and not all(isinstance(column, dict | list) for column in content.values()):
        content = [content]
    return _records(content), ""


def _json_lines(path: Path, table: Table) -> Read:
    """Read records, one in each line; parts of a record are columns of their own."""
    lines = enumerate(_text(path, table).split("\n"), start=1)
    return _records([_parsed(line, path, line_number) for line_number, line in lines if line.strip()]), ""


def _text(path: Path, table: Table) -> str:
    with opened(path) as file, io.TextIOWrapper(file, table.encoding or "utf-8-sig") as stream:
        return stream.read()


def _records(content: Any) -> pd.DataFrame:
    if isinstance(content, list) and content and all(isinstance(record, dict) for record in content):
        return pd.json_normalize(content)
    return pd.DataFrame(content)


def _parsed(json_text: str, path: Path, line: int) -> Any:
    try:
        return json.loads(json_text)
    except json.JSONDecodeError as error:
        position = f"{path}, line {line + error.lineno - 1}, column {error.colno}"
        raise UserError(f"{position}: no JSON ({error.msg})") from error


def is_arff(head: bytes) -> bool:
    """Return whether a text begins like an ARFF file, or one of KEEL's: with @relation, maybe below comments."""
    return _RELATION.match(head) is not None


_RELATION = re.compile(rb"\s*(%[^\n]*\n\s*)*@relation", re.IGNORECASE)


def _arff(path: Path, table: Table) -> Read:
    """Read an ARFF file, or one of KEEL's: attributes by name, then rows behind @data."""
    names: list[str] = []
    rows: list[str] = []
    line_numbers: list[int] = []
    in_data = False
    with opened(path) as file, io.TextIOWrapper(file, table.encoding or "utf-8", errors="replace") as stream:
        for line_number, line in enumerate(stream, start=1):
            words = line.strip()
            if in_data and words and not words.startswith(("%", "@")):
                rows.append(line)
                line_numbers.append(line_number)
            elif words.lower().startswith("@attribute"):
                attribute = _ATTRIBUTE.match(words)
                if attribute is None:
                    raise UserError(f"{path}, line {line_number}: cannot read {words[:60]!r}")
                names.append(next(group for group in attribute.groups() if group is not None))
            elif words.lower().startswith("@data"):
                in_data = True
    if not names or not rows:
        raise UserError(f"{path}: expected attributes and rows behind @data, found none")
    if rows[0].lstrip().startswith("{"):
        raise UserError(f"{path}: a sparse ARFF file; write it with a value for each attribute")
    content = "".join(rows)
    quote = "'" if content.count("'") >= content.count('"') else '"'
    cells = csv.reader(rows, quotechar=quote, escapechar="\\", skipinitialspace=True)
    for line_number, row in zip(line_numbers, cells, strict=False):
        if len(row) != len(names):
            raise UserError(f"{path}, line {line_number}: expected {len(names)} cells, found {len(row)}")
    frame = pd.read_csv(
        io.StringIO(content),
        header=None,
        names=distinct(names),
        quotechar=quote,
        escapechar="\\",
        skipinitialspace=True,
        index_col=False,
        na_values=[*MISSING, *table.na],
        keep_default_na=False,
    )
    return frame, ""


_ATTRIBUTE = re.compile(r"""@attribute\s+(?:'([^']*)'|"([^"]*)"|([^\s{[]+))""", re.IGNORECASE)

FORMATS: Mapping[str, Format] = {
    ".parquet": Format(_parquet, "pyarrow", "hpsearch[parquet]"),
    ".feather": Format(_feather, "pyarrow", "hpsearch[parquet]"),
    ".arrow": Format(_feather, "pyarrow", "hpsearch[parquet]"),
    ".jsonl": Format(_json_lines, packed=True),
    ".ndjson": Format(_json_lines, packed=True),
    ".json": Format(_json, packed=True),
    ".xlsx": Format(_sheet, "openpyxl", "hpsearch[excel]"),
    ".xls": Format(_sheet, "xlrd", "xlrd"),
    ".ods": Format(_sheet, "odf", "odfpy"),
    ".arff": Format(_arff),
    ".dta": Format(_stata),
    ".npy": Format(_npy),
}
"""Every format by its ending; text of any dialect is read by `hpsearch.tables.read`."""
