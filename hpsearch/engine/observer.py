"""What shows a run: the live view, plain lines, a notebook, or nothing."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hpsearch.log.history import Goal, History
from hpsearch.log.records import Tick


@dataclass(frozen=True)
class StudyPlan:
    """What is about to run, for people.

    Attributes:
        name: The study's name.
        goal: Metric and direction.
        n_trials: Trials in all, or None where there is no end.
        epochs: Most epochs of a trial.
        lanes: Trials that train at a time.
        sampler: The sampler's name.
        pruner: The pruner's name.
        dataset: The data in a few words.
        root: Where all state is.
        resumed: The log existed before.
        in_mlflow: It is delivered to MLflow.
    """

    name: str
    goal: Goal
    n_trials: int | None
    epochs: int
    lanes: int
    sampler: str
    pruner: str
    dataset: str
    root: Path
    resumed: bool
    in_mlflow: bool = True


class Observer(Protocol):
    """Watches a study; never changes it."""

    def begin(self, history: History, plan: StudyPlan) -> None:
        """Show that a study begins or goes on."""

    def tick(self, history: History, record: Tick) -> None:
        """Show a tick whose line is in the log."""

    def message(self, text: str) -> None:
        """Show a notice."""

    def end(self, history: History) -> None:
        """Show that the run has ended."""


class Silent:
    """An observer that shows nothing."""

    def begin(self, history: History, plan: StudyPlan) -> None:
        """Show nothing."""

    def tick(self, history: History, record: Tick) -> None:
        """Show nothing."""

    def message(self, text: str) -> None:
        """Show nothing."""

    def end(self, history: History) -> None:
        """Show nothing."""


class OnlyWarnings(Silent):
    """An observer that shows warnings alone."""

    def message(self, text: str) -> None:
        """Show a warning, and nothing else."""
        if text.startswith("warning: "):
            print(text, file=sys.stderr, flush=True)
