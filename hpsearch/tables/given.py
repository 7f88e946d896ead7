"""What users hand over as data, told apart and brought into one frame."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hpsearch.errors import UserError
from hpsearch.study.table import Table

if TYPE_CHECKING:
    import pandas as pd

PARTS = ("training", "validation", "test")


@dataclass(frozen=True)
class Origin:
    """Where a table came from.

    Attributes:
        name: What it is called.
        source: Its path, or "memory".
        written: How the file is written, in words; empty for a frame.
        sizes: Rows of the training, validation and test part, where the data came in parts; else None.
    """

    name: str
    source: str
    written: str = ""
    sizes: tuple[int, ...] | None = None


def is_frame(data: Any) -> bool:
    """Return whether something is a data frame, of pandas, polars or another library that can become one of pandas."""
    return hasattr(data, "columns") and (hasattr(data, "iloc") or hasattr(data, "to_pandas"))


def is_bunch(data: Any) -> bool:
    """Return whether something is what scikit-learn's loaders return."""
    return isinstance(data, Mapping) and "data" in data and "target" in data


def is_our_network(model: Any) -> bool:
    """Return whether a model is one of our networks, with nothing before it."""
    from hpsearch.models.estimators.base import Perceptron

    return isinstance(model, Perceptron)


def holds_tables(data: Any) -> bool:
    """Return whether a tuple holds frames, or arrays of anything but numbers."""
    if not isinstance(data, tuple | list) or len(data) not in (2, 3):
        return False
    pairs = data if all(isinstance(pair, tuple) and len(pair) == 2 for pair in data) else [tuple(data)]
    return any(is_frame(pair[0]) or _holds_texts(pair[0]) for pair in pairs if len(pair) == 2)


def has_whole_targets(data: Any) -> bool:
    """Return whether the targets of arrays are whole numbers; of a file, which is not read here, that they may be."""
    if isinstance(data, str | os.PathLike):
        return True
    pairs = data if all(isinstance(pair, tuple) and len(pair) == 2 for pair in data) else [data]
    return any(np.asarray(pair[1]).dtype.kind in "iub" for pair in pairs)


def was_divided(data: Any) -> bool:
    """Return whether arrays came in one piece, so that we divide them ourselves."""
    return isinstance(data, tuple | list) and not all(isinstance(pair, tuple) and len(pair) == 2 for pair in data)


def as_frames(data: Any) -> Any:
    """Return arrays of numbers as data frames, the columns called x0, x1 and so on."""
    import pandas as pd

    def framed(pair: Sequence[Any]) -> tuple[Any, Any]:
        array = np.asarray(pair[0])
        return pd.DataFrame(array, columns=[f"x{i}" for i in range(array.shape[1])]), pair[1]

    return framed(data) if was_divided(data) else tuple(framed(pair) for pair in data)


def frame_of(data: Any) -> tuple[pd.DataFrame, Table, Origin]:
    """Return a table as a frame of pandas, what the user says of it, and where it came from.

    Raises:
        UserError: It cannot be read, or its parts do not fit together.
    """
    if isinstance(data, str | os.PathLike):
        data = Table(os.fspath(data))
    if isinstance(data, Table) and data.path is not None:
        from hpsearch.tables.read import read

        path = data.path.expanduser()
        frame, written = read(path, data)
        return _blanked(frame, data.na), data, Origin(_stem(path), str(path), written)
    if isinstance(data, Table):
        return _blanked(_pandas(data.data), data.na), data, Origin("memory", "memory")
    if is_frame(data):
        return _pandas(data), Table(data), Origin("memory", "memory")
    if is_bunch(data):
        return _bunch(data)
    pairs = data if not was_divided(data) else [tuple(data)]
    frames, target = [], ""
    for (X, y), part in zip(pairs, PARTS, strict=False):
        frame, target = _joined(X, y, part)
        frames.append(frame)
    import pandas as pd

    for frame, part in zip(frames[1:], PARTS[1:], strict=False):
        if set(frame.columns) != set(frames[0].columns):
            odd = sorted(map(str, set(frame.columns) ^ set(frames[0].columns)))
            raise UserError(f"data: the {part} part and the training part differ in the columns {', '.join(odd)}")
    frame = frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)
    sizes = None if len(frames) == 1 else tuple(len(frame) for frame in frames)
    return frame, Table(frame, target=target), Origin("memory", "memory", sizes=sizes)


def _pandas(data: Any) -> pd.DataFrame:
    from hpsearch.tables.formats import distinct

    frame = data if hasattr(data, "iloc") else data.to_pandas()
    if list(frame.columns) != (names := distinct(str(name) for name in frame.columns)):
        frame = frame.set_axis(names, axis=1)
    renumbered: pd.DataFrame = frame.reset_index(drop=True)
    return renumbered


def _blanked(frame: pd.DataFrame, na: Sequence[str]) -> pd.DataFrame:
    """Return a frame without the texts that stand for a missing value, of whatever type its columns are."""
    from hpsearch.tables.kinds import with_columns  # imports pandas

    missing = {name: hits for name in frame.columns if na and (hits := frame[name].isin(list(na))).any()}
    return with_columns(frame, {name: frame[name].mask(hits) for name, hits in missing.items()})


def _joined(X: Any, y: Any, part: str) -> tuple[pd.DataFrame, str]:
    import pandas as pd

    from hpsearch.tables.kinds import with_columns

    if is_frame(X):
        frame = _pandas(X)
    else:
        array = np.asarray(X)
        frame = pd.DataFrame(array, columns=[f"x{i}" for i in range(array.shape[1])]).infer_objects()
    target = str(getattr(y, "name", None) or "target")
    while target in frame.columns:
        target += "_"
    values = y.to_numpy() if hasattr(y, "to_numpy") else np.asarray(y)
    values = values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values
    if values.ndim != 1:
        raise UserError(f"data: y of the {part} part has shape {values.shape}; a table has one target")
    if len(values) != len(frame):
        raise UserError(f"data: X of the {part} part has {len(frame)} rows, but y has {len(values)}; expected as many")
    return with_columns(frame, {target: values}), target


def _bunch(data: Any) -> tuple[pd.DataFrame, Table, Origin]:
    import pandas as pd

    X = data["data"]
    if not is_frame(X):
        X = X.toarray() if hasattr(X, "toarray") else np.asarray(X)
        names = data.get("feature_names")
        X = pd.DataFrame(X, columns=list(map(str, names if names is not None else range(X.shape[1]))))
    y = data["target"]
    names = data.get("target_names")
    if names is not None and not hasattr(y, "name") and np.asarray(y).dtype.kind in "iu":
        labels = np.asarray(names)
        y = labels[np.asarray(y)] if len(labels) == len(np.unique(y)) else y
    frame, target = _joined(X, y, "training")
    return frame, replace(Table(frame), target=target), Origin("memory", "memory")


def _holds_texts(X: Any) -> bool:
    if hasattr(X, "toarray"):
        return False
    array = np.asarray(X)
    if array.dtype.kind in "UST" and array.ndim == 2:
        return True
    return array.dtype.kind == "O" and array.ndim == 2 and any(isinstance(value, str) for value in array[0])


def _stem(path: Path) -> str:
    """Return a file's name without its endings: houses of houses.csv.gz."""
    name = path.resolve().name
    return name.partition(".")[0] or name
