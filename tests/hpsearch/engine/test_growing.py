"""A study that begins in one process and goes over to workers in the middle finds what it would have found in one."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from toy_clocks import MakeClock
from toys import ByTurns, Saveable, generators, saveables, told

from hpsearch.engine import growing
from hpsearch.engine.clock import Clock
from hpsearch.engine.executor import Executor
from hpsearch.engine.growing import Growing
from hpsearch.engine.lane_executor import LaneExecutor
from hpsearch.engine.local_crew import LocalCrew
from hpsearch.errors import UserError
from hpsearch.log.records import Ask
from hpsearch.objectives.base import KeptModel, Objective, Start


class Waited(LocalCrew):
    """Workers that are waited for, so that a test does not depend on how fast they start."""

    def all_ready(self) -> bool:
        return len(self.workers()) == self.size


class Kept(Saveable):
    """Can keep the model of a trial."""

    best: tuple[int, int] | None = None

    def keep(self, trial: int) -> None:
        self.best = trial, self.trials[trial][1]

    def kept(self) -> KeptModel | None:
        return self.best

    def model(self) -> Any:
        return self.best


def grown(
    maker: Callable[[Any], Objective], here: Objective, said: list[str], hire: Callable[[], LocalCrew] | None = None
) -> Growing:
    """Here each call of the clock of computed seconds is a second later."""
    crew = hire or (lambda: Waited(2, maker, None))
    seconds = itertools.count()
    return Growing(
        here, crew, lambda crew: Executor(crew, "toy", 6, said.append, verify=True), said.append, lambda: next(seconds)
    )


@pytest.mark.parametrize("maker", [saveables, pytest.param(generators, marks=pytest.mark.slow)])
def test_it_goes_over_in_mid_study_and_finds_the_same(
    tmp_path: Path, make_clock: MakeClock, maker: Callable[[Any], Objective]
) -> None:
    sampler = ByTurns()
    turns = {"sampler": sampler, "pruner": sampler, "total": 12}
    alone = told(tmp_path, make_clock, maker(None), "alone", **turns)
    said: list[str] = []
    with grown(maker, maker(None), said) as objective:
        assert told(tmp_path, make_clock, objective, "grown", **turns) == alone
        assert objective._there is not None
    assert said == ["2 worker processes train from here on (--workers 1 keeps a study in one process)"]


def test_a_study_of_seconds_has_no_workers(
    tmp_path: Path, make_clock: MakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(growing, "AFTER_SECONDS", 1000.0)
    with grown(saveables, Saveable(), [], pytest.fail) as objective:
        told(tmp_path, make_clock, objective, "short")
    monkeypatch.setattr(growing, "AFTER_SECONDS", 0.0)
    monkeypatch.setattr(growing, "WORTH_SECONDS", 2.0)
    with grown(saveables, Saveable(), [], pytest.fail) as objective:
        told(tmp_path, make_clock, objective, "quick")
    monkeypatch.setattr(growing, "WORTH_SECONDS", 0.0)
    with grown(saveables, Saveable(), [], pytest.fail) as objective:
        told(tmp_path, make_clock, objective, "one-lane", n_lanes=1)


def test_where_no_workers_start_it_says_so_and_goes_on(tmp_path: Path, make_clock: MakeClock) -> None:
    def refused() -> LocalCrew:
        raise UserError("3 worker processes one after the other ended")

    alone = told(tmp_path, make_clock, Saveable(), "alone")
    said: list[str] = []
    with grown(saveables, Saveable(), said, refused) as objective:
        assert told(tmp_path, make_clock, objective, "stays") == alone
    assert said == [
        "no worker processes: 3 worker processes one after the other ended; training goes on in this process"
    ]


def test_a_model_is_kept_where_its_trial_trains_here_and_never_an_older_one_for_it(
    tmp_path: Path, make_clock: MakeClock
) -> None:
    with grown(saveables, Kept(), [], pytest.fail) as objective:
        objective._alone = True
        clock: list[Clock] = []
        told(tmp_path, lambda log, **said: clock.append(make_clock(log, **said)) or clock[0], objective, "here")  # type: ignore[func-returns-value]
        best = clock[0].history.best
        assert best is not None
        assert objective.kept() == (best.number, best.best_epoch)
        assert objective.model() == objective.kept()
        objective.keep(99)  # one that trains elsewhere
        assert objective.kept() == (best.number, best.best_epoch)


class SavedOnceTrained(Saveable):
    """Has no state of a trial that has not begun, as networks."""

    def states(self) -> list[Start]:
        return [start for start in super().states() if start.epoch]


def test_workers_bring_nothing_of_a_trial_that_stays_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that has been asked for, and has not begun when the others go over, where lanes train ahead."""
    monkeypatch.setattr(growing, "AFTER_SECONDS", 0.0)
    seconds = itertools.count()
    with Growing(
        SavedOnceTrained(),
        lambda: Waited(2, saveables, None),
        lambda crew: LaneExecutor(crew, "toy", 6, pytest.fail),
        lambda line: None,
        lambda: next(seconds),
    ) as objective:
        for number in range(2):
            objective.start(Start(Ask(number, number, {"x": 1.0}, number)))
        objective.advance([0, 1], 0)
        objective.start(Start(Ask(2, 2, {"x": 1.0}, 2)))
        assert [row.epoch for row in objective.advance([0, 1], 1)] == [2, 2]
        assert [objective.waits(number) for number in range(3)] == [False, False, True]
        assert objective.brought(2, 0) is None
        assert [row.epoch for row in objective.advance([2], 0)] == [1]
