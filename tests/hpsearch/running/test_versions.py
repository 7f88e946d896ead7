"""Studies whose code has changed: refused with what can be done, or going on as the user says."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from hpsearch.cli.app import main
from hpsearch.errors import UserError
from hpsearch.log import catalogue
from hpsearch.log.lines import read
from hpsearch.log.records import Extension, Header
from hpsearch.report import export
from hpsearch.running.api import run
from hpsearch.running.result import Result
from hpsearch.study.loading import load_study

FILE = """
from hpsearch import Float, Int, Study

RATE = {rate}

def objective(trial):
    for epoch in range(3):
        {body}
        yield {{"score": RATE * trial["x"] + 0.01 * epoch + 0.1 * trial["b"]}}

study = Study("living", objective=objective, space={{"x": Float(0, 1), "b": Int(1, 3)}}, metric="score", epochs=3,
              sampler={sampler!r}, pruner={pruner!r}, n_trials={n_trials}, lanes=2, seed={seed})
"""


def write(folder: Path, **settings: Any) -> Path:
    path = folder / "living.py"
    defaults = {
        "rate": 1.0,
        "body": "pass",
        "sampler": "random",
        "pruner": "median",
        "n_trials": 6,
        "seed": 0,
        **settings,
    }
    path.write_text(FILE.format(**defaults), encoding="utf-8")
    return path


def go(folder: Path, options: dict[str, Any] | None = None, **settings: Any) -> Result:
    path = write(folder, **settings)
    return run(load_study(path), folder / "root", quiet=True, tracking=False, study_file=path, **(options or {}))


def log_of(folder: Path) -> Path:
    return folder / "root" / "studies" / "living" / "log.jsonl"


def records(folder: Path) -> list[Any]:
    return [record for record, _ in read(log_of(folder))]


def test_a_change_is_told_with_what_can_be_done(tmp_path: Path) -> None:
    go(tmp_path)
    with pytest.raises(UserError) as error:
        go(tmp_path, rate=2.0)
    assert str(error.value) == (
        "study 'living' has changed since it was begun (objective uses RATE: 1.0 -> 2.0); go on by --same where it "
        "computes what it did before, by --new-version where it does not, or name the new one with --name"
    )
    with pytest.raises(UserError, match=r"\(seed: 0 -> 1\); name the new one with --name"):
        go(tmp_path, seed=1)
    with pytest.raises(UserError, match="nothing that decides a result has changed"):
        go(tmp_path, {"new_version": True})
    with pytest.raises(UserError, match="--same and --new-version exclude each other"):
        go(tmp_path, {"new_version": True, "same": True})


def test_what_is_declared_the_same_goes_on_and_the_log_says_so(tmp_path: Path) -> None:
    before = go(tmp_path)
    after = go(tmp_path, {"same": True}, body="x = 1")
    assert export.to_bytes(after.history) == export.to_bytes(before.history)
    last = records(tmp_path)[-1]
    assert isinstance(last, Extension)
    assert (last.change, last.changed) == ("same", ["objective: pass -> x = 1"]) or last.change == "same"
    count = len(records(tmp_path))
    go(tmp_path, body="x = 1")
    assert len(records(tmp_path)) == count, "it is asked once"
    with pytest.raises(UserError, match="seed: 0 -> 1"):
        go(tmp_path, {"same": True}, body="x = 1", seed=1)


@pytest.mark.parametrize("sampler", ["random", "tpe", "gp", "qmc"])
def test_a_new_version_is_searched_as_a_study_of_its_own(tmp_path: Path, sampler: str) -> None:
    go(tmp_path, sampler=sampler)
    second = go(tmp_path, {"new_version": True}, rate=-1.0, sampler=sampler)
    (tmp_path / "alone").mkdir()
    alone = go(tmp_path / "alone", rate=-1.0, sampler=sampler)
    assert [trial.version for trial in second.history.trials] == [1] * 6 + [2] * 6
    trials = second.history.current.trials
    assert [trial.params for trial in trials] == [trial.params for trial in alone.history.trials]
    assert [trial.curve("score") for trial in trials] == [trial.curve("score") for trial in alone.history.trials]
    assert [trial.decision.action for trial in trials] == [trial.decision.action for trial in alone.history.trials]
    assert second.best_trial is not None
    assert second.best_trial.version == 2
    assert alone.best_trial is not None
    assert second.best_trial.value == alone.best_trial.value


def test_trials_that_run_are_ended_when_a_new_version_begins(tmp_path: Path) -> None:
    go(tmp_path)
    uncut = log_of(tmp_path).read_bytes().splitlines(keepends=True)
    log_of(tmp_path).write_bytes(b"".join(uncut[:3]))
    before = catalogue.load_history(log_of(tmp_path).parent)
    assert len(before.running()) == 2
    second = go(tmp_path, {"new_version": True}, rate=2.0)
    ended = [trial for trial in second.history.trials if trial.version == 1]
    assert [(trial.state, trial.decision.rule) for trial in ended] == [("PRUNED", "version")] * 2
    assert len(second.history.current.trials) == 6


def test_a_study_of_two_versions_cut_anywhere_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    go(tmp_path, sampler="tpe", n_trials=14)
    uncut = go(tmp_path, {"new_version": True}, rate=-1.0, sampler="tpe", n_trials=14)
    lines = log_of(tmp_path).read_bytes().splitlines(keepends=True)
    begins = next(n for n, record in enumerate(records(tmp_path)) if isinstance(record, Extension))
    for cut in range(begins + 1, len(lines), 4):
        log_of(tmp_path).write_bytes(b"".join(lines[:cut]) + b'{"torn')
        resumed = go(tmp_path, rate=-1.0, sampler="tpe", n_trials=14)
        assert export.to_bytes(resumed.history) == export.to_bytes(uncut.history)
        assert export.to_bytes(resumed.history, curves=True) == export.to_bytes(uncut.history, curves=True)


def test_each_version_keeps_its_file_and_can_be_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    go(tmp_path)
    first = (tmp_path / "living.py").read_text(encoding="utf-8")
    go(tmp_path, {"new_version": True}, rate=2.0)
    folder = log_of(tmp_path).parent
    assert (folder / "study.py").read_text(encoding="utf-8") == first
    assert (folder / "versions" / "2" / "study.py").read_bytes() == (tmp_path / "living.py").read_bytes()
    root = str(tmp_path / "root")
    outputs = {}
    for version in ("1", "2", None):
        assert main(["show", "living", "--json", "--root", root, *(["--version", version] if version else [])]) == 0
        outputs[version] = capsys.readouterr().out
    assert outputs["2"] == outputs[None] != outputs["1"]
    assert main(["show", "living", "--version", "3", "--root", root]) == 2
    assert "has no version 3: its last is 2" in capsys.readouterr().err
    table = export.to_bytes(catalogue.load_history(folder)).decode().splitlines()
    column = table[0].split(",").index("version")
    assert [row.split(",")[column] for row in table[1:]] == ["1"] * 6 + ["2"] * 6


def test_failed_trials_are_tried_again_under_the_mended_code(tmp_path: Path) -> None:
    body = "if trial['b'] == 2: raise ValueError('not yet')"
    before = go(tmp_path, body=body, n_trials=8)
    failed = before.history.failed()
    assert failed
    with pytest.raises(UserError, match=f"by --retry-failed where it mends the {len(failed)} that failed"):
        go(tmp_path, n_trials=8)
    after = go(tmp_path, {"retry_failed": True}, n_trials=8)
    assert after.history.failed() == []
    assert len(after.history.trials) == 8 + len(failed)
    change = [record for record in records(tmp_path) if isinstance(record, Extension)]
    assert [record.change for record in change] == ["mended"]
    assert not go(tmp_path, n_trials=8).history.failed(), "the mended code is the study's"


def test_a_log_that_names_no_fingerprint_goes_on_by_the_first_rule(tmp_path: Path) -> None:
    from hpsearch.log.writer import Log
    from hpsearch.study.declaration import declare, identity

    path = write(tmp_path)
    old = declare(load_study(path), rule=1)
    with Log(log_of(tmp_path)) as log:
        log.append(Header("living", identity(old), old, {}, {}, 0.0))
    assert len(go(tmp_path).history.trials) == 6
    assert len(go(tmp_path, n_trials=8).history.trials) == 8
    assert len(go(tmp_path, rate=2.0, n_trials=8).history.trials) == 8, "the first rule does not look at constants"
    with pytest.raises(UserError, match=r"objective: objective \(\w+\) -> objective \(\w+\)"):
        go(tmp_path, body="x = 1", n_trials=8)
    second = go(tmp_path, {"new_version": True}, body="x = 1", n_trials=8)
    assert second.history.declaration.fingerprint == 2
    with pytest.raises(UserError, match=r"RATE: 1.0 -> 2.0"):
        go(tmp_path, body="x = 1", rate=2.0, n_trials=8)
    assert "living" in str(sys.modules["hpsearch_study_living"])


@pytest.mark.slow
def test_mlflow_tells_versions_apart_and_replays_each_under_its_own_file(tmp_path: Path) -> None:
    from hpsearch.running.replay import replay
    from hpsearch.tracking.fetch import run_ids
    from hpsearch.tracking.uri import resolve

    root = tmp_path / "root"
    for rate, options in ((1.0, {}), (2.0, {"new_version": True})):
        path = write(tmp_path, rate=rate, n_trials=3)
        run(load_study(path), root, quiet=True, study_file=path, **options)
    history = catalogue.load_history(log_of(tmp_path).parent)
    assert history.header is not None
    runs = run_ids(history.header.uid, resolve(root, None))
    assert sorted(runs) == list(range(6))
    for number in (1, 4):
        verdict = replay(runs[number], root)
        assert verdict.identical, verdict.lines
