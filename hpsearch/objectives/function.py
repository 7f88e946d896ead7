"""A user's own function as an objective: it returns its metrics, yields them each epoch, or reports them by a call."""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from hpsearch.log.records import Row
from hpsearch.models.datasets import Dataset
from hpsearch.objectives import broken, streams
from hpsearch.objectives.artifacts import Artifacts
from hpsearch.objectives.base import Start
from hpsearch.objectives.folder import CHECKPOINTS, Folder
from hpsearch.objectives.output import Output
from hpsearch.objectives.parked import Parked, StepResult, same
from hpsearch.objectives.reports import attribute_of, metrics_of
from hpsearch.objectives.user_trial import UserTrial
from hpsearch.space import Space, restore

__all__ = ["FunctionObjective", "UserTrial"]


class FunctionObjective:
    """Runs a user's function, parked between two epochs where it reports them.

    A stopped trial's code is told to end, so that its ``finally`` blocks run. It cannot be saved: when a study is
    resumed it re-runs from its start, or from what it kept in its checkpoint folder. Whatever it raises fails its
    own trial.

    Args:
        function: Takes a :class:`UserTrial`; returns metrics, yields them each epoch or calls ``trial.report``.
        metric: The name that a bare number is reported under; several where a tuple may be reported.
        seed: The study's seed.
        epochs: Most epochs of a trial, or None where the code ends by itself.
        space: Where the parameters come from: a choice's tuples are tuples again.
        dataset: The data that trials are given, or None.
    """

    def __init__(
        self,
        function: Callable[[UserTrial], Any],
        metric: str | Sequence[str],
        seed: int,
        epochs: int | None = None,
        space: Space | None = None,
        dataset: Dataset | None = None,
    ) -> None:
        self.epochs = epochs or 1
        self._limit = epochs
        self._function = function
        self._metrics = (metric,) if isinstance(metric, str) else tuple(metric)
        self._seed = seed
        self._space = space or {}
        self._dataset = dataset
        self._running: dict[int, _Running] = {}
        self._study_dir: Path | None = None

    def place(self, folder: Path) -> None:
        """Keep the files of trials (checkpoints, output, artifacts) in a study's folder."""
        self._study_dir = folder

    def start(self, trial: Start) -> None:
        """Take a trial in; the function is first called by its first epoch."""
        ask = trial.ask
        params = copy.deepcopy(restore(self._space, ask.params))  # what the code does to them is not in the log
        user_trial = UserTrial(ask.key, params, ask.repeat, streams.of_function(self._seed, ask), self._dataset)
        files = None if self._study_dir is None else TrialFiles(self._study_dir, ask.key, trial.epoch)
        self._running[ask.trial] = _Running(trial, self._function, user_trial, self._metrics, self._limit, files)

    def advance(self, trials: Sequence[int], tick: int) -> list[Row]:
        """Run each of these trials to its next report; an exception fails its trial."""
        return [self._running[number].advance() for number in trials]

    def states(self) -> list[Start]:
        """Return nothing: running code cannot be saved."""
        return []

    def stop(self, trial: int) -> None:
        """Forget a trial, and have its code end."""
        self._running.pop(trial).stop()


class TrialFiles:
    """The files of a trial in its study's folder.

    Args:
        study_dir: The study's folder.
        trial: The trial's number.
        epoch: Epochs that it has done.

    Attributes:
        folder: Its checkpoint folder.
        kept: Whether the checkpoint folder is as it was after these epochs.
        output: What its code prints.
        artifacts: The files that it logs.
    """

    def __init__(self, study_dir: Path, trial: int, epoch: int) -> None:
        self.folder = Folder(study_dir / CHECKPOINTS, trial)
        self.kept = self.folder.open(epoch)
        self.output = Output(study_dir, trial, epoch)
        self.artifacts = Artifacts(study_dir, trial)
        if epoch == 0:
            self.artifacts.clear()


