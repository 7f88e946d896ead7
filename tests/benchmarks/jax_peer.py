"""The same network in JAX, for comparison: an epoch as one compiled program (jit and scan; vmap over networks)."""

from __future__ import annotations

import os

# one thread, as the others; read when JAX is imported
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

Weights = tuple[jax.Array, jax.Array, jax.Array, jax.Array]


def epoch(weights: Weights, x: jax.Array, t: jax.Array, order: jax.Array, rate: float, decay: float) -> Weights:
    """Train one network for one epoch of stochastic gradient descent on sigmoid, cross-entropy and L2.

    Args:
        weights: (d, H), (H,), (H, C) and (C,).
        x: Inputs, shape (n, d).
        t: Targets, shape (n, C).
        order: Indices of each mini-batch, shape (steps, batch).
        rate: Learning rate η.
        decay: What a step leaves of the weights, 1 − ηλ/n.
    """

    def step(weights: Weights, rows: jax.Array) -> tuple[Weights, None]:
        w, b, v, c = weights
        a = x[rows]
        h = jax.nn.sigmoid(a @ w + b)
        delta = jax.nn.sigmoid(h @ v + c) - t[rows]
        back = delta @ v.T * h * (1 - h)
        η = rate / len(rows)
        gradients = a.T @ back, back.sum(0), h.T @ delta, delta.sum(0)
        shrunk = decay * w, b, decay * v, c  # biases are free
        return jax.tree.map(lambda p, g: p - η * g, shrunk, gradients), None

    return jax.lax.scan(step, weights, order)[0]


def peer(
    X: np.ndarray, T: np.ndarray, hidden: int, batch: int, rate: float, l2: float, lanes: int
) -> Callable[[], Any]:
    """Return a call that trains so many networks side by side for one epoch, in an order of the call's own."""
    n, d = X.shape
    rng = np.random.default_rng(0)
    x, t = jnp.asarray(X), jnp.asarray(T)

    def weights() -> Weights:
        w, v = (rng.standard_normal(s, np.float32) / np.sqrt(s[0]) for s in ((d, hidden), (hidden, T.shape[1])))
        return jnp.asarray(w), jnp.zeros(hidden), jnp.asarray(v), jnp.zeros(T.shape[1])

    train = epoch if lanes == 1 else jax.vmap(epoch, in_axes=(0, None, None, None, None, None))
    program = jax.jit(train, donate_argnums=0)
    state = weights() if lanes == 1 else jax.tree.map(lambda *each: jnp.stack(each), *(weights() for _ in range(lanes)))

    def run() -> None:
        nonlocal state
        order = jnp.asarray(rng.permutation(n)[: n // batch * batch].reshape(-1, batch))
        state = jax.block_until_ready(program(state, x, t, order, rate, 1 - rate * l2 / n))

    run()  # compiles
    return run
