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
from hpsearch.objectives import isolated
from hpsearch.report.export import to_bytes
from hpsearch.running.api import run

DEADLY = """
import os, signal, sys
from hpsearch import Float, Study

def die(trial):
    if trial.number == 1:
        os._exit(3)
    if trial.number == 2 and os.environ.get("DEADLY"):
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


def run_until_it_is_done(folder: Path, shape: str, *, deadly: str = "") -> list[int]:
    """Run a deadly study again and again; returns the exit codes of its processes."""
    (folder / "study.py").write_text(DEADLY)
    codes: list[int] = []
    while not codes or (codes[-1] and len(codes) < 4):
        command, env = [sys.executable, "study.py", shape], {**os.environ, "DEADLY": deadly}
        done = subprocess.run(command, cwd=folder, env=env, timeout=120, check=False)
        codes.append(done.returncode)
    return codes


def test_a_trial_that_ends_the_process_ends_only_itself_the_next_time(tmp_path: Path) -> None:
    assert run_until_it_is_done(tmp_path, "plain") == [3, 0]
    trials = load_history(tmp_path / "root" / "studies" / "deadly").trials
    assert [trial.state for trial in trials] == ["COMPLETE", "FAILED", *["COMPLETE"] * 3]
    assert trials[1].decision is not None
    assert "its process ended (exit code 3) while it trained" in trials[1].decision.reason


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["plain", "late"])
def test_each_trial_that_ends_the_process_ends_only_itself_the_next_time(tmp_path: Path, shape: str) -> None:
    assert run_until_it_is_done(tmp_path, shape, deadly="yes") == [3, -signal.SIGSEGV, 0]
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


def napper(trial: Any) -> float:
    time.sleep(2 * isolated.POLL_SECONDS)
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
    trials = go(tmp_path, sleeper, trial_timeout=1.0, lanes=1).trials
    assert [trial.state for trial in trials] == ["COMPLETE", "FAILED", "COMPLETE", "COMPLETE"]
    assert trials[1].decision.reason == "trained for longer than trial_timeout=1 s"
    assert trials[1].decision.rule == "timeout"


def test_what_a_process_takes_to_start_is_not_the_trials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begin, clock, passed = isolated._Child.__init__, time.perf_counter, [0.0]

    def late(self: Any, maker: bytes, data: Any) -> None:
        begin(self, maker, data)
        passed[0] += 100.0

    monkeypatch.setattr(isolated._Child, "__init__", late)
    monkeypatch.setattr(time, "perf_counter", lambda: clock() + passed[0])
    trials = go(tmp_path, napper, trial_timeout=60.0, lanes=1).trials
    assert [trial.state for trial in trials] == ["COMPLETE"] * 4


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
