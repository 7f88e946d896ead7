"""The dense layer z = x·Wᵀ + b."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..initializers import Initializer
from ..kernels import Array, Op, add_biases, ones, project, project_back
from .base import Defaults, Gradient, Layer, Parameter, Workspace, lane
from .declared import Declared, Site, check_activation, check_positive
from .shapes import Flat


@dataclass(frozen=True)
class Dense(Declared):
    """Neurons that see all that comes in; images are flattened, channels innermost.

    Attributes:
        units: Number of neurons.
        activation: Their function, see `hpsearch.models.activations`; None for the estimator's, "identity" for none.
            A norm that follows stands between the weights and the activation.

    Examples:
        >>> import numpy as np
        >>> from hpsearch import Dense, NetworkRegressor
        >>> X, y = np.ones((32, 5)), np.ones(32)
        >>> model = NetworkRegressor(layers=[Dense(8), Dense(3, "tanh")], max_epochs=1, random_state=0).fit(X, y)
        >>> [weights.shape for weights in model.coefs_]
        [(5, 8), (8, 3), (3, 1)]
    """

    units: int
    activation: str | None = None

    def check(self) -> None:
        """Raise a ValueError for numbers that are out of range."""
        check_positive(self, "units")
        check_activation(self)

    def build(self, site: Site) -> list[Layer]:
        """Return the weighted inputs; the site adds the activation."""
        n_in = site.shape.width
        gain = site.activated(self.activation)
        site.shape = Flat(self.units)
        return [DenseLayer(site.number("weights"), n_in, self.units, site.initializer, gain)]


@dataclass(frozen=True)
class DenseLayer(Defaults):
    """A fully connected layer without activation.

    Parameters of a population: weights (K, n_out, n_in), stored transposed (see `hpsearch.models.kernels`), biases
    (K, 1, n_out).

    Attributes:
        index: Position among the dense layers, from 0; names the parameters W0, b0, …
        n_in: Width of the input.
        n_out: Width of the output.
        initializer: Rule for the initial weights and biases.
        gain: Constant factor of the output, which the activation above wishes (see `Activation.gain`).
        has_biases: False under a batch norm, whose own shift takes the biases' place and name.
    """

    index: int
    n_in: int
    n_out: int
    initializer: Initializer
    gain: float
    has_biases: bool = True

    @property
    def weights(self) -> str:
        """Name of the weights."""
        return f"W{self.index}"

    @property
    def biases(self) -> str:
        """Name of the biases."""
        return f"b{self.index}"

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """Weights, and biases where it has any."""
        weights = Parameter(self.weights, (self.n_out, self.n_in), decays=True)
        return (weights, Parameter(self.biases, (1, self.n_out))) if self.has_biases else (weights,)

    def init(self, rng: np.random.Generator) -> dict[str, Array]:
        """Draw weights (n_out, n_in) and biases (1, n_out)."""
        weights, biases = self.initializer(rng, self.n_in, self.n_out)
        drawn = {self.weights: np.ascontiguousarray(weights.T)}
        return drawn | {self.biases: biases[None]} if self.has_biases else drawn

    def forward(
        self, workspace: Workspace, parameters: Mapping[str, Array], x: Array, out: Array | None = None
    ) -> tuple[list[Op], Array]:
        """Emit u ← gain·(x·Wᵀ + b)."""
        z = workspace.buffer("z", self.index, width=self.n_out) if out is None else out
        return self._affine(workspace, parameters, x, self.gain, z), z

    def _affine(
        self, workspace: Workspace, parameters: Mapping[str, Array], x: Array, gain: float, z: Array
    ) -> list[Op]:
        weights = parameters[self.weights]
        ops = []
        for k in range(workspace.lanes):
            ops.append(project(lane(x, k), weights[k], gain, 0.0, z[k]))
            if self.has_biases:
                ops.append(add_biases(parameters[self.biases][k], gain, z[k]))
        return ops

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
        gradients = [Gradient(self.weights, delta, x, decays=True, scale=scale)]
        if self.has_biases:
            column = ones(workspace.batch, workspace.dtype)
            gradients.append(Gradient(self.biases, column, delta, decays=False, scale=scale))
        if first:
            return [], delta, gradients
        weights = parameters[self.weights]
        below = workspace.buffer("d", self.index, width=self.n_in)
        return [project_back(delta[k], weights[k], below[k]) for k in range(workspace.lanes)], below, gradients

    def jvp(
        self,
        workspace: Workspace,
        parameters: Mapping[str, Array],
        directions: Mapping[str, Array],
        x: Array,
        out: Array,
        tangent: Array | None,
    ) -> tuple[list[Op], Array | None]:
        """Emit R{z} ← x·R{W}ᵀ + R{b} + R{x}·Wᵀ: of z, not of u."""
        moved = workspace.buffer("r", self.index, width=self.n_out)
        ops = self._affine(workspace, directions, x, 1.0, moved)
        if tangent is not None:
            weights = parameters[self.weights]
            ops += [project(tangent[k], weights[k], 1.0, 1.0, moved[k]) for k in range(workspace.lanes)]
        return ops, moved
