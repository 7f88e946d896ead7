"""Activation functions of hidden neurons: one entry a function, applied in place.

Each knows its derivative through its own output a = f(z), so that the weighted input z need not be kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from models.kernels import Array, Op


@dataclass(frozen=True)
class Activation:
    """An activation a = f(z) and its derivative.

    Attributes:
        name: The name that users give.
        gain: The layer below hands over u = gain·z, for which it pays nothing.
        apply: (u) -> operations that replace u, of any shape, by f(z).
        backward: (a, delta, scratch) -> operations that replace delta by delta·f'(z); all three of one shape.
    """

    name: str
    gain: float
    apply: Callable[[Array], list[Op]]
    backward: Callable[[Array, Array, Array], list[Op]]


def _sigmoid(u: Array) -> list[Op]:
    # σ(z) = ½ + ½·tanh(z/2): NumPy's tanh is vectorised, cannot overflow and beats expit fivefold.
    half = np.array(0.5, u.dtype)
    return [(np.tanh, (u, u)), (np.multiply, (u, half, u)), (np.add, (u, half, u))]


def _sigmoid_backward(a: Array, delta: Array, scratch: Array) -> list[Op]:
    return [
        (np.multiply, (a, a, scratch)),
        (np.subtract, (a, scratch, scratch)),  # f' = a − a²
        (np.multiply, (delta, scratch, delta)),
    ]


def _tanh(u: Array) -> list[Op]:
    return [(np.tanh, (u, u))]


def tanh_backward(a: Array, delta: Array, scratch: Array) -> list[Op]:
    """Emit δ ← δ·(1 − a²)."""
    return [
        (np.multiply, (a, a, scratch)),
        (np.subtract, (np.array(1, a.dtype), scratch, scratch)),
        (np.multiply, (delta, scratch, delta)),
    ]


def _relu(u: Array) -> list[Op]:
    return [(partial(np.maximum, u, np.array(0, u.dtype), out=u), ())]  # NumPy wants maximum's `out` by name


def _relu_backward(a: Array, delta: Array, scratch: Array) -> list[Op]:
    # sign(max(0, z)) is f'(z): 0 for z ≤ 0 and 1 beyond.
    return [(np.sign, (a, scratch)), (np.multiply, (delta, scratch, delta))]


ACTIVATIONS = {
    a.name: a
    for a in (
        Activation("sigmoid", 0.5, _sigmoid, _sigmoid_backward),
        Activation("tanh", 1.0, _tanh, tanh_backward),
        Activation("relu", 1.0, _relu, _relu_backward),
    )
}
"""Every activation by name."""
