"""Processes of ours find hpsearch where this one found it, and Python where it is, whatever else is on the path."""

import sys
from multiprocessing import Pipe
from pathlib import Path

import pytest

from hpsearch.objectives.portable import pack
from hpsearch.objectives.processes import start


def nothing(data: object) -> object:
    return data


def test_folders_called_like_ours_do_not_stand_in_for_us(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # No __init__.py: for Python a namespace, which is found before an editable installation.
    (tmp_path / "hpsearch" / "objectives").mkdir(parents=True)
    (tmp_path / "copy.py").write_text("raise ImportError('not the one of Python')")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *(path for path in sys.path if path)])
    ours, theirs = Pipe()
    process = start("hpsearch.objectives.child", [theirs.fileno()])
    theirs.close()
    ours.send((pack(nothing), None))
    assert ours.recv() == "ready"
    ours.close()
    assert process.wait(20) == 0
