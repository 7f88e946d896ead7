"""The idx format of the MNIST files, plain or gzipped, and a folder of four such files.

An idx file is: two zero bytes, a byte for the type, a byte for the number of dimensions, the dimensions as big-endian
32-bit integers, then the values, big-endian, last dimension fastest (LeCun, Cortes, Burges, "The MNIST database").
"""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

from .dataset import Array, DatasetError, Part, as_part

DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
TRAIN_IMAGES = "train-images-idx3-ubyte"
TRAIN_LABELS = "train-labels-idx1-ubyte"
TEST_IMAGES = "t10k-images-idx3-ubyte"
TEST_LABELS = "t10k-labels-idx1-ubyte"
GZIP_MAGIC = b"\x1f\x8b"


def read_idx(path: Path) -> Array:
    """Read an idx file; gzip is recognised by its first bytes, whatever the file is called.

    Args:
        path: The file.

    Returns:
        A read-only array of the stored shape and type (big-endian where a value has several bytes).

    Raises:
        DatasetError: The file cannot be read, or is not a whole idx file.
    """
    try:
        body = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror or error}") from error
    if body[:2] == GZIP_MAGIC:
        try:
            body = gzip.decompress(body)
        except (EOFError, OSError, zlib.error) as error:
            raise DatasetError(f"{path}: corrupt or truncated gzip file: {error}") from error
    if len(body) < 4 or body[:2] != b"\0\0" or body[2] not in DTYPES or not body[3]:
        raise DatasetError(
            f"{path}: not an idx file: expected the magic number 0000 with a type and a number of dimensions, "
            f"found {body[:4].hex() or 'nothing'}"
        )
    start = 4 + 4 * body[3]
    if len(body) < start:
        raise DatasetError(f"{path}: truncated idx file: expected a header of {start} bytes, found {len(body)} in all")
    shape = tuple(int.from_bytes(body[i : i + 4], "big") for i in range(4, start, 4))
    dtype = np.dtype(DTYPES[body[2]])
    expected = math.prod(shape) * dtype.itemsize
    if len(body) - start != expected:
        raise DatasetError(
            f"{path}: {'truncated' if len(body) - start < expected else 'overlong'} idx file: "
            f"expected {expected} bytes of values for shape {shape}, found {len(body) - start}"
        )
    return np.frombuffer(body, dtype=dtype, offset=start).reshape(shape)


def find_idx(folder: Path, stem: str) -> Path | None:
    """Return the file `stem` of `folder`, plain or ``.gz``, also with the dot before idx that some copies have."""
    for name in (stem, stem.replace("-idx", ".idx")):
        for suffix in ("", ".gz"):
            if (path := folder / (name + suffix)).is_file():
                return path
    return None


def read_labels(folder: Path) -> Array:
    """Return the training labels of a folder of idx files, shape (n,)."""
    return _read(folder, TRAIN_LABELS, n_dims=1)[1]


def read_folder(folder: Path) -> tuple[Part, Part, Part | None]:
    """Read a folder of idx files named like MNIST's: the last sixth of its training images validates (60,000: 10,000).

    Args:
        folder: Holds train-images-idx3-ubyte and train-labels-idx1-ubyte, and the t10k files if there is a test set.

    Returns:
        (train, valid, test or None).

    Raises:
        DatasetError: A file is missing or damaged, or images and labels differ in number.
    """
    training = _read_pair(folder, TRAIN_IMAGES, TRAIN_LABELS)
    has_test = any(find_idx(folder, stem) for stem in (TEST_IMAGES, TEST_LABELS))
    test = _read_pair(folder, TEST_IMAGES, TEST_LABELS) if has_test else None
    n_valid = len(training.y) // 6
    if not n_valid:
        raise DatasetError(f"{folder}: {len(training.y)} training images are too few: the last sixth is to validate")
    return training.take(slice(None, -n_valid)), training.take(slice(-n_valid, None)), test


def _read_pair(folder: Path, images: str, labels: str) -> Part:
    image_path, X = _read(folder, images, n_dims=3)
    label_path, y = _read(folder, labels, n_dims=1)
    if y.dtype.kind not in "iu":
        raise DatasetError(f"{label_path}: expected integer labels, found type {y.dtype}")
    if len(X) != len(y):
        raise DatasetError(f"{label_path}: expected {len(X)} labels, as {image_path.name} has images, found {len(y)}")
    return as_part(X, y, str(image_path), ("its images", "its labels"))


def _read(folder: Path, stem: str, n_dims: int) -> tuple[Path, Array]:
    path = find_idx(folder, stem)
    if path is None:
        raise DatasetError(f"{folder}: expected the file {stem} or {stem}.gz, found neither")
    array = read_idx(path)
    if array.ndim != n_dims:
        raise DatasetError(f"{path}: expected {n_dims} dimension{'s' * (n_dims > 1)}, found shape {array.shape}")
    return path, array
