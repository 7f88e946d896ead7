from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from planted import planted_study, search
from toys import story

from hpsearch.engine.stopping import Limits
from hpsearch.errors import UserError
from hpsearch.ladder.promotion import promoted, ranking
from hpsearch.ladder.search_stage import SearchStage
from hpsearch.log.history import History
from hpsearch.log.records import Ask
from hpsearch.log.stages import full_epochs, stages
from hpsearch.space import Choice, Float
from hpsearch.study.scaling import Scale

SMALL = Scale(train=100, trials=12, promote=3, calibration=2)
MIDDLE = Scale(train=400, trials=9, promote=2)


def peak(ask: Ask) -> float:
    """Every stage ranks alike, on a scale of its own."""
    return 1.0 - abs(ask.params["a"] - 0.7) + 10 * ask.stage


def at(history: History, stage: int) -> list[Any]:
    return [trial for trial in history.trials if trial.ask.stage == stage]


@pytest.fixture
def climbed(tmp_path: Path) -> History:
    return search(planted_study(stages=[SMALL, MIDDLE, Scale(trials=8)]), peak, tmp_path)


def test_every_stage_has_its_trials(climbed: History) -> None:
    assert [len(at(climbed, stage)) for stage in range(4)] == [12, 9, 8, 0]


def test_a_stage_begins_when_the_one_before_has_ended(climbed: History) -> None:
    for stage in (0, 1):
        last = max(trial.ticks[-1] for trial in at(climbed, stage))
        first_tick = min(trial.ticks[0] for trial in at(climbed, stage + 1))
        assert first_tick == last + 1


def test_the_best_of_a_stage_enter_the_next_first_and_keep_their_numbers(climbed: History) -> None:
    for stage, count in ((0, 3), (1, 2)):
        best = ranking(climbed, stage)[:count]
        entered = [(trial.ask.point, trial.params) for trial in at(climbed, stage + 1)[:count]]
        assert entered == best


def test_others_enter_beside_them_for_calibration(climbed: History) -> None:
    promoted = {point for point, _ in ranking(climbed, 0)[:3]}
    beside = [trial.ask.point for trial in at(climbed, 1)[3:5]]
    assert len(set(beside)) == 2
    assert set(beside) <= {trial.ask.point for trial in at(climbed, 0)} - promoted


def test_what_is_sampled_lies_in_a_box_around_the_promoted(climbed: History) -> None:
    promoted = [params["a"] for _, params in ranking(climbed, 0)[:3]]
    sampled = [trial.params["a"] for trial in at(climbed, 1)[5:]]
    assert len(sampled) == 4
    assert all(min(promoted) - 0.1 <= a <= max(promoted) + 0.1 for a in sampled)
    seen = {trial.ask.point for trial in at(climbed, 0)}
    assert all(trial.ask.point not in seen for trial in at(climbed, 1)[5:])


def test_the_space_narrows_from_stage_to_stage_around_the_planted_peak(climbed: History) -> None:
    def width(stage: int, n_inherited: int) -> float:
        values = [trial.params["a"] for trial in at(climbed, stage)[n_inherited:]]
        return max(values) - min(values)

    assert width(2, 6) < width(0, 0) / 2
    assert climbed.best is not None
    assert abs(climbed.best.params["a"] - 0.7) < 0.1


def test_only_the_full_problem_is_ranked(climbed: History) -> None:
    assert climbed.full_stage == 2
    assert {trial.ask.stage for trial in climbed.ranked()} == {2}
    assert climbed.best is climbed.ranked()[0]


def test_costs_are_counted_in_epochs_of_the_full_problem(climbed: History) -> None:
    assert [stage.epochs for stage in stages(climbed)] == [36, 27, 24]
    assert full_epochs(climbed) == pytest.approx(36 * 0.1 + 27 * 0.4 + 24)


def test_a_point_from_beside_the_box_may_be_promoted_out_of_it(tmp_path: Path) -> None:
    def surprising(ask: Ask) -> float:
        return float(ask.params["a"]) * (-1 if ask.stage == 0 else 1)

    small = Scale(train=100, trials=12, promote=1, calibration=3, margin=0.02)
    middle = Scale(train=400, trials=6, promote=1, calibration=0, margin=0.02)
    history = search(planted_study(stages=[small, middle, Scale(trials=5)], sampler="tpe"), surprising, tmp_path)
    best = max(trial.params["a"] for trial in at(history, 1)[1:4])
    assert all(abs(trial.params["a"] - best) <= 0.02 + 1e-9 for trial in at(history, 2))


