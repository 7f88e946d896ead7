"""Activation functions of hidden neurons: one entry a function, applied in place.

Each but gelu and swish knows its derivative through its own output a = f(z), so that the weighted input z need not be
kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import erf

from .kernels import Array, Op, maximum, minimum

LEAK = 0.01
"""Slope of leaky_relu where z < 0."""


@dataclass(frozen=True)
class Activation:
    """An activation a = f(z) and its derivative.

    Attributes:
        name: The name that users give.
        gain: The layer below hands over u = gain·z, for which it pays nothing.
        apply: (u, slope) -> operations that replace u, of any shape, by f(z) and, where `keeps_slope`, set slope, of
            the same shape, to f'(z).
        backward: (a, delta, scratch, slope) -> operations that replace delta by delta·f'(z); all of one shape.
        steepest: The largest f'.
        keeps_slope: Whether f' cannot be had from a, so that `apply` stores it for `backward`.
        monotone: Whether f never falls, so that the largest of several activations is that of the largest z.
    """

    name: str
    gain: float
    apply: Callable[[Array, Array], list[Op]]
    backward: Callable[[Array, Array, Array, Array], list[Op]]
    steepest: float = 1.0
    keeps_slope: bool = False
    monotone: bool = True


def _constant(value: float, like: Array) -> Array:
    return np.array(value, like.dtype)


def _sigmoid(u: Array, slope: Array) -> list[Op]:
    # σ(z) = ½ + ½·tanh(z/2): NumPy's tanh is vectorised, cannot overflow and beats expit fivefold.
    half = _constant(0.5, u)
    return [(np.tanh, (u, u)), (np.multiply, (u, half, u)), (np.add, (u, half, u))]


def _sigmoid_backward(a: Array, delta: Array, scratch: Array, slope: Array) -> list[Op]:
    return [
        (np.multiply, (a, a, scratch)),
        (np.subtract, (a, scratch, scratch)),  # f' = a − a²
        (np.multiply, (delta, scratch, delta)),
    ]


def _tanh(u: Array, slope: Array) -> list[Op]:
    return [(np.tanh, (u, u))]


def tanh_slope(a: Array, delta: Array, scratch: Array) -> list[Op]:
    """Emit δ ← δ·(1 − a²)."""
    return [
        (np.multiply, (a, a, scratch)),
        (np.subtract, (_constant(1, a), scratch, scratch)),
        (np.multiply, (delta, scratch, delta)),
    ]


def _tanh_backward(a: Array, delta: Array, scratch: Array, slope: Array) -> list[Op]:
    return tanh_slope(a, delta, scratch)


def _relu(u: Array, slope: Array) -> list[Op]:
    return [maximum(u, _constant(0, u), u)]


def _relu_backward(a: Array, delta: Array, scratch: Array, slope: Array) -> list[Op]:
    # sign(max(0, z)) is f'(z): 0 for z ≤ 0 and 1 beyond.
    return [(np.sign, (a, scratch)), (np.multiply, (delta, scratch, delta))]


def _leaky_relu(u: Array, slope: Array) -> list[Op]:
    scaled = np.empty_like(u)
    return [(np.multiply, (u, _constant(LEAK, u), scaled)), maximum(u, scaled, u)]


def _leaky_relu_backward(a: Array, delta: Array, scratch: Array, slope: Array) -> list[Op]:
    positive = np.empty(a.shape, bool)
    return [
        (np.greater, (a, _constant(0, a), positive)),
        (np.multiply, (positive, _constant(1 - LEAK, a), scratch)),
        (np.add, (scratch, _constant(LEAK, a), scratch)),
        (np.multiply, (delta, scratch, delta)),
    ]


def _elu(u: Array, slope: Array) -> list[Op]:
    zero, below = _constant(0, u), np.empty_like(u)
    return [minimum(u, zero, below), (np.expm1, (below, below)), maximum(u, zero, u), (np.add, (u, below, u))]


def _elu_backward(a: Array, delta: Array, scratch: Array, slope: Array) -> list[Op]:
    return [
        minimum(a, _constant(0, a), scratch),
        (np.add, (scratch, _constant(1, a), scratch)),  # exp(z) = a + 1 for z ≤ 0
        (np.multiply, (delta, scratch, delta)),
    ]


def _gelu(u: Array, slope: Array) -> list[Op]:
    # f(z) = z·Φ(z) and f'(z) = Φ(z) + z·φ(z), with Φ and φ of the standard normal distribution
    cumulative, half = np.empty_like(u), _constant(0.5, u)
    return [
        (np.multiply, (u, _constant(np.sqrt(0.5), u), cumulative)),
        (erf, (cumulative, cumulative)),
        (np.multiply, (cumulative, half, cumulative)),
        (np.add, (cumulative, half, cumulative)),
        (np.multiply, (u, u, slope)),
        (np.multiply, (slope, _constant(-0.5, u), slope)),
        (np.exp, (slope, slope)),
        (np.multiply, (slope, _constant(1 / np.sqrt(2 * np.pi), u), slope)),
        (np.multiply, (slope, u, slope)),
        (np.add, (slope, cumulative, slope)),
        (np.multiply, (u, cumulative, u)),
    ]


def _swish(u: Array, slope: Array) -> list[Op]:
    # f(z) = z·σ(z) and f'(z) = σ(z) + f(z)·(1 − σ(z)), with σ(z) = ½ + ½·tanh(z/2) kept beside
    gate, half = np.empty_like(u), _constant(0.5, u)
    return [
        (np.multiply, (u, half, gate)),
        (np.tanh, (gate, gate)),
        (np.multiply, (gate, half, gate)),
        (np.add, (gate, half, gate)),
        (np.multiply, (u, gate, u)),
        (np.subtract, (_constant(1, u), gate, slope)),
        (np.multiply, (slope, u, slope)),
        (np.add, (slope, gate, slope)),
    ]


def _by_slope(a: Array, delta: Array, scratch: Array, slope: Array) -> list[Op]:
    return [(np.multiply, (delta, slope, delta))]


ACTIVATIONS = {
    a.name: a
    for a in (
        Activation("sigmoid", 0.5, _sigmoid, _sigmoid_backward, steepest=0.25),
        Activation("tanh", 1.0, _tanh, _tanh_backward),
        Activation("relu", 1.0, _relu, _relu_backward),
        Activation("leaky_relu", 1.0, _leaky_relu, _leaky_relu_backward),
        Activation("elu", 1.0, _elu, _elu_backward),
        Activation("gelu", 1.0, _gelu, _by_slope, keeps_slope=True, monotone=False),
        Activation("swish", 1.0, _swish, _by_slope, keeps_slope=True, monotone=False),
    )
}
"""Every activation by name."""
