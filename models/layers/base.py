"""The interface of layers, and the buffers that they work in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, Protocol

import numpy as np

from ..kernels import Array, Op, accumulate_outer


@dataclass(frozen=True)
class Parameter:
    """An array that a layer owns, of shape (K, rows, columns) in a population of K.

    Attributes:
        name: Name within the network, such as W0.
        shape: (rows, columns).
        decays: Whether regularisation applies (weights: yes, biases: no).
        trained: Whether it has a gradient; the running statistics of a batch norm have none.
    """

    name: str
    shape: tuple[int, int]
    decays: bool = False
    trained: bool = True


@dataclass
class Workspace:
    """Named buffers of one chunk of lanes and one batch size, allocated once and shared by all steps.

    Attributes:
        lanes: k, the number of networks in the chunk.
        batch: b, samples in a batch.
        dtype: float32 or float64.
        statistics: How batch norm normalises: by the batch while it updates the running statistics, by the batch
            only, or by the running statistics.
        clock: Steps that each lane will have done after the next, shape (k, 1, 1), float64; read while training only.
        masks: Dropout masks of the step that is being emitted, by the layer's index; none outside training.
    """

    lanes: int
    batch: int
    dtype: np.dtype[Any]
    statistics: Literal["update", "batch", "running"] = "running"
    clock: Array | None = None
    masks: Mapping[int, Array] = field(default_factory=dict)
    _buffers: dict[tuple[Any, ...], Array] = field(default_factory=dict)
    _emitted: dict[tuple[Any, ...], Any] = field(default_factory=dict)

    def buffer(self, *name: Any, width: int, rows: int | None = None) -> Array:
        """Return the array of shape (lanes, rows, width) of that name, the same one at every call.

        Args:
            name: What it is for.
            width: Length of the last axis.
            rows: Length of the axis before; None for one row per sample.
        """
        if name not in self._buffers:
            self._buffers[name] = np.zeros((self.lanes, self.batch if rows is None else rows, width), self.dtype)
        return self._buffers[name]

    def shared(self, *name: Any, width: int) -> Array:
        """Return the array of shape (batch, width) of that name, which all lanes share."""
        if name not in self._buffers:
            self._buffers[name] = np.zeros((self.batch, width), self.dtype)
        return self._buffers[name]

    def note(self, name: tuple[Any, ...], value: Any) -> None:
        """Keep what a layer's forward pass left for its backward pass, which is emitted next."""
        self._emitted[name] = value

    def noted(self, name: tuple[Any, ...]) -> Any:
        """Return what was kept under that name."""
        return self._emitted[name]

    def again(self, clock: Array | None = None) -> Workspace:
        """Return a workspace for other networks that run by turns with these, in the same buffers.

        Args:
            clock: Steps of those networks.
        """
        return replace(self, clock=clock, _emitted={})

    def once(self, name: tuple[Any, ...], emit: Callable[[], Any]) -> Any:
        """Return what `emit` returned when it was first asked for under that name.

        Operations that read and write buffers of the workspace alone are the same at every step: emitting them once
        halves the time that it takes to compile.
        """
        if name not in self._emitted:
            self._emitted[name] = emit()
        return self._emitted[name]


@dataclass(frozen=True, eq=False)
class Gradient:
    """A gradient that has not been multiplied out: ∂C/∂P = scale·leftᵀ·right, to be consumed by an optimizer.

    Either factor is shared by the lanes, shape (b, ·), or has one matrix per lane, shape (k, b, ·).

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
    """Return the matrix of lane k of an array that has one per lane, or that all lanes share."""
    return array if array.ndim == 2 else array[k]


class Defaults:
    """Defaults that hold for most layers; a layer that differs overrides them."""

    repeats: ClassVar[bool] = True
    overwrites: ClassVar[bool] = False
    keeps_output: ClassVar[bool] = False
    passes_on: ClassVar[bool] = False
    counts: ClassVar[bool] = False
    inner: ClassVar[tuple[Layer, ...]] = ()

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """No arrays."""
        return ()

    @property
    def mask_width(self) -> int:
        """No mask."""
        return 0

    def init(self, rng: np.random.Generator) -> dict[str, Array]:
        """Return no parameters."""
        return {}


class Layer(Protocol):
    """A stage of the network with k lanes side by side.

    The methods emit operations once for given buffers; parameters are arrays of shape (k, ...) by name.
    """

    @property
    def n_out(self) -> int:
        """Width of the output."""

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The arrays that the layer owns."""

    @property
    def repeats(self) -> bool:
        """Whether its operations are the same at every step, given inputs and outputs in the workspace."""

    @property
    def overwrites(self) -> bool:
        """Whether the forward pass destroys its inputs."""

    @property
    def keeps_output(self) -> bool:
        """Whether the backward pass reads the outputs, which nobody above may destroy."""

    @property
    def passes_on(self) -> bool:
        """Whether the outputs may be the inputs themselves."""

    @property
    def counts(self) -> bool:
        """Whether it reads the workspace's clock while it trains."""

    @property
    def inner(self) -> tuple[Layer, ...]:
        """Layers of which it is made."""

    @property
    def mask_width(self) -> int:
        """Numbers in the random mask of a sample that it is given at each step, by its `index`; 0 for none."""

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

    def jvp(
        self,
        workspace: Workspace,
        parameters: Mapping[str, Array],
        directions: Mapping[str, Array],
        x: Array,
        out: Array,
        tangent: Array | None,
    ) -> tuple[list[Op], Array | None]:
        """Emit the R-operator: how the output moves when parameters and inputs move (Pearlmutter 1994).

        Args:
            workspace: Where buffers come from, those of the forward pass.
            parameters: The layer's parameters.
            directions: How they move, arrays of the same shapes by the same names.
            x: The inputs of the forward pass.
            out: The outputs of the forward pass.
            tangent: How the inputs move, shape (k, b, n_in), overwritten at will; None where they stand still.

        Returns:
            The operations, and how the output moves, shape (k, b, n_out); None where it stands still.
        """
