from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from searching import Estimator, make_study

from hpsearch.errors import UserError
from hpsearch.pruners import ASHA, Hyperband
from hpsearch.samplers import TPE
from hpsearch.space import Choice, Float, Int
from hpsearch.study.declaration import changes, declare, identity, widens
from hpsearch.study.loading import load_study

SPACE = {"a": Float(0.01, 100, log=True), "b": Int(1, 5), "c": Choice(["x", (1, 2)])}


def declared(space: Any = None, **settings: Any) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(
        json.dumps(declare(make_study(SPACE if space is None else space, **settings)), allow_nan=False)
    )
    return value


def test_a_declaration_is_json_and_comes_back_the_same() -> None:
    plain = declare(make_study(SPACE, enqueue=[{"a": 1, "b": 2, "c": (1, 2)}]))
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert plain["model"]["params"] == {"a": 1.0, "b": 1, "c": "x", "d": 0.5}
    assert plain["enqueue"] == [{"a": 1.0, "b": 2, "c": [1, 2]}]


@pytest.mark.parametrize(
    "settings",
    [
        {"seed": 1},
        {"lanes": 4},
        {"repeats": 2},
        {"epochs": 3},
        {"data": "mnist"},
        {"metric": "val_cost"},
        {"direction": "minimize"},
        {"sampler": "random"},
        {"sampler": TPE(n_startup=20)},
        {"pruner": "none"},
        {"pruner": ASHA(reduction=2)},
        {"pruner": ASHA(reduction=3)},
        {"model": Estimator(d=0.25)},
        {"space": {"a": Float(0.01, 100)}},
        {"space": {"b": Int(1, 5), "a": Float(0.01, 100, log=True), "c": Choice(["x", (1, 2)])}},
        {"enqueue": [{"a": 1, "b": 2, "c": "x"}]},
        {"name": "other"},
    ],
)
def test_whatever_decides_a_result_is_part_of_the_identity(settings: dict[str, Any]) -> None:
    assert identity(declared(**settings)) != identity(declared())
    assert changes(declared(), declared(**settings))


def test_the_number_of_trials_is_no_part_of_the_identity() -> None:
    assert identity(declared(n_trials=5)) == identity(declared(n_trials=50)) == identity(declared())
    assert re.fullmatch("[0-9a-f]{16}", identity(declared()))


def test_a_number_written_as_whole_or_real_is_the_same_range() -> None:
    assert identity(declared({"a": Float(1, 10)})) == identity(declared({"a": Float(1.0, 10.0)}))


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ((30, 10), [30, 10]),
        (np.float64(0.5), 0.5),
        (float("nan"), {"float": "nan"}),
        ({"k": (1,)}, {"k": [1]}),
        (Estimator(d=2), {"class": "searching.Estimator", "params": {"a": 1.0, "b": 1, "c": "x", "d": 2}}),
        (ASHA(), {"class": "hpsearch.pruners.ASHA", "options": {"min_resource": 1, "reduction": 4}}),
        (np.tanh.__class__, {"name": "numpy.ufunc"}),
        (json.dumps, {"name": "json.dumps"}),
    ],
)
def test_any_parameter_of_a_model_has_a_description(value: Any, plain: Any) -> None:
    described = declared(model=Estimator(d=value))["model"]["params"]["d"]
    # What the study's own folder defines has a meaning too, held by tests/hpsearch/study/test_fingerprint.py.
    assert described == plain or {key: described[key] for key in plain} == plain


def test_arrays_are_described_by_what_they_hold() -> None:
    one, same, other = (
        declared(model=Estimator(d=np.array(v)))["model"]["params"]["d"] for v in ([1, 2], [1, 2], [1, 3])
    )
    assert one == same != other


def test_a_value_that_only_has_an_address_is_told_of_and_refused_by_the_first_rule() -> None:
    messages: list[str] = []
    declare(make_study(SPACE, model=Estimator(d=object())), notice=messages.append)
    assert ["model.d (object) holds what cannot be read" in message for message in messages] == [True]
    with pytest.raises(UserError, match=r"model.d: .* cannot be recorded"):
        declare(make_study(SPACE, model=Estimator(d=object())), rule=1)


def test_the_first_rule_describes_code_by_its_text(tmp_path: Path) -> None:
    path = tmp_path / "f.py"
    path.write_text(FILE.format(comment="", blank="", factor=2), encoding="utf-8")
    old = declare(load_study(path), rule=1)
    assert old["objective"] == {"function": "objective", "source": "6d7bc9216a532786"}
    assert identity(old) == "d33fb37c6d35827d"  # as version 0.1 wrote it


def test_data_are_a_name_a_path_or_the_digest_of_arrays() -> None:
    assert declared(data=Path("a/b.csv"))["data"] == "a/b.csv"
    arrays = (np.zeros((2, 2)), np.zeros(2))
    assert declare(make_study(data=arrays), "c0ffee")["data"] == {"arrays": "c0ffee"}


