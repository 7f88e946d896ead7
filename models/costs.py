"""Output layers with their costs: values, and the error δ = ∂C/∂z that enters backpropagation.

C is a mean over samples of a sum over output neurons. Values are taken from the weighted inputs z (logits), never from log a, so
that saturation gives a large finite cost and no log 0. Where output and cost are a canonical pair, δ is proportional to a − y: no
f'(z) slows learning when the network is badly wrong (the chapter's reason for the cross-entropy).

Sigmoid and tanh outputs share one code: a sigmoid output is kept as h = tanh(z/2) = 2a − 1, its targets as ±1. That saves two
passes a step, and log(1 + exp(−|z|)) = −log(½ + ½·|h|) needs no second exponential.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from models.kernels import Array, Op


@dataclass(frozen=True)
class Output:
    """The activation of the output layer.

    Attributes:
        name: The name that users give.
        targets: Maps one-hot rows in {0, 1} to the values that h aims at.
        apply: (z, h) -> operations that set h, the activation or a linear image of it; shapes (..., b, C).
        backward: (h, delta, scratch) -> operations that turn delta from ∂C/∂h into ∂C/∂z, up to `Head.gain`.
        log_weights: (z) -> logarithms of numbers proportional to the class probabilities.
    """

    name: str
    targets: Callable[[Array], Array]
    apply: Callable[[Array, Array], list[Op]]
    backward: Callable[[Array, Array, Array], list[Op]]
    log_weights: Callable[[Array], Array]


@dataclass(frozen=True)
class Head:
    """An output layer together with a cost.

    Attributes:
        output: The output layer.
        value: (z, h, t) -> terms of shape (..., b, C) or (..., b, 1) whose sum over both axes is the cost of the batch, summed.
        gain: Constant factor of δ.
        canonical: Whether δ = gain·(h − t) without the derivative of the output.
    """

    output: Output
    value: Callable[[Array, Array, Array], Array]
    gain: float
    canonical: bool

    def delta(self, h: Array, t: Array, scale: Array, out: Array, scratch: Array) -> list[Op]:
        """Emit out ← scale·∂C/∂z.

        Args:
            h: Outputs, shape (k, b, C).
            t: Targets as `output.targets` gives them, shape (b, C).
            scale: A factor a lane, shape (k, 1, 1).
            out: δ, shape (k, b, C).
            scratch: Room of the same shape.
        """
        backward = [] if self.canonical else self.output.backward(h, out, scratch)
        factor = (scale * self.gain).astype(out.dtype)
        return [(np.subtract, (h, t, out)), *backward, (np.multiply, (out, factor, out))]


def _one_hot(t: Array) -> Array:
    return t


def _plus_minus(t: Array) -> Array:
    return np.asarray(2 * t - 1, t.dtype)


def _sigmoid(z: Array, h: Array) -> list[Op]:
    return [(np.multiply, (z, z.dtype.type(0.5), h)), (np.tanh, (h, h))]


def _tanh(z: Array, h: Array) -> list[Op]:
    return [(np.tanh, (z, h))]


def _tanh_backward(h: Array, delta: Array, scratch: Array) -> list[Op]:
    one = h.dtype.type(1)
    return [
        (np.multiply, (h, h, scratch)),
        (np.subtract, (one, scratch, scratch)),
        (np.multiply, (delta, scratch, delta)),
    ]


def _softmax(z: Array, h: Array) -> list[Op]:
    row = np.empty((*z.shape[:-1], 1), z.dtype)
    return [
        (np.maximum.reduce, (z, -1, None, row, True)),  # the largest exponent becomes 0: no overflow
        (np.subtract, (z, row, h)),
        (np.exp, (h, h)),
        (np.add.reduce, (h, -1, None, row, True)),
        (np.divide, (h, row, h)),
    ]


def _softmax_backward(h: Array, delta: Array, scratch: Array) -> list[Op]:
    row = np.empty((*h.shape[:-1], 1), h.dtype)
    return [
        (np.multiply, (delta, h, scratch)),
        (np.add.reduce, (scratch, -1, None, row, True)),
        (np.subtract, (delta, row, delta)),
        (np.multiply, (delta, h, delta)),
    ]


def _log_sigmoid(z: Array) -> Array:
    return np.minimum(z, 0) - np.log1p(np.exp(-np.abs(z)))


def _quadratic(scale: float) -> Callable[[Array, Array, Array], Array]:
    def value(z: Array, h: Array, t: Array) -> Array:
        difference = h - t
        return np.multiply(difference, difference * h.dtype.type(scale))

    return value


def _cross_entropy(z: Array, h: Array, t: Array) -> Array:
    # Σ softplus(z) − y·z with y = ½(1 + t); the argument of the logarithm lies in [½, 1].
    half = z.dtype.type(0.5)
    terms = np.abs(h)
    terms *= half
    terms += half
    np.log(terms, terms)
    np.subtract(np.maximum(z, z.dtype.type(0)), terms, terms)
    terms -= z * (half * t + half)
    return terms


def _cross_entropy_tanh(z: Array, h: Array, t: Array) -> Array:
    # ½(1 + tanh z) = σ(2z) is the probability.
    return _cross_entropy(z + z, h, t)


def _log_likelihood(z: Array, h: Array, t: Array) -> Array:
    largest = z.max(-1, keepdims=True)
    partition = np.log(np.exp(z - largest).sum(-1, keepdims=True))
    return np.add(partition + largest, -(t * z).sum(-1, keepdims=True))


OUTPUTS = {
    o.name: o
    for o in (
        Output("sigmoid", _plus_minus, _sigmoid, _tanh_backward, _log_sigmoid),
        Output("softmax", _one_hot, _softmax, _softmax_backward, np.asarray),
        Output("tanh", _plus_minus, _tanh, _tanh_backward, lambda z: _log_sigmoid(2 * z)),
    )
}
"""Every output layer by name."""

HEADS = {
    # sigmoid: a − y = ½(h − t) and σ'(z) = ¼(1 − h²)
    ("sigmoid", "quadratic"): Head(OUTPUTS["sigmoid"], _quadratic(1 / 8), gain=1 / 8, canonical=False),
    ("sigmoid", "cross_entropy"): Head(OUTPUTS["sigmoid"], _cross_entropy, gain=1 / 2, canonical=True),
    ("softmax", "quadratic"): Head(OUTPUTS["softmax"], _quadratic(1 / 2), gain=1, canonical=False),
    ("softmax", "log_likelihood"): Head(OUTPUTS["softmax"], _log_likelihood, gain=1, canonical=True),
    ("tanh", "quadratic"): Head(OUTPUTS["tanh"], _quadratic(1 / 2), gain=1, canonical=False),
    ("tanh", "cross_entropy"): Head(OUTPUTS["tanh"], _cross_entropy_tanh, gain=1, canonical=True),
}
"""Every pair (output, cost) that makes sense."""

COSTS = tuple(dict.fromkeys(cost for _, cost in HEADS))
"""The names of all costs."""
