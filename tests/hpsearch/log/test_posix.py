"""A system without POSIX locks is told in one line what to do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

WITHOUT = "import sys; sys.modules['fcntl'] = None; "


def test_without_posix_locks_a_run_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "study.py").write_text("from hpsearch import Study\nstudy = Study('s', objective=abs, n_trials=1)\n")
    code = f"{WITHOUT}from hpsearch.cli import main; sys.exit(main(['run', 'study.py']))"
    completed = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert completed.returncode == 2, completed.stderr
    assert completed.stderr.startswith("error: hpsearch locks its files as POSIX systems do")
    assert completed.stderr.count("\n") == 1
