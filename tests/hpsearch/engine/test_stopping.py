"""Studies that stop before their last trial, go on, are extended, or start from another; run whole, without MLflow."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from toys import story

from hpsearch.engine.observer import Silent
from hpsearch.engine.stopping import Limits
from hpsearch.errors import UserError
from hpsearch.log.history import History
from hpsearch.log.records import Extension, Tick
from hpsearch.running.api import Result, run
from hpsearch.space import Choice, Float
from hpsearch.study.study import Study


def climb(trial: Any) -> Iterator[float]:
    for epoch in range(4):
        yield trial["x"] + 0.01 * epoch


def slow(trial: Any) -> Iterator[float]:
    for epoch in range(4):
        time.sleep(600 if trial.number == 1 and epoch == 1 else 0.0)
        yield trial["x"] + 0.01 * epoch


def make(**said: Any) -> Study:
    return Study(
        **{
            "name": "s", "objective": climb, "space": {"x": Float(0, 1)}, "metric": "score", "epochs": 4,
            "sampler": "random", "pruner": "none", "n_trials": 30, "lanes": 4, **said,
        }
    )  # fmt: skip


def go(study: Study, root: Path, **options: Any) -> Result:
    return run(study, root, quiet=True, tracking=False, **options)


def log(root: Path) -> Path:
    return root / "studies" / "s" / "log.jsonl"


class Interrupting(Silent):
    """Ends a run after some ticks, as a second Ctrl-C does."""

    def __init__(self, ticks: int) -> None:
        self.left = ticks

    def tick(self, history: History, record: Tick) -> None:
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


def test_until_ends_the_study_with_the_tick_that_reaches_it(tmp_path: Path) -> None:
    result = go(make(until=0.9), tmp_path)
    best = result.best_trial
    assert best is not None
    assert best.value is not None
    assert best.value >= 0.9
    assert result.history.stop == f"score reached {best.value:g} in trial {best.number} (until 0.9)"
    assert not result.history.running()
    assert len(result.history.trials) < 30
    ended = [t for t in result.history.trials if t.decision is not None and t.decision.rule == "until"]
    assert ended
    assert all(trial.state == "PRUNED" and trial.epoch < 4 for trial in ended)
    before = [max(row.metrics["score"] for row in trial.rows[:-1]) for trial in result.history.trials if trial.rows[1:]]
    assert max(before) < 0.9


def test_a_study_that_reached_its_target_is_done_until_the_target_is_raised(tmp_path: Path) -> None:
    first = go(make(), tmp_path, until=0.9)
    ticks = first.history.tick
    again = go(make(), tmp_path, until=0.9)
    assert (again.history.tick, again.interrupted) == (ticks, False)
    assert again.history.stop == first.history.stop
    higher = go(make(), tmp_path, until=2.0)
    assert higher.history.stop is None
    assert len(higher.history.trials) == 30


def test_smaller_is_reached_from_above(tmp_path: Path) -> None:
    result = go(make(direction="minimize", until=0.1), tmp_path)
    assert result.best_trial is not None
    assert result.best_trial.value is not None
    assert result.best_trial.value <= 0.1


@pytest.mark.parametrize("patience", [1, 5])
def test_no_improvement_counts_the_trials_that_ended_since_the_best(tmp_path: Path, patience: int) -> None:
    history = go(make(no_improvement=patience), tmp_path).history
    assert history.stop is not None
    best = history.best
    assert best is not None
    assert best.best_epoch is not None
    reached = best.ticks[best.best_epoch - 1]
    by_themselves = [
        trial for trial in history.trials
        if trial.decision is not None and trial.decision.rule == "epochs" and trial.ticks[-1] > reached
    ]  # fmt: skip
    assert len(by_themselves) >= patience
    assert len([trial for trial in by_themselves if trial.ticks[-1] < history.tick]) < patience


def test_a_budget_ends_the_search_with_the_tick_that_spends_it(tmp_path: Path) -> None:
    result = go(make(budget=50), tmp_path)
    spent = sum(trial.epoch for trial in result.history.trials)
    assert 50 <= spent < 50 + 4  # the lanes of one tick
    assert result.full_epochs == spent
    assert result.history.stop == f"the search cost {spent}.0 full-problem epochs (budget 50)"
    assert not result.history.running()
    more = go(make(budget=60), tmp_path)
    assert 60 <= more.full_epochs < 64


@pytest.mark.parametrize(
    "limits", [{"until": 0.97}, {"no_improvement": 6}, {"budget": 60}], ids=["until", "no_improvement", "budget"]
)
@pytest.mark.parametrize("ticks", [[1], [3, 4], [7, 1, 1]])
def test_where_a_study_stops_does_not_depend_on_interruptions(
    tmp_path: Path, limits: dict[str, Any], ticks: list[int]
) -> None:
    whole = go(make(**limits), tmp_path / "whole")
    for count in ticks:
        go(make(**limits), tmp_path / "parts", observer=Interrupting(count))
    parts = go(make(**limits), tmp_path / "parts")
    assert parts.history.stop == whole.history.stop is not None
    assert story(log(tmp_path / "parts")) == story(log(tmp_path / "whole"))


def test_a_timeout_leaves_the_trials_to_be_resumed_and_the_study_comes_out_the_same(tmp_path: Path) -> None:
    study = make(n_trials=8)
    whole = go(study, tmp_path / "whole")
    part = go(study, tmp_path / "parts", timeout=1e-9)  # out after the first tick, on any machine
    assert part.history.stop is not None
    assert part.history.stop.startswith("timeout")
    assert part.history.running()
    assert not part.interrupted
    done = go(study, tmp_path / "parts")
    assert done.history.stop is None
    assert [t.params for t in done.history.trials] == [t.params for t in whole.history.trials]
    assert done.curves.equals(whole.curves)


def test_a_trial_that_trains_for_too_long_fails_and_the_decision_is_not_taken_again(tmp_path: Path) -> None:
    study = make(objective=slow, n_trials=3, lanes=1)
    result = go(study, tmp_path, trial_timeout=1.0)
    failed = list(result.history.ended("FAILED"))
    assert 1 in [trial.number for trial in failed]  # and none but it, unless the machine is very busy
    for trial in failed:
        assert trial.decision is not None
        assert trial.decision.rule == "timeout"
        assert "longer than trial_timeout=1 s" in trial.decision.reason
    assert list(go(study, tmp_path).history.ended("FAILED")) == failed


def test_limits_are_no_part_of_what_a_study_is_and_their_changes_are_recorded(tmp_path: Path) -> None:
    go(make(), tmp_path, until=0.9)
    result = go(make(), tmp_path, no_improvement=100)
    assert result.history.declaration.no_improvement == 100
    assert result.history.declaration.until is None


def test_a_wider_space_goes_on_where_extend_says_so(tmp_path: Path) -> None:
    go(make(n_trials=6), tmp_path)
    wider = make(n_trials=8, space={"x": Float(0, 2)})
    with pytest.raises(UserError, match=r"has changed .*space\.x.*--extend, or name the new one with --name"):
        go(wider, tmp_path)
    result = go(wider, tmp_path, extend=True)
    assert len(result.history.trials) == 8
    assert result.history.declaration.space["x"]["high"] == 2
    assert isinstance(result.history.trials[0].params["x"], float)
    with pytest.raises(UserError, match=r"has changed .*--extend"):  # narrower again, too, only where that is said
        go(make(n_trials=8), tmp_path)
    assert go(make(n_trials=9), tmp_path, extend=True).history.declaration.space["x"]["high"] == 1


def test_extending_only_what_is_wider_writes_one_line(tmp_path: Path) -> None:
    go(make(n_trials=6), tmp_path)
    go(make(n_trials=6), tmp_path, extend=True)
    go(make(n_trials=4), tmp_path)
    from hpsearch.log.lines import read

    assert not [record for record, _ in read(log(tmp_path)) if isinstance(record, Extension)]


def test_the_best_points_of_an_earlier_study_are_tried_first_and_the_log_holds_to_them(tmp_path: Path) -> None:
    earlier = make(name="earlier", n_trials=12)
    best = [trial.params for trial in go(earlier, tmp_path).history.ranked()[:4]]
    result = go(make(n_trials=6), tmp_path, start_from="earlier", first=4)
    assert [trial.params for trial in result.history.trials[:4]] == best
    assert list(result.history.declaration.enqueue) == best
    go(replace(earlier, n_trials=40), tmp_path)  # the earlier study finds better ones
    again = go(make(n_trials=7), tmp_path, start_from="earlier", first=4)
    assert [trial.params for trial in again.history.trials[:4]] == best
    assert len(again.history.trials) == 7


def test_a_warm_start_takes_only_points_of_its_own_space(tmp_path: Path) -> None:
    go(make(name="earlier", n_trials=12), tmp_path)
    inside = go(make(space={"x": Float(0, 0.5)}, n_trials=6), tmp_path, start_from="earlier", first=4)
    assert all(point["x"] <= 0.5 for point in inside.history.declaration.enqueue)
    with pytest.raises(UserError, match="earlier does not tell y; say which value its points had"):
        go(make(name="other", space={"y": Choice([1, 2])}), tmp_path, start_from="earlier")
    with pytest.raises(UserError, match="no study 'earlie'"):
        go(make(name="third"), tmp_path, start_from="earlie")


@pytest.mark.parametrize(
    "said",
    [
        {"until": "0.9"},
        {"timeout": 0},
        {"trial_timeout": -1.0},
        {"no_improvement": 0},
        {"until": float("nan")},
        {"budget": 0},
    ],
    ids=str,
)
def test_a_limit_that_cannot_be_is_a_mistake_that_names_it(said: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=next(iter(said))):
        make(**said)


def test_limits_come_from_the_study() -> None:
    assert Limits.of(make(until=1, timeout=60, trial_timeout=2, no_improvement=3, budget=9)) == Limits(
        1.0, 3, 60.0, 2.0, 9.0
    )
