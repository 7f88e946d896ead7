"""What a trial does to its process: with one worker, where the process is the study's own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hpsearch import Float, Study
from hpsearch.log.catalogue import load_history
from hpsearch.report.export import to_bytes
from hpsearch.running.api import run

DEADLY = """
import os, signal, sys
from hpsearch import Float, Study

def die(trial):
    if trial.number == 1:
        os._exit(3)
    if trial.number == 2:
        os.kill(os.getpid(), signal.SIGSEGV)

def plain(trial):
    die(trial)
    return trial["x"]

def late(trial):
    yield trial["x"]
    die(trial)
    yield trial["x"] + 1

objective = {"plain": plain, "late": late}[sys.argv[1]]
study = Study("deadly", objective=objective, space={"x": Float(0, 1)}, metric="score", sampler="random", pruner="none",
              n_trials=5, lanes=3)
if __name__ == "__main__":
    study.run("root", quiet=True, tracking=False)
"""


@pytest.mark.parametrize("shape", ["plain", pytest.param("late", marks=pytest.mark.slow)])
def test_a_trial_that_ends_the_process_ends_only_itself_the_next_time(tmp_path: Path, shape: str) -> None:
    (tmp_path / "study.py").write_text(DEADLY)
    codes = [
        subprocess.run([sys.executable, "study.py", shape], cwd=tmp_path, timeout=120, check=False).returncode
        for _ in range(3)
    ]
    assert codes == [3, -signal.SIGSEGV, 0]
    trials = load_history(tmp_path / "root" / "studies" / "deadly").trials
    reasons = [trial.decision.reason for trial in trials if trial.decision is not None]
    assert "its process ended (exit code 3) while it trained" in reasons[1]
    assert "its process ended (signal SIGSEGV) while it trained" in reasons[2]
    states = [trial.state for trial in trials]
    broken = "FAILED" if shape == "plain" else "COMPLETE"
    assert states == ["COMPLETE", broken, broken, "COMPLETE", "COMPLETE"]
    assert trials[1].value == (None if shape == "plain" else trials[1].params["x"])


def sleeper(trial: Any) -> float:
    if trial.number == 1:
        time.sleep(600)
    return float(trial["x"])


def hoarder(trial: Any) -> Iterator[float]:
    held = []
    for _ in range(3):
        if trial.number == 1:
            held.append(bytearray(os.urandom(1 << 20) * 600))
            time.sleep(1.0)
        yield float(trial["x"])


def climber(trial: Any) -> Iterator[float]:
    rng = trial.rng
    for _ in range(5):
        yield float(trial["x"] + rng.random())


def go(root: Path, objective: Any, **settings: Any) -> Any:
    study = Study(
        "s", objective=objective, space={"x": Float(0, 1)}, metric="score", sampler="random", pruner="none", n_trials=4,
        **settings,
    )  # fmt: skip
    return run(study, root, quiet=True, tracking=False).history


def test_a_plain_function_that_takes_too_long_fails_with_one_worker_too(tmp_path: Path) -> None:
    trials = go(tmp_path, sleeper, trial_timeout=1.0).trials
    assert [trial.state for trial in trials] == ["COMPLETE", "FAILED", "COMPLETE", "COMPLETE"]
    assert trials[1].decision.reason == "trained for longer than trial_timeout=1 s"
    assert trials[1].decision.rule == "timeout"


@pytest.mark.slow
def test_a_trial_that_holds_too_much_memory_fails(tmp_path: Path) -> None:
    trials = go(tmp_path, hoarder, trial_memory=1e9).trials
    assert [trial.state for trial in trials] == ["COMPLETE", "FAILED", "COMPLETE", "COMPLETE"]
    assert "more than trial_memory=1,000 MB" in trials[1].decision.reason
    assert trials[1].decision.rule == "memory"


@pytest.mark.slow
def test_in_a_process_of_its_own_a_trial_does_the_same(tmp_path: Path) -> None:
    exports = []
    for limits in ({}, {"trial_timeout": 600.0}):
        history = go(tmp_path / str(len(limits)), climber, epochs=3, lanes=2, **limits)
        exports.append((to_bytes(history), to_bytes(history, curves=True)))
    assert exports[0] == exports[1]
