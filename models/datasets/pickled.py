"""mnist.pkl.gz and its like: a pickle of three pairs of arrays, read without running what it says.

A pickle is a program that may call anything. Here it may name four functions, with which NumPy's arrays are made, and
whatever else it asks for is refused before it is called.
"""

from __future__ import annotations

import gzip
import io
import pickle
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from .dataset import DatasetError, Part, as_part

ENDINGS = (".pkl.gz", ".pkl", ".pickle")
"""How the names of such files end."""

ALLOWED = frozenset(
    {
        ("numpy", "ndarray"),
        ("numpy", "dtype"),
        ("numpy.core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy.core.numeric", "_frombuffer"),
        ("numpy._core.numeric", "_frombuffer"),
        ("_codecs", "encode"),
    }
)
"""What a pickle of NumPy's arrays names, in all versions of both."""


class _ArraysOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, and may hold arrays of numbers alone")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def read_pickle(path: Path) -> tuple[Part, Part, Part | None]:
    """Read the file of *Neural Networks and Deep Learning*: training, validation and test images with their labels.

    Args:
        path: A pickle, compressed or not, of two or three pairs (X, y).

    Returns:
        (train, valid, test or None).

    Raises:
        DatasetError: It is damaged, holds anything but such arrays, or asks for more than is needed to make arrays.
    """
    try:
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
        loaded = _ArraysOnly(io.BytesIO(content), encoding="latin1").load()
    except (
        pickle.UnpicklingError,
        EOFError,
        zlib.error,
        gzip.BadGzipFile,
        ValueError,
        TypeError,
        AttributeError,
        IndexError,
        KeyError,
        ImportError,
        UnicodeDecodeError,
    ) as error:
        raise DatasetError(
            f"{path}: no pickle of arrays alone: {error}; where you trust it, write np.savez('data.npz', "
            "X_train=…, y_train=…, X_valid=…, y_valid=…) with what made it"
        ) from error
    pairs = isinstance(loaded, tuple | list) and len(loaded) in (2, 3)
    if not pairs or not all(isinstance(pair, tuple | list) and len(pair) == 2 for pair in loaded):
        raise DatasetError(f"{path}: expected two or three pairs (X, y), found {type(loaded).__name__}")
    if any(getattr(array, "dtype", np.dtype(object)).hasobject for pair in loaded for array in pair):
        raise DatasetError(f"{path}: expected arrays of numbers")
    parts = [as_part(X, y, str(path)) for X, y in loaded]
    return parts[0], parts[1], parts[2] if len(parts) == 3 else None
