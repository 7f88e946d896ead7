"""The vocabulary of a compiled training step: calls on preallocated arrays, run in order.

A layer, a cost or an optimizer does not compute: once, before training, it *emits* operations, pairs of a callable and
its positional arguments, whose arguments are views into buffers that live as long as the population. An epoch then
only runs lists. So the hot loop slices, allocates and decides nothing, and a lane's arithmetic cannot depend on its
neighbours: a matrix product is one call per lane, everything else is element by element.

Weights are stored transposed, (n_out, n_in): with the long axis contiguous both large products of a step, x·Wᵀ and W
+= δᵀ·x, run at the speed of OpenBLAS's best small-matrix kernels (5.1 and 5.4 µs at 784-30, batch 10, against 6.7 and
6.6 the other way round).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import blas

Array = NDArray[Any]
Op = tuple[Callable[..., Any], tuple[Any, ...]]

MANY = 16 * 1024
"""Numbers above which the product with a column of ones is worth replacing."""


def run(program: Iterable[Op]) -> None:
    """Run the operations of a program in order."""
    for call, arguments in program:
        call(*arguments)


def gemm_for(dtype: np.dtype[Any]) -> Callable[..., Any]:
    """Return BLAS's sgemm or dgemm, the one matrix product of training for every number of lanes.

    Args:
        dtype: float32 or float64.
    """
    return blas.sgemm if dtype == np.float32 else blas.dgemm  # type: ignore[no-any-return]


@cache
def ones(n: int, dtype: np.dtype[Any]) -> Array:
    """Return a column of ones, shape (n, 1), not to be written to."""
    column = np.ones((n, 1), dtype)
    column.flags.writeable = False
    return column


def _owned(array: Array) -> Array:
    """Return the transpose of a C-contiguous matrix: BLAS's column-major view of the same memory, never a copy."""
    if not array.flags.c_contiguous or array.ndim != 2:
        raise AssertionError("BLAS would write into a copy: the operand must be a C-contiguous matrix")
    return array.T


def project(x: Array, weights: Array, gain: float, beta: float, out: Array) -> Op:
    """Emit out ← β·out + gain·x·Wᵀ.

    Args:
        x: Inputs of shape (b, n_in).
        weights: W of shape (n_out, n_in).
        gain: A constant factor.
        beta: What remains of the former value.
        out: Result of shape (b, n_out).
    """
    return gemm_for(out.dtype), (gain, _owned(weights), _owned(x), beta, _owned(out), 1, 0, 1)


def add_biases(biases: Array, gain: float, out: Array) -> Op:
    """Emit out ← out + gain·1·b; at these sizes BLAS does so faster than a broadcast addition.

    Args:
        biases: b of shape (1, n_out).
        gain: A constant factor.
        out: Array of shape (b, n_out).
    """
    return gemm_for(out.dtype), (gain, _owned(biases), ones(len(out), out.dtype).T, 1.0, _owned(out), 0, 0, 1)


def project_back(delta: Array, weights: Array, out: Array) -> Op:
    """Emit out ← δ·W, the error carried back through the weights.

    Args:
        delta: δ of shape (b, n_out).
        weights: W of shape (n_out, n_in).
        out: Result of shape (b, n_in).
    """
    return gemm_for(out.dtype), (1.0, _owned(weights), _owned(delta), 0.0, _owned(out), 0, 0, 1)


def accumulate_outer(alpha: float, left: Array, right: Array, beta: float, out: Array) -> Op:
    """Emit out ← β·out + α·leftᵀ·right in place: gradient, decay (or momentum) and addition in one call.

    Args:
        alpha: Factor of the product.
        left: Shape (b, rows).
        right: Shape (b, columns).
        beta: What remains of the former value.
        out: Array of shape (rows, columns), updated in place.
    """
    summing = beta == 0 and right.size >= MANY and left is ones(len(left), left.dtype)
    if summing and adds_in_order(*right.shape, right.dtype):
        return _add_rows, (alpha, right, out)
    return _outer(alpha, left, right, beta, out)


def _outer(alpha: float, left: Array, right: Array, beta: float, out: Array) -> Op:
    return gemm_for(out.dtype), (alpha, _owned(right), _owned(left), beta, _owned(out), 0, 1, 1)


@cache
def adds_in_order(rows: int, columns: int, dtype: np.dtype[Any]) -> bool:
    """Return whether this BLAS adds the rows of such a matrix, in its product with ones, one after the other.

    Where it does, plain additions give the same bits in less time. It depends on the processor and the number of rows.

    Args:
        rows: b.
        columns: n.
        dtype: float32 or float64.
    """
    right = np.random.default_rng(0).normal(size=(rows, columns)).astype(dtype)
    product = np.empty((1, columns), dtype)
    added = np.empty((1, columns), dtype)
    run([_outer(0.3, ones(rows, dtype), right, 0.0, product), (_add_rows, (0.3, right, added))])
    return np.array_equal(product, added)


def _add_rows(alpha: float, right: Array, out: Array) -> None:
    np.add.reduce(right, axis=-2, out=out, keepdims=True)
    np.multiply(out, alpha, out)


def add_scaled(factor: float, x: Array, out: Array) -> Op:
    """Emit out ← out + factor·x in place, for two C-contiguous arrays of one shape."""
    call = blas.saxpy if out.dtype == np.float32 else blas.daxpy
    return call, (_flat(x), _flat(out), out.size, factor)


def _flat(array: Array) -> Array:
    if not array.flags.c_contiguous:
        raise AssertionError("BLAS would write into a copy: the operand must be C-contiguous")
    return array.reshape(-1)
