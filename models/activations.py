"""Activation functions of hidden neurons: one entry a function, applied in place.

Each knows its derivative through its own output a = f(z), so that the weighted input z need not be kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from models.kernels import Array, Op


@dataclass(frozen=True)
class Activation:
    """An activation a = f(z) and its derivative.

    Attributes:
        name: The name that users give.
        apply: (z) -> operations that replace z, of any shape, by f(z).
        backward: (a, delta, scratch) -> operations that replace delta by delta·f'(z); all three of one shape.
    """

    name: str
    apply: Callable[[Array], list[Op]]
    backward: Callable[[Array, Array, Array], list[Op]]


def _sigmoid(z: Array) -> list[Op]:
    half = z.dtype.type(
        0.5
    )  # σ(z) = ½ + ½·tanh(z/2): NumPy's tanh is vectorised, has no overflow and beats expit fivefold
    return [(np.multiply, (z, half, z)), (np.tanh, (z, z)), (np.multiply, (z, half, z)), (np.add, (z, half, z))]


def _sigmoid_backward(a: Array, delta: Array, scratch: Array) -> list[Op]:
    one = a.dtype.type(1)
    return [
        (np.multiply, (delta, a, delta)),
        (np.subtract, (one, a, scratch)),
        (np.multiply, (delta, scratch, delta)),
    ]


def _tanh(z: Array) -> list[Op]:
    return [(np.tanh, (z, z))]


def _tanh_backward(a: Array, delta: Array, scratch: Array) -> list[Op]:
    one = a.dtype.type(1)
    return [
        (np.multiply, (a, a, scratch)),
        (np.subtract, (one, scratch, scratch)),
        (np.multiply, (delta, scratch, delta)),
    ]


def _relu(z: Array) -> list[Op]:
    return [(np.maximum, (z, z.dtype.type(0), z))]


def _relu_backward(a: Array, delta: Array, scratch: Array) -> list[Op]:
    # sign(max(0, z)) is f'(z): 0 for z ≤ 0 and 1 beyond.
    return [(np.sign, (a, scratch)), (np.multiply, (delta, scratch, delta))]


ACTIVATIONS = {
    a.name: a
    for a in (
        Activation("sigmoid", _sigmoid, _sigmoid_backward),
        Activation("tanh", _tanh, _tanh_backward),
        Activation("relu", _relu, _relu_backward),
    )
}
"""Every activation by name."""
