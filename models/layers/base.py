"""What every layer offers, and the buffers that it may use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from models.kernels import Array, Op, accumulate_outer


@dataclass
class Workspace:
    """Named buffers of one chunk of lanes and one batch size, allocated once and shared by all steps.

    Attributes:
        lanes: k, the number of networks in the chunk.
        batch: b, samples in a batch.
        dtype: float32 or float64.
    """

    lanes: int
    batch: int
    dtype: np.dtype[Any]
    buffers: dict[tuple[Any, ...], Array] = field(default_factory=dict)

    def buffer(self, *name: Any, width: int) -> Array:
        """Return the array of shape (lanes, batch, width) of that name, the same one at every call."""
        if name not in self.buffers:
            self.buffers[name] = np.zeros((self.lanes, self.batch, width), self.dtype)
        return self.buffers[name]


@dataclass(frozen=True)
class Gradient:
    """A gradient that has not been multiplied out: ∂C/∂P = scale·leftᵀ·right, to be consumed by an optimizer.

    Either factor is shared by the lanes, shape (b, ·), or has one matrix a lane, shape (k, b, ·).

    Attributes:
        parameter: Name of the parameter P, of shape (k, rows, columns).
        left: Factor of `rows` columns; for weights the error δ.
        right: Factor of `columns` columns; for weights the inputs x.
        decays: Whether regularisation applies (weights: yes, biases: no).
        scale: Constant factor.
    """

    parameter: str
    left: Array
    right: Array
    decays: bool
    scale: float

    def accumulate(self, k: int, factor: float, beta: float, out: Array) -> Op:
        """Emit out ← β·out + factor·∂C/∂P for lane k; out has shape (rows, columns)."""
        return accumulate_outer(factor * self.scale, lane(self.left, k), lane(self.right, k), beta, out)


def lane(array: Array, k: int) -> Array:
    """Return the matrix of lane k of an array that has one a lane, or that all lanes share."""
    return array if array.ndim == 2 else array[k]


class Layer(Protocol):
    """A stage of the network with k lanes side by side.

    `forward` and `backward` emit operations once for given buffers; parameters are arrays of shape (k, ...) by name.
    """

    @property
    def n_out(self) -> int:
        """Width of the output."""

    def init(self, rng: np.random.Generator) -> dict[str, Array]:
        """Draw the parameters of one network, float64, each of the shape that it has in a population less the lanes."""

    def forward(
        self, workspace: Workspace, parameters: Mapping[str, Array], x: Array, out: Array | None = None
    ) -> tuple[list[Op], Array]:
        """Emit the forward pass.

        Args:
            workspace: Where buffers come from.
            parameters: The layer's parameters, shape (k, ...) each.
            x: Inputs of shape (b, n_in), shared, or (k, b, n_in).
            out: Where the result goes, shape (k, b, n_out); None for a buffer of the workspace.

        Returns:
            The operations, and the array of shape (k, b, n_out) that they fill.
        """

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
        """Emit the backward pass.

        Args:
            workspace: Where buffers come from.
            parameters: The layer's parameters.
            x: The inputs of the forward pass.
            out: The outputs of the forward pass.
            delta: The error, shape (k, b, n_out), overwritten at will: ∂C/∂out = scale·delta.
            scale: See `delta`; the same for all layers.
            first: Whether nothing below needs the error of x.

        Returns:
            The operations, the error of x (where `first`, of no meaning), and the gradients of the parameters.
        """
