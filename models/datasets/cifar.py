"""The binary form of CIFAR-10: rows of a label and 3,072 bytes, the red, green and blue planes of 32×32 pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .dataset import DatasetError, Part, as_part

TRAIN, TEST = tuple(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"
"""Names of the files; the last of the training files validates."""

SIDE, CHANNELS = 32, 3
_ROW = 1 + SIDE * SIDE * CHANNELS


def is_cifar(folder: Path) -> bool:
    """Return whether a folder holds the training files."""
    return any((folder / name).exists() for name in TRAIN)


def read_cifar(folder: Path) -> tuple[Part, Part, Part | None]:
    """Read a folder of CIFAR-10's binary files: four of them train, the fifth validates.

    Pixels are scaled to [0, 1] and come as (rows, columns, channels) in a row, which `NetworkClassifier` recognises.

    Args:
        folder: Holds data_batch_1.bin to data_batch_5.bin, and test_batch.bin if there is a test set.

    Returns:
        (train, valid, test or None).

    Raises:
        DatasetError: A file is missing or damaged.
    """
    missing = [name for name in TRAIN if not (folder / name).exists()]
    if missing:
        raise DatasetError(f"{folder}: CIFAR-10 lacks {', '.join(missing)}")
    parts = [_read(folder / name) for name in TRAIN]
    X, y = np.concatenate([part.X for part in parts[:-1]]), np.concatenate([part.y for part in parts[:-1]])
    test = _read(folder / TEST) if (folder / TEST).exists() else None
    return Part(X, y, None), parts[-1], test


def _read(path: Path) -> Part:
    content = np.fromfile(path, np.uint8)
    if not content.size or content.size % _ROW:
        raise DatasetError(f"{path}: {content.size} bytes are not whole rows of {_ROW}: it is damaged")
    rows = content.reshape(-1, _ROW)
    if rows[:, 0].max() > 9:
        raise DatasetError(f"{path}: label {rows[:, 0].max()} is none of CIFAR-10's: it is damaged, or CIFAR-100")
    planes = rows[:, 1:].reshape(-1, CHANNELS, SIDE * SIDE)
    X = np.ascontiguousarray(planes.transpose(0, 2, 1).reshape(len(rows), -1), np.float32) / np.float32(255)
    return as_part(X, rows[:, 0].astype(np.int64), str(path))
