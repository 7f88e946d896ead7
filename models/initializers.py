"""Initial weights and biases: one function per rule, drawn in float64 from the trial's own stream."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .kernels import Array

Initializer = Callable[[np.random.Generator, int, int], tuple[Array, Array]]
"""(rng, n_in, n_out) -> weights of shape (n_in, n_out) and biases of shape (n_out,), both float64."""


def gaussian(rng: np.random.Generator, n_in: int, n_out: int) -> tuple[Array, Array]:
    """Draw w ~ N(0, 1) and b ~ N(0, 1): the chapter's first, saturating choice."""
    return rng.standard_normal((n_in, n_out)), rng.standard_normal(n_out)


def scaled(rng: np.random.Generator, n_in: int, n_out: int) -> tuple[Array, Array]:
    """Draw w ~ N(0, 1/n_in) and b ~ N(0, 1): the chapter's better choice, hidden neurons start unsaturated."""
    weights, biases = gaussian(rng, n_in, n_out)
    return weights / np.sqrt(n_in), biases


def he(rng: np.random.Generator, n_in: int, n_out: int) -> tuple[Array, Array]:
    """Draw w ~ N(0, 2/n_in), b = 0: for rectified linear neurons (He et al. 2015)."""
    return rng.standard_normal((n_in, n_out)) * np.sqrt(2 / n_in), np.zeros(n_out)


def glorot(rng: np.random.Generator, n_in: int, n_out: int) -> tuple[Array, Array]:
    """Draw w uniformly from ±√(6/(n_in + n_out)), b = 0: for tanh neurons (Glorot and Bengio 2010)."""
    bound = np.sqrt(6 / (n_in + n_out))
    return rng.uniform(-bound, bound, (n_in, n_out)), np.zeros(n_out)


def orthogonal(rng: np.random.Generator, n_in: int, n_out: int) -> tuple[Array, Array]:
    """Draw W with orthonormal columns (or rows, where there are more columns), b = 0: it keeps lengths (Saxe 2014)."""
    tall = rng.standard_normal((max(n_in, n_out), min(n_in, n_out)))
    q, r = np.linalg.qr(tall)
    q *= np.sign(np.diag(r))  # so that all orthogonal matrices are equally likely
    return np.ascontiguousarray(q if n_in >= n_out else q.T), np.zeros(n_out)


INITIALIZERS: dict[str, Initializer] = {rule.__name__: rule for rule in (scaled, gaussian, he, glorot, orthogonal)}
"""Every rule by name."""


def initializer_of(weight_init: object) -> Initializer:
    """Return the rule of a name; that of "scaled" where the weights are given, which then take their places."""
    return INITIALIZERS[weight_init] if isinstance(weight_init, str) else scaled
