"""A Python process of ours beside this one: it finds what this one finds, and hpsearch where this one found it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import hpsearch
from hpsearch.study.loading import study_folders_last

_HOME = str(Path(hpsearch.__file__).parents[1])
_BEGIN = """\
import sys
home, module = sys.argv[1:3]
del sys.argv[1:3]
sys.path.insert(0, home)
import hpsearch
sys.path.remove(home)
import runpy
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""
"""A folder ``hpsearch`` on the path would stand in for an editable installation, which Python asks last."""


def start(module: str, descriptors: Sequence[int]) -> subprocess.Popen[bytes]:
    """Start ``python -m module DESCRIPTORS…`` with these descriptors open.

    It has a session of its own: Ctrl-C is this process's matter, and what a trial starts ends with its process.
    """
    with study_folders_last():
        path = os.pathsep.join(path for path in sys.path if path)
    return subprocess.Popen(
        [sys.executable, "-P", "-c", _BEGIN, _HOME, module, *map(str, descriptors)],
        pass_fds=descriptors,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": path},
    )
