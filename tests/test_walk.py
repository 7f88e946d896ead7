"""The story of a trial in docs/architecture.md is true: its functions are called in the order in which they stand."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LINK = re.compile(r"\[`([A-Za-z_][\w.]*)`\]\(\.\./([^)#\s]+\.py)\)")

ELSEWHERE = {
    "live_view",  # nobody watches
    "Staged.next",  # of a study with stages
    "Checkpoints.save",  # after some seconds
    "Growing",
    "Executor.advance",  # with workers
    "place",
    "Job",
    "LocalCrew.send",
    "Bench.serve",
}
"""What a small study in this process alone does not come to."""

PROGRAM = """
import inspect, os, sys
first = {}
def called(frame, event, argument):
    code = frame.f_code
    if code.co_flags & inspect.CO_OPTIMIZED:  # a function, and no body of a class or module
        first.setdefault((code.co_filename, code.co_qualname), len(first))
from hpsearch.cli.app import main
sys.settrace(called)  # Python's functions alone, and none of their lines
code = main(sys.argv[1:])
sys.settrace(None)
for (path, name), place in first.items():
    print(place, os.path.realpath(path), name, sep="\\t")
sys.exit(code)
"""


def story() -> list[tuple[str, Path]]:
    """The names of the story with their files, as far as a small study in one process goes."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = text.partition("## The story of a trial")[2].partition("\n## ")[0].partition("**Shown.**")[0]
    return [(name, (ROOT / path).resolve()) for name, path in LINK.findall(section) if name not in ELSEWHERE]


@pytest.mark.slow
def test_a_study_calls_the_functions_of_the_story_in_its_order(tmp_path: Path) -> None:
    study = ROOT / "studies" / "eta_lambda.py"
    options = ["--no-tracking", "--quiet", "--trials", "12", "--epochs", "2", "--workers", "1", "--root", str(tmp_path)]
    command = [sys.executable, "-c", PROGRAM, "run", str(study), *options]
    lines = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    places = {(path, name): int(place) for place, path, name in (line.split("\t") for line in lines)}
    called = [(places[str(path), name], name) for name, path in story() if (str(path), name) in places]
    assert [name for _, name in sorted(called)] == [name for _, name in called]
    functions = {name for name, _ in story() if name[0].islower() or "." in name}
    assert functions - {name for _, name in called} <= {"surroundings"}, "each of them was called"
