"""Batch normalisation between a dense layer and its activation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np

from ..kernels import Array, Op, ones
from ..operations import add, assign, divide, maximum, multiply, sqrt, subtract, sum_over
from .base import Defaults, Gradient, Layer, Parameter, Workspace
from .declared import Declared, Site

EPSILON = 1e-5
"""Added to the variance."""

BLEND = 0.1
"""Weight of the newest batch in the running statistics; in the first steps more, so that they are plain means."""


@dataclass(frozen=True)
class BatchNorm(Declared):
    """Each neuron, or each channel of an image over all places, is normalised over the mini-batch.

    After weights it stands between them and their activation.

    Examples:
        >>> import numpy as np
        >>> from hpsearch import BatchNorm, Dense, NetworkRegressor
        >>> X, y = np.random.default_rng(0).random((32, 5)), np.ones(32)
        >>> model = NetworkRegressor(layers=[Dense(8), BatchNorm()], max_epochs=1, random_state=0).fit(X, y)
        >>> model.predict(X[:1]).shape  # one sample is normalised by statistics of training
        (1,)
    """

    goes_before: ClassVar[Literal["", "implied", "monotone"]] = "implied"
    by_place: ClassVar[bool] = True

    def build(self, site: Site) -> list[Layer]:
        """Return the layer."""
        norm = site.number("norm")
        channels = site.shape.channels
        return [BatchNormLayer(norm, channels, 1.0, site.shape.width // channels, f"s{norm}")]


@dataclass(frozen=True)
class BatchNormLayer(Defaults):
    """u = gain·(γ·x̂ + β) with x̂ = (z − mean)/√(variance + ε) over the batch (Ioffe and Szegedy 2015).

    Prediction and validation use running means and (unbiased) variances. A batch of one sample has no variance: it too
    is normalised by the running statistics, which it leaves alone, and its error passes as if they were constants.
    Parameters of a population are of shape (K, 1, n_out): γ is g0, g1, …; β takes the name of the biases that it
    replaces, b0, b1, …; running means are m0, m1, …, variances v0, v1, ….

    The places of an image are further samples of the batch for its channels (spatial batch norm).

    Attributes:
        index: Position among the dense layers, from 0; in a chain of layers, among the norms.
        channels: Number of neurons, or of channels.
        gain: Constant factor of the output, which the activation above wishes (see `Activation.gain`).
        places: Places of an image; 1 for neurons.
        shift: Name of β; None for that of the biases that it replaces.
    """

    index: int
    channels: int
    gain: float
    places: int = 1
    shift: str | None = None
    overwrites: ClassVar[bool] = True
    counts: ClassVar[bool] = True

    @property
    def n_out(self) -> int:
        """Width of the output."""
        return self.places * self.channels

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """γ, β and the running statistics."""
        shape = (1, self.channels)
        i = self.index
        return (
            Parameter(f"g{i}", shape),
            Parameter(self.shift or f"b{i}", shape),
            Parameter(f"m{i}", shape, trained=False),
            Parameter(f"v{i}", shape, trained=False),
        )

    def init(self, rng: np.random.Generator) -> dict[str, Array]:
        """Return γ = 1 and β = 0, mean 0 and variance 1."""
        starts = (np.ones, np.zeros, np.zeros, np.ones)
        return {p.name: start(p.shape) for p, start in zip(self.parameters, starts, strict=True)}

    def _row(self, workspace: Workspace, name: str) -> Array:
        return workspace.buffer(name, self.index, width=self.channels, rows=1)

    def _rows(self, workspace: Workspace, name: str) -> Array:
        """Return a buffer with a row per sample and place, shape (k, b·places, channels)."""
        return workspace.buffer(name, self.index, width=self.channels, rows=workspace.batch * self.places)

    def _by_place(self, array: Array) -> Array:
        """Return a view of an array of shape (k, b, n_out) with a row per sample and place."""
        return array if self.places == 1 else array.reshape(len(array), -1, self.channels)

    def _by_sample(self, workspace: Workspace, array: Array) -> Array:
        return array if self.places == 1 else array.reshape(len(array), workspace.batch, self.n_out)

    def _by_batch(self, workspace: Workspace) -> bool:
        return workspace.statistics != "running" and workspace.batch * self.places > 1

    def forward(
        self, workspace: Workspace, parameters: Mapping[str, Array], x: Array, out: Array | None = None
    ) -> tuple[list[Op], Array]:
        """Emit x̂ in the memory of z, and u beside it; a batch norm is never the last layer."""
        dtype = workspace.dtype
        b = workspace.batch * self.places
        x = self._by_place(x)
        gamma, beta, mean, variance = (parameters[p.name] for p in self.parameters)
        inverse, factor, shift = (self._row(workspace, name) for name in ("bn_inverse", "bn_factor", "bn_shift"))
        u = self._rows(workspace, "bn_u")
        one, epsilon, gain = (np.array(value, dtype) for value in (1.0, EPSILON, self.gain))
        ops: list[Op] = []
        if self._by_batch(workspace):
            count = np.array(1 / b, dtype)
            own_mean = self._row(workspace, "bn_mean")
            own_variance = self._row(workspace, "bn_variance")
            ops = [
                sum_over(x, -2, out=own_mean),
                multiply(own_mean, count, out=own_mean),
                subtract(x, own_mean, out=x),
                multiply(x, x, out=u),
                sum_over(u, -2, out=own_variance),
                multiply(own_variance, count, out=own_variance),
            ]
            if workspace.statistics == "update":
                ops += self._remember(workspace, own_mean, mean, 1.0)
                ops += self._remember(workspace, own_variance, variance, b / (b - 1))
            variance = own_variance
        else:
            ops = [subtract(x, mean, out=x)]
        ops += [
            add(variance, epsilon, out=inverse),
            sqrt(inverse, out=inverse),
            divide(one, inverse, out=inverse),
            multiply(x, inverse, out=x),
            multiply(gamma, gain, out=factor),
            multiply(beta, gain, out=shift),
            multiply(x, factor, out=u),
            add(u, shift, out=u),
        ]
        return ops, self._by_sample(workspace, u)

    def _remember(self, workspace: Workspace, value: Array, running: Array, correction: float) -> list[Op]:
        """Emit running ← running + blend·(correction·value − running), with blend = max(0.1, 1/step)."""
        clock = workspace.clock
        change = self._row(workspace, "bn_change")
        if clock is None:
            raise AssertionError("running statistics need the clock")
        blend = np.empty((workspace.lanes, 1, 1))
        return [
            divide(1.0, clock, out=blend),
            maximum(blend, np.array(BLEND), blend),
            multiply(value, np.array(correction, workspace.dtype), out=change),
            subtract(change, running, out=change),
            multiply(change, blend, out=change),
            add(running, change, out=running),
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
        """Emit the error of z, γ/√(variance + ε)·(δ − mean(δ) − x̂·mean(δ·x̂)); ∂C/∂γ = Σδ·x̂, ∂C/∂β = Σδ."""
        gamma, beta = (p.name for p in self.parameters[:2])
        x = self._by_place(x)
        delta = self._by_place(delta)
        product = self._rows(workspace, "bn_product")
        below = self._rows(workspace, "bn_below")
        factor = self._row(workspace, "bn_factor")
        column = ones(workspace.batch * self.places, workspace.dtype)
        gradients = [
            Gradient(gamma, column, product, decays=False, scale=scale),
            Gradient(beta, column, delta, decays=False, scale=scale),
        ]
        ops: list[Op] = [multiply(delta, x, out=product)]
        ops += self._centre(workspace, x, delta, product, below)
        ops += [
            multiply(parameters[gamma], self._row(workspace, "bn_inverse"), out=factor),
            multiply(below, factor, out=below),
        ]
        return ops, self._by_sample(workspace, below), gradients

    def _centre(self, workspace: Workspace, x: Array, value: Array, product: Array, out: Array) -> list[Op]:
        """Emit out ← value − mean(value) − x̂·mean(product), product = value·x̂: the part that normalising lets pass."""
        if not self._by_batch(workspace):
            return [assign(value, out=out)]
        mean = self._row(workspace, "bn_centre")
        count = np.array(1 / (workspace.batch * self.places), workspace.dtype)
        return [
            sum_over(product, -2, out=mean),
            multiply(mean, count, out=mean),
            multiply(x, mean, out=out),
            subtract(value, out, out=out),
            sum_over(value, -2, out=mean),
            multiply(mean, count, out=mean),
            subtract(out, mean, out=out),
        ]

    def jvp(
        self,
        workspace: Workspace,
        parameters: Mapping[str, Array],
        directions: Mapping[str, Array],
        x: Array,
        out: Array,
        tangent: Array | None,
    ) -> tuple[list[Op], Array | None]:
        """Emit R{γ·x̂ + β} = γ·R{x̂} + R{γ}·x̂ + R{β}; R{x̂} has the same form as the backward pass."""
        if tangent is None:
            raise AssertionError("a dense layer stands below a batch norm, so that its input moves")
        gamma, beta = (p.name for p in self.parameters[:2])
        x = self._by_place(x)
        tangent = self._by_place(tangent)
        product = self._rows(workspace, "bn_product")
        moved = self._rows(workspace, "bn_moved")
        factor = self._row(workspace, "bn_factor")
        ops: list[Op] = [multiply(tangent, x, out=product)]
        ops += self._centre(workspace, x, tangent, product, moved)
        ops += [
            multiply(parameters[gamma], self._row(workspace, "bn_inverse"), out=factor),
            multiply(moved, factor, out=moved),
            multiply(x, directions[gamma], out=product),
            add(moved, product, out=moved),
            add(moved, directions[beta], out=moved),
        ]
        return ops, self._by_sample(workspace, moved)