def test_an_option_goes_only_where_it_never_made_the_better_half(tmp_path: Path) -> None:
    worth = {"best": 1.0, "near": 0.9, "far": 0.0}

    def kinds(ask: Ask) -> float:
        return worth[ask.params["c"]] + 0.01 * ask.params["a"]

    space = {"a": Float(0.0, 1.0), "c": Choice(list(worth))}
    small = Scale(train=100, trials=30, promote=2, calibration=0)
    history = search(planted_study(space=space, stages=[small, Scale(trials=40)]), kinds, tmp_path)
    assert {params["c"] for _, params in promoted(history, 0, small)} == {"best"}
    assert {trial.params["c"] for trial in at(history, 1)[2:]} == {"best", "near"}


def test_the_box_is_drawn_around_what_turns_out_best_among_all_that_was_given(tmp_path: Path) -> None:
    """One of the points drawn to calibrate is the best at the full problem, though the stages mostly rank alike."""

    def surprise(ask: Ask) -> float:
        a = float(ask.params["a"])
        return 5.0 + a if ask.stage and 0.3 < a < 0.5 else a

    small = Scale(train=100, trials=20, promote=1, calibration=19, margin=0.05)
    history = search(planted_study(stages=[small, Scale(trials=30)]), surprise, tmp_path)
    assert history.notes == []
    best = max(trial.params["a"] for trial in at(history, 1)[:20] if 0.3 < trial.params["a"] < 0.5)
    assert all(abs(trial.params["a"] - best) <= 0.05 + 1e-9 for trial in at(history, 1)[20:])


def test_a_stage_that_misleads_promotes_what_it_ranks_first(tmp_path: Path) -> None:
    def backwards(ask: Ask) -> float:
        return float(ask.params["a"]) * (-1 if ask.stage == 0 else 1)

    study = planted_study(stages=[Scale(train=100, trials=20, promote=2, calibration=0, margin=0.05), Scale(trials=6)])
    history = search(study, backwards, tmp_path)
    worst = sorted(trial.params["a"] for trial in at(history, 0))[:2]
    assert [trial.params["a"] for trial in at(history, 1)[:2]] == worst
    assert all(trial.params["a"] <= worst[1] + 0.05 for trial in at(history, 1))


def test_repeats_are_ranked_by_their_mean(tmp_path: Path) -> None:
    def lucky(ask: Ask) -> float:
        return float(ask.params["a"]) + (5.0 if ask.point == 1 and ask.repeat == 0 else 0.0) - 4 * (ask.point == 1)

    study = planted_study(stages=[Scale(train=100, trials=12, promote=1, calibration=0), Scale(trials=2)], repeats=2)
    history = search(study, lucky, tmp_path)
    entered = at(history, 1)
    means = {
        t.ask.point: sum(lucky(o.ask) for o in at(history, 0) if o.ask.point == t.ask.point) for t in at(history, 0)
    }
    assert [(t.ask.point, t.ask.repeat) for t in entered] == [(max(means, key=lambda p: means[p]), r) for r in (0, 1)]


@pytest.mark.parametrize(("fraction", "count"), [(0.25, 5), (0.1, 2), (0.01, 1), (1.0, 20)])
def test_a_fraction_of_the_points_is_promoted(tmp_path: Path, fraction: float, count: int) -> None:
    small = Scale(train=100, trials=20, promote=fraction, calibration=0)
    history = search(planted_study(stages=[small, Scale(trials=20)]), peak, tmp_path)
    entered = [(trial.ask.point, trial.params) for trial in at(history, 1)[:count]]
    assert entered == ranking(history, 0)[:count]
    earlier_points = {trial.ask.point for trial in at(history, 0)}
    assert all(trial.ask.point not in earlier_points for trial in at(history, 1)[count:])


