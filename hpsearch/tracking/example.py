"""Samples that are stored with a model, and its inputs' schema: an array, or a table with named columns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ARRAY = "example.npy"
"""The file in a model's folder with samples as an array."""

SPARSE = "example.npz"
"""The same for a sparse matrix."""

TABLE = "example.json"
"""The same for a table: its rows, and its columns with their types."""

WIDE = 2_000
"""An array of more columns is described as one tensor: a line for each would fill the description."""


def write_example(folder: Path, samples: Any) -> None:
    """Write samples beside a model, without pickle.

    Args:
        folder: The model's folder.
        samples: Array of shape (n, n_features), a sparse matrix, or a data frame.
    """
    import numpy as np

    if hasattr(samples, "toarray"):
        from scipy import sparse

        sparse.save_npz(folder / SPARSE, sparse.csr_matrix(samples))
        return
    if not hasattr(samples, "columns"):
        np.save(folder / ARRAY, samples)
        return
    columns = [{"name": str(name), "type": _type_of(samples[name])} for name in samples.columns]
    rows = [[_plain(value) for value in row] for row in samples.astype(object).itertuples(index=False, name=None)]
    text = json.dumps({"columns": columns, "rows": rows}, indent=1, ensure_ascii=False, allow_nan=False)
    (folder / TABLE).write_text(text + "\n", encoding="utf-8")


def read_example(folder: Path) -> tuple[Any, Any]:
    """Return MLflow's schema of a model's inputs, and the samples.

    A number of a table may be given in any type of number: a column that had missing values in training comes as whole
    numbers where none is missing, and MLflow would refuse those where it expects others. Columns of an array are
    doubles, which MLflow makes of a float32 array too; of a tensor it would refuse another dtype than its own.
    """
    import numpy as np
    from mlflow.types.schema import AnyType, ColSpec, DataType, Schema, TensorSpec

    if (folder / SPARSE).exists():
        from scipy import sparse

        matrix = sparse.load_npz(folder / SPARSE)
        return Schema([TensorSpec(np.dtype("float64"), (-1, matrix.shape[1]))]), matrix
    if not (folder / TABLE).exists():
        array = np.load(folder / ARRAY, allow_pickle=False)
        columns = array.shape[1]
        if columns > WIDE:
            return Schema([TensorSpec(np.dtype("float64"), (-1, columns))]), array
        return Schema([ColSpec(DataType.double) for _ in range(columns)]), array
    import pandas as pd

    table = json.loads((folder / TABLE).read_text(encoding="utf-8"))
    anything: Any = AnyType
    types = {"number": anything(), "date": DataType.datetime, "text": DataType.string, "other": anything()}
    specs: list[Any] = [ColSpec(types[column["type"]], column["name"], required=True) for column in table["columns"]]
    frame = pd.DataFrame(table["rows"], columns=[column["name"] for column in table["columns"]])
    for column in table["columns"]:
        if column["type"] == "date":
            frame[column["name"]] = pd.to_datetime(frame[column["name"]])
        elif column["type"] == "text":
            frame[column["name"]] = frame[column["name"]].astype(object)
    return Schema(specs), frame


def _type_of(column: Any) -> str:
    code = getattr(column.dtype, "kind", "O")
    if code in "iufb":
        return "number"
    if code == "M":
        return "date"
    present = [value for value in column if value is not None and value == value]
    return "text" if all(isinstance(value, str) for value in present) else "other"


def _plain(value: Any) -> Any:
    if value is None or value != value or type(value).__name__ in ("NAType", "NaTType"):
        return None
    if hasattr(value, "item"):
        value = value.item()
    return value if isinstance(value, bool | int | float | str) else str(value)
