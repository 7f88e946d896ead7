"""A search without training: a clock that asks, makes up curves and judges, as the engine does."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from hpsearch.log.history import Goal, History
from hpsearch.log.records import Ask, Decision, Row, Tick
from hpsearch.pruners import NoPruner
from hpsearch.pruners.base import Pruner
from hpsearch.samplers.base import Sampler
from hpsearch.study.study import Study

METRIC = "val_accuracy"


class Estimator:
    """As much of scikit-learn's contract as a declaration looks at."""

    def __init__(self, **params: Any) -> None:
        self.params = {"a": 1.0, "b": 1, "c": "x", "d": 0.5, **params}

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        return dict(self.params)

    def set_params(self, **params: Any) -> Estimator:
        self.params.update(params)
        return self


def make_study(space: Any = None, **fields: Any) -> Study:
    """A study over the made-up estimator."""
    return Study(**{"name": "made", "model": Estimator(), "data": "digits", "space": space or {}, **fields})


Curve = Callable[[int, Mapping[str, Any], int], float]
"""Value of a trial with these parameters at an epoch."""


def bumpy(trial: int, params: Mapping[str, Any], epoch: int) -> float:
    """A made-up learning curve: depends on every parameter, is noisy, and now and then is not a number."""
    level = sum(math.sin(3.0 * len(name) + hash_of(value)) for name, value in params.items())
    noise = np.random.default_rng((trial, epoch)).normal(0.0, 0.1)
    return math.nan if trial % 11 == 10 and epoch < 3 else level - 1.0 / epoch + float(noise)


def hash_of(value: Any) -> float:
    """A number for any JSON value, the same in every process."""
    return float(value) if isinstance(value, int | float) else float(sum(map(ord, repr(value))) % 17)


@dataclass
class Search:
    """A search that can be looked at between any two of its steps.

    Attributes:
        sampler: Proposes points.
        pruner: Stops trials.
        total: Trials in all.
        more: Further metrics of a trial with these parameters.
        asked: The history before each ask, as the ticks until then and the asks of this tick; and the answer.
    """

    sampler: Sampler
    pruner: Pruner = field(default_factory=NoPruner)
    goal: Goal = field(default_factory=lambda: Goal(METRIC, "maximize"))
    total: int = 30
    lanes: int = 4
    epochs: int = 6
    repeats: int = 1
    curve: Curve = bumpy
    fails: Callable[[int, int], bool] = lambda trial, epoch: trial % 7 == 6 and epoch == 2
    more: Callable[[Mapping[str, Any]], dict[str, float]] = lambda params: {}

    def __post_init__(self) -> None:
        self.history = History(self.goal)
        self.ticks: list[Tick] = []
        self.asked: list[tuple[int, tuple[Ask, ...], int, dict[str, Any]]] = []
        self.judged: list[tuple[Tick, list[Row], list[Decision]]] = []

    def run(self) -> Search:
        for _ in self.steps():
            pass
        return self

    def steps(self) -> Iterator[Tick]:
        while (tick := self.tick()) is not None:
            yield tick

    def tick(self) -> Tick | None:
        asks: list[Ask] = []
        busy = {trial.ask.lane for trial in self.history.running()}
        for lane in range(self.lanes):
            trial = len(self.history.trials)
            if lane in busy or trial >= self.total:
                continue
            point, repeat = divmod(trial, self.repeats)
            if repeat:
                params = self.history.trials[-1].params
            else:
                params = self.sampler.ask(self.history, point)
                self.asked.append((len(self.ticks), tuple(asks), point, params))
            asks.append(Ask(trial, lane, params, point, repeat))
            self.history.begin(asks[-1])
        rows = [self._row(trial.number) for trial in sorted(self.history.running(), key=lambda t: t.ask.lane)]
        if not rows:
            return None
        tick = Tick(len(self.ticks), 0.0, tuple(asks), tuple(rows), ())
        self.history.arrive(tick)
        decisions = [Decision(r.trial, "fail", r.failure, "failure") for r in rows if r.failure]
        decisions += [Decision(r.trial, "complete", "done", "epochs") for r in rows if r.finished and not r.failure]
        going = [row for row in rows if not row.finished and not row.failure]
        stops = self.pruner.judge(self.history, going)
        self.judged.append((tick, going, stops))
        tick = replace(tick, decisions=tuple(sorted([*decisions, *stops], key=lambda d: d.trial)))
        self.history.decide(tick)
        self.ticks.append(tick)
        return tick

    def _row(self, number: int) -> Row:
        trial = self.history.trials[number]
        epoch = trial.epoch + 1
        value = self.curve(number, trial.params, epoch)
        failure = "diverged" if self.fails(number, epoch) else None
        metrics = {METRIC: value, **self.more(trial.params)}
        return Row(number, trial.ask.lane, epoch, metrics, 0.0, epoch == self.epochs, failure)


def arrive(history: History, tick: Tick) -> None:
    """Take in a tick up to the moment before anything is decided."""
    for ask in tick.asks:
        history.begin(ask)
    history.arrive(tick)


def folded(search: Search, ticks: int, asks: tuple[Ask, ...] = ()) -> History:
    """The history as it stood after so many ticks and these asks, made anew as on resume."""
    history = History.fold(search.ticks[:ticks], search.goal)
    for ask in asks:
        history.begin(ask)
    return history
