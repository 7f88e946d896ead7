"""The activation of hidden neurons as a layer of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..activations import ACTIVATIONS
from ..activations import Activation as Function
from ..kernels import Array, Op
from ..operations import multiply
from .base import Defaults, Gradient, Layer, Workspace
from .declared import IDENTITY, Declared, Site, check_name


@dataclass(frozen=True)
class Activation(Declared):
    """An activation of its own, after a layer that says activation="identity".

    Attributes:
        function: Its name, see `hpsearch.models.activations`.

    Examples:
        >>> import numpy as np
        >>> from hpsearch import Activation, Dense, NetworkRegressor
        >>> X, y = np.ones((32, 5)), np.ones(32)
        >>> layers = [Dense(8, "identity"), Activation("relu")]
        >>> model = NetworkRegressor(layers=layers, max_epochs=1, random_state=0).fit(X, y)
        >>> bool(model.layer_activations(X)[0].min() >= 0)
        True
    """

    function: str
    by_place: ClassVar[bool] = True

    def check(self) -> None:
        """Raise a ValueError for an unknown function."""
        check_name(self, "function", (IDENTITY, *ACTIVATIONS))

    def build(self, site: Site) -> list[Layer]:
        """Return nothing: the site adds the activation."""
        site.activated(self.function, implied=False)
        return []


@dataclass(frozen=True)
class ActivationLayer(Defaults):
    """a = f(z), in place: z is not needed again.

    Attributes:
        index: Position among the hidden layers, from 0.
        n_out: Number of neurons.
        activation: f and its derivative.
        scales: Whether what comes in is z, and not u = gain·z as the activation wishes it.
    """

    index: int
    n_out: int
    activation: Function
    scales: bool = False
    overwrites: ClassVar[bool] = True
    keeps_output: ClassVar[bool] = True

    def _slope(self, workspace: Workspace, like: Array) -> Array:
        return workspace.buffer("slope", self.index, width=self.n_out) if self.activation.keeps_slope else like

    def forward(
        self, workspace: Workspace, parameters: Mapping[str, Array], x: Array, out: Array | None = None
    ) -> tuple[list[Op], Array]:
        """Emit a ← f(z) in the memory of z; an activation is never the last layer, so `out` is not used."""
        ops = self.activation.apply(x, self._slope(workspace, x))
        if self.scales and self.activation.gain != 1:
            ops.insert(0, multiply(x, np.array(self.activation.gain, x.dtype), out=x))
        return ops, x

    def slope(self, workspace: Workspace, out: Array, factor: Array) -> list[Op]:
        """Emit factor ← factor·f'(z), for outputs and an array of shape (k, b, n_out)."""
        scratch = workspace.buffer("s", self.index, width=self.n_out)
        return self.activation.backward(out, factor, scratch, self._slope(workspace, scratch))

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
        return self.slope(workspace, out, delta), delta, []

    def jvp(
        self,
        workspace: Workspace,
        parameters: Mapping[str, Array],
        directions: Mapping[str, Array],
        x: Array,
        out: Array,
        tangent: Array | None,
    ) -> tuple[list[Op], Array | None]:
        """Emit R{a} ← R{z}·f'(z) in place."""
        return ([], None) if tangent is None else (self.slope(workspace, out, tangent), tangent)
