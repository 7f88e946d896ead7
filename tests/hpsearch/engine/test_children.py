"""Objectives may have children: they end when they are told to, and none of them holds the study."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

POOL = """
import math, multiprocessing, sys
from hpsearch import Float, Study

def objective(trial):
    with multiprocessing.get_context("fork").Pool(2) as pool:  # leaving it terminates its workers by SIGTERM
        return float(sum(pool.map(math.sqrt, [trial["x"], 1.0])))

study = Study("pool", objective=objective, space={"x": Float(0, 1)}, metric="score", sampler="random", n_trials=3)
if __name__ == "__main__":
    print(len(study.run("root", workers=int(sys.argv[1]), quiet=True, tracking=False).trials))
"""

ORPHAN = """
import os, signal, time
from hpsearch import Float, Study

def objective(trial):
    if trial.number == 1 and not os.path.exists("orphan"):
        if os.fork() == 0:
            with open("orphan", "w") as file:
                file.write(str(os.getpid()))
            time.sleep(600)
        while not os.path.exists("orphan") or not open("orphan").read():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGKILL)
    return trial["x"]

study = Study("orphan", objective=objective, space={"x": Float(0, 1)}, metric="score", sampler="random", n_trials=3)
if __name__ == "__main__":
    print(len(study.run("root", quiet=True, tracking=False).trials))
"""


def python(folder: Path, text: str, *words: str) -> tuple[int, str]:
    """Run a script and return its exit code and what it printed; its children may live on."""
    (folder / "study.py").write_text(text)
    with (folder / "output.txt").open("w") as output:
        done = subprocess.run(
            [sys.executable, "study.py", *words], cwd=folder, stdout=output, stderr=output, timeout=120, check=False
        )
    return done.returncode, (folder / "output.txt").read_text()


@pytest.mark.parametrize("workers", ["1", pytest.param("2", marks=pytest.mark.slow)])
def test_a_pool_inside_an_objective_ends(tmp_path: Path, workers: str) -> None:
    assert python(tmp_path, POOL, workers) == (0, "3\n")


@pytest.mark.slow
def test_a_child_that_outlives_a_killed_coordinator_does_not_hold_the_study(tmp_path: Path) -> None:
    code, _ = python(tmp_path, ORPHAN)
    orphan = int((tmp_path / "orphan").read_text())
    try:
        assert code == -signal.SIGKILL
        os.kill(orphan, 0)  # it lives
        assert python(tmp_path, ORPHAN) == (0, "3\n")
    finally:
        os.kill(orphan, signal.SIGKILL)
