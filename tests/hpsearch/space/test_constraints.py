"""Constraints on parameters: declared, checked, logged, resumed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from searching import make_study

from hpsearch import Choice, Float, Int, Study
from hpsearch.errors import UserError
from hpsearch.log import catalogue
from hpsearch.report import export
from hpsearch.report.tables import show_blocks
from hpsearch.running.api import run
from hpsearch.space.constraints import violated
from hpsearch.study.declaration import declare, identity

SPACE = {"a": Float(0, 1), "b": Int(1, 9), "c": Choice([(1, 2), "x"])}


def small(params: Any) -> bool:
    return bool(params["a"] * params["b"] <= 2)


def paired(params: Any) -> bool:
    return params["c"] == (1, 2) or params["b"] > 1


def objective(trial: Any) -> float:
    assert small(trial.params), "nothing that violates is ever trained"
    return float(trial["a"] + trial["b"])


def study_of(**settings: Any) -> Study:
    defaults = {"space": SPACE, "metric": "score", "constraints": [small, paired], "n_trials": 20, "seed": 4}
    return Study("some", objective=objective, **{**defaults, **settings})


def test_a_constraint_sees_the_values_as_the_user_wrote_them() -> None:
    seen: list[Any] = []

    def look(params: Any) -> Any:
        seen.append(params)
        return np.bool_(params["c"] == (1, 2))

    assert violated([look], SPACE, {"a": 0.5, "b": 1, "c": [1, 2]}) is None
    assert violated([look], SPACE, {"a": 0.5, "b": 1, "c": "x"}) == "look"
    assert seen[0] == {"a": 0.5, "b": 1, "c": (1, 2)}
    assert violated([lambda p: True, lambda p: False], SPACE, {}) == "constraints[1]"


@pytest.mark.parametrize(
    ("constraints", "message"),
    [
        ("small", "constraints must be functions of the parameters"),
        ([small, 3], "constraints must be functions of the parameters"),
    ],
)
def test_what_is_no_constraint_is_a_mistake(constraints: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        make_study(SPACE, constraints=constraints)


@pytest.mark.parametrize(
    ("constraint", "message"),
    [
        (lambda p: p["z"] > 0, r"constraint constraints\[0\] raised KeyError: 'z' at {'a'"),
        (lambda p: p["b"], r"constraint constraints\[0\] returned \d, not True or False"),
    ],
)
def test_a_constraint_that_does_not_answer_is_a_mistake_before_a_log_is_begun(
    tmp_path: Path, constraint: Any, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        run(study_of(constraints=[constraint]), tmp_path, quiet=True, tracking=False)
    assert not (tmp_path / "studies").exists()


def test_points_given_by_hand_are_checked() -> None:
    with pytest.raises(UserError, match=r"enqueue\[1\] violates constraint small: \{'a': 1.0, 'b': 9"):
        study_of(enqueue=[{"a": 0.1, "b": 1, "c": (1, 2)}, {"a": 1.0, "b": 9, "c": "x"}])


def test_constraints_are_part_of_what_a_study_is(tmp_path: Path) -> None:
    without, one, two = (declare(study_of(constraints=constraints)) for constraints in ((), [small], [small, paired]))
    assert "constraints" not in without
    assert len({identity(declared) for declared in (without, one, two)}) == 3
    assert [constraint["function"] for constraint in two["constraints"]] == ["small", "paired"]
    run(study_of(), tmp_path, quiet=True, tracking=False)
    with pytest.raises(UserError, match="has changed since it was begun"):
        run(study_of(constraints=[small]), tmp_path, quiet=True, tracking=False)


@pytest.mark.parametrize("sampler", ["random", "qmc", "tpe", "gp"])
def test_a_study_cut_and_resumed_meets_the_same_points_and_tells_of_as_many_rejected(
    tmp_path: Path, sampler: str
) -> None:
    study = study_of(sampler=sampler, lanes=2)
    uncut = run(study, tmp_path / "whole", quiet=True, tracking=False)
    assert all(small(trial.params) for trial in uncut.history.trials)
    assert sum(trial.ask.rejected for trial in uncut.history.trials) > 0
    log = tmp_path / "whole" / "studies" / "some" / "log.jsonl"
    cut = tmp_path / "cut" / "studies" / "some" / "log.jsonl"
    cut.parent.mkdir(parents=True)
    cut.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:7]))
    resumed = run(study, tmp_path / "cut", quiet=True, tracking=False)
    assert export.to_bytes(resumed.history) == export.to_bytes(uncut.history)
    assert b",rejected," in export.to_bytes(uncut.history).splitlines()[0]
    page = show_blocks("some", catalogue.load_history(cut.parent))
    rejected = sum(trial.ask.rejected for trial in uncut.history.trials)
    assert f"constraints: small, paired; {rejected:,} proposals rejected" in page


def test_a_warm_start_leaves_out_what_a_constraint_forbids(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"space": SPACE, "metric": "score", "n_trials": 9, "sampler": "random"}
    run(Study("free", objective=lambda t: float(t["b"]), **settings), tmp_path, quiet=True, tracking=False)
    result = run(study_of(n_trials=9), tmp_path, quiet=True, tracking=False, start_from="free", first=4)
    assert all(small(trial.params) for trial in result.history.trials)
    assert result.history.declaration.enqueue


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_what_a_space_function_suggests_is_checked_too(tmp_path: Path, sampler: str) -> None:
    def define(trial: Any) -> None:
        if trial.suggest_categorical("c", ["u", "v"]) == "u":
            trial.suggest_float("a", 0.0, 1.0)

    def rare(params: Any) -> bool:
        return params["c"] == "u" and params["a"] > 0.8

    study = Study(
        "defined",
        objective=lambda t: float(t["a"]),
        space=define,
        metric="score",
        constraints=rare,
        sampler=sampler,
        n_trials=15,
    )
    trials = run(study, tmp_path, quiet=True, tracking=False).history.trials
    assert all(trial.params["a"] > 0.8 for trial in trials)
    assert any(trial.ask.rejected for trial in trials)
    with pytest.raises(UserError, match=r"constraint .* is never met: none of 1,000"):
        run(Study("none", objective=lambda t: 0.0, space=define, constraints=lambda p: p["c"] == "w"), tmp_path)


def test_a_narrow_region_is_found_though_the_sampler_does_not_propose_it(tmp_path: Path) -> None:
    """A five-hundredth of the space: after its own proposals random ones are drawn, up to a limit."""

    def narrow(params: Any) -> bool:
        return bool(abs(params["a"] - 0.9) < 0.01 and params["b"] == 1)

    result = run(study_of(constraints=narrow, n_trials=14), tmp_path, quiet=True, tracking=False)
    assert len(result.history.trials) == 14
    assert max(trial.ask.rejected for trial in result.history.trials) > 100
