"""Regularisation of the weights: penalties that join the gradient, and a bound on norms; biases are free."""

from __future__ import annotations

import numpy as np

from .kernels import Array, Op, add_scaled


def weight_decay(learning_rate: float, l2: float, n: int) -> float:
    """Return 1 − ηλ/n, what remains of a weight after one step of L2 regularisation.

    The term (λ/2n)·Σw² of the cost adds (λ/n)·w to the gradient, whatever the batch, so that a step is w ← (1 −
    ηλ/n)·w − η∇C₀.

    Args:
        learning_rate: η.
        l2: λ, the chapter's regularisation parameter.
        n: Size of the training set.
    """
    return 1.0 - learning_rate * l2 / n


def penalty(weights: Array, l1: float, l2: float, n: int) -> float:
    """Return (λ₁/n)·Σ|w| + (λ₂/2n)·Σw².

    Args:
        weights: All weights of a network, without biases.
        l1: λ₁.
        l2: λ₂.
        n: Size of the training set.
    """
    w = weights.astype(np.float64)
    return float(l1 / n * np.abs(w).sum() + l2 / (2 * n) * (w * w).sum())


def add_signs(factor: float, signs: Array, out: Array) -> list[Op]:
    """Emit out ← out + factor·sgn(w), the L1 part of a gradient or step; nothing where the factor is 0.

    Args:
        factor: λ/n, or −ηλ/n in a step.
        signs: sgn(w) with sgn(0) = 0, taken before w changed, of the same shape as out.
        out: What it joins.
    """
    return [add_scaled(factor, signs, out)] if factor else []


def bound_norms(weights: Array, max_norm: float) -> None:
    """Scale down the weights into every neuron whose norm exceeds a bound (max-norm; Srivastava et al. 2014).

    Args:
        weights: Shape (n_out, n_in), changed in place.
        max_norm: The largest Euclidean norm that the weights into one neuron may have.
    """
    squares = np.vecdot(weights, weights)
    if squares.max() > max_norm * max_norm:
        weights *= np.minimum(max_norm / np.sqrt(squares), 1).astype(weights.dtype)[:, None]
