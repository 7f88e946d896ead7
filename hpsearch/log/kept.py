"""What is kept with a trial beside the log: what its code printed, and the files that it logged as artifacts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

PRINTED = "output"
"""The folder for the output of trials in a study's."""

HEAD_BYTES = 256 * 1024
"""What is kept of the beginning of a trial's output."""

TAIL_BYTES = 256 * 1024
"""What is kept of its end at least, where there is more."""


class OutputFiles:
    """Where the output of a trial is kept: its beginning, and where it is long its end in two files that take turns.

    Args:
        study_dir: The study's folder.
        trial: The trial's number.

    Attributes:
        head: Its beginning.
        tail: What came last.
        before: What came before that; what came before that again is left out.
    """

    def __init__(self, study_dir: Path, trial: int) -> None:
        folder = study_dir / PRINTED
        self.head = folder / f"{trial}.txt"
        self.tail = folder / f"{trial}.tail.txt"
        self.before = folder / f"{trial}.before.txt"

    def remove(self) -> None:
        """Delete them."""
        if not self.head.parent.is_dir():
            return
        for path in (self.head, self.tail, self.before):
            path.unlink(missing_ok=True)

    def text(self) -> str:
        """Return the output, the middle of a long one left out; empty where the trial printed nothing."""
        if not self.head.exists():
            return ""
        head = self.head.read_bytes().decode("utf-8", "replace")
        ends = [path.read_bytes() for path in (self.before, self.tail) if path.exists()]
        left_out = "\n… output left out …\n" if self.before.exists() else ""
        return head + left_out + b"".join(ends).decode("utf-8", "replace")


def artifact_folder(study_dir: Path, trial: int) -> Path:
    """Return where the artifacts of a trial are kept."""
    return study_dir / "artifacts" / str(trial)


def artifacts(study_dir: Path, trial: int) -> Iterator[tuple[Path, str]]:
    """Yield each file that a trial has logged, and its name, parts joined by ``/``; by name."""
    folder = artifact_folder(study_dir, trial)
    files = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
    return ((path, path.relative_to(folder).as_posix()) for path in files)


def trials_with_artifacts(study_dir: Path) -> set[int]:
    """Return the keys of the trials that have logged any."""
    folder = study_dir / "artifacts"
    return {int(path.name) for path in folder.iterdir() if path.name.isdigit()} if folder.is_dir() else set()
