from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from toy_clocks import MakeClock, RunClock
from toys import Saveable, story

from hpsearch.engine.observer import Silent
from hpsearch.engine.resume import restore
from hpsearch.engine.stopping import Limits
from hpsearch.errors import UserError
from hpsearch.log.history import Goal, History
from hpsearch.log.lines import read
from hpsearch.log.records import Row, Tick
from hpsearch.log.writer import Log
from hpsearch.objectives.function import FunctionObjective, UserTrial


def test_two_runs_tell_the_same_story(tmp_path: Path, make_clock: MakeClock) -> None:
    for name in ("a", "b"):
        with Log(tmp_path / name / "log.jsonl") as log:
            assert make_clock(log).run()
    assert story(tmp_path / "a" / "log.jsonl") == story(tmp_path / "b" / "log.jsonl")


def test_the_live_history_is_the_fold_of_the_log(tmp_path: Path, run_clock: RunClock) -> None:
    clock = run_clock()
    folded = History.fold((record for record, _ in read(tmp_path / "log.jsonl")), Goal("score", "maximize"))
    assert folded.trials == clock.history.trials
    assert folded.table == clock.history.table
    assert (folded.tick, folded.time, folded.stop) == (clock.history.tick, clock.history.time, clock.history.stop)


def test_every_trial_ends_and_its_state_says_how(run_clock: RunClock) -> None:
    clock = run_clock()
    states = [trial.state for trial in clock.history.trials]
    assert len(states) == 20
    assert set(states) == {"COMPLETE", "PRUNED"}
    assert all(trial.epoch == 6 for trial in clock.history.ended("COMPLETE"))


def test_lanes_are_filled_in_order_and_never_doubled(tmp_path: Path, run_clock: RunClock) -> None:
    run_clock()
    for record, _ in read(tmp_path / "log.jsonl"):
        if isinstance(record, Tick):
            lanes = [row.lane for row in record.rows]
            assert lanes == sorted(set(lanes))
            assert [ask.lane for ask in record.asks] == sorted(ask.lane for ask in record.asks)
            assert set(lanes) <= {0, 1, 2, 3}


def test_repeats_train_one_point_several_times(run_clock: RunClock) -> None:
    clock = run_clock(repeats=3, total=6)
    trials = clock.history.trials
    assert [(t.ask.point, t.ask.repeat) for t in trials] == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
    assert trials[0].params == trials[1].params == trials[2].params != trials[3].params
    assert trials[0].curve("noise") != trials[1].curve("noise")


def test_an_exception_fails_its_trial_with_reason_and_traceback(tmp_path: Path, make_clock: MakeClock) -> None:
    def objective(trial: UserTrial) -> Iterator[float]:
        if trial.number == 2:
            raise RuntimeError("no more\nof this")
        yield 2.0

    with Log(tmp_path / "log.jsonl") as log:
        clock = make_clock(log, objective=FunctionObjective(objective, "score", 0))
        assert clock.run()
    failed = list(clock.history.ended("FAILED"))
    assert [trial.number for trial in failed] == [2]
    assert failed[0].decision is not None
    assert failed[0].decision.reason == "RuntimeError: no more"
    assert "raise RuntimeError" in (failed[0].rows[-1].traceback or "")


def test_a_value_that_is_not_finite_fails_its_trial(run_clock: RunClock) -> None:
    objective = FunctionObjective(lambda trial: float("nan") if trial.number == 1 else 1.0, "score", 0)
    clock = run_clock(objective=objective)
    assert [trial.number for trial in clock.history.ended("FAILED")] == [1]
    assert clock.history.trials[1].decision is not None
    assert clock.history.trials[1].decision.reason == "score is nan at epoch 1"


def test_a_study_whose_first_trials_all_fail_stops_with_the_reason(run_clock: RunClock) -> None:
    def objective(trial: UserTrial) -> float:
        raise ValueError("wrong everywhere")

    clock = run_clock(objective=FunctionObjective(objective, "score", 0), total=None)
    assert len(clock.history.trials) == 16
    assert clock.history.stop == "failed: all of the first 16 trials, trial 0 because ValueError: wrong everywhere"


