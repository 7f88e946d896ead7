"""A worker of a cluster that has other versions computes nothing: it is left aside, or the run ends in one line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from roots import bowl
from servers import free_port

pytestmark = pytest.mark.slow

OTHER = """
import sys
if "worker" in " ".join(getattr(sys, "orig_argv", [])):
    from distributed import versions
    plain = versions._version_cached
    versions._version_cached = lambda name: "0.0.1" if name == "numpy" else plain(name)
"""


def test_a_run_on_workers_of_another_version_ends_in_one_line_and_goes_on_with_one_of_ours(tmp_path: Path) -> None:
    (tmp_path / "bowl.py").write_text(bowl())
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "sitecustomize.py").write_text(OTHER)
    known = os.environ.get("PYTHONPATH", "")
    other = {**os.environ, "PYTHONPATH": f"{tmp_path / 'other'}{os.pathsep}{known}"}
    address = f"tcp://127.0.0.1:{free_port()}"
    dask = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--no-dashboard", "--host", "127.0.0.1"]
    worker = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-dashboard"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    command = [sys.executable, "-m", "hpsearch", "run", "bowl.py", "--no-tracking", "--scheduler", address]
    parts = [subprocess.Popen([*dask, "--port", address.rpartition(":")[2]], **quiet)]  # type: ignore[call-overload]
    try:
        parts.append(subprocess.Popen([*worker, "--no-nanny"], env=other, **quiet))  # type: ignore[call-overload]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=180)
        assert done.returncode == 2, done.stderr
        assert done.stderr.splitlines()[-1].startswith("error: no worker has the coordinator's versions")
        assert "numpy 0.0.1 instead of" in done.stderr
        parts.append(subprocess.Popen([*worker, "--no-nanny"], **quiet))  # type: ignore[call-overload]
        while True:
            done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=180)
            if done.returncode != 2 or "no worker has" not in done.stderr:
                break  # ours is there
        assert done.returncode == 0, done.stderr
        assert "is left aside, results would differ: numpy 0.0.1 instead of" in done.stdout + done.stderr
    finally:
        for part in reversed(parts):
            part.kill()
            part.wait(30)
    alone = subprocess.run([*command[:-2], "--root", "alone"], cwd=tmp_path, capture_output=True, timeout=120)
    assert alone.returncode == 0
    exports = [
        subprocess.run(
            [*command[:3], "export", "bowl", "--curves", "--root", root], cwd=tmp_path, capture_output=True, check=True
        ).stdout
        for root in ("mlruns", "alone")
    ]
    assert exports[0] == exports[1]
