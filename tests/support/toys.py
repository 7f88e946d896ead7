"""A small world to run the engine in: a seeded sampler, a rule that prunes, and objectives that learn nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import numpy as np
from toy_clocks import MakeClock

from hpsearch.log.history import Goal, History
from hpsearch.log.lines import read
from hpsearch.log.record_json import to_json
from hpsearch.log.records import Arrival, Begin, Decision, Row
from hpsearch.log.writer import Log
from hpsearch.objectives.base import Objective, Start
from hpsearch.objectives.function import FunctionObjective, UserTrial
from hpsearch.samplers.base import UNLIMITED, Allotment, Continuation

GOAL = Goal("score", "maximize")


class Adaptive:
    """Moves around the best point so far: what it answers depends on everything that came before."""

    reads_history = True
    rejected = 0
    size: int | None = None

    def ask(self, history: History, point: int) -> dict[str, Any]:
        rng = np.random.default_rng((7, point))
        best = history.best
        centre = best.params["x"] if best else 0.0
        return {"x": float(centre + rng.normal() + 1e-3 * len(history.running()))}


class WorstStops:
    """Stops the worst of those that arrive together, where there are at least three."""

    reads_history = True

    def judge(self, history: History, arrivals: Sequence[Row]) -> list[Decision]:
        if len(arrivals) < 3:
            return []
        worst = min(arrivals, key=lambda row: (history.table[row.epoch][row.trial], row.trial))
        return [Decision(worst.trial, "prune", "worst of its tick", "worst", {"rivals": len(arrivals)})]


def climb(trial: UserTrial) -> Iterator[dict[str, float]]:
    rng = trial.rng
    value = -abs(trial["x"] - 3.0)
    for _ in range(6):
        value += float(rng.random()) * 0.1
        yield {"score": value, "noise": float(rng.normal())}


class Saveable:
    """An objective whose states can be saved: a counter that mixes the tick into its value."""

    epochs = 6

    def __init__(self) -> None:
        self.trials: dict[int, tuple[Start, int, float]] = {}
        self.advanced = 0

    def start(self, trial: Start) -> None:
        value = float(trial.state["value"]) if trial.state else float(trial.ask.params["x"])
        self.trials[trial.ask.trial] = (trial, trial.epoch, value)

    def advance(self, trials: Sequence[int], tick: int) -> list[Row]:
        return [self._advance(number, tick) for number in trials]

    def _advance(self, number: int, tick: int) -> Row:
        self.advanced += 1
        start, epoch, value = self.trials[number]
        value += np.random.default_rng((number, tick)).random()
        self.trials[number] = (start, epoch + 1, value)
        return Row(number, start.ask.lane, epoch + 1, {"score": value}, 0.0, epoch + 1 == self.epochs)

    def states(self) -> list[Start]:
        return [Start(start.ask, epoch, {"value": np.array(value)}) for start, epoch, value in self.trials.values()]

    def stop(self, trial: int) -> None:
        del self.trials[trial]


def story(path: Path) -> list[str]:
    """What a log tells, without the times, and without what came before its tick was whole; it can be read again."""
    lines = []
    records = [record for record, _ in read(path)]
    History.fold(records, GOAL)
    for record in records:
        if isinstance(record, Begin | Arrival):
            continue
        fields = to_json(record)
        fields.pop("time")
        for row in fields.get("rows", ()):
            row.pop("seconds")
        lines.append(json.dumps(fields, sort_keys=True))
    return lines


def told(tmp_path: Path, make_clock: MakeClock, objective: Any, name: str, **changes: Any) -> list[str]:
    """What a study tells that a clock has run to its end."""
    with Log(tmp_path / name / "log.jsonl") as log:
        assert make_clock(log, objective=objective, **changes).run()
    return story(tmp_path / name / "log.jsonl")


def hold(path: Path, held: Event, release: Event) -> None:
    """Hold a log open until told to let go: what another process does."""
    with Log(path):
        held.set()
        release.wait(30)


def generators(_: Any) -> Objective:
    return FunctionObjective(climb, "score", seed=1)


def saveables(_: Any) -> Objective:
    return Saveable()


class ByTurns:
    """Trains each trial in turns of two epochs: begins ``wide`` trials, then goes on with the best that is paused.

    A sampler that pauses its trials, and is its own pruner: trials with an odd number are paused after one epoch. The
    last two are left as they are.
    """

    reads_history = True
    rejected = 0
    size: int | None = None

    def __init__(self, wide: int = 3) -> None:
        self.wide = wide
        self.allotment = UNLIMITED

    def ask(self, history: History, point: int) -> dict[str, Any]:
        self.allotment = Allotment(2, {"waiting": len(history.unfinished.paused)})
        return {"x": float(np.random.default_rng((7, point)).normal())}

    def resume(self, history: History, *, begins: bool) -> Continuation | None:
        waiting = history.unfinished.paused
        if len(waiting) < (self.wide if begins else 3):
            return None
        best = min(waiting, key=lambda trial: (-(trial.value or 0.0), trial.number))
        return Continuation(best.number, best.epoch + 2, f"best of {len(waiting)}", "by turns", {"value": best.value})

    def judge(self, history: History, arrivals: Sequence[Row]) -> list[Decision]:
        odd = [row for row in arrivals if row.trial % 2 and row.epoch == 1]
        return [Decision(row.trial, "pause", "odd ones wait", "by turns", {"epoch": 1}) for row in odd]
