"""Group normalisation: each sample's numbers, or groups of its channels, are normalised by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np

from ..kernels import Array, Op, ones
from ..operations import add, assign, divide, multiply, sqrt, subtract, sum_over
from .base import Defaults, Gradient, Layer, Parameter, Workspace
from .declared import Declared, Site, as_written, check_positive

EPSILON = 1e-5
"""Added to the variance."""


@dataclass(frozen=True)
class GroupNorm(Declared):
    """Channels of an image (or neurons) in groups, each normalised over its channels and all places of a sample.

    (Wu and He 2018.) No statistics are kept: prediction computes what training does, whatever the batch. After weights
    it stands between them and their activation.

    Attributes:
        groups: Number of groups, which divides that of the channels.

    Examples:
        >>> import numpy as np
        >>> from hpsearch import Conv2D, GroupNorm, NetworkRegressor
        >>> X, y = np.random.default_rng(0).random((32, 64)), np.ones(32)
        >>> layers = [Conv2D(4, 3), GroupNorm(2)]
        >>> NetworkRegressor(layers=layers, max_epochs=1, random_state=0).fit(X, y).predict(X).shape
        (32,)
    """

    groups: int = 1
    goes_before: ClassVar[Literal["", "implied", "monotone"]] = "implied"
    by_place: ClassVar[bool] = True

    def check(self) -> None:
        """Raise a ValueError for numbers that are out of range."""
        check_positive(self, "groups")

    def build(self, site: Site) -> list[Layer]:
        """Return the layer."""
        channels = site.shape.channels
        if channels % self.groups:
            raise ValueError(
                f"{as_written(self)}: {channels} channels come in, which {self.groups} groups do not divide"
            )
        return [GroupNormLayer(site.number("norm"), self.groups, channels, site.shape.width // channels)]


@dataclass(frozen=True)
class GroupNormLayer(Defaults):
    """u = γ·x̂ + β with x̂ = (z − mean)/√(variance + ε) over each group of a sample.

    Parameters of a population are of shape (K, 1, channels): γ is g0, g1, …, β is s0, s1, ….

    Attributes:
        index: Position among the norms, from 0.
        groups: Number of groups.
        channels: Number of channels, or of neurons.
        places: Places of an image; 1 for neurons.
    """

    index: int
    groups: int
    channels: int
    places: int
    overwrites: ClassVar[bool] = True

    @property
    def n_out(self) -> int:
        """Width of the output."""
        return self.places * self.channels

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """γ and β."""
        shape = (1, self.channels)
        return Parameter(f"g{self.index}", shape), Parameter(f"s{self.index}", shape)

    def init(self, rng: np.random.Generator) -> dict[str, Array]:
        """Return γ = 1 and β = 0."""
        return {f"g{self.index}": np.ones((1, self.channels)), f"s{self.index}": np.zeros((1, self.channels))}

    def _grouped(self, array: Array) -> Array:
        """Return a view of shape (k, b, places, groups, channels of a group) of an array (k, b, n_out)."""
        return array.reshape(*array.shape[:2], self.places, self.groups, -1)

    def _by_place(self, array: Array) -> Array:
        """Return a view of shape (k, b·places, channels) of an array (k, b, n_out)."""
        return array.reshape(len(array), -1, self.channels)

    def _statistic(self, workspace: Workspace, name: str) -> Array:
        flat = workspace.buffer(name, self.index, width=self.groups)
        return flat.reshape(*flat.shape[:2], 1, self.groups, 1)

    def _average(self, workspace: Workspace, value: Array, out: Array) -> list[Op]:
        """Emit out ← mean over each group of a sample; value (k, b, n_out)."""
        size = self.places * self.channels // self.groups
        share = np.array(1 / size, workspace.dtype)
        if self.groups == 1:  # in one piece
            flat = out.reshape(*out.shape[:2], 1)
            return [sum_over(value, -1, out=flat), multiply(out, share, out=out)]
        # first over the channels of a group, which lie side by side, then over the places
        rows = workspace.buffer("gn_rows", self.index, width=self.places * self.groups)
        by_place = rows.reshape(*rows.shape[:2], self.places, self.groups)
        total = out.reshape(*out.shape[:2], self.groups)
        return [
            sum_over(self._grouped(value), -1, out=by_place, keepdims=False),
            sum_over(by_place, 2, out=total, keepdims=False),
            multiply(out, share, out=out),
        ]

    def forward(
        self, workspace: Workspace, parameters: Mapping[str, Array], x: Array, out: Array | None = None
    ) -> tuple[list[Op], Array]:
        """Emit x̂ in the memory of z, and u beside it."""
        gamma, beta = (parameters[p.name] for p in self.parameters)
        u = workspace.buffer("gn_u", self.index, width=self.n_out)
        mean = self._statistic(workspace, "gn_mean")
        inverse = self._statistic(workspace, "gn_inverse")
        one = np.array(1, workspace.dtype)
        epsilon = np.array(EPSILON, workspace.dtype)
        groups = self._grouped(x)
        rows = self._by_place(u)
        return [
            *self._average(workspace, x, mean),
            subtract(groups, mean, out=groups),
            multiply(x, x, out=u),
            *self._average(workspace, u, inverse),
            add(inverse, epsilon, out=inverse),
            sqrt(inverse, out=inverse),
            divide(one, inverse, out=inverse),
            multiply(groups, inverse, out=groups),
            multiply(self._by_place(x), gamma, out=rows),
            add(rows, beta, out=rows),
        ], u

    def _centre(self, workspace: Workspace, x: Array, value: Array, scratch: Array) -> list[Op]:
        """Emit value ← (value − mean(value) − x̂·mean(value·x̂))/√(variance + ε): what normalising lets pass."""
        mean = self._statistic(workspace, "gn_mean")
        groups = self._grouped(value)
        normalised = self._grouped(x)
        scratch_groups = self._grouped(scratch)
        return [
            multiply(value, x, out=scratch),
            *self._average(workspace, scratch, mean),
            multiply(normalised, mean, out=scratch_groups),
            *self._average(workspace, value, mean),
            subtract(groups, mean, out=groups),
            subtract(value, scratch, out=value),
            multiply(groups, self._statistic(workspace, "gn_inverse"), out=groups),
        ]

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
        """Emit the error of z, and hand out ∂C/∂γ = Σδ·x̂ and ∂C/∂β = Σδ."""
        gamma, beta = (p.name for p in self.parameters)
        product = workspace.buffer("gn_product", self.index, width=self.n_out)
        below = workspace.buffer("gn_below", self.index, width=self.n_out)
        scratch = workspace.buffer("gn_scratch", self.index, width=self.n_out)
        column = ones(workspace.batch * self.places, workspace.dtype)
        rows = self._by_place(delta)
        gradients = [
            Gradient(gamma, column, self._by_place(product), decays=False, scale=scale),
            Gradient(beta, column, rows, decays=False, scale=scale),
        ]
        ops: list[Op] = [
            multiply(delta, x, out=product),
            multiply(rows, parameters[gamma], out=self._by_place(below)),
            *self._centre(workspace, x, below, scratch),
        ]
        return ops, below, gradients

    def jvp(
        self,
        workspace: Workspace,
        parameters: Mapping[str, Array],
        directions: Mapping[str, Array],
        x: Array,
        out: Array,
        tangent: Array | None,
    ) -> tuple[list[Op], Array | None]:
        """Emit R{u} = γ·R{x̂} + R{γ}·x̂ + R{β}."""
        gamma, beta = (p.name for p in self.parameters)
        moved = workspace.buffer("gn_moved", self.index, width=self.n_out)
        scratch = workspace.buffer("gn_scratch", self.index, width=self.n_out)
        rows = self._by_place(moved)
        scratch_rows = self._by_place(scratch)
        ops: list[Op] = [assign(0 if tangent is None else tangent, out=moved)]
        if tangent is not None:
            ops += [*self._centre(workspace, x, moved, scratch), multiply(rows, parameters[gamma], out=rows)]
        return [
            *ops,
            multiply(self._by_place(x), directions[gamma], out=scratch_rows),
            add(moved, scratch, out=moved),
            add(rows, directions[beta], out=rows),
        ], moved
