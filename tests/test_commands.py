"""The commands that README.md gives are those that ``.ci/run`` tries in a fresh environment."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_the_two_commands_of_the_readme_are_tried_word_by_word() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.partition("## Two commands")[2].partition("\n## ")[0]
    commands = [block.strip() for block in re.findall(r"```sh\n(.*?)```", section, re.DOTALL)]
    tried = (ROOT / ".ci" / "run").read_text(encoding="utf-8").replace("install --quiet", "install")
    assert len(commands) == 2
    assert not [command for command in commands if f"({command})\n" not in tried]