def test_an_optuna_object_is_described_by_its_options() -> None:
    one, other = (declared(sampler=optuna.samplers.TPESampler(n_startup_trials=n, seed=1))["sampler"] for n in (5, 6))
    assert one["class"].endswith("TPESampler")
    assert one["options"]["n_startup_trials"] == 5
    assert one != other


FILE = """
from hpsearch import Float, Study

def objective(trial):{comment}
    {blank}
    return trial["x"] * {factor}

study = Study("f", objective=objective, space={{"x": Float(0, 1)}})
"""


def of_file(folder: Path, comment: str = "", blank: str = "", factor: int = 2) -> dict[str, Any]:
    path = folder / "f.py"
    path.write_text(FILE.format(comment=comment, blank=blank, factor=factor), encoding="utf-8")
    return declare(load_study(path))


def test_a_comment_changes_nothing_and_code_does(tmp_path: Path) -> None:
    plain = of_file(tmp_path)
    assert of_file(tmp_path, "  # a comment", "# another") == plain
    assert identity(of_file(tmp_path, factor=3)) != identity(plain)


def test_a_space_function_is_known_by_its_source() -> None:
    def one(trial: Any) -> None:
        trial.suggest_float("a", 0, 1)

    def two(trial: Any) -> None:
        trial.suggest_float("a", 0, 2)

    assert declared(one)["space"]["function"].endswith("one")
    assert declared(one)["space"]["meaning"] != declared(two)["space"]["meaning"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"seed": 3}, ["seed: 0 -> 3"]),
        ({"model": Estimator(d=1)}, ["model.d: 0.5 -> 1"]),
        ({"data": "mnist", "lanes": 2}, ["data: 'digits' -> 'mnist'", "lanes: 8 -> 2"]),
        ({"n_trials": 9}, ["n_trials: None -> 9"]),
        (
            {"space": {**SPACE, "a": Float(0.001, 100, log=True)}},
            ["space.a: Float(0.01, 100, log=True) -> Float(0.001, 100, log=True)"],
        ),
        ({"space": {"a": SPACE["a"], "b": SPACE["b"]}}, ["space.c: Choice(['x', [1, 2]]) -> absent"]),
        ({"space": {**SPACE, "d": Float(0, 1)}}, ["space.d: absent -> Float(0, 1)"]),
        ({"space": dict(reversed(SPACE.items()))}, ["space: order a, b, c -> c, b, a"]),
        ({}, []),
    ],
)
def test_changes_are_told_in_words(settings: dict[str, Any], words: list[str]) -> None:
    assert changes(declared(), declared(**settings)) == words


@pytest.mark.parametrize(
    ("dim", "other", "wider"),
    [
        (Float(0, 1), Float(0, 2), True),
        (Float(0, 1), Float(-1, 1), True),
        (Float(0, 1), Float(0.5, 2), False),
        (Float(0.1, 1), Float(0.1, 2, log=True), False),
        (Float(0, 1, step=0.1), Float(-0.2, 1, step=0.1), True),
        (Float(0, 1, step=0.1), Float(-0.25, 1, step=0.1), False),
        (Float(0, 1, step=0.1), Float(0, 1, step=0.05), False),
        (Int(1, 5), Int(1, 9), True),
        (Int(1, 5), Int(2, 9), False),
        (Int(1, 5), Float(0, 9), False),
        (Choice(["x"]), Choice(["x", "y"]), True),
        (Choice(["x", "z"]), Choice(["x", "y"]), False),
        (Choice([(1,)]), Choice([(1,), (2,)]), True),
    ],
)
def test_only_what_holds_all_that_was_is_wider(dim: Any, other: Any, wider: bool) -> None:
    assert widens(declared({"a": dim}), declared({"a": other})) is wider


@pytest.mark.parametrize(
    ("old", "new", "wider"),
    [(5, 9, True), (9, 5, False), (5, 5, True), (None, 5, False), (5, None, True), (None, None, True)],
)
def test_more_trials_are_wider(old: int | None, new: int | None, wider: bool) -> None:
    assert widens(declared(n_trials=old), declared(n_trials=new)) is wider


def test_nothing_else_widens() -> None:
    assert not widens(declared(), declared(seed=1))
    assert not widens(declared(), declared({**SPACE, "d": Float(0, 1)}))
    assert not widens(declared(), declared({"a": Float(0, 1)}))
    gated = {"b": Int(1, 5), "a": Float(0, 1, when={"b": 2})}
    assert not widens(declared({"b": Int(1, 5), "a": Float(0, 1)}), declared(gated))
    assert widens(declared(gated), declared({**gated, "b": Int(1, 6)}))


def test_pruners_and_samplers_are_recorded_with_their_options() -> None:
    assert declared(pruner=Hyperband())["pruner"] == {
        "class": "hpsearch.pruners.Hyperband",
        "options": {"min_resource": 1, "reduction": 3, "max_resource": None},
    }


def test_a_used_pruner_declares_the_same_as_a_new_one() -> None:
    used = ASHA()
    assert used._rungs is used._rungs
    assert declared(pruner=used) == declared(pruner=ASHA())
    assert replace(used) == ASHA()
