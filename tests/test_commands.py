"""The commands that README.md gives are those that ``.ci/run`` tries in a fresh environment."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]


def test_the_two_commands_of_the_readme_are_tried_word_by_word() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.partition("## Two commands")[2].partition("\n## ")[0]
    commands = [block.strip() for block in re.findall(r"```sh\n(.*?)```", section, re.DOTALL)]
    tried = (ROOT / ".ci" / "run").read_text(encoding="utf-8").replace("install --quiet", "install")
    assert len(commands) == 2
    assert not [command for command in commands if f"({command})\n" not in tried]


def test_the_oldest_versions_that_are_tried_are_the_bounds_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    needs = [*project["dependencies"], *extras["test"]]
    needs += [text for name in ("mlflow", "parquet", "cluster", "excel") for text in extras[name]]
    bounds = {}
    for need in map(Requirement, needs):
        for specifier in need.specifier:
            if specifier.operator == ">=":
                bounds[need.name] = Version(specifier.version)
    lines = (ROOT / ".ci" / "lowest.txt").read_text(encoding="utf-8").splitlines()
    pinned = {need.name: need.specifier for need in (Requirement(line) for line in lines if line[0] != "#")}
    assert {name: Version(str(specifier).removeprefix("==")) for name, specifier in pinned.items()} == {
        name: bound for name, bound in bounds.items() if name not in ("ruff", "mypy")
    }
