"""The commands of CONTRIBUTING.md: each is there, runs what CI runs, and needs nothing from elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = sorted(path for path in (ROOT / "scripts").iterdir() if path.is_file() and not path.suffix)


@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: path.name)
def test_a_command_is_a_few_lines_of_shell_that_can_be_started(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("#!/bin/sh\n# ")
    assert len(text.splitlines()) <= 10
    assert os.access(path, os.X_OK)
    subprocess.run(["sh", "-n", str(path)], check=True)


def test_contributing_names_every_command() -> None:
    named = set(re.findall(r"^scripts/(\w+) ", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.MULTILINE))
    assert named == {path.name for path in COMMANDS}


def test_ci_checks_by_the_same_command() -> None:
    assert "\nscripts/check\n" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_pre_commit_fetches_nothing() -> None:
    text = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    assert re.findall(r"repo: (.+)", text) == ["local"]
    assert set(re.findall(r"language: (.+)", text)) == {"system"}
    assert "://" not in text


def test_types_and_exports_of_samplers_and_pruners_follow_their_table() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "registry.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_names_that_mean_many_things_are_listed() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "names.py"), "--top", "3"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    heading, *rows = done.stdout.splitlines()
    assert heading.split()[:4] == ["name", "bound", "files", "meanings"]
    ranks = [int(files) * int(meanings) for _, _, files, meanings, *_ in map(str.split, rows)]
    assert len(ranks) == 3
    assert ranks == sorted(ranks, reverse=True)
