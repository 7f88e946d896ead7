"""Checkpoint folders: a killed trial goes on from the epoch that it had reported, not from its start."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from hpsearch.log.catalogue import load_history
from hpsearch.report.export import to_bytes
from hpsearch.running.api import run
from hpsearch.study.loading import load_study

SCRIPT = """
import json, os, signal, sys, time
from hpsearch import Float, Study

def trained(trial, epoch):
    with open("trained", "a") as file:
        file.write(f"{trial.number}.{epoch}\\n")
    if sys.argv[2:] == [f"{trial.number}.{epoch}"]:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(float(os.environ.get("PACE", "0")))

def loop(trial):
    state, path = 0.0, trial.folder / "state.json"
    if trial.resumed:
        state = json.loads(path.read_text())
    for epoch in range(trial.resumed + 1, 7):
        trained(trial, epoch)
        state += trial["x"]
        path.write_text(json.dumps(state))  # the same file each time, opened for writing
        yield state

def careless(trial):
    state = 0.0
    for epoch in range(1, 7):
        trained(trial, epoch)
        state += trial["x"]
        (trial.folder / "state.json").write_text(json.dumps(state))
        yield state

study = Study("s", objective=OBJECTIVE, space={"x": Float(0, 1)}, metric="score", sampler="random", pruner="median",
              n_trials=6, lanes=2, epochs=6)
if __name__ == "__main__":
    study.run(sys.argv[1], quiet=True, tracking=False)
"""


def script(folder: Path, objective: str) -> list[str]:
    (folder / "study.py").write_text(SCRIPT.replace("OBJECTIVE", objective))
    return [sys.executable, "study.py"]


def exports(folder: Path) -> tuple[bytes, bytes]:
    history = load_history(folder / "studies" / "s")
    return to_bytes(history), to_bytes(history, curves=True)


@pytest.mark.parametrize("objective", ["loop", pytest.param("careless", marks=pytest.mark.slow)])
def test_a_killed_trial_goes_on_from_what_it_kept(
    tmp_path: Path, objective: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = script(tmp_path, objective)
    assert subprocess.run([*command, "root", "1.4"], cwd=tmp_path, timeout=200, check=False).returncode == -9
    monkeypatch.chdir(tmp_path)
    study = load_study(tmp_path / "study.py")
    run(study, Path("root"), quiet=True, tracking=False)
    times = Counter((tmp_path / "trained").read_text().split())
    if objective == "loop":
        again = {what for what, count in times.items() if count > 1}
        assert again <= {"0.4", "1.4"}  # the tick under way, no epoch before it
    run(study, Path("undisturbed"), quiet=True, tracking=False)
    assert exports(tmp_path / "root") == exports(tmp_path / "undisturbed")
    assert not list((tmp_path / "root" / "studies" / "s" / "checkpoints").rglob("*.json"))


@pytest.mark.slow
def test_a_study_killed_at_any_moment_loses_the_epoch_under_way(tmp_path: Path) -> None:
    command, moments = script(tmp_path, "loop"), random.Random(0)
    killed = 0
    for _ in range(20):
        process = subprocess.Popen([*command, "root"], cwd=tmp_path, env={**os.environ, "PACE": "0.05"})
        begun = time.monotonic()
        trained = tmp_path / "trained"
        seen = trained.read_text().count("\n") if trained.exists() else 0
        more = moments.randint(2, 6)
        while process.poll() is None and time.monotonic() - begun < 60:
            if trained.exists() and trained.read_text().count("\n") >= seen + more:
                break
            time.sleep(moments.random() * 0.02)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            killed += 1
        if process.wait() == 0:
            break
    times = Counter((tmp_path / "trained").read_text().split())
    assert killed >= 3
    assert sum(times.values()) - len(times) <= 2 * killed  # two lanes: at most the epoch under way of each
    assert subprocess.run([*command, "undisturbed"], cwd=tmp_path, timeout=200, check=False).returncode == 0
    assert exports(tmp_path / "root") == exports(tmp_path / "undisturbed")
