"""The lane chart: who trained when, in ticks or in virtual time, and how busy the lanes were."""

from __future__ import annotations

from typing import Any

import pytest

from hpsearch.log.history import Goal, History
from hpsearch.log.records import Ask, Decision, Header, Record, Resume, Row, Tick
from hpsearch.report import lanes, watched

GOAL = Goal("score", "maximize")


def row(trial: int, lane: int, epoch: int) -> Row:
    return Row(trial, lane, epoch, {"score": float(epoch)})


def folded(*records: Record, **settings: Any) -> History:
    declared = {"metric": "score", "direction": "maximize", "space": {}, "lanes": 2, **settings}
    return History.fold([Header("s", "u", declared, {}, {}, 0.0), *records], GOAL)


@pytest.fixture
def in_turns() -> History:
    """Trial 0 trains an epoch in lane 0, waits for a tick, and trains two more in lane 1, where trial 1 was."""
    pause, done = Decision(0, "pause", "", "turns"), Decision(1, "prune", "", "worst")
    return folded(
        Tick(0, 0.0, (Ask(0, 0, {}, 0), Ask(1, 1, {}, 1)), (row(0, 0, 1), row(1, 1, 1)), (pause,)),
        Tick(1, 0.0, (), (row(1, 1, 2),), (done,)),
        Tick(2, 0.0, (), (row(0, 1, 2),), (), resumes=(Resume(0, 1, None, "", "turns"),)),
        Tick(3, 0.0, (), (row(0, 1, 3),), ()),
    )


def test_a_trial_that_was_paused_has_a_bar_for_each_turn(in_turns: History) -> None:
    stretches = [
        (stretch.trial.number, stretch.lane, stretch.begins, stretch.ends, stretch.epochs)
        for stretch in lanes.stretches(in_turns)
    ]
    assert stretches == [(0, 0, 0.0, 1.0, 1), (0, 1, 2.0, 4.0, 2), (1, 1, 0.0, 2.0, 2)]
    assert lanes.time_unit(in_turns) == "ticks"
    assert lanes.time_span(in_turns) == 4.0
    assert lanes.busy_share(in_turns, lanes.stretches(in_turns)) == 5 / 8


def test_in_virtual_time_a_bar_is_as_long_as_its_epochs_cost() -> None:
    history = folded(
        Tick(0, 0.0, (Ask(0, 0, {}, 0, cost=1.0), Ask(1, 1, {}, 1, cost=3.0)), (row(0, 0, 1),), (), due=1.0),
        Tick(1, 0.0, (), (row(0, 0, 2),), (Decision(0, "complete", "", "epochs"),), due=2.0),
        Tick(2, 0.0, (Ask(2, 0, {}, 2, cost=0.5),), (row(2, 0, 1),), (), due=2.5),
        Tick(3, 0.0, (), (row(1, 1, 1), row(2, 0, 2)), (), due=3.0),
        clock="virtual",
    )
    stretches = [(stretch.trial.number, stretch.begins, stretch.ends) for stretch in lanes.stretches(history)]
    assert stretches == [(0, 0.0, 2.0), (1, 0.0, 3.0), (2, 2.0, 3.0)]
    assert lanes.busy_share(history, lanes.stretches(history)) == 1.0
    shown = watched.study_data("s", history)["lanes"]
    assert (shown["unit"], shown["span"], shown["busy"]) == ("virtual time", 3.0, 1.0)
    assert shown["trial"] == [0, 1, 2]


def test_the_page_draws_each_turn_and_says_how_busy_lanes_were(in_turns: History) -> None:
    shown = watched.study_data("s", in_turns)["lanes"]
    assert shown["busy"] == 0.625
    bars = list(zip(*(shown[key] for key in ("trial", "lane", "begins", "lasts")), strict=True))
    assert bars == [(0, 0, 0.0, 1.0), (0, 1, 2.0, 2.0), (1, 1, 0.0, 2.0)]
