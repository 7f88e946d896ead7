"""Regularisation of the weights; biases are free."""

from __future__ import annotations


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
