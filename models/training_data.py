"""Training and validation samples in the form that populations read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from models.kernels import Array


@dataclass(frozen=True)
class TrainingData:
    """Training and validation samples, built once and shared by populations.

    Attributes:
        X_train: Inputs, shape (n, d), C-contiguous, of the networks' dtype.
        T_train: One-hot targets, shape (n, C), of the same dtype.
        y_train: Class codes 0 … C−1, shape (n,).
        X_valid: Validation inputs, shape (m, d), or None.
        y_valid: Validation class codes, shape (m,), or None.
        X_test: Test inputs, shape (t, d), where a final evaluation is wanted, else None.
        y_test: Test class codes, shape (t,), or None.
    """

    X_train: Array
    T_train: Array
    y_train: Array
    X_valid: Array | None = None
    y_valid: Array | None = None
    X_test: Array | None = None
    y_test: Array | None = None

    @classmethod
    def from_arrays(
        cls,
        X: Array,
        y_codes: Array,
        n_classes: int,
        X_valid: Array | None = None,
        y_valid: Array | None = None,
        dtype: str = "float32",
    ) -> TrainingData:
        """Prepare arrays for training.

        Args:
            X: Inputs, shape (n, d).
            y_codes: Integer class codes in 0 … n_classes−1, shape (n,).
            n_classes: C, the number of output neurons.
            X_valid: Validation inputs, shape (m, d), or None.
            y_valid: Validation class codes, shape (m,), or None.
            dtype: "float32" or "float64".

        Raises:
            ValueError: Where the shapes do not fit together.
        """
        y = np.asarray(y_codes, np.intp)
        x = np.ascontiguousarray(X, dtype)
        if x.ndim != 2 or y.shape != x.shape[:1] or not len(x):
            raise ValueError(f"X must have shape (n, d) and y_codes (n,) with n ≥ 1, not {x.shape} and {y.shape}")
        targets = one_hot(y, n_classes, x.dtype)
        if X_valid is None or y_valid is None:
            return cls(x, targets, y)
        xv, yv = np.ascontiguousarray(X_valid, dtype), np.asarray(y_valid, np.intp)
        if xv.ndim != 2 or xv.shape[1] != x.shape[1] or yv.shape != xv.shape[:1] or not len(xv):
            expected = f"X_valid must have shape (m, {x.shape[1]}) and y_valid (m,) with m ≥ 1"
            raise ValueError(f"{expected}, not {xv.shape} and {yv.shape}")
        return cls(x, targets, y, xv, yv)


def one_hot(labels: Array, width: int, dtype: np.dtype[Any]) -> Array:
    """Return one-hot rows, shape (n, width), of class codes of shape (n,)."""
    rows = np.zeros((len(labels), width), dtype)
    rows[np.arange(len(labels)), labels] = 1
    return rows
