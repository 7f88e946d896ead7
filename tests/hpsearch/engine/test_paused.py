"""Trials that are paused and go on: in any lane, on any worker, killed or not, to the same log."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest
from crews import ChaoticCrew, jumping
from toy_clocks import MakeClock
from toys import GOAL, ByTurns, Saveable, climb, generators, saveables, story

from hpsearch.engine import clock as clocks
from hpsearch.engine import paused
from hpsearch.engine.checkpoints import Checkpoints
from hpsearch.engine.clock import Clock
from hpsearch.engine.executor import Executor
from hpsearch.engine.observer import Silent
from hpsearch.engine.resume import restore
from hpsearch.engine.stopping import Limits
from hpsearch.log.history import History
from hpsearch.log.lines import read
from hpsearch.log.record_json import from_json, to_json
from hpsearch.log.records import Ask, Begin, Decision, Resume, Row, Tick
from hpsearch.log.writer import Log
from hpsearch.objectives.base import Objective
from hpsearch.objectives.function import FunctionObjective

KINDS: dict[str, Callable[[], Objective]] = {
    "generator": lambda: FunctionObjective(climb, "score", seed=1),
    "saveable": Saveable,
}


def turns(make_clock: MakeClock, log: Log, objective: Objective, **said: Any) -> Clock:
    sampler = ByTurns()
    return make_clock(log, objective=objective, sampler=sampler, pruner=sampler, total=12, n_lanes=3, **said)


def _came_to(clock: Clock, tick: int) -> bool:
    return clock.history.tick >= tick


@pytest.fixture
def whole(tmp_path: Path, make_clock: MakeClock) -> History:
    with Log(tmp_path / "whole" / "log.jsonl") as log:
        clock = turns(make_clock, log, Saveable())
        assert clock.run()
    return clock.history


def ticks(path: Path) -> list[Tick]:
    return [record for record, _ in read(path) if isinstance(record, Tick)]


def test_trials_are_paused_and_go_on_from_where_they_stood(whole: History) -> None:
    gone_on = [trial for trial in whole.trials if trial.resumes]
    assert len(gone_on) > 3
    for trial in whole.trials:
        assert [row.epoch for row in trial.rows] == list(range(1, trial.epoch + 1))
        assert [pause.epoch for pause in trial.pauses] == sorted({pause.epoch for pause in trial.pauses})
    assert all(pause.epoch in (1, 2) for trial in whole.trials for pause in trial.pauses[:1])
    assert any(resume.lane != trial.ask.lane for trial in gone_on for resume in trial.resumes)


def test_no_lane_trains_two_trials_and_rows_say_in_which_lane_they_trained(tmp_path: Path, whole: History) -> None:
    for tick in ticks(tmp_path / "whole" / "log.jsonl"):
        lanes = [row.lane for row in tick.rows]
        assert lanes == sorted(set(lanes))
        assert set(lanes) <= {0, 1, 2}
    for trial in whole.trials:
        at = {tick: row.lane for tick, row in zip(trial.ticks, trial.rows, strict=True)}
        logged = {
            tick.tick: row.lane
            for tick in ticks(tmp_path / "whole" / "log.jsonl")
            for row in tick.rows
            if row.trial == trial.number
        }
        assert at == logged


def test_the_live_history_is_the_fold_of_the_log(tmp_path: Path, whole: History) -> None:
    folded = History.fold((record for record, _ in read(tmp_path / "whole" / "log.jsonl")), GOAL)
    assert folded.trials == whole.trials
    assert folded.table == whole.table
    assert folded.ends == whole.ends


def test_what_is_still_paused_when_nothing_else_is_left_is_pruned(tmp_path: Path, whole: History) -> None:
    assert not whole.unfinished
    left = [trial for trial in whole.trials if trial.decision is not None and trial.decision.rule == paused.LEFT]
    assert left
    assert all(trial.state == "PRUNED" for trial in left)
    last = ticks(tmp_path / "whole" / "log.jsonl")[-1]
    assert not last.rows
    assert {decision.trial for decision in last.decisions} == {trial.number for trial in left}


@pytest.mark.parametrize(
    ("kind", "held"),
    [
        ("saveable", 0),
        pytest.param("saveable", 64, marks=pytest.mark.slow),
        pytest.param("generator", 0, marks=pytest.mark.slow),
        pytest.param("generator", 64, marks=pytest.mark.slow),
    ],
)
def test_cut_after_any_line_and_resumed_it_tells_the_same_story(
    tmp_path: Path, make_clock: MakeClock, monkeypatch: pytest.MonkeyPatch, kind: str, held: int
) -> None:
    """States are saved at every tick here, and are taken up from files of their own where ``held`` is 0."""
    monkeypatch.setattr(clocks, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(paused, "HELD", held)
    with Log(tmp_path / "whole" / "log.jsonl") as log:
        turns(make_clock, log, KINDS[kind]()).run()
    expected = story(tmp_path / "whole" / "log.jsonl")
    for every in (2, 5):
        path, checkpoints = tmp_path / f"every{every}" / "log.jsonl", Checkpoints(tmp_path / f"c{every}", "u1")
        done = False
        while not done:
            with Log(path) as log:
                clock = turns(make_clock, log, KINDS[kind](), checkpoints=checkpoints)
                restore(clock.history, clock.objective, checkpoints, pytest.fail)
                clock.interrupted = partial(_came_to, clock, clock.history.tick + every)
                done = clock.run()
        assert story(path) == expected
        assert not list((tmp_path / f"c{every}").glob("*.npz"))


@pytest.mark.parametrize("lines", [5, 14])
def test_without_its_checkpoints_it_tells_the_same_story(tmp_path: Path, make_clock: MakeClock, lines: int) -> None:
    with Log(tmp_path / "whole" / "log.jsonl") as log:
        turns(make_clock, log, Saveable()).run()
    kept = (tmp_path / "whole" / "log.jsonl").read_bytes().splitlines(keepends=True)[:lines]
    part = tmp_path / "part" / "log.jsonl"
    part.parent.mkdir()
    part.write_bytes(b"".join(kept))
    said: list[str] = []
    observer = Silent()
    observer.message = said.append  # type: ignore[method-assign]
    with Log(part) as log:
        clock = turns(make_clock, log, Saveable(), checkpoints=Checkpoints(tmp_path / "none", "u1"), observer=observer)
        waited = [trial.number for trial in clock.history.unfinished.paused]
        restore(clock.history, clock.objective, clock.checkpoints, pytest.fail)
        assert clock.run()
    assert story(part) == story(tmp_path / "whole" / "log.jsonl")
    again = [number for number in waited if clock.history.trials[number].resumes]
    assert [f"paused trial {number} goes on" in line for number, line in zip(sorted(again), sorted(said), strict=False)]


@pytest.mark.parametrize("make", [generators, saveables])
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 4))])
def test_workers_that_come_and_go_tell_the_same_story(
    tmp_path: Path, make_clock: MakeClock, make: Callable[[Any], Objective], seed: int
) -> None:
    with Log(tmp_path / "whole" / "log.jsonl") as log:
        turns(make_clock, log, make(None)).run()
    rng = Random(seed)
    executor = Executor(ChaoticCrew(make, None, rng), "toy", 6, [].append, now=jumping(rng))
    with Log(tmp_path / "spread" / "log.jsonl") as log:
        turns(make_clock, log, executor).run()
    assert story(tmp_path / "spread" / "log.jsonl") == story(tmp_path / "whole" / "log.jsonl")


def test_rows_that_come_early_stand_with_what_was_resumed_and_are_not_trained_again(
    tmp_path: Path, make_clock: MakeClock
) -> None:
    with Log(tmp_path / "whole" / "log.jsonl") as log:
        turns(make_clock, log, KINDS["generator"](), early=True).run()
    expected = story(tmp_path / "whole" / "log.jsonl")
    number, begin = next(
        (place, record)
        for place, (record, _) in enumerate(read(tmp_path / "whole" / "log.jsonl"))
        if isinstance(record, Tick) and record.resumes
    )
    made = Begin(begin.tick, begin.time, begin.asks, begin.notes, begin.resumes)
    lines = (tmp_path / "whole" / "log.jsonl").read_bytes().splitlines(keepends=True)[:number]
    part = tmp_path / "part" / "log.jsonl"
    part.parent.mkdir()
    part.write_bytes(b"".join(lines))
    with Log(part) as log:
        log.append(made)
    with Log(part) as log:
        clock = turns(make_clock, log, KINDS["generator"](), early=True)
        assert {resume.trial for resume in begin.resumes} <= {trial.number for trial in clock.history.running()}
        restore(clock.history, clock.objective, clock.checkpoints, pytest.fail)
        clock.run()
    assert story(part) == expected


def test_a_study_that_has_found_enough_ends_its_paused_trials_too(tmp_path: Path, make_clock: MakeClock) -> None:
    with Log(tmp_path / "log.jsonl") as log:
        clock = turns(make_clock, log, Saveable(), limits=Limits(until=2.5))
        assert clock.run()
    assert clock.history.stop is not None
    assert not clock.history.unfinished
    assert any(trial.decision and trial.decision.rule == "until" and trial.pauses for trial in clock.history.trials)


def test_a_pause_costs_no_training(tmp_path: Path, make_clock: MakeClock) -> None:
    with Log(tmp_path / "log.jsonl") as log:
        objective = Saveable()
        clock = turns(make_clock, log, objective)
        clock.run()
    assert objective.advanced == sum(trial.epoch for trial in clock.history.trials)
    assert not objective.trials


def test_records_of_pauses_are_read_as_they_were_written_and_others_are_as_they_were() -> None:
    resume = Resume(3, 1, 9, "why", "by turns", {"ei": float("inf")})
    tick = Tick(4, 1.0, (Ask(5, 0, {}, 5, until=2, evidence={"ei": 0.5}),), (), (), resumes=(resume,))
    value = to_json(tick)
    assert value["asks"][0]["until"] == 2
    assert value["resumes"][0]["evidence"] == {"ei": "inf"}
    read_back = from_json(value)
    assert isinstance(read_back, Tick)
    assert read_back.asks == tick.asks
    assert read_back.resumes[0].trial == 3
    plain = to_json(Tick(0, 1.0, (Ask(0, 0, {}, 0),), (Row(0, 0, 1, {}),), (Decision(0, "prune", "", ""),)))
    assert set(plain) == {"kind", "tick", "time", "asks", "rows", "decisions", "stop"}
    assert set(plain["asks"][0]) == {"trial", "lane", "params", "point", "repeat", "stage"}


def test_a_trial_that_is_not_paused_is_not_resumed() -> None:
    history = History(GOAL)
    history.apply(Tick(0, 1.0, (Ask(0, 0, {}, 0),), (Row(0, 0, 1, {"score": 1.0}),), ()))
    with pytest.raises(ValueError, match="trial 0 is resumed and was not paused"):
        history.apply(Tick(1, 2.0, (), (), (), resumes=(Resume(0, 0, None, "", ""),)))
