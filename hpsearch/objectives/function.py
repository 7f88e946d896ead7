"""A user's own function as an objective: it returns a number, or is a generator that yields its metrics each epoch."""

from __future__ import annotations

import inspect
import time
import traceback
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hpsearch.log.records import Row
from hpsearch.models.datasets import Dataset
from hpsearch.objectives import streams
from hpsearch.objectives.base import Start
from hpsearch.space import Space, restore


@dataclass(frozen=True)
class UserTrial:
    """What a user's objective is given.

    Attributes:
        number: The trial's number, from 0.
        params: Its hyper-parameters; ``trial["learning_rate"]`` reads one.
        repeat: Which of the study's repeats it is, from 0.
        seed: Entropy of its own: a function of the study's seed and the trial's number.
        data: The study's data, loaded; None where it has none.
    """

    number: int
    params: Mapping[str, Any]
    repeat: int
    seed: tuple[int, ...]
    data: Dataset | None = None

    def __getitem__(self, name: str) -> Any:
        return self.params[name]

    @property
    def rng(self) -> np.random.Generator:
        """A fresh random generator of the trial's own: the same whenever and wherever it is asked for."""
        return np.random.default_rng(self.seed)


class FunctionObjective:
    """Runs a user's function, or a generator function an epoch at a time.

    A stopped trial's generator is closed, so that its ``finally`` blocks run. A generator cannot be saved: when a study
    is resumed it re-runs from its start.

    Args:
        function: Takes a :class:`UserTrial`; returns a number or a dict of metrics, or yields one each epoch.
        metric: The name that a bare number is reported under.
        seed: The study's seed.
        epochs: Most epochs of a trial, or None where the generator ends by itself.
        space: Where the parameters come from: a choice's tuples are tuples again.
        dataset: What trials are given as their data, or None.
    """

    def __init__(
        self,
        function: Callable[[UserTrial], Any],
        metric: str,
        seed: int,
        epochs: int | None = None,
        space: Space | None = None,
        dataset: Dataset | None = None,
    ) -> None:
        self.epochs = epochs or 1
        self._limit = epochs
        self._function = function
        self._metric = metric
        self._seed = seed
        self._space = space or {}
        self._dataset = dataset
        self._starts: dict[int, Start] = {}
        self._generators: dict[int, Generator[Any, None, Any]] = {}
        self._done: dict[int, int] = {}

    def start(self, trial: Start) -> None:
        """Take a trial in; the function is first called by its first epoch."""
        self._starts[trial.ask.trial] = trial
        self._done[trial.ask.trial] = 0

    def advance(self, trials: Sequence[int], tick: int) -> list[Row]:
        """Run each of these trials to its next report; an exception fails its trial."""
        return [self._advance(number) for number in trials]

    def states(self) -> list[Start]:
        """Nothing: neither a function nor a generator can be saved."""
        return []

    def stop(self, trial: int) -> None:
        """Forget a trial and close its generator."""
        self._starts.pop(trial)
        generator = self._generators.pop(trial, None)
        if generator is not None:
            generator.close()

    def _advance(self, number: int) -> Row:
        ask, epoch = self._starts[number].ask, self._done[number] + 1
        begun = time.perf_counter()
        try:
            reported, last = self._report(number)
            metrics = self._metrics(reported) if reported is not None else {}
        except Exception as error:  # the user's code may raise anything; whatever it is fails this trial and is kept
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            seconds, text = time.perf_counter() - begun, traceback.format_exc()
            return Row(number, ask.lane, epoch, {}, seconds, failure=reason, traceback=text)
        self._done[number] = epoch
        finished = last or epoch == self._limit
        return Row(number, ask.lane, epoch, metrics, time.perf_counter() - begun, finished)

    def _report(self, number: int) -> tuple[Any, bool]:
        """Return what the trial reports next and whether it was the last."""
        generator = self._generators.get(number)
        if generator is None:
            ask = self._starts[number].ask
            params = restore(self._space, ask.params)
            given = UserTrial(number, params, ask.repeat, streams.of_function(self._seed, number), self._dataset)
            result: Any = self._function(given)
            is_generator: bool = inspect.isgenerator(result)
            if not is_generator:
                if result is None:
                    raise TypeError("the objective returned None; return a number or a dict of metrics, or yield them")
                return result, True
            generator = self._generators[number] = result
        try:
            return next(generator), False
        except StopIteration:
            return None, True

    def _metrics(self, reported: Any) -> dict[str, float]:
        if isinstance(reported, Mapping):
            return {str(name): float(value) for name, value in reported.items()}
        return {self._metric: float(reported)}
