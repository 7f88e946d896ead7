"""What the filters of a convolution see: the patch around each place of an image, in a row (im2col)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view

from ..kernels import Array, Op
from ..operations import add, assign
from .base import Defaults, Gradient, Workspace
from .shapes import Image

RUNS = 4
"""From this many channels on, patches are copied run by run; of fewer, number by number, which is faster there."""


@dataclass(frozen=True)
class PatchesLayer(Defaults):
    """Copies patches: from images (k, b, rows·columns·channels) to rows (k, b, places·patch).

    The first layer of a network copies from the samples themselves, which all lanes share: (b, ·) to (b, ·).

    Attributes:
        index: Names the buffers.
        image: What comes in, with tiles of one pixel.
        out: Places of the filters, in the order in which they are stored.
        kernel: Rows and columns of a patch.
        stride: Steps between patches, down and to the right.
        padding: Zeros above and below, and at either side.
    """

    index: int
    image: Image
    out: Image
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]

    @property
    def patch(self) -> int:
        """Numbers in a patch."""
        return self.kernel[0] * self.kernel[1] * self.image.channels

    @property
    def n_out(self) -> int:
        """Width of the output."""
        return self.out.places * self.patch

    @property
    def _padded(self) -> tuple[int, int, int]:
        down, right = self.padding
        image = self.image
        return image.rows + 2 * down, image.columns + 2 * right, image.channels

    @cached_property
    def _source_indices(self) -> Array:
        """For each number of the output, its place in the padded image, shape (places·patch,)."""
        rows, columns, channels = self._padded
        numbers = np.arange(rows * columns * channels, dtype=np.intp).reshape(1, rows, columns, channels)
        windows = sliding_window_view(numbers, self.kernel, (1, 2))[:, :: self.stride[0], :: self.stride[1]]
        windows = windows.transpose(0, 1, 2, 4, 5, 3)  # (1, rows, columns, kernel rows, kernel columns, channels)
        tiles = windows.reshape(self._tiled(windows.shape[3:]))
        return np.ascontiguousarray(tiles.transpose(1, 3, 0, 2, 4, 5, 6)).reshape(-1)

    def _tiled(self, patch_axes: tuple[int, ...]) -> tuple[int, ...]:
        down, right = self.out.tile
        out = self.out
        return out.rows // down, down, out.columns // right, right, *patch_axes

    def _interior(self, padded: Array) -> Array:
        down, right = self.padding
        image = self.image
        view = padded.reshape(*padded.shape[:-1], *self._padded)
        return view[..., down : down + image.rows, right : right + image.columns, :]

    def _windows(self, padded: Array) -> Array:
        """Return a view of shape (…, tile rows, tile columns, rows, columns, kernel rows, kernel columns·channels)."""
        _, columns, channels = self._padded
        lead = padded.shape[:-1]
        s, t = self.stride
        h, w = self.out.tile
        number = padded.strides[-1]
        pixel = channels * number
        line = columns * channels * number
        shape = (*lead, h, w, self.out.rows // h, self.out.columns // w, self.kernel[0], self.kernel[1] * channels)
        strides = (*padded.strides[:-1], s * line, t * pixel, h * s * line, w * t * pixel, line, number)
        return as_strided(padded, shape, strides)

    def _gather(self, workspace: Workspace, x: Array, out: Array, name: str) -> list[Op]:
        ops: list[Op] = []
        source = x
        if any(self.padding):
            source = self._buffer(workspace, name, x, int(np.prod(self._padded)))
            ops.append(assign(x.reshape(*x.shape[:-1], *self._image_axes), out=self._interior(source)))
        if self.image.channels < RUNS:
            return [*ops, (source.take, (self._source_indices, -1, out, "clip"))]
        windows = self._windows(source)
        return [*ops, assign(windows, out=out.reshape(windows.shape))]

    @property
    def _image_axes(self) -> tuple[int, int, int]:
        return self.image.rows, self.image.columns, self.image.channels

    def _buffer(self, workspace: Workspace, name: str, like: Array, width: int) -> Array:
        """Return a buffer with lanes, or for samples that all lanes share without."""
        if like.ndim == 3:
            return workspace.buffer(name, self.index, width=width)
        return workspace.shared(name, self.index, width=width)

    def forward(
        self, workspace: Workspace, parameters: Mapping[str, Array], x: Array, out: Array | None = None
    ) -> tuple[list[Op], Array]:
        """Emit the copies."""
        patches = self._buffer(workspace, "patches", x, self.n_out)
        return self._gather(workspace, x, patches, "padded"), patches

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
        """Emit the error below: what all patches say of a pixel, added up, a position within the patch at a time."""
        if first:
            return [], delta, []
        below = workspace.buffer("d_image", self.index, width=self.image.width)
        padded = below
        if any(self.padding):
            padded = workspace.buffer("d_padded", self.index, width=int(np.prod(self._padded)))
        rows, columns = self.kernel
        channels = self.image.channels
        windows = self._windows(padded)
        errors = delta.reshape(windows.shape)
        ops: list[Op] = [(padded.fill, (0,))]
        for row, column in product(range(rows), range(columns)):
            position = (..., row, slice(column * channels, (column + 1) * channels))
            pixels = windows[position]
            ops.append(add(pixels, errors[position], out=pixels))
        if any(self.padding):
            ops.append(assign(self._interior(padded), out=below.reshape(*below.shape[:-1], *self._image_axes)))
        return ops, below, []

    def jvp(
        self,
        workspace: Workspace,
        parameters: Mapping[str, Array],
        directions: Mapping[str, Array],
        x: Array,
        out: Array,
        tangent: Array | None,
    ) -> tuple[list[Op], Array | None]:
        """Emit the copies of the tangent."""
        if tangent is None:
            return [], None
        moved = workspace.buffer("r_patches", self.index, width=self.n_out)
        return self._gather(workspace, tangent, moved, "r_padded"), moved
