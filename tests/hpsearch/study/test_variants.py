from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hpsearch.errors import UserError
from hpsearch.models.estimators.classifier import MLPClassifier
from hpsearch.samplers import TPE
from hpsearch.space import Float
from hpsearch.study.study import Study
from hpsearch.study.variants import override

STUDY = Study(
    "eta_lambda",
    model=MLPClassifier(hidden_layer_sizes=(30,)),
    space={"learning_rate": Float(0.01, 10, log=True)},
    data="digits",
)


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({}, "eta_lambda"),
        ({"data": "mnist"}, "eta_lambda@mnist"),
        ({"data": "mnist", "seed": 3}, "eta_lambda@mnist,seed=3"),
        ({"seed": 3, "epochs": 5, "lanes": 2}, "eta_lambda@epochs=5,lanes=2,seed=3"),
        ({"sampler": "random", "pruner": "none"}, "eta_lambda@pruner=none,sampler=random"),
        ({"set": {"model.batch_size": 20}}, "eta_lambda@model.batch_size=20"),
        ({"set": {"model.hidden_layer_sizes": (100, 50)}}, "eta_lambda@model.hidden_layer_sizes=100x50"),
        ({"set": {"metric": "val_cost", "direction": "minimize"}}, "eta_lambda@direction=minimize,metric=val_cost"),
        ({"set": {"seed": 3}}, "eta_lambda@seed=3"),
        ({"data": "some/where/my.csv"}, "eta_lambda@my"),
        ({"data": Path("idx")}, "eta_lambda@idx"),
        ({"data": (np.zeros((3, 2)), np.zeros(3))}, "eta_lambda@arrays"),
        ({"sampler": TPE(n_startup=5)}, "eta_lambda@sampler=TPE"),
        ({"n_trials": 200}, "eta_lambda"),
        ({"data": "digits", "seed": 0, "lanes": 8, "set": {"model.batch_size": 10}}, "eta_lambda"),
        ({"data": "mnist", "name": "mine"}, "mine"),
        ({"name": "mine"}, "mine"),
    ],
)
def test_a_variant_is_named_after_what_differs(settings: dict[str, Any], name: str) -> None:
    assert override(STUDY, **settings).name == name


def test_what_is_said_holds_and_the_rest_stays() -> None:
    new = override(STUDY, data="mnist", n_trials=9, set={"model.batch_size": 20, "repeats": 2})
    assert (new.data, new.n_trials, new.repeats, new.seed) == ("mnist", 9, 2, 0)
    assert new.model.get_params()["batch_size"] == 20
    assert new.model.get_params()["hidden_layer_sizes"] == (30,)
    assert STUDY.model.get_params()["batch_size"] == 10
    assert new.space == STUDY.space


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"set": {"model.batchsize": 20}}, r"no parameter 'batchsize' \(did you mean 'batch_size'\?\)"),
        ({"set": {"model.learning_rate": 0.1}}, "the study searches learning_rate in Float"),
        ({"set": {"batch_size": 20}}, r"no such setting \(did you mean 'model.batch_size'\?\)"),
        ({"set": {"name": "x"}}, "no such setting"),
        ({"set": {"seed": 1}, "seed": 2}, "given twice"),
        ({"seed": -1}, "seed must be at least 0"),
        ({"set": {"repeats": "many"}}, "repeats must be a whole number"),
        ({"sampler": "tpee"}, "did you mean 'tpe'"),
        ({"name": "a/b"}, "no path separators"),
        ({"set": {"model.weight_init": "x" * 300}}, "longer than 200 bytes"),
    ],
)
def test_a_wrong_override_is_refused_in_one_clear_line(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        override(STUDY, **settings)
    assert "\n" not in str(caught.value)


def test_only_fields_that_may_be_set_are() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'trials'"):
        override(STUDY, trials=9)


def test_an_objective_has_no_model_to_set() -> None:
    study = Study("f", objective=lambda trial: 0.0)
    with pytest.raises(UserError, match="has an objective and no model"):
        override(study, set={"model.x": 1})


def test_a_word_never_leaves_the_folder() -> None:
    study = Study("e", model=MLPClassifier(), data="digits")
    assert "/" not in override(study, set={"model.weight_init": "../x"}).name


def test_a_sampler_that_pauses_trials_takes_the_place_of_the_files_pruner_too() -> None:
    study = Study(
        "s", MLPClassifier(max_epochs=9), space={"learning_rate": Float(0.1, 1)}, data="digits", pruner="asha"
    )
    changed = override(study, sampler="freeze_thaw")
    assert (changed.sampler, changed.pruner) == ("freeze_thaw", "none")
    with pytest.raises(UserError, match="decides itself how long each trial trains"):
        override(study, sampler="freeze_thaw", pruner="median")
