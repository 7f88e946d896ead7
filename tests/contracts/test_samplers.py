"""What every sampler promises, over the table of all of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import optuna
import pytest
import searching
from searching import METRIC, Search, bumpy, folded, hash_of, make_study

from hpsearch import samplers
from hpsearch.errors import UserError
from hpsearch.optuna_bridge.fold import quiet
from hpsearch.pruners import ASHA
from hpsearch.space import Choice, Float, Int, active
from hpsearch.study.registry import SAMPLERS, resolve

OPTUNA = {
    "optuna.RandomSampler": optuna.samplers.RandomSampler,
    "optuna.TPESampler": lambda: optuna.samplers.TPESampler(n_startup_trials=4),
    "optuna.QMCSampler": lambda: optuna.samplers.QMCSampler(seed=1, warn_independent_sampling=False),
    "optuna.NSGAIISampler": lambda: optuna.samplers.NSGAIISampler(population_size=4),
}
PROPOSING = [name for name in SAMPLERS if name != "listed"]  # a list of points proposes none of its own
ALL = [*PROPOSING, *OPTUNA]
SEEDLESS = {"grid", "optuna.QMCSampler"}  # one order; a seed fixed where it is made
TAKE_FUNCTIONS = {"random", "tpe", *OPTUNA}  # others may refuse a space function
TAKE_SEVERAL = {"grid", "qmc", "random", "tpe", *OPTUNA}  # others may refuse several metrics

PLAIN = {"a": Float(0.01, 10, log=True), "b": Int(1, 64, log=True), "c": Choice(["x", (3, 4), None]), "d": Float(-1, 1)}
STEPPED = {"a": Float(0, 1, step=0.1), "b": Int(2, 20, step=6), "c": Choice([True, False]), "d": Int(0, 2)}
CONDITIONAL = {
    "c": Choice(["sgd", "momentum", (1, 2)]),
    "a": Float(0, 1, step=0.25, when={"c": "momentum"}),
    "b": Int(1, 3, when={"c": ["momentum", (1, 2)]}),
    "d": Choice([1, 2], when={"b": [2, 3]}),
}


def study_of(name: str, space: Any, **settings: Any) -> Any:
    with quiet():
        sampler = OPTUNA[name]() if name in OPTUNA else name
    return make_study(space, **{"sampler": sampler, "seed": 5, "epochs": 6, **settings})


def search_of(name: str, space: Any, total: int = 18, **settings: Any) -> Search:
    study = study_of(name, space, **settings)
    sampler = samplers.build(study)
    total = samplers.budget(total, sampler.size, study.repeats)
    return Search(
        sampler,
        ASHA(reduction=2),
        study.goal,
        total=total,
        repeats=study.repeats,
        more=lambda params: {"cost": sum(map(hash_of, params.values()))},
    )


def refused(study: Any) -> str | None:
    """Why a study's sampler cannot be built, or None."""
    try:
        samplers.build(study)
    except UserError as error:
        return str(error)
    return None


def spaces_of(name: str) -> list[dict[str, Any]]:
    return [STEPPED, CONDITIONAL] if name == "grid" else [PLAIN, STEPPED, CONDITIONAL]


CASES = [(name, space) for name in ALL for space in spaces_of(name)]
for_each_case = pytest.mark.parametrize(
    ("name", "space"),
    CASES,
    ids=lambda value: value if isinstance(value, str) else "-".join(map(repr, value.values()))[:24],
)


@for_each_case
def test_points_lie_in_the_space_and_have_its_active_dimensions(name: str, space: dict[str, Any]) -> None:
    for trial in search_of(name, space).run().history.trials:
        assert list(trial.params) == active(space, trial.params)
        for key, value in trial.params.items():
            assert space[key].contains(value), (key, value)


@for_each_case
def test_values_are_native_json_values(name: str, space: dict[str, Any]) -> None:
    native = {Float: float, Int: int}
    for trial in search_of(name, space).run().history.trials:
        assert json.loads(json.dumps(trial.params)) == trial.params
        for key, value in trial.params.items():
            if type(space[key]) in native:
                assert type(value) is native[type(space[key])]