def test_the_stage_before_is_the_samplers_prior_on_this_stages_scale(tmp_path: Path) -> None:
    small = Scale(train=100, trials=20, promote=3, calibration=2, margin=0.2)
    study = planted_study(stages=[small, Scale(trials=12)], sampler="tpe")
    history = search(study, peak, tmp_path)
    stage = SearchStage.after(study, small, 1, history)
    source = stage.source(history)
    values = {trial.params["a"]: trial.value for trial in at(history, 0)}
    inherited = [params["a"] for _, params in stage.inherited]
    prior = source.view.trials[: -len(at(history, 1))] if len(source.view.trials) > 12 else source.view.trials
    prior = [trial for trial in prior if trial.params["a"] not in inherited]
    assert prior
    for trial in prior:
        # Worth ten more at the full problem, as all points are; and inside of the box.
        assert trial.value == pytest.approx((values[trial.params["a"]] or 0.0) + 10)
        assert min(inherited[:3]) - 0.2 <= trial.params["a"] <= max(inherited[:3]) + 0.2
    assert source.n_shown == len(prior) + sum(
        min(inherited[:3]) - 0.2 <= a <= max(inherited[:3]) + 0.2 for a in inherited
    )


def test_a_sampler_that_learns_draws_nearer_to_the_peak_for_its_prior(tmp_path: Path) -> None:
    """All ten points are drawn side by side, before any of them has a value: what is known is the stage before."""
    small = Scale(train=100, trials=40, promote=1, calibration=1, margin=0.4)

    def far(sampler: str) -> float:
        drawn = []
        for seed in range(3):
            study = planted_study(stages=[small, Scale(trials=12)], sampler=sampler, lanes=10, seed=seed)
            drawn += at(search(study, peak, tmp_path / f"{sampler}{seed}"), 1)[2:]
        return sum(abs(trial.params["a"] - 0.7) for trial in drawn) / len(drawn)

    assert far("tpe") < 0.7 * far("random")


@pytest.mark.parametrize(("noise", "most"), [(0.001, 2), (0.3, 12)])
def test_by_confidence_those_are_promoted_that_noise_cannot_tell_from_the_best(
    tmp_path: Path, noise: float, most: int
) -> None:
    def noisy(ask: Ask) -> float:
        near = ask.point in (3, 5)
        return (1.0 if near else 0.5) + noise * (-1) ** ask.repeat * (1 + ask.point % 3)

    small = Scale(train=100, trials=24, promote="95%", calibration=0)
    history = search(planted_study(stages=[small, Scale(trials=24)], repeats=2), noisy, tmp_path)
    entered = list(dict.fromkeys(trial.ask.point for trial in at(history, 1)))[:most]
    promoted_points = [point for point, _ in promoted(history, 0, small)]
    assert promoted_points == entered
    assert {3, 5} <= set(promoted_points)
    assert len(promoted_points) == most


def test_without_repeats_the_noise_is_that_of_so_many_validation_samples(tmp_path: Path) -> None:
    def right(ask: Ask) -> float:
        return 0.9 - 0.01 * ask.point

    small = Scale(train=100, valid=900, trials=12, promote="95%")  # a standard error of √(2 · 0.9 · 0.1/900) = 0.0141
    study = planted_study(stages=[small, Scale(trials=4)], metric="val_accuracy")
    history = search(study, right, tmp_path)
    assert [point for point, _ in promoted(history, 0, small)] == [0, 1, 2]  # 0.0141 · 1.645 = 0.0233 behind at most


def test_promotion_by_confidence_needs_to_know_the_noise(tmp_path: Path) -> None:
    study = planted_study(stages=[Scale(train=100, trials=4, promote="95%"), Scale(trials=4)])
    with pytest.raises(UserError, match="needs repeats=2 or more: a single score"):
        search(study, peak, tmp_path)


def test_failed_points_are_not_promoted(tmp_path: Path) -> None:
    def fragile(ask: Ask) -> float:
        return float("nan") if ask.params["a"] > 0.5 and ask.stage == 0 else float(ask.params["a"])

    study = planted_study(stages=[Scale(train=100, trials=10, promote=4, calibration=4), Scale(trials=8)])
    history = search(study, fragile, tmp_path)
    failed = {trial.ask.point for trial in at(history, 0) if trial.state == "FAILED"}
    assert failed
    assert failed.isdisjoint(trial.ask.point for trial in at(history, 1))


