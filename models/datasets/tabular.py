"""Tables from files: csv with a header, and npz archives."""

from __future__ import annotations

import csv
import zipfile
import zlib
from array import array
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from .dataset import Array, DatasetError, Part, as_part

TARGET_NAMES = ("y", "label", "target", "class")
PARTS = ("train", "valid", "test")


def read_csv(path: Path) -> Part:
    """Read a comma-separated table: a header, numeric features, and one target column.

    The target is the column named y, label, target or class (in any case); without one it is the last column. Targets
    that are all whole numbers are integer labels, other numbers are regression targets, anything else string labels.
    Blank lines are skipped; a missing feature is written nan.

    Args:
        path: The file, UTF-8.

    Returns:
        The samples in file order.

    Raises:
        DatasetError: Names the file and the line of a ragged row or of a cell that is not a number.
    """
    values = array("f")
    cells = list[str]()
    lines = array("q")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file, strict=True)
            try:
                header = [name.strip() for name in next(rows, [])]
                target = _target_column(header, path)
                for row in rows:
                    if not row:
                        continue
                    if len(row) != len(header):
                        raise DatasetError(
                            f"{path}, line {rows.line_num}: expected {len(header)} cells, found {len(row)}"
                        )
                    cells.append(row.pop(target).strip())
                    try:
                        values.extend(map(float, row))
                    except (ValueError, OverflowError):
                        raise DatasetError(f"{path}, line {rows.line_num}: {_bad_cell(header, target, row)}") from None
                    lines.append(rows.line_num)
            except csv.Error as error:
                raise DatasetError(f"{path}, line {rows.line_num}: {error}") from error
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path}: not a UTF-8 text file: {error.reason} at byte {error.start}") from error
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror or error}") from error
    if not cells:
        raise DatasetError(f"{path}: expected rows under the header, found none")
    X = np.frombuffer(values, dtype=np.float32).reshape(len(cells), -1)
    if (infinite := np.isinf(X)).any():
        row_index, column = (int(i) for i in np.argwhere(infinite)[0])
        name = [*header[:target], *header[target + 1 :]][column]
        raise DatasetError(f"{path}, line {lines[row_index]}: column {name!r} is infinite, or too large for float32")
    return as_part(X, _parse_targets(cells, lines, path, header[target]), str(path))


def _target_column(header: list[str], path: Path) -> int:
    if len(header) < 2:
        columns = repr(",".join(header)) if header else "nothing"
        raise DatasetError(
            f"{path}: expected a header with at least one feature and a target, separated by commas, found {columns}"
        )
    if all(_is_number(name) for name in header):
        raise DatasetError(f"{path}, line 1: expected a header with the names of the columns, found numbers")
    named = [column for column, name in enumerate(header) if name.lower() in TARGET_NAMES]
    if len(named) > 1:
        listed = " and ".join(repr(header[column]) for column in named)
        raise DatasetError(
            f"{path}, line 1: which column is the target? {listed} both are named like one; rename all but one"
        )
    return named[0] if named else len(header) - 1


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _bad_cell(header: list[str], target: int, row: list[str]) -> str:
    names = [*header[:target], *header[target + 1 :]]
    name, cell = next((name, cell) for name, cell in zip(names, row, strict=True) if not _is_number(cell))
    if not cell.strip():
        return f"column {name!r} is empty; expected a number, or nan where one is missing"
    return f"column {name!r} holds {cell!r}; expected a number"


def _parse_targets(cells: list[str], lines: array[int], path: Path, column: str) -> Array:
    for cell, line in zip(cells, lines, strict=True):
        if not cell or cell.lower() == "nan":
            raise DatasetError(f"{path}, line {line}: column {column!r} is {cell or 'empty'}; every row needs a target")
    for convert, dtype in ((int, np.int64), (float, np.float64)):
        try:
            return np.array([convert(cell) for cell in cells], dtype=dtype)
        except (ValueError, OverflowError):
            continue  # not all cells are of this kind
    return np.array(cells)


def read_npz(path: Path, *, keep_dtype: bool = False, regression: bool = False) -> dict[str, Part]:
    """Read an npz archive with X and y, or X_train, y_train and any of X_valid, y_valid, X_test, y_test.

    Letter case does not matter (Keras writes x_train), and val stands for valid too. Pickled objects are refused.

    Args:
        path: The file.
        keep_dtype: Whether features keep their dtype.
        regression: Whether targets are numbers to predict, whole ones too.

    Returns:
        {"all": part} or {"train": part, …}.

    Raises:
        DatasetError: The archive is damaged, or its keys or arrays do not fit.
    """
    try:
        with path.open("rb") as file:
            if not zipfile.is_zipfile(file):
                raise DatasetError(f"{path}: expected an npz archive, found no or half a zip file")
            file.seek(0)
            with np.load(file, allow_pickle=False) as archive:
                arrays = {key: archive[key] for key in archive.files}
    except DatasetError:
        raise
    # RuntimeError: encrypted, or compressed by a method that zipfile does not know.
    except (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise DatasetError(f"{path}: not a readable npz archive: {error}") from error
    keys: dict[str, str] = {}
    for key in arrays:
        canonical = key.lower().replace("_valid", "_val").replace("_val", "_valid")
        if canonical in keys:
            raise DatasetError(f"{path}: the keys {keys[canonical]} and {key} mean the same; keep one")
        keys[canonical] = key
    pairs = dict(_pairs(keys, path))
    if pairs.keys() != {"all"} and ("train" not in pairs or "all" in pairs):
        raise DatasetError(
            f"{path}: expected X and y, or X_train and y_train with X_valid, y_valid, X_test, y_test; "
            f"found {', '.join(arrays) or 'nothing'}"
        )
    how = {"keep_dtype": keep_dtype, "regression": regression}
    return {part: as_part(arrays[names[0]], arrays[names[1]], str(path), names, **how) for part, names in pairs.items()}


def _pairs(keys: dict[str, str], path: Path) -> Iterator[tuple[str, tuple[str, str]]]:
    for part, suffix in (("all", ""), *((part, f"_{part}") for part in PARTS)):
        x = keys.get(f"x{suffix}")
        y = keys.get(f"y{suffix}")
        if x and y:
            yield part, (x, y)
        elif x or y:
            raise DatasetError(f"{path}: {x or y} lacks its partner {('y' if x else 'X') + suffix}")
