"""Answers the calls of a trial that was asked for and is trained elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from hpsearch.log.history import Trial
from hpsearch.objectives.reports import attribute_of


class Receiver(Protocol):
    """Takes in what is reported and told of a trial: :class:`hpsearch.running.asking.Session`."""

    def report(self, number: int, metrics: Any, attributes: Mapping[str, Any]) -> bool:
        """Take an epoch in, and return whether to go on."""

    def tell(self, number: int, value: Any, state: Any, reason: str | None, attributes: Mapping[str, Any]) -> Trial:
        """Take the end in."""

    def artifact(self, number: int, path: Any, inside: str | None) -> None:
        """Keep a file."""


class AskedTrial:
    """Answers the calls of a trial that was asked for.

    Args:
        receiver: Takes in what the trial reports.
        number: The trial's number.
        epoch: Epochs that it has reported so far.

    Attributes:
        resumed: Epochs that it had reported when it was asked for, or found again.
        stopped: Whether the study has stopped it.
    """

    def __init__(self, receiver: Receiver, number: int, epoch: int) -> None:
        self._receiver = receiver
        self._number = number
        self._attributes: dict[str, Any] = {}
        self.resumed = epoch
        self.stopped = False

    @property
    def folder(self) -> Path:
        """Raise a RuntimeError: where a trial is trained elsewhere, its files are kept there."""
        raise RuntimeError("trial.folder is for trials that the study trains; keep files of your own, or log_artifact")

    def report(self, metrics: Any) -> bool:
        """Take a report in and return whether to go on."""
        attributes, self._attributes = self._attributes, {}
        self.stopped = not self._receiver.report(self._number, metrics, attributes)
        return not self.stopped

    def set(self, attributes: Mapping[str, Any]) -> None:
        """Take attributes in; they are in the log with the next report, or the end."""
        self._attributes |= {name: attribute_of(name, value) for name, value in attributes.items()}

    def log_artifact(self, path: Any, artifact_path: str | None) -> None:
        """Keep a file or a folder with the trial."""
        self._receiver.artifact(self._number, path, artifact_path)

    def tell(self, value: Any, state: Any, reason: str | None) -> Trial:
        """Tell how the trial ended."""
        attributes, self._attributes = self._attributes, {}
        return self._receiver.tell(self._number, value, state, reason, attributes)