def test_a_grid_climbs_over_what_is_left_of_it(tmp_path: Path) -> None:
    space = {"a": Float(0.0, 1.0, step=0.1), "c": Choice(["x", "y"])}
    study = planted_study(
        space=space, sampler="grid", stages=[Scale(train=100, trials=22, promote=1, calibration=1), Scale(trials=50)]
    )
    history = search(study, peak, tmp_path)
    assert len(at(history, 0)) == 22
    cells = [tuple(trial.params.values()) for trial in at(history, 1)]
    (best,) = ranking(history, 0)[:1]
    assert cells[0] == tuple(best[1].values())
    # The box holds two cells on either side of the best one at most, of both options, and there is the one beside it.
    assert len(cells) == len(set(cells)) <= 11


@pytest.mark.parametrize("sampler", ["random", "tpe", "qmc"])
def test_interrupted_after_any_tick_and_resumed_it_tells_the_same_story(tmp_path: Path, sampler: str) -> None:
    study = planted_study(
        stages=[Scale(train=100, trials=7, promote=2, calibration=1), Scale(trials=5)], sampler=sampler, confirm=2
    )
    uninterrupted = search(study, peak, tmp_path / "whole", sizes={"train": 1000, "test": 10})
    assert {trial.ask.stage for trial in uninterrupted.trials} == {0, 1, 2, 3}
    for stop in range(uninterrupted.tick + 1):
        folder = tmp_path / f"{stop}"
        search(study, peak, folder, stop=stop, sizes={"train": 1000, "test": 10})
        search(study, peak, folder, sizes={"train": 1000, "test": 10})
        assert story(folder / "log.jsonl") == story(tmp_path / "whole" / "log.jsonl")


def test_more_trials_go_to_the_last_stage(tmp_path: Path) -> None:
    study = planted_study(stages=[Scale(train=100), Scale()], n_trials=8)
    search(study, peak, tmp_path)
    from dataclasses import replace

    from planted import open_clock

    from hpsearch.ladder import build
    from hpsearch.log.writer import Log

    more = replace(study, n_trials=11)
    with Log(tmp_path / "log.jsonl") as log:
        clock = open_clock(log, more, peak, tmp_path, ladder=build(more, 8))
        clock.run()
    assert [len(at(clock.history, stage)) for stage in (0, 1)] == [4, 7]


def test_a_search_that_found_enough_is_still_confirmed(tmp_path: Path) -> None:
    study = planted_study(n_trials=40, confirm=2, confirm_top=1)
    history = search(study, peak, tmp_path, limits=Limits(until=0.9))
    assert len(at(history, 0)) < 40
    assert [trial.ask.repeat for trial in at(history, 1)] == [0, 1]
    assert history.best is not None
    assert history.best.value is not None
    assert history.best.value >= 0.9
    assert not history.running()


def test_the_stages_before_do_not_count_as_no_improvement(tmp_path: Path) -> None:
    study = planted_study(stages=[SMALL, Scale(trials=6)])
    history = search(study, peak, tmp_path, limits=Limits(no_improvement=5))
    assert len(at(history, 0)) == 12
    assert at(history, 1)


def test_the_sampler_goes_on_once_all_that_a_stage_was_given_has_ended(climbed: History) -> None:
    for stage, n_inherited in ((1, 5), (2, 4)):
        trials = at(climbed, stage)
        last_tick = max(trial.ticks[-1] for trial in trials[:n_inherited])
        assert min(trial.ticks[0] for trial in trials[n_inherited:]) == last_tick + 1


def test_lanes_stay_empty_only_at_the_end_of_a_phase(climbed: History) -> None:
    phases = [at(climbed, 0), at(climbed, 1)[:5], at(climbed, 1)[5:], at(climbed, 2)[:4], at(climbed, 2)[4:]]
    for trials in phases:
        ticks = sorted({tick for trial in trials for tick in trial.ticks})
        busy = [sum(tick in trial.ticks for trial in trials) for tick in ticks]
        assert all(earlier >= later for earlier, later in pairwise(busy))
