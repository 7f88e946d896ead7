"""Workers are fresh interpreters: as on macOS and Windows, nothing of theirs is inherited by a fork."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
import multiprocessing
import os

from hpsearch import Float, MLPClassifier, Study


def refused():
    raise AssertionError("a process is forked")


if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    os.fork = refused
    study = Study("s", MLPClassifier((5,), max_epochs=2), space={"l2": Float(0, 1)}, data="digits", n_trials=4, lanes=2)
    one, two = (study.run(f"with {n} wörkers", workers=n, tracking=False, quiet=True) for n in (1, 2))
    assert one.curves.equals(two.curves)
    print(len(two.trials), "trials")
"""


@pytest.mark.slow
def test_workers_train_where_nothing_may_fork_and_every_process_is_spawned(tmp_path: Path) -> None:
    (tmp_path / "study.py").write_text(CODE, encoding="utf-8")
    completed = subprocess.run([sys.executable, "study.py"], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert (completed.returncode, completed.stdout) == (0, "4 trials\n"), completed.stderr
