"""The activation of hidden neurons as a layer of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from models.activations import Activation
from models.kernels import Array, Op
from models.layers.base import Gradient, Workspace


@dataclass(frozen=True)
class ActivationLayer:
    """a = f(z), in place: z is not needed again.

    Attributes:
        index: Position among the hidden layers, from 0.
        n_out: Number of neurons.
        activation: f and its derivative.
    """

    index: int
    n_out: int
    activation: Activation

    def init(self, rng: np.random.Generator) -> dict[str, Array]:
        """Return no parameters."""
        return {}

    def forward(
        self, workspace: Workspace, parameters: Mapping[str, Array], x: Array, out: Array | None = None
    ) -> tuple[list[Op], Array]:
        """Emit a ← f(z) in the memory of z; an activation is never the last layer, so `out` is not used."""
        return self.activation.apply(x), x

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
        """Emit δ ← δ·f'(z) in place."""
        scratch = workspace.buffer("s", self.index, width=self.n_out)
        return self.activation.backward(out, delta, scratch), delta, []
