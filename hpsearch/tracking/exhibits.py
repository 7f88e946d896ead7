"""What stands beside the curves of a study that is done: its report and the pictures in it, and its winner's model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from hpsearch.log.history import History
from hpsearch.tracking import model
from hpsearch.tracking.store import Store


@dataclass(frozen=True)
class Exhibits:
    """Makes what is shown, and sends it.

    What it makes is a function of the log and of the winner's model, so that repeats change nothing.

    Attributes:
        draw: Returns the report's files by name, of a study and its folder.
    """

    draw: Callable[[History, Path], Mapping[str, bytes]]

    def version(self, study_dir: Path) -> str:
        """Return a text that names what a study has to show beside its log."""
        return model.version(study_dir)

    def send(self, store: Store, run: str, history: History, study_dir: Path) -> None:
        """Bring all of it to the study's run.

        Raises:
            Exception: Whatever the store raised.
        """
        for name, content in self.draw(history, study_dir).items():
            store.log_file(run, content, name)
        store.log_model(run, study_dir)
