"""The training images of one epoch, distorted as an `Augmentation` says.

Each pixel of a distorted image is read, by bilinear interpolation, from a displaced position in the original, and
positions outside the image are background, 0. Images are distorted in blocks that stay in the cache, all arithmetic of
a block at once: an elastic field is two matrix products with a Gaussian's band matrix, and a pixel's neighbours are
four gathers.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import cache
from weakref import WeakValueDictionary

import numpy as np

from ..augmentation import AUGMENTATIONS, Augmentation, image_side, validate_augmentation
from ..kernels import Array
from .data import TrainingData

AUGMENTATION_STREAM = 1
"""Purpose of the stream that draws distortions, default_rng((*order_seed, purpose)): it belongs to the data."""

BLOCK_PIXELS = 24_000
"""Pixels distorted at once: a dozen arrays of that size share the cache. Fixed, for the order of the draws."""

TRUNCATE = 4.0
"""Where the Gaussian is cut off, in σ."""


class AugmentedImages:
    """The training images of one epoch, distorted; the populations of a tick share them.

    Args:
        X: The originals, shape (n, d), C-contiguous; d is the square of the side.
        augmentation: A name or the distortions.
        image_shape: (rows, columns), or None where it is inferred.

    Attributes:
        images: The distorted images, of the shape and dtype of X; the same array for ever.

    Raises:
        ValueError: The images are not square.
    """

    def __init__(self, X: Array, augmentation: str | Augmentation, image_shape: tuple[int, int] | None = None) -> None:
        validate_augmentation(augmentation, image_shape)
        self._X = X
        self._side = image_side(X.shape[1], image_shape)
        self._augmentation = AUGMENTATIONS[augmentation](self._side) if isinstance(augmentation, str) else augmentation
        self._drawn: tuple[int, ...] | None = None
        self._owner: object = None
        self.images = np.empty_like(X)

    @classmethod
    def shared(
        cls, data: TrainingData, augmentation: str | Augmentation, image_shape: tuple[int, int] | None = None
    ) -> AugmentedImages:
        """Return the one buffer that all populations have which train on `data` at the same ticks.

        Args:
            data: Its training inputs are distorted.
            augmentation: See the class.
            image_shape: See the class.

        Raises:
            ValueError: The images are not square.
        """
        key = (id(data), augmentation, image_shape)
        if (buffer := _SHARED.get(key)) is None:
            _SHARED[key] = buffer = cls(data.X_train, augmentation, image_shape)
            buffer._owner = data  # as long as the buffer lives, no other data has that id
        return buffer

    def draw(self, order_seed: tuple[int, ...]) -> Array:
        """Distort all images, unless those of that seed are there.

        Args:
            order_seed: Owner of the epoch's data stream.

        Returns:
            `images`.
        """
        if self._drawn != order_seed:
            self._drawn = None  # an interrupt leaves no half-drawn epoch behind
            rng = np.random.default_rng((*order_seed, AUGMENTATION_STREAM))
            distort(self._X, self._augmentation, self._side, rng, self.images)
            self._drawn = order_seed
        return self.images


_SHARED: WeakValueDictionary[Hashable, AugmentedImages] = WeakValueDictionary()


def distort(X: Array, augmentation: Augmentation, side: int, rng: np.random.Generator, out: Array) -> None:
    """Distort each image on its own.

    Args:
        X: Images, shape (n, side²).
        augmentation: What may happen to an image.
        side: Rows, and columns, of an image.
        rng: Draws the distortions, block by block.
        out: Receives the distorted images, shape (n, side²).
    """
    size = max(1, BLOCK_PIXELS // (side * side))
    block = _Block(min(size, len(X)), side)
    for start in range(0, len(X), size):
        rows = slice(start, min(start + size, len(X)))
        k = rows.stop - rows.start
        positions = block.positions[:, :k]
        positions[:] = 0
        if augmentation.affine:
            positions += _affine_displacements(k, augmentation, side, rng)
        if augmentation.elastic_alpha:
            positions += _elastic_displacements(k, augmentation, side, rng)
        positions += _grid(side)[:, None]
        block.interpolate(X[rows], out[rows])


@cache
def _grid(side: int) -> Array:
    """Return row and column of each pixel, shape (2, side²)."""
    return np.indices((side, side), np.float32).reshape(2, -1)


def _affine_displacements(k: int, augmentation: Augmentation, side: int, rng: np.random.Generator) -> Array:
    """Return the displacements of the pixels of k images, shape (2, k, side²)."""
    turn, shear, *amounts = rng.uniform(-1, 1, (6, k))
    angle = np.deg2rad(augmentation.rotation * turn)
    shear = augmentation.skew * shear
    tall = 1 + augmentation.scale * amounts[0]
    wide = 1 + augmentation.scale * amounts[1]
    down = augmentation.translation * amounts[2]
    right = augmentation.translation * amounts[3]
    cos = np.cos(angle)
    sin = np.sin(angle)
    # rotation · shear · size, about the middle of the image, less the identity: a displacement
    matrix = np.stack(
        [
            np.stack([(cos - sin * shear) * tall - 1, -sin * wide, down], -1),
            np.stack([(sin + cos * shear) * tall, cos * wide - 1, right], -1),
        ]
    ).astype(np.float32)
    centred = np.vstack([_grid(side) - np.float32((side - 1) / 2), np.ones((1, side * side), np.float32)])
    return np.asarray(np.matmul(matrix, centred))


def _elastic_displacements(k: int, augmentation: Augmentation, side: int, rng: np.random.Generator) -> Array:
    """Return smoothed random displacements for the pixels of k images, shape (2, k, side²)."""
    noise = rng.random((2, k, side, side), np.float32)
    noise -= np.float32(0.5)
    columns = np.matmul(noise.reshape(-1, side), _smoothing(side, augmentation.elastic_sigma))
    rows = _smoothing(side, augmentation.elastic_sigma) * np.float32(2 * augmentation.elastic_alpha)
    return np.asarray(np.matmul(rows, columns.reshape(2 * k, side, side)).reshape(2, k, -1))


@cache
def _smoothing(side: int, sigma: float) -> Array:
    """Return the symmetric matrix that convolves a row of pixels with a Gaussian; beyond the row is nothing."""
    radius = int(TRUNCATE * sigma + 0.5)
    at = np.arange(-radius, radius + 1)
    weights = np.exp(-0.5 * (at / sigma) ** 2)
    weights /= weights.sum()
    distance = np.abs(np.subtract.outer(np.arange(side), np.arange(side)))
    band = np.where(distance <= radius, weights[radius + np.minimum(distance, radius)], 0)
    return np.ascontiguousarray(band, np.float32)


class _Block:
    """Buffers for the interpolation of up to k images."""

    def __init__(self, k: int, side: int) -> None:
        self._side = side
        self._width = side + 3
        # background around: a pixel before, two behind, so that a place clipped to the edge has neighbours
        self._padded = np.zeros((k, self._width, self._width), np.float32)
        self._flat = self._padded.reshape(-1)
        self._base = np.arange(k, dtype=np.float32)[:, None] * np.float32(self._width * self._width)
        self.positions = np.empty((2, k, side * side), np.float32)
        self._corners = np.empty_like(self.positions)
        self._index = np.empty((k, side * side), np.intp)
        self._taps = np.empty((4, k, side * side), np.float32)

    def interpolate(self, images: Array, out: Array) -> None:
        """Read `images` at `positions`, (row, column) from the middle of the first pixel, into `out`."""
        k = len(images)
        side = self._side
        width = self._width
        self._padded[:k, 1:-2, 1:-2] = images.reshape(k, side, side)
        positions = self.positions[:, :k]
        corner_positions = self._corners[:, :k]
        index = self._index[:k]
        taps = self._taps[:, :k]
        positions += np.float32(1)
        np.clip(positions, np.float32(0), np.float32(side + 1), out=positions)
        np.floor(positions, out=corner_positions)
        positions -= corner_positions  # now the fractions
        number = np.multiply(corner_positions[0], np.float32(width), out=corner_positions[0])
        number += corner_positions[1]
        number += self._base[:k]  # exact: a block has fewer than 2²⁴ pixels
        np.copyto(index, number, casting="unsafe")
        for tap, offset in zip(taps, (0, 1, width, width + 1), strict=True):
            self._flat[offset:].take(index, out=tap, mode="clip")
        above_left, above_right, below_left, below_right = taps
        down, across = positions
        above_right -= above_left
        above_right *= across
        above_left += above_right
        below_right -= below_left
        below_right *= across
        below_left += below_right
        below_left -= above_left
        below_left *= down
        np.add(above_left, below_left, out=out)
