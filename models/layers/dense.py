"""The dense layer z = x·Wᵀ + b."""

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

    Parameters of a population: weights (K, n_out, n_in), stored transposed (see `models.kernels`), biases (K, 1,
    n_out).

    Attributes:
        index: Position among the dense layers, from 0; names the parameters W0, b0, …
        n_in: Width of the input.
        n_out: Width of the output.
        initializer: Rule for the initial weights and biases.
        gain: Constant factor of the output, which the activation above wishes (see `Activation.gain`).
    """

    index: int
    n_in: int
    n_out: int
    initializer: Initializer
    gain: float

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
        """Emit u ← gain·(x·Wᵀ + b)."""
        weights, biases = parameters[self.weights], parameters[self.biases]
        z = workspace.buffer("z", self.index, width=self.n_out) if out is None else out
        lanes = range(workspace.lanes)
        return [op for k in lanes for op in affine(lane(x, k), weights[k], biases[k], self.gain, z[k])], z

    def backward(
        self,
        workspace: Workspace,
        parameters: Mapping[str, Array],
        x: Array,
        out: Array,
        delta: Array,
        scale: float,
        first: bool,
    ) -> tuple[list[Op], Array, list[Gradient]]:
        """Emit the error below, δ·W, and hand out ∂C/∂W = δᵀ·x and ∂C/∂b = 1ᵀ·δ unevaluated.

        δ is the error of z, not of u: the activation above answers so.
        """
        ones = np.ones((workspace.batch, 1), workspace.dtype)
        gradients = [
            Gradient(self.weights, delta, x, decays=True, scale=scale),
            Gradient(self.biases, ones, delta, decays=False, scale=scale),
        ]
        if first:
            return [], delta, gradients
        weights = parameters[self.weights]
        below = workspace.buffer("d", self.index, width=self.n_in)
        return [project_back(delta[k], weights[k], below[k]) for k in range(workspace.lanes)], below, gradients
