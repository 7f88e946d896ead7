"""Starts Python processes of ours: they import what this process would import, and hpsearch from the same place."""

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
"""Imports what we need from Python's own path first, and then takes over the path of the process that started it.

There may be anything on the latter: MLflow puts each folder of a model's code on it. A folder ``hpsearch`` there would
hide an editable installation, which Python looks for last.
"""


def start(module: str, descriptors: Sequence[int]) -> subprocess.Popen[bytes]:
    """Start a process that calls ``main`` of a module of ours, with these descriptors open and as its arguments.

    It has a session of its own: Ctrl-C reaches this process alone, and what a trial starts can be killed with it.
    """
    with study_folders_last():
        path = os.pathsep.join(path for path in sys.path if path)
    return subprocess.Popen(
        [sys.executable, "-P", "-c", _BEGIN, _HOME, path, module, *map(str, descriptors)],
        pass_fds=descriptors,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