def test_a_metric_that_no_trial_reports_stops_the_study_with_what_was_meant(run_clock: RunClock) -> None:
    objective = FunctionObjective(lambda trial: {"scores": 1.0}, "score", 0)
    clock = run_clock(objective=objective)
    assert clock.history.stop is not None
    assert clock.history.stop.endswith("because ended without reporting score (did you mean 'scores'?)")


def test_a_generator_that_is_stopped_is_closed(run_clock: RunClock) -> None:
    closed: list[int] = []

    def objective(trial: UserTrial) -> Iterator[float]:
        try:
            for epoch in range(6):
                yield float(trial.number + epoch)
        finally:
            closed.append(trial.number)

    clock = run_clock(objective=FunctionObjective(objective, "score", 0))
    assert {trial.number for trial in clock.history.ended("PRUNED")} <= set(closed)
    assert sorted(closed) == list(range(20))


def test_an_interrupt_ends_the_run_after_a_whole_tick(tmp_path: Path, make_clock: MakeClock) -> None:
    with Log(tmp_path / "log.jsonl") as log:
        clock = make_clock(log)
        clock.interrupted = lambda: clock.history.tick == 4
        assert not clock.run()
    assert clock.history.tick == 4
    assert clock.history.running()


class Stale(Saveable):
    """Goes back to an earlier epoch once, as a worker did that trained old weights."""

    def __init__(self, wrong: int) -> None:
        super().__init__()
        self.wrong = wrong

    def advance(self, trials: Sequence[int], tick: int) -> list[Row]:
        rows = super().advance(trials, tick)
        return rows if tick != 3 else [replace(rows[0], epoch=self.wrong), *rows[1:]]


@pytest.mark.parametrize("wrong", [0, 2, 3, 5])
def test_a_row_that_is_not_its_trials_next_epoch_is_refused_before_it_is_written(
    tmp_path: Path, make_clock: MakeClock, wrong: int
) -> None:
    with Log(tmp_path / "log.jsonl") as log, pytest.raises(UserError, match="was due; nothing wrong was written"):
        make_clock(log, objective=Stale(wrong)).run()
    records = [record for record, _ in read(tmp_path / "log.jsonl")]
    assert [record.tick for record in records if isinstance(record, Tick)] == [0, 1, 2]
    with Log(tmp_path / "log.jsonl") as log:
        clock = make_clock(log, objective=Saveable())
        restore(clock.history, clock.objective, clock.checkpoints, pytest.fail)
        assert clock.run()
    with Log(tmp_path / "whole" / "log.jsonl") as log:
        assert make_clock(log, objective=Saveable()).run()
    assert story(tmp_path / "log.jsonl") == story(tmp_path / "whole" / "log.jsonl")


def test_a_wall_clock_that_is_set_back_neither_stops_checkpoints_nor_the_timeout(
    tmp_path: Path, make_clock: MakeClock
) -> None:
    wall, monotonic = itertools.count(2e9, -3600.0), itertools.count(0.0, 3.0)
    with Log(tmp_path / "log.jsonl") as log:
        clock = make_clock(
            log,
            objective=Saveable(),
            now=lambda: next(wall),
            elapsed=lambda: next(monotonic),
            limits=Limits(timeout=30),
        )
        assert clock.run()
    assert clock.history.stop == "timeout: this run has taken 30 s"
    assert [tick for _, tick, flaw in clock.checkpoints.inspect() if flaw is None]


def test_checkpoints_that_cannot_be_deleted_in_the_end_are_told_of(
    tmp_path: Path, make_clock: MakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Told(Silent):
        def __init__(self) -> None:
            self.lines: list[str] = []

        def message(self, text: str) -> None:
            self.lines.append(text)

    def refused() -> None:
        raise PermissionError(13, "Permission denied")

    told = Told()
    with Log(tmp_path / "log.jsonl") as log:
        clock = make_clock(log, observer=told)
        monkeypatch.setattr(clock.checkpoints, "clear", refused)
        assert clock.run()
    (line,) = told.lines
    assert "Permission denied" in line
    assert "`hpsearch gc` deletes them" in line
