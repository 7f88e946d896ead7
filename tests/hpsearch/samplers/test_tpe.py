from __future__ import annotations

import optuna
import pytest
from optuna.samplers import TPESampler
from searching import Search, folded, make_study

from hpsearch.errors import UserError
from hpsearch.history import History
from hpsearch.optuna_fold import quiet
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
    asked = study.ask()
    return {"a": asked.suggest_float("a", 0.01, 10, log=True), "b": asked.suggest_int("b", 1, 50)}


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


@pytest.mark.parametrize("make", [lambda: TPE(n_startup=0), lambda: TPE(n_candidates=0)])
def test_a_wrong_option_is_refused(make: type[TPE]) -> None:
    with pytest.raises(UserError, match="at least 1"):
        make()