@for_each_case
def test_an_answer_is_a_function_of_history_and_number(name: str, space: dict[str, Any]) -> None:
    """At every ask of a live search, a new sampler over a new fold of the log, as on resume, gives the same."""
    live = search_of(name, space).run()
    for ticks, asks, point, params in live.asked:
        history = folded(live, ticks, asks)
        fresh = samplers.build(study_of(name, space))
        assert fresh.ask(history, point) == params
        assert fresh.ask(history, point) == params, "asked twice"


@for_each_case
def test_a_search_stopped_anywhere_and_resumed_goes_on_as_it_would_have(name: str, space: dict[str, Any]) -> None:
    uninterrupted = search_of(name, space).run()
    for cut in (1, len(uninterrupted.ticks) // 2):
        resumed = search_of(name, space)
        resumed.ticks = uninterrupted.ticks[:cut]
        resumed.history = folded(uninterrupted, cut)
        assert [t.params for t in resumed.run().history.trials] == [t.params for t in uninterrupted.history.trials]


@pytest.mark.parametrize("name", [name for name in ALL if name not in SEEDLESS])
def test_another_seed_gives_other_points(name: str) -> None:
    one, other = (search_of(name, PLAIN, seed=seed).run().history.trials for seed in (1, 2))
    assert [trial.params for trial in one] != [trial.params for trial in other]


@pytest.mark.parametrize("name", ALL)
def test_repeats_are_one_point_to_a_sampler(name: str) -> None:
    if name == "freeze_thaw":
        with pytest.raises(UserError, match="does not go with repeats="):
            samplers.build(study_of(name, STEPPED, repeats=3))
        return
    search = search_of(name, STEPPED, total=24, repeats=3).run()
    assert [point for _, _, point, _ in search.asked] == list(range(8))
    live = search_of(name, STEPPED, total=24, repeats=3).run()
    for ticks, asks, point, params in live.asked:
        assert samplers.build(study_of(name, STEPPED, repeats=3)).ask(folded(live, ticks, asks), point) == params


@pytest.mark.parametrize("name", ALL)
def test_points_given_by_hand_come_first(name: str) -> None:
    enqueued = [{"a": 0.5, "b": 8, "c": True, "d": 1}, {"a": 0.3, "b": 2, "c": False, "d": 0}]
    trials = search_of(name, STEPPED, enqueue=enqueued).run().history.trials
    assert [trial.params for trial in trials[:2]] == enqueued
    assert all(STEPPED[key].contains(value) for trial in trials[2:] for key, value in trial.params.items())


def even(params: Any) -> bool:
    """Holds at about half of the points of for_each_case space."""
    return params["b"] % 2 == 0 if "b" in params else params["c"] == "sgd"


def near(params: Any) -> bool:
    return float(params.get("a", 0.0)) < 0.7


@pytest.mark.parametrize(
    ("name", "space"),
    [case for case in CASES if case[0] not in ("chapter", "optuna.TPESampler") and case[1] is not STEPPED],
    ids=str,
)
def test_points_meet_the_constraints_and_stay_a_function_of_history_and_number(name: str, space: Any) -> None:
    settings = {"constraints": [even, near]}
    live = search_of(name, space, **settings).run()
    assert len(live.history.trials) == 18 or name == "grid"
    for trial in live.history.trials:
        assert even(trial.params)
        assert near(trial.params)
        assert list(trial.params) == active(space, trial.params)
    # An Optuna sampler begun anew is asked again for every point before: a few of them will do.
    for ticks, asks, point, params in live.asked[:: 6 if name in OPTUNA else 1]:
        fresh = samplers.build(study_of(name, space, **settings))
        assert fresh.ask(folded(live, ticks, asks), point) == params
        assert fresh.rejected >= 0


@pytest.mark.parametrize("name", ALL)
def test_a_constraint_that_is_never_met_is_named_before_anything_is_trained(name: str) -> None:
    def hopeless(params: Any) -> bool:
        return bool(params["b"] > 100)

    message = "constraint hopeless is never met" if name != "chapter" else "takes no constraints"
    with pytest.raises(UserError, match=message):
        samplers.build(study_of(name, STEPPED, constraints=[hopeless]))


@pytest.mark.parametrize("name", ALL)
def test_several_metrics_are_searched_or_refused_in_a_line(name: str) -> None:
    settings: dict[str, Any] = {"metric": [METRIC, "cost"], "direction": ["maximize", "minimize"]}
    if (refusal := refused(study_of(name, STEPPED, **settings))) is not None:
        assert name not in TAKE_SEVERAL
        assert f"sampler '{name}' takes one metric, not {METRIC} and cost: take 'tpe'" in refusal
        return
    live = search_of(name, STEPPED, total=26, **settings).run()
    for ticks, asks, point, params in live.asked[:: 6 if name in OPTUNA else 1]:
        fresh = samplers.build(study_of(name, STEPPED, **settings))
        assert fresh.ask(folded(live, ticks, asks), point) == params


@pytest.mark.parametrize("name", ALL)
def test_an_empty_space_is_one_experiment(name: str) -> None:
    study = study_of(name, {}, repeats=3)
    sampler = samplers.build(study)
    assert samplers.budget(None, sampler.size, study.repeats) == 3
    assert Search(sampler, total=3, repeats=3).run().history.trials[0].params == {}


@pytest.mark.parametrize("name", ALL)
def test_a_space_function_works_or_is_refused_by_name(name: str) -> None:
    def space(trial: Any) -> None:
        if trial.suggest_categorical("c", ["u", "v"]) == "u":
            trial.suggest_float("a", 0.1, 1, log=True)
        trial.suggest_int("b", 1, 9)

    if (refusal := refused(study_of(name, space))) is not None:
        assert name not in TAKE_FUNCTIONS
        assert f"sampler '{name}' needs a space of dimensions" in refusal
        return
    live = search_of(name, space).run()
    assert all(("a" in trial.params) == (trial.params["c"] == "u") for trial in live.history.trials)
    for ticks, asks, point, params in live.asked:
        assert samplers.build(study_of(name, space)).ask(folded(live, ticks, asks), point) == params


@pytest.mark.parametrize("name", ALL)
def test_nothing_is_said_and_nothing_is_left_changed(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    before = optuna.logging.get_verbosity()
    search_of(name, CONDITIONAL, total=16).run()
    assert optuna.logging.get_verbosity() == before
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_name_has_a_declaration_that_samplers_exports(name: str) -> None:
    declared = resolve(SAMPLERS[name])
    assert getattr(samplers, declared.__name__) is declared
    assert declared() == declared()


@pytest.fixture(scope="module")
def elsewhere() -> dict[str, list[dict[str, Any]]]:
    """The points that for_each_case sampler gives in another process."""
    code = (
        "from test_samplers import *; import json\n"
        "def points(name): return [t.params for t in search_of(name, CONDITIONAL, total=14).run().history.trials]\n"
        "print(json.dumps({name: points(name) for name in PROPOSING}))"
    )
    folders = [str(Path(module).parent) for module in (__file__, str(searching.__file__))]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(folders), "PYTHONHASHSEED": "7"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    points: dict[str, list[dict[str, Any]]] = json.loads(done.stdout)
    return points


@pytest.mark.parametrize("name", PROPOSING)
def test_another_process_gives_the_same_points(name: str, elsewhere: dict[str, list[dict[str, Any]]]) -> None:
    points = [trial.params for trial in search_of(name, CONDITIONAL, total=14).run().history.trials]
    assert elsewhere[name] == points


def test_curves_with_gaps_were_among_those_searched() -> None:
    live = search_of("tpe", PLAIN).run()
    assert {trial.state for trial in live.history.trials} == {"COMPLETE", "PRUNED", "FAILED"}
    assert any(
        bumpy(trial.number, trial.params, 1) != bumpy(trial.number, trial.params, 1) for trial in live.history.trials
    )
