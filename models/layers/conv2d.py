"""Convolution: the same small filters at every place of an image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..initializers import Initializer
from ..kernels import Array, Op, add_biases, ones, project, project_back
from .base import Defaults, Gradient, Layer, Parameter, Workspace, lane
from .declared import Declared, Site, as_written, check_activation, check_positive, pair
from .patches import PatchesLayer
from .pooling import tile_above
from .shapes import Image, image_of


@dataclass(frozen=True)
class Conv2D(Declared):
    """Filters with weights and a bias each, which all places of an image share.

    Attributes:
        filters: Number of filters: channels that go out.
        kernel_size: Rows and columns of a filter: an integer, or a pair.
        stride: Steps between places, down and to the right.
        padding: Zeros around the image: an integer or a pair; "same" for as many as keep its size at stride 1 (for
            filters of odd size), "valid" for none.
        activation: See `Dense`.

    Examples:
        >>> import numpy as np
        >>> from hpsearch import Conv2D, NetworkRegressor
        >>> X, y = np.ones((32, 64)), np.ones(32)  # images of 8 by 8 pixels
        >>> layers = [Conv2D(4, 3), Conv2D(6, 3, padding="same")]
        >>> model = NetworkRegressor(layers=layers, max_epochs=1, random_state=0).fit(X, y)
        >>> [weights.shape for weights in model.coefs_]  # patches of 3·3·1 and 3·3·4 numbers
        [(9, 4), (36, 6), (216, 1)]
    """

    filters: int
    kernel_size: int | tuple[int, int] = 3
    stride: int | tuple[int, int] = 1
    padding: int | tuple[int, int] | str = 0
    activation: str | None = None

    def check(self) -> None:
        """Raise a ValueError for numbers that are out of range."""
        check_positive(self, "filters")
        pair(self, "kernel_size")
        pair(self, "stride")
        self._zeros()
        check_activation(self)

    def _zeros(self) -> tuple[int, int]:
        if self.padding == "valid":
            return 0, 0
        if self.padding == "same":
            rows, columns = pair(self, "kernel_size")
            if not rows % 2 or not columns % 2:
                raise ValueError(f"{as_written(self)}: padding='same' is for filters of odd size; give a number")
            return rows // 2, columns // 2
        if isinstance(self.padding, str):
            raise ValueError(f"{as_written(self)}: padding={self.padding!r} must be 'same', 'valid' or a number")
        return pair(self, "padding", 0)

    def build(self, site: Site) -> list[Layer]:
        """Return the copies of patches and the filters; the site adds the activation."""
        image = image_of(site.shape, as_written(self))
        zeros = self._zeros()
        kernel = pair(self, "kernel_size")
        stride = pair(self, "stride")
        sides = zip((image.rows, image.columns), kernel, stride, zeros, strict=True)
        rows, columns = ((side + 2 * zero - size) // step + 1 for side, size, step, zero in sides)
        if rows < 1 or columns < 1:
            raise ValueError(
                f"{as_written(self)}: filters of {kernel[0]}×{kernel[1]} do not fit into an image of "
                f"{image.rows}×{image.columns} pixels"
            )
        gain = site.activated(self.activation)
        out = Image(rows, columns, int(self.filters), tile_above(site.above, rows, columns))
        index = site.number("weights")
        patches = PatchesLayer(index, image, out, kernel, stride, zeros)
        site.shape = out
        return [patches, FiltersLayer(index, patches.patch, out, site.initializer, gain)]


@dataclass(frozen=True)
class FiltersLayer(Defaults):
    """z = p·Wᵀ + b at every place, for patches p: a dense layer whose batch is all places of all samples.

    Parameters of a population: weights (K, filters, patch) with patches as (kernel rows, kernel columns, channels), and
    biases (K, 1, filters). A product is one call per lane, whatever the number of lanes.

    Attributes:
        index: Position among the layers with weights, from 0.
        patch: Numbers in a patch.
        out: What goes out.
        initializer: Rule for the initial weights and biases.
        gain: Constant factor of the output, which the activation above wishes.
    """

    index: int
    patch: int
    out: Image
    initializer: Initializer
    gain: float

    @property
    def n_out(self) -> int:
        """Width of the output."""
        return self.out.width

    @property
    def _names(self) -> tuple[str, str]:
        return f"W{self.index}", f"b{self.index}"

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """Weights and biases."""
        weights, biases = self._names
        filters = self.out.channels
        return Parameter(weights, (filters, self.patch), decays=True), Parameter(biases, (1, filters))

    def init(self, rng: np.random.Generator) -> dict[str, Array]:
        """Draw weights (filters, patch) and biases (1, filters)."""
        weights, biases = self._names
        filters = self.out.channels
        drawn, shifts = self.initializer(rng, self.patch, filters)
        return {weights: np.ascontiguousarray(drawn.T), biases: shifts[None]}

    def _rows(self, array: Array, width: int) -> Array:
        """Return a view with a row per sample and place, (k, b·places, width); (b·places, width) of a shared array."""
        lead = array.shape[:-2]
        rows = array.reshape(*lead, -1, width)
        if not np.may_share_memory(rows, array):
            raise AssertionError("the rows of places must be a view")
        return rows

    def forward(
        self, workspace: Workspace, parameters: Mapping[str, Array], x: Array, out: Array | None = None
    ) -> tuple[list[Op], Array]:
        """Emit u ← gain·(p·Wᵀ + b) at every place."""
        z = workspace.buffer("z", self.index, width=self.n_out) if out is None else out
        return self._affine(workspace, parameters, x, self.gain, z), z

    def _affine(
        self, workspace: Workspace, parameters: Mapping[str, Array], x: Array, gain: float, z: Array
    ) -> list[Op]:
        weights, biases = (parameters[name] for name in self._names)
        patches = self._rows(x, self.patch)
        outputs = self._rows(z, self.out.channels)
        ops = []
        for k in range(workspace.lanes):
            ops.append(project(lane(patches, k), weights[k], gain, 0.0, outputs[k]))
            ops.append(add_biases(biases[k], gain, outputs[k]))
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
        """Emit the error of the patches, δ·W, and hand out ∂C/∂W = δᵀ·p and ∂C/∂b = 1ᵀ·δ unevaluated."""
        weights, biases = self._names
        errors = self._rows(delta, self.out.channels)
        patches = self._rows(x, self.patch)
        column = ones(errors.shape[-2], workspace.dtype)
        gradients = [
            Gradient(weights, errors, patches, decays=True, scale=scale),
            Gradient(biases, column, errors, decays=False, scale=scale),
        ]
        if first:
            return [], delta, gradients
        below = workspace.buffer("d", self.index, width=self.out.places * self.patch)
        rows = self._rows(below, self.patch)
        filters = parameters[weights]
        return [project_back(errors[k], filters[k], rows[k]) for k in range(workspace.lanes)], below, gradients

    def jvp(
        self,
        workspace: Workspace,
        parameters: Mapping[str, Array],
        directions: Mapping[str, Array],
        x: Array,
        out: Array,
        tangent: Array | None,
    ) -> tuple[list[Op], Array | None]:
        """Emit R{z} ← p·R{W}ᵀ + R{b} + R{p}·Wᵀ: of z, not of u."""
        moved = workspace.buffer("r", self.index, width=self.n_out)
        ops = self._affine(workspace, directions, x, 1.0, moved)
        if tangent is not None:
            weights = parameters[self._names[0]]
            rows = self._rows(tangent, self.patch)
            outputs = self._rows(moved, self.out.channels)
            ops += [project(rows[k], weights[k], 1.0, 1.0, outputs[k]) for k in range(workspace.lanes)]
        return ops, moved
