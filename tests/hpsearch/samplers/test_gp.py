from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from searching import METRIC, Search, folded, make_study
from threadpoolctl import threadpool_limits

from hpsearch.errors import UserError
from hpsearch.log.history import Goal, History
from hpsearch.log.records import Ask, Decision, Row, Tick
from hpsearch.pruners import ASHA
from hpsearch.samplers import GP, build
from hpsearch.samplers.gp_encoding import Encoding
from hpsearch.samplers.gp_observations import Observations
from hpsearch.space import Choice, Float, Int

SPACE = {"a": Float(0.01, 10, log=True), "b": Int(1, 50)}


def never(trial: int, epoch: int) -> bool:
    return False


def hill(trial: int, params: Mapping[str, Any], epoch: int) -> float:
    return -abs(float(np.log10(params["a"] / 0.5))) - abs(params["b"] - 20) / 50


def search(sampler: Any = "gp", space: Any = SPACE, seed: int = 0, **settings: Any) -> Search:
    built = build(make_study(space, sampler=sampler, seed=seed))
    return Search(built, **{"total": 40, "epochs": 1, "lanes": 1, "curve": hill, "fails": never, **settings}).run()


def test_it_climbs_a_hill_that_chance_does_not() -> None:
    best: dict[str, list[float]] = {"gp": [], "random": []}
    for name, values in best.items():
        for seed in range(3):
            top = search(name, seed=seed, total=30).history.best
            assert top is not None
            assert top.value is not None
            values.append(top.value)
    assert min(best["gp"]) > max(best["random"])
    assert min(best["gp"]) > -0.1


def test_long_after_a_refit_a_resumed_search_has_the_same_kernel() -> None:
    live = search(lanes=3, total=60, curve=lambda n, p, e: hill(n, p, e) + 0.1 * np.sin(n))
    for ticks, asks, point, params in live.asked[-26::5]:
        assert build(make_study(SPACE, sampler="gp")).ask(folded(live, ticks, asks), point) == params


def test_one_sampler_may_be_asked_about_one_history_and_then_another() -> None:
    one = search(seed=0, total=20)
    other = search(seed=0, total=20, curve=lambda n, p, e: -hill(n, p, e))
    sampler = build(make_study(SPACE, sampler="gp"))
    for live in (one, other, one):
        ticks, asks, point, params = live.asked[-1]
        assert sampler.ask(folded(live, ticks, asks), point) == params


def test_the_number_of_blas_threads_changes_no_bit() -> None:
    live = search("random", {"a": Float(0.01, 10, log=True), "b": Int(1, 50)}, total=300)
    answers = []
    for threads in (1, 2):
        with threadpool_limits(threads, user_api="blas"):
            answers.append(build(make_study(SPACE, sampler="gp")).ask(folded(live, 300), 300))
    assert answers[0] == answers[1]


def test_lanes_do_not_crowd_on_one_point() -> None:
    """Asked eight times over the same results; only the points under way differ."""
    live = search(space={"a": Float(0, 1)}, total=24, lanes=8, curve=lambda n, p, e: np.sin(17 * p["a"]))
    for n_shown in (8, 16):
        batch = [trial.params["a"] for trial in live.history.trials[n_shown : n_shown + 8]]
        assert len(set(batch)) == 8
        assert max(batch) - min(batch) > 0.1


def test_no_point_is_asked_again_before_all_were() -> None:
    space = {"b": Int(1, 4), "c": Choice(["x", "y", "z"])}
    live = search(space=space, total=20, lanes=4, curve=lambda n, p, e: p["b"])
    points = [tuple(trial.params.values()) for trial in live.history.trials]
    early = len(set(points[:8]))
    assert len(set(points[: 8 + 12 - early])) == 12


def test_where_trials_fail_it_does_not_go() -> None:
    space = {"a": Float(0, 1)}
    live = build(make_study(space, sampler="gp"))
    search_run = Search(
        live, total=40, lanes=1, epochs=1, curve=lambda n, p, e: np.nan if p["a"] > 0.5 else p["a"], fails=never
    )
    search_run.run()
    late = [trial.params["a"] for trial in search_run.history.trials[20:]]
    assert sum(value > 0.55 for value in late) <= 3
    best = search_run.history.best
    assert best is not None
    assert best.params["a"] > 0.47


def test_conditional_parameters_are_learnt_where_they_exist() -> None:
    space = {
        "c": Choice(["sgd", "momentum"]),
        "d": Float(0, 1, when={"c": "momentum"}),
        "a": Float(0.01, 10, log=True),
    }

    def curve(trial: int, params: Mapping[str, Any], epoch: int) -> float:
        return (1 - abs(params["d"] - 0.9) if "d" in params else 0.6) - abs(float(np.log10(params["a"])))

    best = search(space=space, curve=curve).history.best
    assert best is not None
    assert best.value is not None
    assert best.params["c"] == "momentum"
    assert best.value > 0.85


