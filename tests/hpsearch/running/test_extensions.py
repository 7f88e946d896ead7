"""Searches that go on in another way: each change is a record of the log, and all else still follows from the log."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hpsearch import Choice, Float, Int, Study
from hpsearch.cli.app import main
from hpsearch.engine import intake
from hpsearch.errors import UserError
from hpsearch.log import catalogue
from hpsearch.log.lines import read
from hpsearch.log.lock import Lock
from hpsearch.log.records import Extension
from hpsearch.log.writer import Log
from hpsearch.report import export
from hpsearch.running.api import run
from hpsearch.running.result import Result


def objective(trial: Any) -> Any:
    for epoch in range(4):
        value = trial["x"] + 0.1 * trial["n"] + 0.01 * epoch + trial.params.get("y", 0.0)
        yield {"score": value + (0.05 if trial.params.get("c") == "b" else 0.0)}


SPACE = {"x": Float(0, 1), "n": Int(1, 5), "c": Choice(["a", "b"])}


def study_of(**settings: Any) -> Study:
    defaults = {"space": SPACE, "sampler": "tpe", "pruner": "median", "n_trials": 14, "lanes": 3, "epochs": 4}
    return Study("living", objective=objective, metric="score", **{**defaults, **settings})


def go(root: Path, study: Study, **options: Any) -> Result:
    return run(study, root, quiet=True, tracking=False, **options)


def folder_of(root: Path) -> Path:
    return root / "studies" / "living"


def bytes_of(result: Result) -> tuple[bytes, bytes]:
    return export.to_bytes(result.history), export.to_bytes(result.history, curves=True)


def cut(root: Path, other: Path, lines: int) -> None:
    target = folder_of(other) / "log.jsonl"
    target.parent.mkdir(parents=True)
    all_lines = (folder_of(root) / "log.jsonl").read_bytes().splitlines(keepends=True)
    target.write_bytes(b"".join(all_lines[:lines]) + b'{"torn')


CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "sampler": ({"sampler": "random"}, {}),
    "a model-based sampler": ({"sampler": "gp"}, {}),
    "pruner": ({"pruner": "none"}, {}),
    "lanes": ({"lanes": 5}, {}),
    "epochs": ({"epochs": 3}, {}),
    "a dimension more": ({"space": {**SPACE, "y": Float(0, 1)}}, {"earlier": {"y": 0.0}}),
    "a range narrowed": ({"space": {**SPACE, "x": Float(0.4, 0.8)}}, {}),
    "a range moved": ({"space": {**SPACE, "x": Float(0.5, 3)}}, {}),
    "an option less": ({"space": {**SPACE, "c": Choice(["b", "z"])}}, {}),
    "duplicates": ({"duplicates": "skip"}, {}),
}


@pytest.mark.slow
@pytest.mark.parametrize(("change", "workers"), [*((change, 1) for change in CHANGES), ("a dimension more", 2)])
def test_a_search_is_changed_while_trials_are_under_way(tmp_path: Path, change: str, workers: int) -> None:
    """Interrupted amid trials, changed, and cut at the worst places: before and behind the change, and later."""
    settings, options = CHANGES[change]
    changed = study_of(**settings)
    go(tmp_path / "before", study_of(n_trials=8))
    cut(tmp_path / "before", tmp_path, 6)
    uncut = go(tmp_path, changed, extend=True, **options)
    assert len(uncut.history.trials) == 14
    records = [record for record, _ in read(folder_of(tmp_path) / "log.jsonl")]
    at = next(n for n, record in enumerate(records) if isinstance(record, Extension))
    for lines in (at, at + 1) if workers > 1 else sorted({6, at, at + 1, at + 3, len(records) - 2}):
        options_now = {"extend": True, **options} if lines <= at else {}
        cut(tmp_path, tmp_path / str(lines), lines)
        again = go(tmp_path / str(lines), changed, workers=workers, **options_now)
        assert bytes_of(again) == bytes_of(uncut), lines


@pytest.mark.parametrize("change", CHANGES)
def test_a_search_goes_on_in_another_way_and_resumes_to_the_same_bytes(tmp_path: Path, change: str) -> None:
    settings, options = CHANGES[change]
    first = go(tmp_path, study_of(n_trials=8))
    changed = study_of(**settings)
    with pytest.raises(UserError, match="has changed since it was begun"):
        go(tmp_path, changed)
    uncut = go(tmp_path, changed, extend=True, **options)
    before, after = first.history.trials, uncut.history.trials
    assert len(after) == 14
    assert [t.curve("score") for t in after[:8]] == [t.curve("score") for t in before]
    records = [record for record, _ in read(folder_of(tmp_path) / "log.jsonl")]
    at = next(n for n, record in enumerate(records) if isinstance(record, Extension))
    assert records[at].change in ("extended", "")
    if "space" in settings:
        for trial in after[8:]:
            assert all(settings["space"][name].contains(value) for name, value in trial.params.items())
            assert list(trial.params) == list(settings["space"])
    if "earlier" in options:
        assert all(trial.params["y"] == 0.0 for trial in after[:8])
    for lines in range(at + 1, len(records), 5):
        cut(tmp_path, tmp_path / str(lines), lines)
        assert bytes_of(go(tmp_path / str(lines), changed)) == bytes_of(uncut)
    assert main(["export", "living", "--root", str(tmp_path), "--format", "optuna", "-o", str(tmp_path / "o.log")]) == 0


def test_what_cannot_go_on_says_why(tmp_path: Path) -> None:
    go(tmp_path, study_of(n_trials=4))
    with pytest.raises(UserError, match="by --earlier y=VALUE"):
        go(tmp_path, study_of(space={**SPACE, "y": Float(0, 1)}), extend=True)
    with pytest.raises(UserError, match="is no longer searched"):
        go(tmp_path, study_of(space={"x": Float(0, 1), "n": Int(1, 5)}), extend=True)
    with pytest.raises(UserError, match="sampler 'chapter' counts its points"):
        go(tmp_path, study_of(sampler="chapter"), extend=True)


@pytest.mark.parametrize("sampler", ["tpe", "random", "gp", "qmc"])
def test_a_fixed_parameter_has_one_value_from_then_on(tmp_path: Path, sampler: str) -> None:
    go(tmp_path, study_of(n_trials=6, sampler=sampler))
    with pytest.raises(UserError, match=r"--fix: n=9 is not in Int\(1, 5\)"):
        go(tmp_path, study_of(n_trials=10, sampler=sampler), fix={"n": 9})
    go(tmp_path, study_of(n_trials=9, sampler=sampler), fix={"n": 4, "c": "b"})
    uncut = go(tmp_path, study_of(n_trials=12, sampler=sampler))
    assert [(t.params["n"], t.params["c"]) for t in uncut.history.trials[6:]] == [(4, "b")] * 6
    assert len({t.params["n"] for t in uncut.history.trials[:6]}) > 1
    cut(tmp_path, tmp_path / "cut", 12)
    go(tmp_path / "cut", study_of(n_trials=9, sampler=sampler), fix={"n": 4, "c": "b"})


@pytest.mark.parametrize("sampler", ["tpe", "grid"])
def test_enqueued_points_come_next_beside_the_studys_own(
    tmp_path: Path, sampler: str, capsys: pytest.CaptureFixture[str]
) -> None:
    space = {"x": Float(0, 1, step=0.5), "n": Int(1, 3)}
    study = study_of(space=space, sampler=sampler, n_trials=9, pruner="none")
    (tmp_path / "plain").mkdir()
    plain = go(tmp_path / "plain", study)
    root = str(tmp_path)
    go(tmp_path, study_of(space=space, sampler=sampler, n_trials=3, pruner="none"))
    assert main(["enqueue", "living", "x=0.5", "n=3", "--root", root]) == 0
    assert main(["enqueue", "living", "n=2", "--root", root]) == 0
    assert "tried when the study is run again" in capsys.readouterr().out
    assert main(["enqueue", "living", "n=8", "--root", root]) == 2
    assert "n=8 is not in Int(1, 3)" in capsys.readouterr().err
    assert main(["enqueue", "living", "nn=2", "--root", root]) == 2
    uncut = go(tmp_path, study)
    queued = [trial for trial in uncut.history.trials if trial.ask.enqueued]
    assert [trial.number for trial in queued] == [3, 4]
    assert queued[0].params == {"x": 0.5, "n": 3}
    assert queued[1].params["n"] == 2
    assert len(uncut.history.trials) == 11
    proposed = [trial.params for trial in uncut.history.trials if not trial.ask.enqueued]
    if sampler == "grid":
        assert proposed == [trial.params for trial in plain.history.trials]
    records = [record for record, _ in read(folder_of(tmp_path) / "log.jsonl")]
    last = max(number for number, record in enumerate(records, 1) if isinstance(record, Extension))
    for lines in (last, last + 1, last + 4):
        cut(tmp_path, tmp_path / str(lines), lines)
        assert bytes_of(go(tmp_path / str(lines), study)) == bytes_of(uncut)


def test_a_point_that_is_enqueued_while_the_study_runs_is_taken_up_by_the_run(tmp_path: Path) -> None:
    go(tmp_path, study_of(n_trials=4))
    with Lock(folder_of(tmp_path)):
        assert not intake.enqueue(folder_of(tmp_path), {"x": 0.25})
    uncut = go(tmp_path, study_of(n_trials=6))
    queued = [trial for trial in uncut.history.trials if trial.ask.enqueued]
    assert [trial.params["x"] for trial in queued] == [0.25]
    assert len(uncut.history.trials) == 7
    again = go(tmp_path, study_of(n_trials=8))
    assert sum(trial.ask.enqueued for trial in again.history.trials) == 1
    assert catalogue.load_history(folder_of(tmp_path)).queue == [{"x": 0.25}]
    with Log(folder_of(tmp_path) / "log.jsonl") as log:
        assert sum(isinstance(record, Extension) and bool(record.points) for record in log.records) == 1


@pytest.mark.parametrize("amid", [False, True], ids=["amid epochs", "amid a call"])
def test_enqueue_from_elsewhere_reaches_the_study_that_runs(tmp_path: Path, amid: bool) -> None:
    """What another process would do while trials train: the point is the next to begin, and is in the log once."""
    folder, exit_codes = folder_of(tmp_path), []

    def calls(trial: Any) -> Any:
        if trial.number == 2 and not exit_codes:
            exit_codes.append(main(["enqueue", "living", "x=0.125", "--root", str(tmp_path)]))
        if amid:
            return {"score": trial["x"]}
        return objective(trial)

    study = study_of(n_trials=9)
    study = replace(study, objective=calls, pruner="none", epochs=None if amid else 4)
    uncut = go(tmp_path, study)
    assert exit_codes == [0]
    (queued,) = (trial for trial in uncut.history.trials if trial.ask.enqueued)
    assert queued.params["x"] == 0.125
    assert queued.number in (3, 4, 5)
    assert len(uncut.history.trials) == 10
    assert not (folder / intake.INBOX).exists()
    records = [record for record, _ in read(folder / "log.jsonl")]
    (at,) = (n for n, record in enumerate(records) if isinstance(record, Extension))
    for lines in (at + 1, at + 2):
        cut(tmp_path, tmp_path / str(lines), lines)
        assert bytes_of(go(tmp_path / str(lines), study)) == bytes_of(uncut)


def test_a_space_function_that_changed_goes_on_with_what_still_fits(tmp_path: Path) -> None:
    def space(trial: Any) -> None:
        trial.suggest_float("x", 0, 1)
        trial.suggest_int("n", 1, 5)

    def other(trial: Any) -> None:
        trial.suggest_float("x", 0.5, 2)
        if trial.suggest_int("n", 1, 9) > 4:
            trial.suggest_categorical("c", ["a", "b"])

    go(tmp_path, study_of(space=space, n_trials=8))
    uncut = go(tmp_path, study_of(space=other), extend=True)
    assert all(0.5 <= trial.params["x"] <= 2 for trial in uncut.history.trials[8:])
    cut(tmp_path, tmp_path / "cut", sum(1 for _ in read(folder_of(tmp_path) / "log.jsonl")) - 5)
    assert bytes_of(go(tmp_path / "cut", study_of(space=other))) == bytes_of(uncut)


FILE = """
from hpsearch import Float, Study

def objective(trial):
    return trial["x"]

study = Study("living", objective=objective, space={"x": Float(0, 1)}, metric="score", n_trials=3, lanes=1)
"""


def test_on_the_command_line_what_extends_a_study_is_no_variant_of_it(tmp_path: Path) -> None:
    path, root = tmp_path / "living.py", str(tmp_path / "root")
    path.write_text(FILE, encoding="utf-8")
    plain = ["run", str(path), "--root", root, "--no-tracking", "--quiet"]
    assert main(plain) == 0
    assert main([*plain, "--sampler", "random", "--lanes", "2", "--trials", "5", "--extend"]) == 0
    assert catalogue.studies(root) == ["living"]
    assert len(catalogue.load_history(folder_of(Path(root))).trials) == 5
    assert main([*plain, "--sampler", "random", "--trials", "5"]) == 0
    assert catalogue.studies(root) == ["living", "living@sampler=random"]
