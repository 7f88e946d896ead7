"""The trial that a user's objective is given: its point, its own randomness, and calls by which it reports."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from hpsearch.errors import did_you_mean
from hpsearch.models.datasets import Dataset


class Handle(Protocol):
    """Answers a trial's calls while it runs."""

    @property
    def stopped(self) -> bool:
        """Whether the trial was told to end."""

    @property
    def resumed(self) -> int:
        """Epochs that the trial need not train again."""

    @property
    def folder(self) -> Path:
        """The trial's checkpoint folder."""

    def report(self, metrics: Any) -> bool:
        """Take a report in and return whether to go on."""

    def set(self, attributes: Mapping[str, Any]) -> None:
        """Take attributes in."""

    def log_artifact(self, path: str | os.PathLike[str], artifact_path: str | None) -> None:
        """Keep a file or a folder with the trial."""


class NoParameterError(KeyError):
    """A parameter that the point of a trial does not have."""

    def __str__(self) -> str:
        return str(self.args[0])  # a KeyError shows its argument in quotes


@dataclass(frozen=True)
class UserTrial:
    """What a user's objective is given.

    Attributes:
        number: The trial's number, from 0.
        params: Its hyper-parameters; ``trial["learning_rate"]`` reads one.
        repeat: Which of the study's repeats it is, from 0.
        seed: Entropy of its own: a function of the study's seed and the trial's number.
        data: The study's data, loaded; None where it has none.

    Examples:
        >>> from hpsearch.objectives.user_trial import UserTrial
        >>> trial = UserTrial(number=0, params={"x": 0.5}, repeat=0, seed=(0, 0))  # by hand, to try an objective out
        >>> trial["x"], trial.report(0.9)
        (0.5, True)
    """

    number: int
    params: Mapping[str, Any]
    repeat: int
    seed: tuple[int, ...]
    data: Dataset | None = None
    handle: Handle | None = field(default=None, repr=False, compare=False)

    def __getitem__(self, name: str) -> Any:
        try:
            return self.params[name]
        except KeyError as error:
            hint = did_you_mean(str(name), self.params)
            raise NoParameterError(f"this trial has no parameter {name!r}{hint}") from error

    def __getattr__(self, name: str) -> Any:
        # Called only for missing attributes. Pickle and copy look up names of protocols before params is set.
        if not name.startswith("_") and name in self.__dict__.get("params", ()):
            raise AttributeError(f"a trial's parameters are its items: write trial[{name!r}], not trial.{name}")
        if name.startswith("suggest_"):
            instead = "suggest_float, suggest_int or suggest_categorical, or"
            raise AttributeError(f"a trial has no {name}: write {instead} trial['NAME']; the study's space decides")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    @property
    def rng(self) -> np.random.Generator:
        """A fresh random generator of the trial's own: the same whenever and wherever it is asked for."""
        return np.random.default_rng(self.seed)

    def report(self, metrics: Any = None, step: int | None = None, **named: Any) -> bool:
        """Report an epoch and return whether to go on; where False, the objective cleans up and returns.

        Args:
            metrics: A number, a dict, a tuple for several metrics, or None for an epoch that measured nothing.
            step: Ignored; accepted as Optuna's trials have it. Reports are counted as epochs, from 1.
            **named: Metrics by name, beside those.
        """
        del step
        if named:
            metrics = {**(metrics if isinstance(metrics, Mapping) else {}), **named}
        if self.handle is None:
            return True  # called by hand, outside a study
        return self.handle.report(metrics)

    def set(self, **attributes: Any) -> None:
        """Say something of this trial that is no metric; it stands in exports, the report and MLflow.

        Args:
            **attributes: JSON values: numbers, texts, lists, dicts.

        Raises:
            TypeError: A value is nothing that JSON can hold.
        """
        if self.handle is not None:
            self.handle.set(attributes)

    def log_artifact(self, path: str | os.PathLike[str], artifact_path: str | None = None) -> None:
        """Keep a copy of a file, or of a folder's files, with this trial: beside the study's log, and in MLflow.

        Args:
            path: The file or the folder; it is kept under its name, and replaces an earlier one of that name.
            artifact_path: A folder among the trial's artifacts, such as ``plots``.

        Raises:
            FileNotFoundError: It is not there.
            ValueError: ``artifact_path`` leads elsewhere, or the trial's artifacts come to more than a gigabyte.
        """
        if self.handle is not None:
            self.handle.log_artifact(path, artifact_path)

    @property
    def resumed(self) -> int:
        """Epochs that are done and need not be trained again: 0, or those after which ``folder`` was kept."""
        return 0 if self.handle is None else self.handle.resumed

    @property
    def folder(self) -> Path:
        """A folder for checkpoints: a copy is kept with each report, and restored when a killed study is resumed.

        Raises:
            RuntimeError: The trial is called by hand, outside a study.
        """
        if self.handle is None:
            raise RuntimeError("trial.folder is there while a study runs")
        return self.handle.folder

    def suggest_float(self, name: str, low: float, high: float, **_: Any) -> float:
        """Return a hyper-parameter of the study's space, as Optuna's trials do."""
        return float(self._suggested(name, f"Float({low!r}, {high!r})", lambda value: low <= value <= high))

    def suggest_int(self, name: str, low: int, high: int, **_: Any) -> int:
        """Return a hyper-parameter of the study's space, as Optuna's trials do."""
        return int(self._suggested(name, f"Int({low!r}, {high!r})", lambda value: low <= value <= high))

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """Return a hyper-parameter of the study's space, as Optuna's trials do."""
        return self._suggested(name, f"Choice({list(choices)!r})", lambda value: value in choices)

    def _suggested(self, name: str, declared: str, within: Any) -> Any:
        if name not in self.params:
            raise LookupError(f"the study's space has no {name!r}: declare space={{{name!r}: {declared}, ...}}")
        value = self.params[name]
        if not within(value):
            raise ValueError(f"{name} = {value!r} is outside {declared}; the study's space decides: declare it there")
        return value

    def should_prune(self) -> bool:
        """Return whether the last report was told to stop, as Optuna's trials do."""
        return self.handle is not None and self.handle.stopped
