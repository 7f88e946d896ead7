"""Operations by name, each with its output beside it: `multiply(a, b, out=c)` is c ← a·b, element by element.

They are emitted, not computed (see `hpsearch.models.kernels`): each is a call of NumPy's function of that name, for
later. Arguments are arrays of shapes that broadcast to that of the output, which may be one of them. Numbers are best
given as arrays of the output's dtype: NumPy would otherwise make one at every step.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from scipy.special import erf as error_function

from .kernels import Array, Op


def assign(value: Any, out: Array, where: Array | None = None) -> Op:
    """Emit out ← value, or only where a mask holds."""
    return np.copyto, (out, value) if where is None else (out, value, "same_kind", where)


def add(a: Any, b: Any, out: Array) -> Op:
    """Emit out ← a + b."""
    return np.add, (a, b, out)


def subtract(a: Any, b: Any, out: Array) -> Op:
    """Emit out ← a − b."""
    return np.subtract, (a, b, out)


def multiply(a: Any, b: Any, out: Array) -> Op:
    """Emit out ← a·b."""
    return np.multiply, (a, b, out)


def divide(a: Any, b: Any, out: Array) -> Op:
    """Emit out ← a/b."""
    return np.divide, (a, b, out)


def power(a: Any, b: Any, out: Array) -> Op:
    """Emit out ← aᵇ."""
    return np.power, (a, b, out)


def maximum(a: Any, b: Any, out: Array) -> Op:
    """Emit out ← max(a, b)."""
    return partial(np.maximum, a, b, out=out), ()  # NumPy wants the `out` of maximum and minimum by name


def minimum(a: Any, b: Any, out: Array) -> Op:
    """Emit out ← min(a, b)."""
    return partial(np.minimum, a, b, out=out), ()


def greater(a: Any, b: Any, out: Array) -> Op:
    """Emit out ← a > b, as truth values."""
    return np.greater, (a, b, out)


def equal(a: Any, b: Any, out: Array) -> Op:
    """Emit out ← a = b, as truth values."""
    return np.equal, (a, b, out)


def sqrt(x: Any, out: Array) -> Op:
    """Emit out ← √x."""
    return np.sqrt, (x, out)


def exp(x: Any, out: Array) -> Op:
    """Emit out ← eˣ."""
    return np.exp, (x, out)


def expm1(x: Any, out: Array) -> Op:
    """Emit out ← eˣ − 1."""
    return np.expm1, (x, out)


def tanh(x: Any, out: Array) -> Op:
    """Emit out ← the hyperbolic tangent of x."""
    return np.tanh, (x, out)


def erf(x: Any, out: Array) -> Op:
    """Emit out ← the error function of x."""
    return error_function, (x, out)


def sign(x: Any, out: Array) -> Op:
    """Emit out ← the sign of x: −1, 0 or 1."""
    return np.sign, (x, out)


def sum_over(x: Array, axis: int, out: Array, *, keepdims: bool = True) -> Op:
    """Emit out ← Σ x over one axis, which keeps a place of length 1 unless told otherwise."""
    return np.add.reduce, (x, axis, None, out, keepdims)


def largest_over(x: Array, axis: int, out: Array) -> Op:
    """Emit out ← the largest x along one axis, which keeps a place of length 1."""
    return np.maximum.reduce, (x, axis, None, out, True)


def argmax(x: Array, out: Array) -> Op:
    """Emit out ← where the largest x along the last axis stands, the first one of equals."""
    return x.argmax, (-1, out)


def take(x: Array, indices: Array, out: Array) -> Op:
    """Emit out ← x at some places, for a row x."""
    return x.take, (indices, None, out, "clip")


def put(values: Array, indices: Array, out: Array) -> Op:
    """Emit out at some places ← values, for a row out."""
    return out.put, (indices, values)
