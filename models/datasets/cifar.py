"""The binary form of CIFAR-10: rows of a label and 3,072 bytes, the red, green and blue planes of 32×32 pixels."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import numpy as np

from .dataset import Array, DatasetError, Part, as_part

TRAIN = tuple(f"data_batch_{i}.bin" for i in range(1, 6))
TEST = "test_batch.bin"
FILES = (*TRAIN, TEST)
"""Names of the files; the last of the training files validates."""

ARCHIVE = "cifar-10-binary.tar.gz"
"""The archive as it is served; it is read as it is."""

UNPACKED = "cifar-10-batches-bin"
"""The folder that the archive unpacks to."""

SIDE = 32
CHANNELS = 3
_ROW = 1 + SIDE * SIDE * CHANNELS


def is_cifar(folder: Path) -> bool:
    """Return whether a folder holds the training files."""
    return any((folder / name).exists() for name in TRAIN)


def find_cifar(folder: Path) -> Path | None:
    """Return what of CIFAR-10 is in a folder: itself, the unpacked folder or the archive in it; or None."""
    for candidate in (folder, folder / UNPACKED):
        if is_cifar(candidate):
            return candidate
    return archive if (archive := folder / ARCHIVE).exists() else None


def read_cifar(path: Path) -> tuple[Part, Part, Part | None]:
    """Read CIFAR-10's binary files: four of them train, the fifth validates.

    Pixels are scaled to [0, 1] and come as (rows, columns, channels) in a row, which `NetworkClassifier` recognises.

    Args:
        path: A folder or a tar archive that holds data_batch_1.bin to data_batch_5.bin, and test_batch.bin if there is
            a test set.

    Returns:
        (train, valid, test or None).

    Raises:
        DatasetError: A file is missing or damaged.
    """
    files = _in_folder(path) if path.is_dir() else _in_archive(path)
    if missing := [name for name in TRAIN if name not in files]:
        raise DatasetError(f"{path}: CIFAR-10 lacks {', '.join(missing)}")
    parts = [_part(files[name], path / name) for name in TRAIN]
    X = np.concatenate([part.X for part in parts[:-1]])
    y = np.concatenate([part.y for part in parts[:-1]])
    test = _part(files[TEST], path / TEST) if TEST in files else None
    return Part(X, y, None), parts[-1], test


def _in_folder(folder: Path) -> Mapping[str, Array]:
    return {name: np.fromfile(folder / name, np.uint8) for name in FILES if (folder / name).exists()}


def _in_archive(path: Path) -> Mapping[str, Array]:
    """Return the content of the files in an archive, by name; nothing is written to the disk."""
    contents = {}
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                name = PurePosixPath(member.name).name
                if name in FILES and member.isfile() and (stream := archive.extractfile(member)) is not None:
                    contents[name] = np.frombuffer(stream.read(), np.uint8)
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise DatasetError(f"{path}: is no whole tar archive: {error}") from error
    return contents


def _part(content: Array, path: Path) -> Part:
    if not content.size or content.size % _ROW:
        raise DatasetError(f"{path}: {content.size} bytes are not whole rows of {_ROW}: it is damaged")
    rows = content.reshape(-1, _ROW)
    if rows[:, 0].max() > 9:
        raise DatasetError(f"{path}: label {rows[:, 0].max()} is none of CIFAR-10's: it is damaged, or CIFAR-100")
    planes = rows[:, 1:].reshape(-1, CHANNELS, SIDE * SIDE)
    X = np.ascontiguousarray(planes.transpose(0, 2, 1).reshape(len(rows), -1), np.float32) / np.float32(255)
    return as_part(X, rows[:, 0].astype(np.int64), str(path))
