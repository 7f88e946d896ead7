from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from searching import Estimator, make_study

from hpsearch.errors import UserError
from hpsearch.log.history import Goal
from hpsearch.pruners import ASHA
from hpsearch.samplers import TPE
from hpsearch.space import Choice, Float, Int
from hpsearch.study.study import Study


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": ""}, "must be a text"),
        ({"name": 3}, "must be a text"),
        ({"name": "a/b"}, "no path separators"),
        ({"name": "a\\b"}, "no path separators"),
        ({"name": "a\nb"}, "no path separators or control"),
        ({"name": ".hidden"}, "must not begin with a dot"),
        ({"name": ".."}, "must not begin with a dot"),
        ({"name": "x" * 201}, "longer than 200 bytes"),
        ({"model": None}, "exactly one of model= and objective="),
        ({"objective": lambda trial: 1.0}, "exactly one of model= and objective="),
        ({"model": None, "objective": 3}, "objective must be a function"),
        ({"model": Estimator}, r"write model=Estimator\(…\)"),
        ({"model": "mlp"}, "must be a scikit-learn estimator"),
        ({"data": None}, "a model needs data"),
        ({"data": ""}, "data must not be empty"),
        ({"data": 7}, "data must be a name, a path"),
        ({"space": {"aa": Float(0, 1)}}, r"Estimator has no parameter 'aa' \(did you mean 'a'\?\)"),
        ({"space": {"a": {"b": 0.5}}}, "a dict of options is"),
        ({"space": [Float(0, 1)]}, r"space\[0\]: a list as space holds dicts"),
        ({"space": 3}, "space must be a dict"),
        ({"metric": ""}, "metric must be a text"),
        ({"direction": "max"}, "did you mean 'maximize'"),
        ({"sampler": "tpee"}, r"unknown sampler 'tpee' \(did you mean 'tpe'\?\)"),
        ({"sampler": TPE}, "sampler must be one of"),
        ({"sampler": 3}, "sampler must be one of"),
        ({"pruner": "ahsa"}, r"unknown pruner 'ahsa' \(did you mean 'asha'\?\)"),
        ({"pruner": 3}, "pruner must be one of"),
        ({"n_trials": 0}, "n_trials must be at least 1"),
        ({"epochs": 0}, "epochs must be at least 1"),
        ({"lanes": 0}, "lanes must be at least 1"),
        ({"lanes": 2.0}, "lanes must be a whole number"),
        ({"lanes": True}, "lanes must be a whole number"),
        ({"seed": -1}, "seed must be at least 0"),
        ({"repeats": 0}, "repeats must be at least 1"),
        ({"enqueue": {"a": 1}}, "enqueue must be a list of dicts"),
        ({"enqueue": [{"a": 1}]}, r"enqueue\[0\]: 'a' is not in the space"),
        ({"space": {"a": Float(0, 1)}, "enqueue": [{"a": 2}]}, r"enqueue\[0\]: a=2 is not in Float\(0, 1\)"),
        ({"space": lambda trial: None, "enqueue": [{"a": 2}]}, "enqueue needs a space of dimensions"),
    ],
)
def test_a_wrong_study_is_refused_in_one_clear_line(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        make_study(**settings)
    assert "\n" not in str(caught.value)


def test_a_study_keeps_what_it_was_told() -> None:
    space = {"a": Float(0, 1), "c": [1, 2]}
    study = make_study(space, enqueue=[{"a": 1, "c": 2}], n_trials=np.int64(5), sampler=TPE(), pruner=ASHA())
    assert study.space == {"a": Float(0, 1), "c": Choice([1, 2])}
    assert study.enqueue == ({"a": 1.0, "c": 2},)
    assert type(study.n_trials) is int
    assert study.goal == Goal("val_accuracy", "maximize")


def test_a_study_is_not_changed_by_what_happens_to_its_space_later() -> None:
    space: dict[str, Any] = {"a": Float(0, 1)}
    study = make_study(space)
    space["b"] = Int(1, 2)
    assert list(study.dimensions) == ["a"]


def test_an_unknown_keyword_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="n_trails"):
        make_study(n_trails=3)


def test_an_objective_needs_neither_model_nor_data() -> None:
    study = Study("f", objective=lambda trial: 0.0, space={"x": Float(0, 1)}, direction="minimize", metric="loss")
    assert study.goal.better(1.0, 2.0)


def test_a_function_may_be_the_space() -> None:
    assert make_study(lambda trial: None).dimensions == {}
