"""Files that a trial logs are kept beside its study's log, whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hpsearch import Float, Study
from hpsearch.log.kept import artifacts, trials_with_artifacts
from hpsearch.objectives import artifacts as module
from hpsearch.objectives.artifacts import Artifacts
from hpsearch.running.api import run


def draws(trial: Any) -> float:
    if trial.number == 1:
        Path("plot.svg").write_text(f"<svg>{trial.number}</svg>")
        trial.log_artifact("plot.svg")
        Path("plot.svg").write_text("changed afterwards")
        Path("tables/deep").mkdir(parents=True)
        Path("tables/deep/t.csv").write_text("1\n")
        trial.log_artifact("tables", "results")
        trial.log_artifact("tables", "results")
    if trial.number == 2:
        trial.log_artifact("nothing.txt")
    return float(trial["x"])


def names(folder: Path, trial: int) -> list[str]:
    return [name for _, name in artifacts(folder, trial)]


def make(objective: Any = draws) -> Study:
    return Study(
        "s", objective=objective, space={"x": Float(0, 1)}, metric="score", sampler="random", pruner="none", n_trials=4
    )


def test_what_a_trial_logs_is_a_copy_and_a_missing_file_is_its_own_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    history = run(make(), "root", quiet=True, tracking=False).history
    folder = tmp_path / "root" / "studies" / "s"
    assert names(folder, 1) == ["plot.svg", "results/tables/deep/t.csv"]
    assert next(iter(artifacts(folder, 1)))[0].read_text() == "<svg>1</svg>"
    assert trials_with_artifacts(folder) == {1}
    assert history.trials[2].state == "FAILED"
    assert "log_artifact: no such file or folder: 'nothing.txt'" in str(history.trials[2].decision)


def test_names_stay_inside_and_sizes_within_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    artifacts = Artifacts(tmp_path / "study", 0)
    (tmp_path / "a.bin").write_bytes(b"a" * 600)
    (tmp_path / "b.bin").write_bytes(b"b" * 600)
    for inside in ("..", "a/../../b", "/etc"):
        with pytest.raises(ValueError, match="leads out"):
            artifacts.keep(tmp_path / "a.bin", inside)
    monkeypatch.setattr(module, "MOST_BYTES", 1000)
    artifacts.keep(tmp_path / "a.bin")
    artifacts.keep(tmp_path / "a.bin")  # in its own place: no more than before
    with pytest.raises(ValueError, match="would come to 1,200 bytes, more than 1,000"):
        artifacts.keep(tmp_path / "b.bin")
    assert names(tmp_path / "study", 0) == ["a.bin"]


def test_a_copy_that_is_cut_off_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trial_artifacts = Artifacts(tmp_path / "study", 0)
    (tmp_path / "a.txt").write_text("old")
    trial_artifacts.keep(tmp_path / "a.txt")

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "a.txt").write_text("new")
    monkeypatch.setattr(module.shutil, "copyfile", full)
    with pytest.raises(OSError, match="No space"):
        trial_artifacts.keep(tmp_path / "a.txt")
    ((path, _),) = artifacts(tmp_path / "study", 0)
    assert path.read_text() == "old"
    assert [path.name for path in (tmp_path / "study" / "artifacts").iterdir()] == ["0"]
