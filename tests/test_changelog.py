"""The changelog goes by version, the newest first, each with its date."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+) \((unreleased|\d{4}-\d\d-\d\d)\)")


def versions() -> list[tuple[tuple[int, ...], str]]:
    """Each version with its date, or ``unreleased``."""
    versions_and_dates = []
    for heading in HEADING.findall((ROOT / "CHANGELOG.md").read_text(encoding="utf-8")):
        match = VERSION.fullmatch(heading)
        assert match, f"CHANGELOG.md: {heading!r} is no version with its date, such as 0.1.0 (2026-11-24)"
        versions_and_dates.append((tuple(int(part) for part in match.groups()[:3]), match[4]))
    return versions_and_dates


def test_versions_stand_newest_first_and_only_the_newest_may_be_unreleased() -> None:
    numbers = [number for number, _ in versions()]
    dates = [date for _, date in versions() if date != "unreleased"]
    assert numbers == sorted(set(numbers), reverse=True)
    assert dates == sorted(dates, reverse=True)
    assert "unreleased" not in [date for _, date in versions()[1:]]


def test_the_newest_is_the_packages_version() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert ".".join(map(str, versions()[0][0])) == declared


def test_a_version_with_a_tag_has_the_tags_date() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("no repository here, so no tags")
    command = ["git", "tag", "--list", "v*", "--format=%(refname:short) %(creatordate:short)"]
    tags = dict(line.split() for line in subprocess.check_output(command, cwd=ROOT, text=True).splitlines())
    wrong = {
        number: date
        for number, date in versions()
        if (tag := "v" + ".".join(map(str, number))) in tags and tags[tag] != date
    }
    assert not wrong, f"CHANGELOG.md: tags say {tags}"
