"""A residual connection: what some layers make of their input is added to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from ..kernels import Array, Op
from ..operations import add, assign
from .assembly import assembled, backward_through, built
from .base import Gradient, Layer, Parameter, Workspace
from .declared import Declared, Site, as_written
from .shapes import Flat


@dataclass(frozen=True)
class Residual(Declared):
    """y = x + f(x), with f a chain of layers (He et al. 2016).

    An activation of the sum is a layer of its own: `Residual([Conv2D(16, 3, padding="same"), Conv2D(16, 3,
    padding="same", activation="identity")]), Activation("relu")`.

    Attributes:
        layers: f; what goes out has the shape of what comes in, or of what the shortcut makes of it.
        shortcut: Layers in the place of x, such as `[Conv2D(32, 1, stride=2, activation="identity")]` where f changes
            the shape.

    Examples:
        >>> import numpy as np
        >>> from hpsearch import Activation, Conv2D, NetworkRegressor, Residual
        >>> X, y = np.ones((32, 64)), np.ones(32)
        >>> block = Residual([Conv2D(4, 3, padding="same", activation="identity")])
        >>> layers = [Conv2D(4, 3), block, Activation("relu")]
        >>> model = NetworkRegressor(layers=layers, max_epochs=1, random_state=0).fit(X, y)
        >>> [weights.shape for weights in model.coefs_]
        [(9, 4), (36, 4), (144, 1)]
    """

    layers: Sequence[Declared] = ()
    shortcut: Sequence[Declared] = ()
    within: ClassVar[tuple[str, ...]] = ("layers", "shortcut")

    def __post_init__(self) -> None:
        """Keep the layers as tuples, so that the value can be compared."""
        for name in self.within:
            object.__setattr__(self, name, tuple(getattr(self, name)))

    def check(self) -> None:
        """Raise a ValueError where there are no layers."""
        if not self.layers:
            raise ValueError("Residual([…]) needs layers")

    def group(self) -> Declared:
        """Return the connection with layers that stand for those that can train side by side."""
        return replace(self, **{name: tuple(layer.group() for layer in getattr(self, name)) for name in self.within})

    def build(self, site: Site) -> list[Layer]:
        """Return the connection."""
        index = site.number("residual")
        shape_in = site.shape
        main = built(self.layers, site)
        shape_out = site.shape
        site.shape = shape_in
        shortcut = built(self.shortcut, site)
        if site.shape.width == shape_out.width and Flat in (type(site.shape), type(shape_out)):
            site.shape = shape_out = Flat(shape_out.width)
        if site.shape != shape_out:
            raise ValueError(
                f"{as_written(self)}: its layers make {shape_out} of {shape_in}, to which {site.shape} cannot be "
                "added: give layers that keep the shape, or a shortcut= that changes it likewise"
            )
        main_layers, shortcut_layers = (assembled(branch, site, kept=True) for branch in (main, shortcut))
        return [ResidualLayer(index, main_layers, shortcut_layers, shape_out.width)]


@dataclass(frozen=True)
class ResidualLayer:
    """y = s(x) + f(x), with s a shortcut or x itself.

    Attributes:
        index: Names the buffers.
        main: f.
        shortcut: s; none for x itself.
        n_out: Width of the output.
    """

    index: int
    main: tuple[Layer, ...]
    shortcut: tuple[Layer, ...]
    n_out: int
    overwrites: ClassVar[bool] = False
    keeps_output: ClassVar[bool] = False
    passes_on: ClassVar[bool] = False
    counts: ClassVar[bool] = False
    mask_width: ClassVar[int] = 0

    @property
    def inner(self) -> tuple[Layer, ...]:
        """The layers of both branches."""
        return (*self.main, *self.shortcut)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Those of the layers."""
        return tuple(p for layer in self.inner for p in layer.parameters)

    @property
    def repeats(self) -> bool:
        """Whether all layers do the same at every step."""
        return all(layer.repeats for layer in self.inner)

    def init(self, rng: np.random.Generator) -> dict[str, Array]:
        """Draw the parameters of the layers."""
        drawn: dict[str, Array] = {}
        for layer in self.inner:
            drawn.update(layer.init(rng))
        return drawn

    def _branch(self, number: int, x: Array) -> tuple[object, ...]:
        """Return the name of what a branch passed when x came in: the inputs of a network are others at each step."""
        return "branch", self.index, number, x.__array_interface__["data"][0]

    def forward(
        self, workspace: Workspace, parameters: Mapping[str, Array], x: Array, out: Array | None = None
    ) -> tuple[list[Op], Array]:
        """Emit both branches and their sum."""
        ops: list[Op] = []
        ends: list[Array] = []
        for number, branch in enumerate((self.main, self.shortcut)):
            value = x
            passed = []
            for layer in branch:
                emitted, output = layer.forward(workspace, parameters, value)
                ops += emitted
                passed.append((value, output))
                value = output
            workspace.note(self._branch(number, x), passed)
            ends.append(value)
        total = workspace.buffer("residual", self.index, width=self.n_out)
        return [*ops, add(ends[0], ends[1], out=total)], total

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
        """Emit the passes of both branches, each with the error for itself, and the sum of what they say of x."""
        ops: list[Op] = []
        gradients: list[Gradient] = []
        below: list[Array] = []
        for number, branch in enumerate((self.main, self.shortcut)):
            branch_delta = workspace.buffer("d_branch", self.index, number, width=self.n_out)
            ops.append(assign(delta, out=branch_delta))
            passed = workspace.noted(self._branch(number, x))
            emitted, error, branch_gradients = backward_through(
                branch, workspace, parameters, passed, branch_delta, scale, first=first
            )
            ops += emitted
            gradients += branch_gradients
            below.append(error)
        if first:
            return ops, delta, gradients
        total = workspace.buffer("d_residual", self.index, width=below[0].shape[-1])
        return [*ops, add(below[0], below[1], out=total)], total, gradients

    def jvp(
        self,
        workspace: Workspace,
        parameters: Mapping[str, Array],
        directions: Mapping[str, Array],
        x: Array,
        out: Array,
        tangent: Array | None,
    ) -> tuple[list[Op], Array | None]:
        """Emit how both branches move, and the sum."""
        ops: list[Op] = []
        ends = []
        for number, branch in enumerate((self.main, self.shortcut)):
            moved = tangent
            if tangent is not None:
                moved = workspace.buffer("r_branch", self.index, number, width=tangent.shape[-1])
                ops.append(assign(tangent, out=moved))
            for layer, (value, output) in zip(branch, workspace.noted(self._branch(number, x)), strict=True):
                emitted, moved = layer.jvp(workspace, parameters, directions, value, output, moved)
                ops += emitted
            ends.append(moved)
        standing = [end for end in ends if end is not None]
        if len(standing) < 2:
            return ops, standing[0] if standing else None
        total = workspace.buffer("r_residual", self.index, width=self.n_out)
        return [*ops, add(standing[0], standing[1], out=total)], total
