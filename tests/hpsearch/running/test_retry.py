"""Grids that grow, and trials that are tried again: real studies, cut and resumed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from hpsearch import Choice, Float, Int, Study
from hpsearch.errors import StudyFailed, UserError
from hpsearch.log import catalogue
from hpsearch.log.lines import read
from hpsearch.log.records import Extension
from hpsearch.report import export
from hpsearch.running.api import Result, run
from hpsearch.tracking.content import is_done

BROKEN = "HPSEARCH_TEST_BROKEN"
"""Says at which values of b the objective raises, as long as a test wants it to: of the world, no part of the study."""


class Broken(set[int]):
    """What stands in the environment."""

    def tell(self) -> None:
        os.environ[BROKEN] = " ".join(map(str, sorted(self)))

    def add(self, value: int) -> None:
        super().add(value)
        self.tell()

    def update(self, *values: Any) -> None:
        super().update(*values)
        self.tell()

    def clear(self) -> None:
        super().clear()
        self.tell()


def objective(trial: Any) -> Any:
    for epoch in range(3):
        if str(trial["b"]) in os.environ[BROKEN].split() and epoch == 0:
            raise OverflowError("diverged")
        yield {"score": trial["a"] - abs(trial["b"] - 2) + 0.1 * epoch}


@pytest.fixture(autouse=True)
def broken(monkeypatch: pytest.MonkeyPatch) -> Broken:
    monkeypatch.setenv(BROKEN, "")
    return Broken()


def study_of(**settings: Any) -> Study:
    space = {"a": Float(0, 1, step=0.5), "b": Int(1, 3)}
    defaults = {"space": space, "sampler": "grid", "pruner": "none", "lanes": 2}
    return Study("grid", objective=objective, metric="score", epochs=3, **{**defaults, **settings})


def go(study: Study, root: Path, **options: Any) -> Result:
    return run(study, root, quiet=True, tracking=False, **options)


def points(result: Result) -> list[tuple[float, int]]:
    return [(trial.params["a"], trial.params["b"]) for trial in result.history.trials]


WIDER = {"a": Float(0, 1.5, step=0.5), "b": Int(0, 3)}


@pytest.mark.parametrize("ended", [True, False])
def test_a_grid_that_grew_tries_each_point_once_and_renumbers_none(tmp_path: Path, ended: bool) -> None:
    first = go(study_of(n_trials=None if ended else 4), tmp_path)
    assert len(first.history.trials) == (9 if ended else 4)
    with pytest.raises(UserError, match="go on with the wider one by --extend"):
        go(study_of(space=WIDER), tmp_path)
    grown = go(study_of(space=WIDER), tmp_path, extend=True)
    assert points(grown)[: len(first.history.trials)] == points(first)
    assert sorted(points(grown)) == [(a / 2, b) for a in range(4) for b in range(4)]
    again = go(study_of(space=WIDER), tmp_path)
    assert export.to_bytes(again.history) == export.to_bytes(grown.history), "nothing is left to do"


def cut_to(root: Path, other: Path, lines: int) -> None:
    source = root / "studies" / "grid" / "log.jsonl"
    target = other / "studies" / "grid" / "log.jsonl"
    target.parent.mkdir(parents=True)
    target.write_bytes(b"".join(source.read_bytes().splitlines(keepends=True)[:lines]))


def test_a_grid_that_grew_and_was_cut_anywhere_goes_on_to_the_same(tmp_path: Path) -> None:
    space = {"a": Float(0, 1, step=0.5), "b": Choice([1, 2])}
    wider = {"a": Float(0, 1, step=0.5), "b": Choice([3, 1, 2])}
    go(study_of(space=space, n_trials=3), tmp_path / "whole")
    uncut = go(study_of(space=wider), tmp_path / "whole", extend=True)
    records = [record for record, _ in read(tmp_path / "whole" / "studies" / "grid" / "log.jsonl")]
    grown = next(number for number, record in enumerate(records, 1) if isinstance(record, Extension))
    for cut in range(grown, len(records), 3):
        cut_to(tmp_path / "whole", tmp_path / str(cut), cut)
        resumed = go(study_of(space=wider), tmp_path / str(cut))
        assert export.to_bytes(resumed.history, curves=True) == export.to_bytes(uncut.history, curves=True)


@pytest.mark.parametrize("sampler", ["grid", "tpe", "random"])
@pytest.mark.parametrize("repeats", [1, 2])
def test_failed_points_are_tried_again_on_request_alone(
    tmp_path: Path, broken: Broken, sampler: str, repeats: int
) -> None:
    study = study_of(sampler=sampler, repeats=repeats, n_trials=None if sampler == "grid" else 14)
    broken.add(3)
    first = go(study, tmp_path / "whole")
    failed = [trial for trial in first.history.trials if trial.state == "FAILED"]
    assert failed
    broken.clear()
    assert len(go(study, tmp_path / "whole").history.trials) == len(first.history.trials), "not by itself"
    result = go(study, tmp_path / "whole", retry_failed=True)
    trials = result.history.trials
    new = trials[len(first.history.trials) :]
    assert [(t.params, t.ask.point, t.ask.repeat) for t in new] == [
        (t.params, t.ask.point, t.ask.repeat) for t in failed
    ]
    assert {trial.state for trial in new} == {"COMPLETE"}
    assert is_done(result.history)
    assert len(go(study, tmp_path / "whole", retry_failed=True).history.trials) == len(trials), "none is left"
    # Cut where it is about to try again, or has begun to: the request is in the log, and need not be made twice.
    lines = (tmp_path / "whole" / "studies" / "grid" / "log.jsonl").read_bytes().splitlines()
    asks = next(i for i, line in enumerate(lines) if b'"retry":[' in line and b'"retry":[]' not in line)
    for cut in (asks + 1, asks + 2):
        cut_to(tmp_path / "whole", tmp_path / str(cut), cut)
        assert not is_done(catalogue.load_history(tmp_path / str(cut) / "studies" / "grid"))
        resumed = go(study, tmp_path / str(cut))
        assert export.to_bytes(resumed.history, curves=True) == export.to_bytes(result.history, curves=True)


def test_a_study_that_failed_as_a_whole_can_be_tried_again(tmp_path: Path, broken: Broken) -> None:
    broken.update({1, 2, 3})
    with pytest.raises(StudyFailed, match="all of the first 9 trials"):
        go(study_of(), tmp_path)
    with pytest.raises(StudyFailed):
        go(study_of(), tmp_path)
    broken.clear()
    result = go(study_of(), tmp_path, retry_failed=True)
    assert sorted(points(result)[9:]) == sorted(points(result)[:9])
    assert result.history.best is not None


def test_a_point_that_fails_again_is_tried_again_as_often_as_it_is_asked(tmp_path: Path, broken: Broken) -> None:
    broken.add(3)
    go(study_of(), tmp_path)
    assert len(go(study_of(), tmp_path, retry_failed=True).history.trials) == 12
    broken.clear()
    result = go(study_of(), tmp_path, retry_failed=True)
    assert [trial.state for trial in result.history.trials[12:]] == ["COMPLETE"] * 3


def test_a_grid_can_grow_and_be_tried_again_at_once(tmp_path: Path, broken: Broken) -> None:
    broken.add(3)
    go(study_of(n_trials=5), tmp_path)
    broken.clear()
    result = go(study_of(space=WIDER), tmp_path, extend=True, retry_failed=True)
    complete = [point for point, t in zip(points(result), result.history.trials, strict=True) if t.state == "COMPLETE"]
    assert sorted(complete) == [(a / 2, b) for a in range(4) for b in range(4)]


def test_confirmation_and_trials_again_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--retry-failed goes with neither stages nor confirmation"):
        go(study_of(confirm=2), tmp_path, retry_failed=True)
