"""Activation functions of hidden neurons: one entry per function, applied in place.

Each but gelu and swish knows its derivative through its own output a = f(z), so that the weighted input z need not be
kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .kernels import Array, Op
from .operations import add, erf, exp, expm1, greater, maximum, minimum, multiply, sign, subtract, tanh

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
    return [tanh(u, out=u), multiply(u, half, out=u), add(u, half, out=u)]


def _sigmoid_backward(a: Array, delta: Array, scratch: Array, slope: Array) -> list[Op]:
    return [
        multiply(a, a, out=scratch),
        subtract(a, scratch, out=scratch),  # f' = a − a²
        multiply(delta, scratch, out=delta),
    ]


def _tanh(u: Array, slope: Array) -> list[Op]:
    return [tanh(u, out=u)]


def tanh_slope(a: Array, delta: Array, scratch: Array) -> list[Op]:
    """Emit δ ← δ·(1 − a²)."""
    return [
        multiply(a, a, out=scratch),
        subtract(_constant(1, a), scratch, out=scratch),
        multiply(delta, scratch, out=delta),
    ]


def _tanh_backward(a: Array, delta: Array, scratch: Array, slope: Array) -> list[Op]:
    return tanh_slope(a, delta, scratch)


def _relu(u: Array, slope: Array) -> list[Op]:
    return [maximum(u, _constant(0, u), out=u)]


def _relu_backward(a: Array, delta: Array, scratch: Array, slope: Array) -> list[Op]:
    # sign(max(0, z)) is f'(z): 0 for z ≤ 0 and 1 beyond.
    return [sign(a, out=scratch), multiply(delta, scratch, out=delta)]


def _leaky_relu(u: Array, slope: Array) -> list[Op]:
    scaled = np.empty_like(u)
    return [multiply(u, _constant(LEAK, u), out=scaled), maximum(u, scaled, out=u)]


def _leaky_relu_backward(a: Array, delta: Array, scratch: Array, slope: Array) -> list[Op]:
    positive = np.empty(a.shape, bool)
    return [
        greater(a, _constant(0, a), out=positive),
        multiply(positive, _constant(1 - LEAK, a), out=scratch),
        add(scratch, _constant(LEAK, a), out=scratch),
        multiply(delta, scratch, out=delta),
    ]


def _elu(u: Array, slope: Array) -> list[Op]:
    zero = _constant(0, u)
    below = np.empty_like(u)
    return [minimum(u, zero, out=below), expm1(below, out=below), maximum(u, zero, out=u), add(u, below, out=u)]


def _elu_backward(a: Array, delta: Array, scratch: Array, slope: Array) -> list[Op]:
    return [
        minimum(a, _constant(0, a), out=scratch),
        add(scratch, _constant(1, a), out=scratch),  # exp(z) = a + 1 for z ≤ 0
        multiply(delta, scratch, out=delta),
    ]


def _gelu(u: Array, slope: Array) -> list[Op]:
    # f(z) = z·Φ(z) and f'(z) = Φ(z) + z·φ(z), with Φ and φ of the standard normal distribution
    cumulative = np.empty_like(u)
    half = _constant(0.5, u)
    return [
        multiply(u, _constant(np.sqrt(0.5), u), out=cumulative),
        erf(cumulative, out=cumulative),
        multiply(cumulative, half, out=cumulative),
        add(cumulative, half, out=cumulative),
        multiply(u, u, out=slope),
        multiply(slope, _constant(-0.5, u), out=slope),
        exp(slope, out=slope),
        multiply(slope, _constant(1 / np.sqrt(2 * np.pi), u), out=slope),
        multiply(slope, u, out=slope),
        add(slope, cumulative, out=slope),
        multiply(u, cumulative, out=u),
    ]


def _swish(u: Array, slope: Array) -> list[Op]:
    # f(z) = z·σ(z) and f'(z) = σ(z) + f(z)·(1 − σ(z)), with σ(z) = ½ + ½·tanh(z/2) kept beside
    gate = np.empty_like(u)
    half = _constant(0.5, u)
    return [
        multiply(u, half, out=gate),
        tanh(gate, out=gate),
        multiply(gate, half, out=gate),
        add(gate, half, out=gate),
        multiply(u, gate, out=u),
        subtract(_constant(1, u), gate, out=slope),
        multiply(slope, u, out=slope),
        add(slope, gate, out=slope),
    ]


def _by_slope(a: Array, delta: Array, scratch: Array, slope: Array) -> list[Op]:
    return [multiply(delta, slope, out=delta)]


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
