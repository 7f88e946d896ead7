"""What MLflow holds of a study that is done in addition to its curves: its report, pictures, and winner's model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from hpsearch.log.history import History
from hpsearch.tracking import model
from hpsearch.tracking.store import Store


@dataclass(frozen=True)
class Exhibits:
    """Makes the report and the pictures of a study, and sends them with its model.

    They are a function of the log and of the winner's model, so sending them again changes nothing.

    Attributes:
        draw: Takes a study and its folder, and returns the report's files by name.
    """

    draw: Callable[[History, Path], Mapping[str, bytes]]

    def version(self, study_dir: Path) -> str:
        """Return a text that identifies what a study has to send in addition to its log."""
        return model.version(study_dir)

    def send(self, store: Store, run: str, history: History, study_dir: Path) -> None:
        """Send all of it to the study's run.

        Raises:
            Exception: Whatever the store raised.
        """
        for name, content in self.draw(history, study_dir).items():
            store.log_file(run, content, name)
        store.log_model(run, study_dir)
