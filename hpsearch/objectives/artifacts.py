"""Files that a trial logs: copied beside the study's log, whole or not at all, and delivered to MLflow."""

from __future__ import annotations

import os
import shutil
from functools import cached_property
from pathlib import Path, PurePosixPath

from hpsearch.log.files import flush
from hpsearch.log.kept import ARTIFACTS, artifact_folder, artifacts

MOST_BYTES = 1_000_000_000
"""Bytes that the artifacts of a trial may take together."""


class Artifacts:
    """The artifacts of one trial.

    Args:
        study_dir: The study's folder.
        trial: The trial's number.
    """

    def __init__(self, study_dir: Path, trial: int) -> None:
        self._study_dir = study_dir
        self._trial = trial

    @cached_property
    def _folder(self) -> Path:
        return artifact_folder(self._study_dir, self._trial)

    def clear(self) -> None:
        """Delete what an earlier study of this folder has left."""
        if os.path.isdir(f"{self._study_dir}/{ARTIFACTS}") and self._folder.is_dir():
            shutil.rmtree(self._folder, ignore_errors=True)

    def keep(self, path: str | os.PathLike[str], inside: str | None = None) -> None:
        """Keep a copy of a file, or of a folder's files; one that is there under that name is replaced.

        Args:
            path: The file or the folder.
            inside: A folder among the artifacts, such as ``plots``; None: no folder of its own.

        Raises:
            FileNotFoundError: It is not there.
            ValueError: The name leads elsewhere, or the trial's artifacts come to more than :data:`MOST_BYTES`.
        """
        source = Path(path)
        if not source.exists():
            raise FileNotFoundError(2, "log_artifact: no such file or folder", str(source))
        folders = PurePosixPath(inside or "").parts
        if inside is not None and (PurePosixPath(inside).is_absolute() or ".." in folders):
            raise ValueError(f"log_artifact: artifact_path={inside!r} leads out of the trial's artifacts")
        target = self._folder.joinpath(*folders, source.resolve().name)
        kept_bytes = sum(
            file.stat().st_size for file, _ in artifacts(self._study_dir, self._trial) if not _in(file, target)
        )
        if (size := kept_bytes + _size(source)) > MOST_BYTES:
            raise ValueError(
                f"log_artifact: the trial's artifacts would come to {size:,} bytes, more than {MOST_BYTES:,}"
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        # Beside the numbered folders, so that a copy which was cut off is no artifact.
        partial = self._study_dir / ARTIFACTS / f".{self._trial}.{os.getpid()}.partial"
        _remove(partial)
        try:
            if source.is_dir():
                shutil.copytree(source, partial)
            else:
                shutil.copyfile(source, partial)
            for copied in (partial, *partial.rglob("*")):
                flush(copied)
            if target.is_dir() or source.is_dir():
                _remove(target)
            os.replace(partial, target)
        except BaseException:
            _remove(partial)
            raise


def _in(file: Path, target: Path) -> bool:
    return file == target or target in file.parents


def _size(path: Path) -> int:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
