"""Training and validation samples in the form that populations read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from ..kernels import Array


class HeldOut(NamedTuple):
    """Samples that are measured and not trained on.

    Attributes:
        x: Inputs, shape (m, d).
        targets: Targets, shape (m, C).
        labels: Class codes, shape (m,), or None.
        weights: Weights of the samples, shape (m, 1), or None.
    """

    x: Array
    targets: Array
    labels: Array | None
    weights: Array | None


@dataclass(frozen=True)
class TrainingData:
    """Training and validation samples, built once and shared by populations.

    Attributes:
        X_train: Inputs, shape (n, d), C-contiguous, of the networks' dtype.
        T_train: Targets of the same dtype, shape (n, C): one-hot or multi-hot rows, or the values of a regression.
        y_train: Class codes 0 … C−1, shape (n,), where a sample has one class; else None.
        X_valid: Validation inputs, shape (m, d), or None.
        y_valid: Validation class codes, shape (m,), or None.
        X_test: Test inputs, shape (t, d), where a final evaluation is wanted, else None.
        y_test: Test class codes, shape (t,), or None.
        T_valid: Validation targets, shape (m, C), where there are no class codes.
        T_test: Test targets, shape (t, C), where there are no class codes.
        weights: Weights of the training samples in the cost, shape (n, 1), with mean 1; None where all are equal.
        weights_valid: Weights of the validation samples in what is measured, shape (m, 1), likewise.
        weights_test: Weights of the test samples in what is measured, shape (t, 1), likewise.
    """

    X_train: Array
    T_train: Array
    y_train: Array | None = None
    X_valid: Array | None = None
    y_valid: Array | None = None
    X_test: Array | None = None
    y_test: Array | None = None
    T_valid: Array | None = None
    T_test: Array | None = None
    weights: Array | None = None
    weights_valid: Array | None = None
    weights_test: Array | None = None

    def held_out(self) -> dict[str, HeldOut]:
        """Return the validation set as "val" and the test set as "test", as far as they are there."""
        subsets = (
            ("val", self.X_valid, self.y_valid, self.T_valid, self.weights_valid),
            ("test", self.X_test, self.y_test, self.T_test, self.weights_test),
        )
        held_out = {}
        for name, x, y, t, weights in subsets:
            if y is not None:
                t = one_hot(y, self.T_train.shape[1], self.T_train.dtype)
            if x is not None and t is not None:
                held_out[name] = HeldOut(x, t, y, weights)
        return held_out

    def weighted(self, valid: Array | None, test: Array | None = None) -> TrainingData:
        """Return the same samples, those that are only measured with weights.

        Args:
            valid: How much each validation sample counts, shape (m,), or None; only ratios matter.
            test: How much each test sample counts, shape (t,), or None.
        """
        m, t = (0 if x is None else len(x) for x in (self.X_valid, self.X_test))
        dtype = self.X_train.dtype
        return replace(self, weights_valid=_scaled(valid, m, dtype), weights_test=_scaled(test, t, dtype))

    @classmethod
    def from_arrays(
        cls,
        X: Array,
        y_codes: Array,
        n_classes: int,
        X_valid: Array | None = None,
        y_valid: Array | None = None,
        dtype: str = "float32",
        sample_weight: Array | None = None,
    ) -> TrainingData:
        """Prepare samples of one class each.

        Args:
            X: Inputs, shape (n, d).
            y_codes: Integer class codes in 0 … n_classes−1, shape (n,).
            n_classes: C, the number of output neurons.
            X_valid: Validation inputs, shape (m, d), or None.
            y_valid: Validation class codes, shape (m,), or None.
            dtype: "float32" or "float64".
            sample_weight: How much each training sample counts, shape (n,), or None; only ratios matter.

        Raises:
            ValueError: Where the shapes do not fit together.
        """
        y = np.asarray(y_codes, np.intp)
        x = np.ascontiguousarray(X, dtype)
        if x.ndim != 2 or y.shape != x.shape[:1] or not len(x):
            raise ValueError(f"X must have shape (n, d) and y_codes (n,) with n ≥ 1, not {x.shape} and {y.shape}")
        targets = one_hot(y, n_classes, x.dtype)
        weights = _scaled(sample_weight, len(x), x.dtype)
        if X_valid is None or y_valid is None:
            return cls(x, targets, y, weights=weights)
        xv = np.ascontiguousarray(X_valid, dtype)
        yv = np.asarray(y_valid, np.intp)
        if xv.ndim != 2 or xv.shape[1] != x.shape[1] or yv.shape != xv.shape[:1] or not len(xv):
            expected = f"X_valid must have shape (m, {x.shape[1]}) and y_valid (m,) with m ≥ 1"
            raise ValueError(f"{expected}, not {xv.shape} and {yv.shape}")
        return cls(x, targets, y, xv, yv, weights=weights)

    @classmethod
    def from_targets(
        cls,
        X: Array,
        targets: Array,
        X_valid: Array | None = None,
        T_valid: Array | None = None,
        dtype: str = "float32",
        sample_weight: Array | None = None,
    ) -> TrainingData:
        """Prepare samples whose targets are values (output "identity") or multi-hot rows of labels in {0, 1}.

        Args:
            X: Inputs, shape (n, d).
            targets: Shape (n, C).
            X_valid: Validation inputs, shape (m, d), or None.
            T_valid: Validation targets, shape (m, C), or None.
            dtype: "float32" or "float64".
            sample_weight: How much each training sample counts, shape (n,), or None; only ratios matter.

        Raises:
            ValueError: Where the shapes do not fit together.
        """
        x = np.ascontiguousarray(X, dtype)
        t = np.ascontiguousarray(targets, dtype)
        if x.ndim != 2 or t.ndim != 2 or len(t) != len(x) or not len(x):
            raise ValueError(f"X must have shape (n, d) and targets (n, C) with n ≥ 1, not {x.shape} and {t.shape}")
        weights = _scaled(sample_weight, len(x), x.dtype)
        if X_valid is None or T_valid is None:
            return cls(x, t, weights=weights)
        xv = np.ascontiguousarray(X_valid, dtype)
        tv = np.ascontiguousarray(T_valid, dtype)
        if xv.ndim != 2 or xv.shape[1] != x.shape[1] or tv.shape != (len(xv), t.shape[1]) or not len(xv):
            expected = f"X_valid must have shape (m, {x.shape[1]}) and T_valid (m, {t.shape[1]}) with m ≥ 1"
            raise ValueError(f"{expected}, not {xv.shape} and {tv.shape}")
        return cls(x, t, None, xv, None, T_valid=tv, weights=weights)


def one_hot(labels: Array, width: int, dtype: np.dtype[Any]) -> Array:
    """Return one-hot rows, shape (n, width), of class codes of shape (n,)."""
    rows = np.zeros((len(labels), width), dtype)
    rows[np.arange(len(labels)), labels] = 1
    return rows


def _scaled(weights: Array | None, n: int, dtype: np.dtype[Any]) -> Array | None:
    """Return weights of shape (n, 1) with mean 1; None where all are equal, which needs no work."""
    if weights is None:
        return None
    w = np.asarray(weights, np.float64)
    if w.shape != (n,) or not np.isfinite(w).all() or (w < 0).any() or not w.sum() > 0:
        raise ValueError(f"sample_weight must be {n} finite numbers ≥ 0 that are not all 0")
    return None if (w == w[0]).all() else (w * (n / w.sum())).astype(dtype)[:, None]
