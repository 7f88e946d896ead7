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
import os, sys
home, theirs, module = sys.argv[1:4]
del sys.argv[1:4]
theirs = theirs.split(os.pathsep)
sys.path[:] = [home, *sys.path, *theirs]
import hpsearch
del sys.path[0]
from importlib import import_module
main = import_module(module).main
sys.path[:] = theirs
main()
"""
"""First come what we need from where Python itself looks, then the path of the process that started this one.

There may be anything on that one: MLflow puts each folder of a model's code on it. A folder ``hpsearch`` would stand in
for an editable installation, which Python asks last.
"""


def start(module: str, descriptors: Sequence[int]) -> subprocess.Popen[bytes]:
    """Start a process that calls ``main`` of a module of ours, with these descriptors open and as its arguments.

    It has a session of its own: Ctrl-C is this process's matter, and what a trial starts ends with its process.
    """
    with study_folders_last():
        path = os.pathsep.join(path for path in sys.path if path)
    return subprocess.Popen(
        [sys.executable, "-P", "-c", _BEGIN, _HOME, path, module, *map(str, descriptors)],
        pass_fds=descriptors,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
