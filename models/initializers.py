"""Initial weights and biases: one function a rule, drawn in float64 from the trial's own stream."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from models.kernels import Array

Initializer = Callable[[np.random.Generator, int, int], tuple[Array, Array]]
"""(rng, n_in, n_out) -> weights of shape (n_in, n_out) and biases of shape (n_out,), both float64."""


def gaussian(rng: np.random.Generator, n_in: int, n_out: int) -> tuple[Array, Array]:
    """Draw w ~ N(0, 1) and b ~ N(0, 1): the chapter's first, saturating choice."""
    return rng.standard_normal((n_in, n_out)), rng.standard_normal(n_out)


def scaled(rng: np.random.Generator, n_in: int, n_out: int) -> tuple[Array, Array]:
    """Draw w ~ N(0, 1/n_in) and b ~ N(0, 1): the chapter's better choice, hidden neurons start unsaturated."""
    weights, biases = gaussian(rng, n_in, n_out)
    return weights / np.sqrt(n_in), biases


INITIALIZERS: dict[str, Initializer] = {"scaled": scaled, "gaussian": gaussian}
"""Every rule by name."""
