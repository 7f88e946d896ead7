from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from toy_clocks import MakeClock, RunClock
from toys import GOAL, Adaptive, WorstStops, climb

from hpsearch.engine.checkpoints import Checkpoints
from hpsearch.engine.clock import Clock
from hpsearch.engine.observer import Silent
from hpsearch.ladder.base import Flat
from hpsearch.log.history import History
from hpsearch.log.records import Header
from hpsearch.log.writer import Log
from hpsearch.objectives.function import FunctionObjective


@pytest.fixture
def header() -> Header:
    return Header("toy", "u1", {"n_trials": 20, "repeats": 1}, {}, {}, 1_000.0)


@pytest.fixture
def make_clock(tmp_path: Path, header: Header) -> MakeClock:
    def make(log: Log, **changes: Any) -> Clock:
        history = History.fold(log.records, GOAL)
        if history.header is None:
            log.append(header)
            history.apply(header)
        fields: dict[str, Any] = {
            "objective": FunctionObjective(climb, "score", seed=1),
            "ladder": Flat(changes.pop("sampler", Adaptive()), changes.pop("total", 20), changes.pop("repeats", 1)),
            "pruner": WorstStops(),
            "n_lanes": 4,
            "checkpoints": Checkpoints(tmp_path / "checkpoints", "u1"),
            "observer": Silent(),
        }
        return Clock(log, history, **{**fields, **changes})

    return make


@pytest.fixture
def run_clock(tmp_path: Path, make_clock: MakeClock) -> RunClock:
    def run(**changes: Any) -> Clock:
        with Log(tmp_path / "log.jsonl") as log:
            clock = make_clock(log, **changes)
            clock.run()
        return clock

    return run
