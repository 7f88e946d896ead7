"""What the pools of an image share: its windows, as views that are compared or added whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from ..kernels import Array
from .base import Defaults, Layer
from .declared import Declared, Site, as_written, pair
from .shapes import Image, image_of


@dataclass(frozen=True)
class Windows:
    """The windows of a pool.

    Attributes:
        image: What comes in.
        out: What goes out.
        size: Rows and columns of a window.
        stride: Steps between windows.
    """

    image: Image
    out: Image
    size: tuple[int, int]
    stride: tuple[int, int]

    @property
    def overlap(self) -> bool:
        """Whether a pixel may be in several windows."""
        return self.stride[0] < self.size[0] or self.stride[1] < self.size[1]

    @property
    def count(self) -> int:
        """Pixels of a window."""
        return self.size[0] * self.size[1]

    def views(self, array: Array) -> list[Array]:
        """Return, for each position within a window, row by row, a view of all pixels there.

        Args:
            array: Shape (k, b, image.width), or (b, image.width) where all lanes share it.

        Returns:
            Views of one shape, that of :meth:`flat`.
        """
        array = array if array.ndim == 3 else array[None]
        k, b, _ = array.shape
        rows, columns = self.size
        image = self.image
        if image.tile != (1, 1):
            pieces = array.reshape(k, b, rows * columns, self.out.width)
            return [pieces[:, :, i] for i in range(rows * columns)]
        pixels = array.reshape(k, b, image.rows, image.columns, image.channels)
        down, right = self.stride
        out = self.out
        return [
            pixels[:, :, i : i + down * (out.rows - 1) + 1 : down, j : j + right * (out.columns - 1) + 1 : right]
            for i, j in product(range(rows), range(columns))
        ]

    def flat(self, array: Array) -> Array:
        """Return a view of what goes out, shape (k, b, out.width), in the shape of the views."""
        if self.image.tile != (1, 1):
            return array
        return array.reshape(*array.shape[:2], self.out.rows, self.out.columns, self.out.channels)


@dataclass(frozen=True)
class PoolLayer(Defaults):
    """A pool without parameters.

    Attributes:
        index: Names the buffers.
        windows: Where it looks.
    """

    index: int
    windows: Windows

    @property
    def n_out(self) -> int:
        """Width of the output."""
        return self.windows.out.width


def build_pool(layer: Declared, site: Site, pool_type: type[PoolLayer]) -> list[Layer]:
    """Return a pool with the windows that a declared layer says by its size and stride."""
    image = image_of(site.shape, as_written(layer))
    size = pair(layer, "size")
    stride = _stride(layer)
    rows, columns = (
        (side - width) // step + 1 for side, width, step in zip((image.rows, image.columns), size, stride, strict=True)
    )
    if rows < 1 or columns < 1:
        raise ValueError(
            f"{as_written(layer)}: windows of {size[0]}×{size[1]} do not fit into an image of "
            f"{image.rows}×{image.columns} pixels"
        )
    site.shape = Image(rows, columns, image.channels)
    pool: Layer = pool_type(site.number("pool"), Windows(image, site.shape, size, stride))  # type: ignore[assignment]
    return [pool]


def check_pool(layer: Declared) -> None:
    """Raise a ValueError for a size or stride that is out of range."""
    pair(layer, "size")
    _stride(layer)


def _stride(layer: Declared) -> tuple[int, int]:
    return pair(layer, "size") if getattr(layer, "stride", None) is None else pair(layer, "stride")


def tile_above(above: Sequence[Declared], rows: int, columns: int) -> tuple[int, int]:
    """Return how the places of a convolution should be stored, for the sake of the pool above it.

    Args:
        above: The layers above the convolution.
        rows: Rows of places.
        columns: Columns of places.
    """
    for layer in above:
        if layer.pools:
            size = pair(layer, "size")
            fits = not rows % size[0] and not columns % size[1]
            return size if fits and _stride(layer) == size else (1, 1)
        if not layer.by_place:
            break
    return 1, 1
