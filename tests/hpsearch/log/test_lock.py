"""A study whose holder was killed is free, whatever its children inherited; who holds one that is not is said."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from hpsearch.log import lock
from hpsearch.log.lock import Lock, StudyHeld

KILLED = """
import ctypes, os, sys, time
from pathlib import Path
from hpsearch.log.lock import Lock

held = Lock(Path("study")).__enter__()
if ctypes.CDLL(None).fork() == 0:  # nothing in Python hears of this fork, as of one whose child has not run yet
    Path("child").write_text(str(os.getpid()))
    time.sleep(float(sys.argv[1]))
    os._exit(0)
while not Path("child").exists() or not Path("child").read_text():
    time.sleep(0.01)
os.kill(os.getpid(), 9)
"""


@contextmanager
def orphaned(folder: Path, seconds: float) -> Iterator[Path]:
    """A study whose holder was killed while a child that it had forked still has the lock, for so many seconds."""
    (folder / "study").mkdir()
    (folder / "study" / "log.jsonl").touch()
    # Its output is no pipe: that would be waited for until the child has ended.
    completed = subprocess.run(
        [sys.executable, "-c", KILLED, str(seconds)],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    assert completed.returncode == -signal.SIGKILL
    try:
        yield folder / "study"
    finally:
        with suppress(ProcessLookupError):
            os.kill(int((folder / "child").read_text()), signal.SIGKILL)


def test_a_child_that_has_not_yet_closed_the_lock_of_its_killed_parent_is_waited_for(tmp_path: Path) -> None:
    with orphaned(tmp_path, 2.0) as folder:
        assert lock.is_held(folder)
        with Lock(folder):
            assert (folder / lock.FILE).read_text().startswith(f"process {os.getpid()} ")


def test_a_child_that_keeps_the_lock_of_its_killed_parent_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "ORPHANED", 0.1)
    with (
        orphaned(tmp_path, 600.0) as folder,
        pytest.raises(StudyHeld, match=r"run by a child of process \d+ on .+, which has itself ended; end that child"),
        Lock(folder),
    ):
        pass


def test_a_holder_that_lives_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "ORPHANED", float("inf"))  # a test that waited would never end
    with Lock(tmp_path), pytest.raises(StudyHeld, match=rf"run by process {os.getpid()} on "), Lock(tmp_path):
        pass
