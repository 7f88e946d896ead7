"""Options as Python users write them: in logs by name, in the trial as the objects that they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.stats
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from hpsearch.errors import UserError
from hpsearch.space import Choice, Float, Int, check_space, from_json, restore, to_json

WRITTEN: dict[str, tuple[Any, Any]] = {
    "a list": ([1, 10], Choice([1, 10])),
    "a range": (range(1, 10), Int(1, 9)),
    "a range with steps": (range(2, 11, 4), Int(2, 10, step=4)),
    "a falling range": (range(3, 0, -1), Choice([3, 2, 1])),
    "an array": (np.linspace(0, 1, 3), Choice([0.0, 0.5, 1.0])),
    "numpy scalars": ([np.float32(0.5), np.int64(3), np.bool_(True), np.str_("a")], Choice([0.5, 3, True, "a"])),
    "uniform": (scipy.stats.uniform(1, 3), Float(1, 4)),
    "loguniform": (scipy.stats.loguniform(1e-3, 10), Float(1e-3, 10, log=True)),
    "randint": (scipy.stats.randint(2, 9), Int(2, 8)),
    "a constant": (0.5, Choice([0.5])),
    "a text": ("lbfgs", Choice(["lbfgs"])),
    "a tuple": ((30, 10), Choice([(30, 10)])),
    "None": (None, Choice([None])),
    "a dimension": (Float(0, 1), Float(0, 1)),
    "an array of one": (np.float64(2.0), Choice([2.0])),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_what_people_write_becomes_a_dimension(name: str) -> None:
    written, expected = WRITTEN[name]
    dim = check_space({"a": written})["a"]
    assert dim == expected
    if isinstance(dim, Choice):
        assert [type(value) for value in dim.grid()] == [type(value) for value in expected.grid()]


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (scipy.stats.norm(0, 1), "Float(-2.33, 2.33), its 1 % and 99 % quantiles"),
        (scipy.stats.poisson(10), "write Int("),
        (scipy.stats.uniform, "needs its arguments"),
        ({"a": 1}, "Choice({…})"),
        (Float, "is the class; write Float(…)"),
        ([lambda x: x], "needs a name: write Choice({'name': …})"),
        ([object()], "needs a name"),
        ([np.nan], "only finite numbers"),
        (np.inf, "only finite numbers"),
    ],
)
def test_what_cannot_be_searched_says_what_to_write(written: Any, words: str) -> None:
    with pytest.raises(UserError) as raised:
        check_space({"a": written})
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)


def relu(x: Any) -> Any:
    return np.maximum(x, 0)


NAMED: dict[str, tuple[Any, list[Any]]] = {
    "by name": ({"forest": RandomForestClassifier(), "none": "passthrough"}, ["forest", "none"]),
    "estimators": ([SVC(), SVC(C=2), PCA()], ["SVC()", "SVC(C=2)", "PCA()"]),
    "classes and functions": ([SVC, relu, np.tanh], ["SVC", "relu", "tanh"]),
    "dicts": ([{0: 1, 1: 5}, None], ["{0: 1, 1: 5}", None]),
    "estimators among plain ones": (["passthrough", PCA(2)], ["passthrough", "PCA(n_components=2)"]),
}


@pytest.mark.parametrize("name", NAMED)
def test_objects_go_by_names_and_come_back_as_objects(name: str) -> None:
    options, names = NAMED[name]
    space = {"a": Choice(options)}
    assert space["a"].grid() == names
    for option, value in zip(names, options.values() if isinstance(options, dict) else options, strict=True):
        restored = restore(space, {"a": option})["a"]
        assert type(restored) is type(value)
        assert repr(restored) == repr(value)
        assert restored is not value or not hasattr(value, "fit") or isinstance(value, type), "a copy for each trial"


def test_json_holds_names_and_objects_come_back_beside_it() -> None:
    space = check_space({"a": Choice({"svc": SVC(), "line": LogisticRegression()}), "b": Choice([1, 2])})
    written = to_json(space)
    assert written["a"] == {"type": "Choice", "options": ["svc", "line"]}
    again = from_json({**written, "a": {**written["a"], "objects": {"svc": {"class": "SVC"}}}}, space)
    assert restore(again, {"a": "svc", "b": 1})["a"].C == 1.0
    assert from_json(written)["a"].grid() == ["svc", "line"]


def test_two_options_of_one_name_are_refused() -> None:
    with pytest.raises(UserError, match="two options are called 'SVC\\(\\)'"):
        Choice([SVC(), SVC()])
