"""What is kept with a trial beside the log: what its code printed, and the files that it logged as artifacts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

PRINTED = "output"
"""The folder for the output of trials in a study's."""

ARTIFACTS = "artifacts"
"""The folder for the files that trials log in a study's."""

HEAD_BYTES = 256 * 1024
"""What is kept of the beginning of a trial's output."""

TAIL_BYTES = 256 * 1024
"""What is kept of its end at least, where there is more."""


class OutputFiles:
    """Where the output of a trial is kept: its beginning, and of long output its end, in two files that take turns.

    Args:
        study_dir: The study's folder.
        trial: The trial's number.
    """

    def __init__(self, study_dir: Path, trial: int) -> None:
        self._folder = f"{study_dir}/{PRINTED}"
        self._trial = trial

    # Paths are made when they are asked for: most trials print nothing.
    @cached_property
    def head(self) -> Path:
        """The file for the beginning."""
        return Path(self._folder, f"{self._trial}.txt")

    @cached_property
    def tail(self) -> Path:
        """The file for what came last."""
        return Path(self._folder, f"{self._trial}.tail.txt")

    @cached_property
    def previous_tail(self) -> Path:
        """The file for what came before that; what came still earlier is left out."""
        return Path(self._folder, f"{self._trial}.before.txt")

    def remove(self) -> None:
        """Delete them."""
        if not os.path.isdir(self._folder):
            return
        for path in (self.head, self.tail, self.previous_tail):
            path.unlink(missing_ok=True)

    def text(self) -> str:
        """Return the output, the middle of a long one left out; empty where the trial printed nothing."""
        if not self.head.exists():
            return ""
        head = self.head.read_bytes().decode("utf-8", "replace")
        ends = [path.read_bytes() for path in (self.previous_tail, self.tail) if path.exists()]
        left_out = "\n… output left out …\n" if self.previous_tail.exists() else ""
        return head + left_out + b"".join(ends).decode("utf-8", "replace")


def artifact_folder(study_dir: Path, trial: int) -> Path:
    """Return where the artifacts of a trial are kept."""
    return study_dir / ARTIFACTS / str(trial)


def artifacts(study_dir: Path, trial: int) -> Iterator[tuple[Path, str]]:
    """Yield each file that a trial has logged and its name, a path below the trial's folder with ``/``; by name."""
    folder = artifact_folder(study_dir, trial)
    files = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
    return ((path, path.relative_to(folder).as_posix()) for path in files)


def trials_with_artifacts(study_dir: Path) -> set[int]:
    """Return the keys of the trials that have logged any."""
    folder = study_dir / ARTIFACTS
    return {int(path.name) for path in folder.iterdir() if path.name.isdigit()} if folder.is_dir() else set()
