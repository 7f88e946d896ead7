"""The shape of what passes from one layer of a chain to the next: a row of numbers, or an image."""

from __future__ import annotations

from dataclasses import dataclass

from ..kernels import Array


@dataclass(frozen=True)
class Flat:
    """A row of numbers per sample.

    Attributes:
        width: How many.
    """

    width: int

    def __str__(self) -> str:
        """Return it in words, for messages."""
        return f"{self.width} numbers"

    @property
    def channels(self) -> int:
        """How many numbers have parameters of their own in a norm: each."""
        return self.width


@dataclass(frozen=True)
class Image:
    """An image per sample, stored as (tile rows, tile columns, rows/tile rows, columns/tile columns, channels).

    With tiles of one pixel that is (rows, columns, channels). Below a pool of 2×2 pixels tiles are of 2×2, so that what
    stands first in all windows lies in one piece, and so on: pooling then compares whole pieces of memory.

    Attributes:
        rows: Height.
        columns: Width of the image.
        channels: Numbers per pixel.
        tile: Rows and columns of a tile.
    """

    rows: int
    columns: int
    channels: int
    tile: tuple[int, int] = (1, 1)

    def __str__(self) -> str:
        """Return it in words, for messages."""
        return f"{self.rows}×{self.columns} pixels of {self.channels} channel{'s' if self.channels > 1 else ''}"

    @property
    def width(self) -> int:
        """Numbers in a sample."""
        return self.rows * self.columns * self.channels

    @property
    def places(self) -> int:
        """Pixels in a sample."""
        return self.rows * self.columns


Shape = Flat | Image


def untiled(rows: Array, image: Image | None) -> Array:
    """Return images as (rows, columns, channels) in a row each, whose places were stored by tiles.

    Args:
        rows: Shape (n, image.width).
        image: What they are; None for what is not stored by tiles.
    """
    if image is None:
        return rows
    down, right = image.tile
    tiles = rows.reshape(len(rows), down, right, image.rows // down, image.columns // right, image.channels)
    return tiles.transpose(0, 3, 1, 4, 2, 5).reshape(rows.shape)


def image_of(shape: Shape, layer: object) -> Image:
    """Return a shape that must be an image.

    Raises:
        ValueError: It is none.
    """
    if not isinstance(shape, Image):
        fix = "put it before Dense and Flatten, or say image_shape=(rows, columns, channels)"
        raise ValueError(f"{layer} needs an image, and {shape.width} numbers come in: {fix}")
    return shape
