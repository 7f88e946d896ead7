from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import optuna
import pytest
from optuna.samplers import TPESampler
from searching import METRIC, Search, folded, make_study

from hpsearch.errors import UserError
from hpsearch.log.history import History
from hpsearch.optuna_bridge.fold import quiet
from hpsearch.pruners import ASHA
from hpsearch.samplers import TPE, build
from hpsearch.samplers.seeding import point_seed
from hpsearch.space import Float, Int

SPACE = {"a": Float(0.01, 10, log=True), "b": Int(1, 50)}
STATES = {
    "RUNNING": optuna.trial.TrialState.RUNNING,
    "COMPLETE": optuna.trial.TrialState.COMPLETE,
    "PRUNED": optuna.trial.TrialState.PRUNED,
    "FAILED": optuna.trial.TrialState.PRUNED,  # without a value: worse than all that has one
}


def by_hand(history: History, seed: int) -> dict[str, float]:
    """The obvious way: an Optuna study made anew in Optuna's own storage."""
    study = optuna.create_study(direction="maximize")
    distributions = {
        "a": optuna.distributions.FloatDistribution(0.01, 10, log=True),
        "b": optuna.distributions.IntDistribution(1, 50),
    }
    failed = sum(trial.state == "FAILED" for trial in history.trials)
    for trial in history.trials:
        best: list[float] = [history.table[row.epoch][trial.number] for row in trial.rows]
        best = [] if trial.state == "FAILED" else best
        study.add_trial(
            optuna.trial.create_trial(
                state=STATES[trial.state],
                value=trial.value if trial.state in ("COMPLETE", "PRUNED") else None,
                params=trial.params,
                distributions=distributions,
                intermediate_values={e + 1: value for e, value in enumerate(best) if abs(value) < 1e9},
            )
        )
    study.sampler = TPESampler(seed=seed, multivariate=True, constant_liar=True, n_startup_trials=10 + failed)
    trial = study.ask()
    return {"a": trial.suggest_float("a", 0.01, 10, log=True), "b": trial.suggest_int("b", 1, 50)}


def test_it_asks_as_optuna_would_over_the_same_trials() -> None:
    search = Search(build(make_study(SPACE, seed=4)), ASHA(reduction=2), total=30, fails=lambda n, e: n == 9).run()
    with quiet():
        for ticks, asks, point, params in search.asked:
            assert by_hand(folded(search, ticks, asks), point_seed(4, point)) == params


def test_it_finds_a_hill_faster_than_chance() -> None:
    def hill(trial: int, params: dict[str, float], epoch: int) -> float:
        return -abs(params["a"] - 0.5) - abs(params["b"] - 20) / 50

    best = {
        name: [
            Search(build(make_study(SPACE, sampler=name, seed=seed)), total=60, epochs=1, curve=hill).run().history.best
            for seed in range(5)
        ]
        for name in ("tpe", "random")
    }
    means = {name: sum(trial.value or 0.0 for trial in trials if trial) / 5 for name, trials in best.items()}
    assert means["tpe"] > means["random"]


def test_lanes_do_not_crowd_on_one_point() -> None:
    search = Search(
        build(make_study({"a": Float(0, 1)})), total=48, lanes=8, epochs=1, curve=lambda n, p, e: p["a"]
    ).run()
    last = [trial.params["a"] for trial in search.history.trials[-8:]]
    assert len(set(last)) == 8
    assert max(last) - min(last) > 1e-3


def test_it_learns_to_keep_away_from_where_training_fails() -> None:
    """The best points lie at the edge of a region that fails: seen as bad it is avoided, overlooked it is sought."""

    def edge(trial: int, params: dict[str, float], epoch: int) -> float:
        return math.log10(params["a"]) - abs(params["b"] - 20) / 50

    def search(sampler: Any, seed: int) -> Search:
        study = make_study({"a": Float(0.01, 10, log=True), "b": Int(1, 50)}, sampler=sampler, seed=seed)
        search_run = Search(build(study), total=60, epochs=1, curve=edge)
        search_run.fails = lambda number, epoch: search_run.history.trials[number].params["a"] > 1.0
        return search_run.run()

    def optuna_s() -> TPESampler:
        with quiet():
            return TPESampler(multivariate=True, constant_liar=True)

    runs = {
        name: [search(make(), seed).history for seed in range(5)]
        for name, make in (("ours", lambda: "tpe"), ("optuna's", optuna_s))
    }
    failed = {name: sum(t.state == "FAILED" for h in histories for t in h.trials) for name, histories in runs.items()}
    best = {name: sum(h.best.value or 0.0 for h in histories if h.best) / 5 for name, histories in runs.items()}
    assert failed["ours"] < 0.7 * failed["optuna's"], failed
    assert best["ours"] > best["optuna's"] - 0.02, best


def test_points_that_failed_are_nothing_to_begin_on() -> None:
    """Ten failures are no ten observations: it goes on drawing at random until as many points have a value."""
    study = make_study(SPACE, seed=3)
    search_run = Search(
        build(study), total=24, lanes=1, epochs=1, curve=lambda n, p, e: p["a"], fails=lambda n, e: n < 10
    )
    drawn = Search(build(make_study(SPACE, seed=3, sampler=TPE(n_startup=99))), total=24, lanes=1, epochs=1)
    trials = zip(search_run.run().history.trials, drawn.run().history.trials, strict=True)
    same = [a.params == b.params for a, b in trials]
    assert all(same[:20])
    assert not any(same[20:])


def test_with_two_metrics_it_covers_more_than_chance() -> None:
    """ZDT1 in four dimensions (Zitzler, Deb and Thiele, 2000): the area that the front covers."""
    space = {name: Float(0, 1) for name in "abcd"}

    def valley(params: Mapping[str, float]) -> float:
        return 1 + 3 * (params["b"] + params["c"] + params["d"])

    def area(sampler: str, seed: int) -> float:
        metrics: dict[str, Any] = {"metric": [METRIC, "cost"], "direction": ["maximize", "minimize"]}
        study = make_study(space, sampler=sampler, seed=seed, **metrics)
        search_run = Search(
            build(study),
            goal=study.goal,
            total=70,
            epochs=1,
            fails=lambda n, e: False,
            curve=lambda n, p, e: 1 - p["a"],
            more=lambda p: {"cost": valley(p) - math.sqrt(p["a"] * valley(p))},
        ).run()
        covered = 0.0
        floor = 0.0
        for trial in reversed(search_run.history.front()):
            value, cost = trial.values
            covered += (value - floor) * max(8.0 - cost, 0.0)
            floor = value
        return covered

    runs = {name: [area(name, seed) for seed in range(4)] for name in ("tpe", "random")}
    assert sum(runs["tpe"]) > 1.03 * sum(runs["random"]), runs


@pytest.mark.parametrize("make", [lambda: TPE(n_startup=0), lambda: TPE(n_candidates=0)])
def test_a_wrong_option_is_refused(make: type[TPE]) -> None:
    with pytest.raises(UserError, match="at least 1"):
        make()
