"""What is finished is in the log as soon as it is, and decided about in logical order."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hpsearch.log.catalogue import load_history
from hpsearch.log.lines import read
from hpsearch.log.records import Arrival, Begin, Tick
from hpsearch.report.export import to_bytes

SCRIPT = """
import os, signal, sys, time
from hpsearch import Float, Study

def plain(trial):
    with open("calls", "a") as file:
        file.write(f"{trial.number}\\n")
    if trial.number == 7 and sys.argv[1:] == ["die"]:
        os.kill(os.getpid(), signal.SIGKILL)
    return trial["x"]

def slow(trial):
    for epoch in range(3):
        with open("calls", "a") as file:
            file.write(f"{trial.number}.{epoch}\\n")
        if trial.number == 7 and epoch == 1 and sys.argv[1:] == ["die"]:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.06)
        yield trial["x"] * epoch

study = Study("s", objective=OBJECTIVE, space={"x": Float(0, 1)}, metric="score", sampler="tpe", pruner="median",
              n_trials=12)
if __name__ == "__main__":
    study.run(sys.argv[2] if len(sys.argv) > 2 else "root", quiet=True, tracking=False)
"""


def script(folder: Path, objective: str, *words: str) -> int:
    (folder / "study.py").write_text(SCRIPT.replace("OBJECTIVE", objective))
    return subprocess.run([sys.executable, "study.py", *words], cwd=folder, timeout=200, check=False).returncode


@pytest.mark.slow
def test_seven_calls_of_eight_survive_a_kill_and_are_not_made_again(tmp_path: Path) -> None:
    assert script(tmp_path, "plain", "die") == -signal.SIGKILL
    folder = tmp_path / "root" / "studies" / "s"
    killed = load_history(folder)
    assert [trial.value is not None for trial in killed.trials] == [True] * 7 + [False]
    assert {trial.state for trial in killed.trials} == {"RUNNING"}
    kinds = [type(record) for record, _ in read(folder / "log.jsonl")]
    assert kinds[1:] == [Begin] + [Arrival] * 7
    assert script(tmp_path, "plain", "live") == 0
    calls = (tmp_path / "calls").read_text().split()
    assert sorted(map(int, calls)) == sorted([*range(12), 7])
    assert script(tmp_path, "plain", "live", "undisturbed") == 0
    whole = load_history(tmp_path / "undisturbed" / "studies" / "s")
    for curves in (False, True):
        assert to_bytes(load_history(folder), curves=curves) == to_bytes(whole, curves=curves)


@pytest.mark.slow
def test_epochs_of_a_tick_that_was_cut_are_kept_too(tmp_path: Path) -> None:
    assert script(tmp_path, "slow", "die") == -signal.SIGKILL
    folder = tmp_path / "root" / "studies" / "s"
    assert sum(isinstance(record, Tick) for record, _ in read(folder / "log.jsonl")) == 1
    assert sum(trial.epoch == 2 for trial in load_history(folder).trials) >= 1
    assert script(tmp_path, "slow", "live") == 0
    assert script(tmp_path, "slow", "live", "undisturbed") == 0
    whole = load_history(tmp_path / "undisturbed" / "studies" / "s")
    for curves in (False, True):
        assert to_bytes(load_history(folder), curves=curves) == to_bytes(whole, curves=curves)
