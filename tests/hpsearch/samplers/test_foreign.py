from __future__ import annotations

import importlib.util
from typing import Any

import optuna
import pytest
from searching import Search, folded, make_study

from hpsearch.errors import UserError
from hpsearch.optuna_bridge.fold import quiet
from hpsearch.samplers import build
from hpsearch.space import Float

SPACE = {"a": Float(0, 1), "d": Float(0, 1)}


@pytest.mark.parametrize(
    ("make", "package"), [(optuna.samplers.GPSampler, "torch"), (optuna.samplers.CmaEsSampler, "cmaes")]
)
def test_a_missing_package_is_named_when_the_sampler_is_built(
    make: Any, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        "hpsearch.samplers.foreign.find_spec", lambda name: None if name == package else find_spec(name)
    )
    with quiet():
        sampler = make()
    with pytest.raises(UserError, match=f"needs the package '{package}': pip install {package}"):
        build(make_study(SPACE, sampler=sampler))


def test_the_user_s_object_is_left_as_it_was() -> None:
    sampler = optuna.samplers.TPESampler(seed=1)
    state = sampler._rng.rng.get_state()[1].tolist()  # type: ignore[index, union-attr]
    Search(build(make_study(SPACE, sampler=sampler)), total=15).run()
    assert sampler._rng.rng.get_state()[1].tolist() == state  # type: ignore[index, union-attr]


def test_an_unseeded_sampler_is_seeded_by_the_study() -> None:
    runs = [
        [
            t.params
            for t in Search(build(make_study(SPACE, sampler=optuna.samplers.RandomSampler()))).run().history.trials
        ]
        for _ in range(2)
    ]
    assert runs[0] == runs[1]
    assert len({repr(params) for params in runs[0]}) == len(runs[0]), "no draw repeats"


def test_a_sampler_with_a_state_of_its_own_goes_on_after_a_resume() -> None:
    """Optuna's quasi-Monte Carlo sampler counts in attributes of its study: begun anew, it would repeat its points."""

    def make() -> Any:
        with quiet():
            return build(make_study(SPACE, sampler=optuna.samplers.QMCSampler(seed=3, warn_independent_sampling=False)))

    uninterrupted = Search(make(), total=20).run()
    cut = len(uninterrupted.ticks) // 2
    resumed = Search(make(), total=20)
    resumed.ticks = uninterrupted.ticks[:cut]
    resumed.history = folded(uninterrupted, cut)
    trials = resumed.run().history.trials
    assert [trial.params for trial in trials] == [trial.params for trial in uninterrupted.history.trials]
    assert len({repr(trial.params) for trial in trials}) == len(trials)