def log(trials: list[tuple[float, list[float], str, float]], repeats: int = 1) -> History:
    """A history of trials that ran one after the other: parameter, curve, how it ended, seconds an epoch."""
    history = History(Goal(METRIC, "maximize"))
    tick = 0
    for number, (value, curve, action, seconds) in enumerate(trials):
        asks: tuple[Ask, ...] = (Ask(number, 0, {"a": value}, number // repeats, number % repeats),)
        for epoch, reached in enumerate(curve, 1):
            last = epoch == len(curve)
            ends = (Decision(number, action, "so", "rule"),) if last else ()  # type: ignore[arg-type]
            rows = (Row(number, 0, epoch, {METRIC: reached}, seconds, last),)
            history.apply(Tick(tick, 0.0, asks, rows, ends))
            asks = ()
            tick = tick + 1
    return history


def test_what_is_learnt_from_each_kind_of_end() -> None:
    observations = Observations(Encoding({"a": Float(0, 1)}), repeats=1)
    observations.follow(
        log(
            [
                (0.1, [0.3, 0.8, 0.7], "complete", 2.0),
                (0.2, [0.4, 0.2], "prune", 1.0),
                (0.3, [0.9, 0.1], "fail", 1.0),
                (0.4, [float("nan")], "prune", 1.0),
            ]
        )
    )
    assert [observation.loss for observation in observations.ended] == [-0.8, -0.4, None, None]
    assert [observation.seconds for observation in observations.ended] == [6.0, None, None, None]


def test_repeats_of_a_point_are_one_observation_once_all_have_ended() -> None:
    observations = Observations(Encoding({"a": Float(0, 1)}), repeats=2)
    trials = [(0.1, [0.3], "complete", 1.0), (0.1, [0.5], "complete", 3.0), (0.2, [0.9], "complete", 1.0)]
    observations.follow(log(trials, repeats=2))
    assert [(observation.point, observation.loss) for observation in observations.ended] == [(0, -0.4)]
    assert observations.ended[0].seconds == 2.0
    assert observations.running() == [{"a": 0.2}]


def test_a_failed_point_that_is_tried_again_is_one_observation_however_it_was_followed() -> None:
    history = log([(0.1, [0.3, 0.8], "complete", 1.0), (0.2, [0.4], "fail", 3.0), (0.3, [0.6], "complete", 1.0)])
    grown = Observations(Encoding({"a": Float(0, 1)}), repeats=1)
    grown.follow(history)
    assert [(observation.point, observation.loss) for observation in grown.ended] == [(0, -0.8), (1, None), (2, -0.6)]
    history.begin(Ask(3, 0, {"a": 0.2}, 1))
    grown.follow(history)
    assert [observation.point for observation in grown.ended] == [0, 2]
    assert grown.running() == [{"a": 0.2}]
    tick = Tick(4, 0.0, (), (Row(3, 0, 1, {METRIC: 0.7}, 1.0, True),), (Decision(3, "complete", "so", "rule"),))
    history.arrive(tick)
    history.decide(tick)
    grown.follow(history)
    made = Observations(Encoding({"a": Float(0, 1)}), repeats=1)
    made.follow(history)
    assert grown.ended == made.ended
    assert [(observation.point, observation.loss) for observation in made.ended] == [(0, -0.8), (2, -0.6), (1, -0.7)]


def test_points_are_ordered_by_when_they_ended() -> None:
    live = Search(build(make_study(SPACE, sampler="random")), ASHA(reduction=2), total=20, lanes=4)
    step_by_step, at_once = (Observations(Encoding(SPACE), repeats=1) for _ in range(2))
    previous: list[int] = []
    for _ in live.steps():
        step_by_step.follow(live.history)
        order = [observation.point for observation in step_by_step.ended]
        assert order[: len(previous)] == previous
        previous = order
    at_once.follow(live.history)
    assert at_once.ended == step_by_step.ended
    assert previous != sorted(previous)


def test_improvement_per_second_goes_where_trials_are_short() -> None:
    """Two equal hills; on the right one a trial takes a hundred times as long."""
    rng = np.random.default_rng(0)
    trials = []
    for value in rng.random(24).tolist():
        height = 1 - 4 * min(abs(value - 0.25), abs(value - 0.75))
        trials.append((value, [height], "complete", 100.0 if value > 0.5 else 1.0))
    history = log(trials)
    proposed = {
        rated: [
            build(make_study({"a": Float(0, 1)}, sampler=GP(per_second=rated), seed=seed)).ask(history, 24)["a"]
            for seed in range(6)
        ]
        for rated in (False, True)
    }
    assert max(proposed[True]) < 0.5
    quick = log([(value, curve, action, 1.0) for value, curve, action, _ in trials])
    study = make_study({"a": Float(0, 1)}, sampler="gp", seed=0)
    assert build(study).ask(quick, 24)["a"] == proposed[False][0], "seconds matter to nobody who did not ask"


def test_without_seconds_it_is_plain_improvement() -> None:
    history = log([(value / 12, [value / 12], "complete", 0.0) for value in range(12)])
    rated, plain = (
        build(make_study({"a": Float(0, 1)}, sampler=GP(per_second=rated))).ask(history, 12) for rated in (True, False)
    )
    assert rated == plain


def test_a_wrong_option_is_refused() -> None:
    with pytest.raises(UserError, match="n_startup must be at least 2"):
        GP(n_startup=1)


def test_declaring_it_imports_no_scikit_learn() -> None:
    code = "import sys; from hpsearch.samplers import GP; GP(); print('sklearn' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
