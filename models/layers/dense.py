"""The dense layer z = W·x + b."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from models.initializers import Initializer
from models.kernels import Array, Op, affine, project_back
from models.layers.base import Gradient, Workspace, lane


@dataclass(frozen=True)
class Dense:
    """A fully connected layer without activation.

    Parameters of a population: weights (K, n_out, n_in), stored transposed (see `models.kernels`), biases (K, 1, n_out).

    Attributes:
        index: Position among the dense layers, from 0; names the parameters W0, b0, …
        n_in: Width of the input.
        n_out: Width of the output.
        initializer: Rule for the initial weights and biases.
    """

    index: int
    n_in: int
    n_out: int
    initializer: Initializer

    @property
    def weights(self) -> str:
        """Name of the weights."""
        return f"W{self.index}"

    @property
    def biases(self) -> str:
        """Name of the biases."""
        return f"b{self.index}"

    def init(self, rng: np.random.Generator) -> dict[str, Array]:
        """Draw weights (n_out, n_in) and biases (1, n_out)."""
        weights, biases = self.initializer(rng, self.n_in, self.n_out)
        return {self.weights: np.ascontiguousarray(weights.T), self.biases: biases[None]}

    def forward(
        self, workspace: Workspace, parameters: Mapping[str, Array], x: Array, out: Array | None = None
    ) -> tuple[list[Op], Array]:
        """Emit z ← x·Wᵀ + b."""
        weights, biases = parameters[self.weights], parameters[self.biases]
        z = workspace.buffer("z", self.index, width=self.n_out) if out is None else out
        products = [affine(lane(x, k), weights[k], z[k]) for k in range(workspace.lanes)]
        return [*products, (np.add, (z, biases, z))], z

    def backward(
        self, workspace: Workspace, parameters: Mapping[str, Array], x: Array, out: Array, delta: Array, first: bool
    ) -> tuple[list[Op], Array, list[Gradient]]:
        """Emit ∂C/∂x ← δ·W, and hand out ∂C/∂W = δᵀ·x and ∂C/∂b = 1ᵀ·δ unevaluated."""
        ones = np.ones((workspace.batch, 1), workspace.dtype)
        gradients = [
            Gradient(self.weights, delta, x, decays=True),
            Gradient(self.biases, ones, delta, decays=False),
        ]
        if first:
            return [], delta, gradients
        weights = parameters[self.weights]
        below = workspace.buffer("d", self.index, width=self.n_in)
        return [project_back(delta[k], weights[k], below[k]) for k in range(workspace.lanes)], below, gradients
