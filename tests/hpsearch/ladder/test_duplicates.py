"""Points that come twice: trained again, left out, or given the result that is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hpsearch import Choice, Float, Int, Study
from hpsearch.cli.app import main
from hpsearch.engine import intake
from hpsearch.errors import UserError
from hpsearch.log import catalogue
from hpsearch.report import export
from hpsearch.running.api import run
from hpsearch.running.result import Result

CALLS: list[dict[str, Any]] = []


def objective(trial: Any) -> Any:
    CALLS.append(dict(trial.params))
    for epoch in range(trial["n"] + 1):
        if trial["n"] == 3 and trial["c"] == "b":
            raise ValueError("no")
        yield {"score": trial["n"] + 0.1 * epoch + (trial["c"] == "b")}


FINITE = {"n": Int(1, 3), "c": Choice(["a", "b"])}


def study_of(duplicates: str, **settings: Any) -> Study:
    defaults = {"space": FINITE, "sampler": "tpe", "pruner": "none", "n_trials": 30, "lanes": 3, "epochs": 4}
    return Study("twice", objective=objective, metric="score", duplicates=duplicates, **{**defaults, **settings})  # type: ignore[arg-type]


def go(root: Path, study: Study, **options: Any) -> Result:
    CALLS.clear()
    return run(study, root, quiet=True, tracking=False, **options)


def bytes_of(result: Result) -> tuple[bytes, bytes]:
    return export.to_bytes(result.history), export.to_bytes(result.history, curves=True)


def cut_anywhere(root: Path, study: Study, uninterrupted: Result, every: int) -> None:
    log = root / "studies" / "twice" / "log.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    for kept in range(1, len(lines), every):
        log.write_bytes(b"".join(lines[:kept]) + b'{"torn')
        assert bytes_of(go(root, study)) == bytes_of(uninterrupted), kept


@pytest.mark.parametrize("sampler", ["tpe", "random", "gp", "qmc", "grid"])
def test_a_finite_space_ends_when_all_of_it_was_tried(
    tmp_path: Path, sampler: str, capsys: pytest.CaptureFixture[str]
) -> None:
    study = study_of("skip", sampler=sampler)
    result = go(tmp_path, study)
    points = [tuple(trial.params.values()) for trial in result.history.trials]
    assert len(points) == len(set(points)) == 6
    assert result.history.stop == "all 6 points of the space have been tried"
    assert len(CALLS) == 6
    again = go(tmp_path, study)
    assert not CALLS
    assert again.history.stop == result.history.stop
    if sampler in ("tpe", "random"):
        cut_anywhere(tmp_path, study, result, 4)
    capsys.readouterr()
    assert main(["show", "twice", "--root", str(tmp_path)]) == 0
    assert "all 6 points of the space have been tried" in " ".join(capsys.readouterr().out.split())


def test_points_are_trained_again_where_nothing_is_said(tmp_path: Path) -> None:
    result = go(tmp_path, study_of("retrain", n_trials=14))
    assert len(result.history.trials) == len(CALLS) == 14
    assert "duplicates" not in result.history.declaration.to_json()


@pytest.mark.parametrize("pruner", ["none", "median"])
def test_a_point_that_comes_again_has_the_result_that_is_known(tmp_path: Path, pruner: str) -> None:
    study = study_of(
        "reuse", space={**FINITE, "x": Float(0, 1, step=0.25)}, sampler="random", n_trials=24, pruner=pruner
    )
    result = go(tmp_path, study)
    trials = result.history.trials
    assert len(trials) == 24
    following = [trial for trial in trials if trial.ask.reuses is not None]
    assert following
    assert len(CALLS) == 24 - len(following)
    for trial in following:
        source = trials[trial.ask.reuses or 0]
        assert source.number < trial.number
        assert (trial.params, trial.state) == (source.params, source.state)
        assert trial.curve("score") == source.curve("score")
        assert trial.decision is not None
        assert trial.decision.reason.startswith(f"as trial {source.number}, whose result it has")
    assert result.history.best not in following
    trained = [trial.params for trial in trials if trial.ask.reuses is None and trial.state != "FAILED"]
    assert all(trained.count(params) == 1 for params in trained)
    cut_anywhere(tmp_path, study, result, 11)


@pytest.mark.slow
def test_the_number_of_workers_changes_nothing(tmp_path: Path) -> None:
    study = study_of("reuse", sampler="random", n_trials=8)
    one = go(tmp_path / "one", study)
    assert bytes_of(run(study, tmp_path / "two", quiet=True, tracking=False, workers=2)) == bytes_of(one)


def test_repeats_of_a_point_are_trained_and_a_point_that_returns_repeats_them(tmp_path: Path) -> None:
    result = go(tmp_path / "skip", study_of("skip", repeats=2))
    assert [trial.ask.repeat for trial in result.history.trials] == [0, 1] * 6
    assert result.history.stop == "all 6 points of the space have been tried"
    reused = go(tmp_path / "reuse", study_of("reuse", repeats=2, sampler="random", n_trials=40)).history
    assert all(
        reused.trials[trial.ask.reuses].ask.repeat == trial.ask.repeat
        for trial in reused.trials
        if trial.ask.reuses is not None
    )


def test_the_space_may_grow_shrink_and_be_fixed(tmp_path: Path) -> None:
    go(tmp_path, study_of("skip"))
    wider = study_of("skip", space={"n": Int(1, 3), "c": Choice(["a", "b", "d"])})
    result = go(tmp_path, wider, extend=True)
    assert len(result.history.trials) == 9
    assert result.history.stop == "all 9 points of the space have been tried"
    other = tmp_path / "fixed"
    go(other, study_of("skip", n_trials=2))
    fixed = go(other, study_of("skip"), fix={"c": "a"})
    assert {trial.params["c"] for trial in fixed.history.trials[2:]} <= {"a"}
    assert fixed.history.stop == "all 3 points of the space have been tried"


def test_what_was_enqueued_or_is_retried_is_tried_again_all_the_same(tmp_path: Path) -> None:
    go(tmp_path, study_of("skip"))
    intake.enqueue(tmp_path / "studies" / "twice", {"n": 1, "c": "a"})
    assert len(go(tmp_path, study_of("skip")).history.trials) == 7
    assert len(go(tmp_path, study_of("skip"), retry_failed=True).history.trials) == 8
    assert catalogue.load_history(tmp_path / "studies" / "twice").stop == "all 6 points of the space have been tried"


def test_a_space_without_end_goes_on_and_constraints_count(tmp_path: Path) -> None:
    endless = go(tmp_path / "endless", study_of("skip", space={**FINITE, "x": Float(0, 1)}, n_trials=9))
    assert len(endless.history.trials) == 9
    few = go(tmp_path / "few", study_of("skip", constraints=[lambda p: p["n"] < 3]))
    assert few.history.stop == "all 4 points of the space have been tried"


def test_a_space_function_is_given_up_after_many_proposals_that_were_tried(tmp_path: Path) -> None:
    def space(trial: Any) -> None:
        trial.suggest_int("n", 1, 2)
        trial.suggest_categorical("c", ["a", "b"])

    result = go(tmp_path, study_of("skip", space=space, sampler="random"))
    assert len(result.history.trials) == 4
    assert result.history.stop is not None
    assert "proposals in a row were of points that have been tried" in result.history.stop


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"duplicates": "never"}, "duplicates must be one of retrain, skip, reuse"),
        ({"duplicates": "skip", "sampler": "listed", "space": [{"n": [1], "c": ["a"]}]}, "a list of points"),
    ],
)
def test_what_cannot_be_is_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        study_of(**settings)
