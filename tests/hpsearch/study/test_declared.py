"""A declaration with types: what a log says, read and written again to the byte."""

from __future__ import annotations

import inspect
import json
from dataclasses import fields
from typing import Any

import optuna
import pytest
from searching import Estimator, make_study

from hpsearch.pruners import ASHA
from hpsearch.samplers import TPE
from hpsearch.space import Choice, Float
from hpsearch.study.comparison import Comparison
from hpsearch.study.declaration import declare
from hpsearch.study.declared import Declaration
from hpsearch.study.roles import Roles
from hpsearch.study.scaling import Scale
from hpsearch.study.study import Study

SPACE = {"a": Float(0.01, 100, log=True), "c": Choice(["x", (1, 2)])}


def cheap(params: dict[str, Any]) -> bool:
    return bool(params["a"] < 50)


def objective(trial: Any) -> float:
    return float(trial.params["a"])


STUDIES: dict[str, Any] = {
    "plain": {},
    "several metrics": {"metric": ["val_accuracy", "seconds"], "direction": ["maximize", "minimize"]},
    "last epoch": {"value": "last", "audit": 0.25},
    "constraints": {"constraints": [cheap], "enqueue": [{"a": 1, "c": (1, 2)}]},
    "parts": {"sampler": TPE(n_startup=3), "pruner": ASHA(reduction=4)},
    "Optuna's": {"sampler": optuna.samplers.RandomSampler(seed=1), "pruner": optuna.pruners.NopPruner()},
    "limits": {"until": 0.9, "no_improvement": 3, "budget": 20, "trial_timeout": 7},
    "numbers": {"n_trials": 5, "epochs": 7, "lanes": 2, "seed": 3, "repeats": 2},
    "scoring": {"scoring": {"f1": "f1_macro"}, "metric": "val_f1"},
    "stages": {"stages": [Scale(train=100, classes=(0, 1), hidden_layer_sizes=(), promote="95%"), Scale(trials=4)]},
    "confirmed": {"confirm": 2},
    "confirmed more": {"confirm": 2, "confirm_top": 5, "measure_test": True},
    "compared": {"space": [{"a": [1.0, 2.0]}], "comparison": Comparison()},
    "objective": {"model": None, "data": None, "objective": objective},
    "function": {"space": objective},
}


@pytest.mark.parametrize("name", STUDIES)
def test_what_a_log_says_is_read_and_written_to_the_byte(name: str) -> None:
    written = json.dumps(declare(make_study(**{"space": SPACE, **STUDIES[name]})))
    declaration = Declaration.of(json.loads(written))
    assert json.dumps(declaration.to_json()) == written
    assert not declaration.others, f"{set(declaration.others)}: a field of Declaration each"
    assert declaration.goal == make_study(**{"space": SPACE, **STUDIES[name]}).goal


def test_each_recorded_field_of_a_study_has_a_type_and_a_description() -> None:
    of_the_log = {"others", "fixed", "fingerprint", "clock"}  # what a log says of itself
    recorded = {field.name for field in fields(Declaration)} - of_the_log
    assert recorded == {field.name for field in fields(Study)} - {"timeout"}, "the time of a run is no part of a study"
    documented = inspect.getdoc(Declaration) or ""
    assert all(f"    {name}: " in documented for name in recorded)


def test_what_another_version_says_is_kept() -> None:
    newer = {**declare(make_study(SPACE)), "of_tomorrow": {"x": [1]}}
    declaration = Declaration.of(json.loads(json.dumps(newer)))
    assert declaration.others == {"of_tomorrow": {"x": [1]}}
    assert json.dumps(declaration.to_json()) == json.dumps(newer)


def test_what_an_older_log_does_not_say_has_its_default() -> None:
    declaration = Declaration.of({"metric": "score", "direction": "minimize", "space": {}})
    assert (declaration.seed, declaration.lanes, declaration.repeats, declaration.confirm) == (0, 8, 1, 0)
    assert declaration.scales == (Scale(),)
    assert declaration.goal.direction == "minimize"


def test_a_models_parameters_are_those_of_its_parts_too() -> None:
    inner = {"class": "Inner", "params": {"l2": 5.0}}
    declaration = Declaration(model={"class": "Outer", "params": {"estimator": inner, "n": 2}})
    assert declaration.model_params == {"estimator": inner, "estimator__l2": 5.0, "n": 2}
    assert Declaration.of(declare(make_study(SPACE))).model_params == Estimator().get_params()


def test_stages_are_named_by_what_they_are_for() -> None:
    roles = Roles(full=2)
    assert (roles.confirm, roles.test) == (3, 4)
    assert [stage for stage in range(6) if roles.searches(stage)] == [0, 1, 2]