class _Running:
    """A trial that runs: its code, and the answers to the calls that it makes.

    Attributes:
        stopped: Whether it was told to end.
        resumed: Epochs that need not be trained again: ``folder`` is as it was after them.
        folder: Its checkpoint folder.
    """

    def __init__(
        self,
        start: Start,
        function: Callable[[UserTrial], Any],
        user_trial: UserTrial,
        metrics: Sequence[str],
        limit: int | None,
        files: TrialFiles | None,
    ) -> None:
        self._files = files
        self._continues = False
        self._start = start
        self._parked = Parked(function, nullcontext if files is None else files.output.capture)
        self._user_trial = replace(user_trial, handle=self)
        self._metrics = metrics
        self._limit = limit
        self._epochs_done = start.epoch
        self._last_metrics: dict[str, float] = {}
        self._attributes: dict[str, Any] = {}
        self._end_row: Row | None = None

    @property
    def stopped(self) -> bool:
        return self._parked.stopped

    def advance(self) -> Row:
        """Run on to the next report or the end; code that has ended returns its last row once more."""
        if self._end_row is not None:  # re-run after a resume, it ended before the epochs that the log has
            self._end_row = replace(self._end_row, epoch=self._end_row.epoch + 1, metrics={}, quiet=False)
            return self._end_row
        begun = time.perf_counter()
        row = self._next_row(begun)
        if row.ended:
            self._end_row = row
        return row

    def stop(self) -> None:
        self._parked.stop()
        if self._files is not None:
            self._files.output.close()
            self._files.folder.clear()

    @property
    def resumed(self) -> int:
        self._continues = self._files is not None and self._files.kept
        return self._start.epoch if self._continues else 0

    @property
    def folder(self) -> Path:
        if self._files is None:
            raise RuntimeError("this study has no place for checkpoint folders")
        return self._files.folder.work

    def log_artifact(self, path: str | os.PathLike[str], artifact_path: str | None) -> None:
        if self._files is not None:  # a replay logs nothing
            self._files.artifacts.keep(path, artifact_path)

    def report(self, metrics: Any) -> bool:
        return self._parked.report(metrics)

    def set(self, attributes: Mapping[str, Any]) -> None:
        self._attributes |= {name: attribute_of(name, value) for name, value in attributes.items()}

    def _pass_over(self, result: StepResult) -> StepResult:
        """Skip the epochs that are in the log: the code has not asked how many need not be trained again."""
        for _ in range(self._start.epoch):
            if result.ended:
                break
            result = self._parked.step(self._user_trial)
        return result

    def _metrics_of(self, result: StepResult) -> dict[str, float]:
        """Return what the code reported as metrics; an error gets a note of where that was."""
        try:
            if result.ended and result.value is None and not self._parked.reported:
                raise TypeError("the objective returned None; return a number or a dict of metrics, or report them")
            return metrics_of(result.value, self._metrics)
        except (TypeError, ValueError) as error:
            if (location := self._parked.location()) is not None:
                error.add_note(f"It was reported by\n{location}")
            raise

    def _next_row(self, begun: float) -> Row:
        """Return the row of the next epoch; what the code raises is in it."""
        epoch = self._epochs_done + 1
        brought: dict[str, Any] = {}
        try:
            result = self._parked.step(self._user_trial)
            if self._start.epoch and self._epochs_done == self._start.epoch and not self._continues:
                result = self._pass_over(result)
            metrics = self._metrics_of(result)
        except KeyboardInterrupt:
            raise  # from the keyboard: it ends the study, not the trial
        except BaseException as error:  # whatever the code raises, sys.exit included, ends its own trial alone
            refusal = broken.refusal(error)
            if refusal is not None:
                brought["refusal"] = refusal
            else:
                brought |= {"failure": broken.reason(error), "traceback": broken.traceback_of(error)}
            metrics = {}
        else:
            if result.ended and self._parked.reported and (not metrics or same(metrics, self._last_metrics)):
                metrics = {}  # nothing new
            else:
                self._epochs_done = epoch
                self._last_metrics = metrics
            is_last = result.ended or epoch == self._limit
            if self._files is not None and not is_last:
                self._files.folder.keep(epoch)
            brought |= {"finished": is_last, "quiet": not metrics and not result.ended}
        attributes, self._attributes = self._attributes, {}
        ask, seconds = self._start.ask, time.perf_counter() - begun
        return Row(ask.trial, ask.lane, epoch, metrics, seconds, attributes=attributes or None, **brought)
