"""Searches whose answers are known: what a trial is worth is written down here, for every stage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from searching import Estimator

from hpsearch.engine.checkpoints import Checkpoints
from hpsearch.engine.clock import Clock
from hpsearch.engine.observer import Silent
from hpsearch.engine.resume import restore
from hpsearch.engine.stopping import Limits
from hpsearch.ladder import build
from hpsearch.log.history import History
from hpsearch.log.records import Ask, Header, Row
from hpsearch.log.writer import Log
from hpsearch.objectives.base import Start
from hpsearch.pruners import NoPruner
from hpsearch.space import Float
from hpsearch.study.scaling import Scale
from hpsearch.study.study import Study

Worth = Callable[[Ask], float]
"""What a trial is worth, from its ask."""


class Planted:
    """Trials of three epochs whose last epoch is worth what was planted; states can be saved."""

    epochs = 3

    def __init__(self, worth: Worth, test: float | None = None) -> None:
        self._worth = worth
        self._test = test
        self._starts: dict[int, tuple[Start, int]] = {}

    def start(self, trial: Start) -> None:
        self._starts[trial.ask.trial] = (trial, trial.epoch)

    def advance(self, trials: Sequence[int], tick: int) -> list[Row]:
        return [self._advance(number) for number in trials]

    def _advance(self, number: int) -> Row:
        start, epoch = self._starts[number]
        epoch += 1
        self._starts[number] = (start, epoch)
        worth = self._worth(start.ask)
        metrics = dict.fromkeys(("score", "val_accuracy"), worth - (self.epochs - epoch))
        if self._test is not None:
            metrics["test_score"] = self._test if epoch == self.epochs else -99.0
        failure = "planted" if not np.isfinite(worth) else None
        return Row(number, start.ask.lane, epoch, metrics, 0.0, epoch == self.epochs, failure)

    def states(self) -> list[Start]:
        return [Start(start.ask, epoch, {"epoch": np.array(epoch)}) for start, epoch in self._starts.values()]

    def stop(self, trial: int) -> None:
        del self._starts[trial]


def planted_study(**fields: Any) -> Study:
    """A study over one number, a in [0, 1], sampled at random."""
    defaults = {"name": "planted", "model": Estimator(), "data": "digits", "metric": "score", "sampler": "random"}
    return Study(**{**defaults, "space": {"a": Float(0.0, 1.0)}, "lanes": 4, "epochs": 3, **fields})


def open_clock(
    log: Log, study: Study, worth: Worth, folder: Path, *, sizes: dict[str, int] | None = None, **changes: Any
) -> Clock:
    """The clock of a study over planted trials, where its log stands."""
    history = History.fold(log.records, study.goal)
    if history.header is None:
        stages = [] if study.stages is None else [scale.to_json() for scale in study.stages if isinstance(scale, Scale)]
        declaration: dict[str, Any] = {
            "n_trials": study.n_trials,
            "seed": study.seed,
            "stages": stages,
            "repeats": study.repeats,
        }
        declaration |= {"confirm": study.confirm, "confirm_top": study.confirm_top} if study.confirm else {}
        declaration["model"] = {"class": "hpsearch.MLPClassifier", "params": {}}
        header = Header("planted", "u1", declaration, {}, {"sizes": sizes or {"train": 1000}}, 1_000.0)
        log.append(header)
        history.apply(header)
    limits = changes.pop("limits", Limits())
    ladder = build(study, study.n_trials, lambda history: limits.reached(history) is not None)
    fields: dict[str, Any] = {
        "objective": Planted(worth),
        "ladder": ladder,
        "pruner": NoPruner(),
        "n_lanes": study.lanes,
        "checkpoints": Checkpoints(folder / "checkpoints", "u1"),
        "observer": Silent(),
        "limits": limits,
    }
    return Clock(log, history, **{**fields, **changes})


def search(study: Study, worth: Worth, folder: Path, stop: int | None = None, **changes: Any) -> History:
    """Run a study over planted trials, or a part of it, and return its history."""
    with Log(folder / "log.jsonl") as log:
        clock = open_clock(log, study, worth, folder, **changes)
        restore(clock.history, clock.objective, clock.checkpoints, _refuse)
        if stop is not None:
            clock.interrupted = lambda: clock.history.tick >= stop
        clock.run()
        return clock.history


def _refuse(text: str) -> None:
    raise AssertionError(text)


def with_stages(study: Study, *stages: Scale) -> Study:
    """The study with these stages before the full problem."""
    return replace(study, stages=[*stages, Scale()])
