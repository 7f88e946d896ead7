"""What docs/coming-from.md says to write runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).resolve().parents[1] / "docs" / "coming-from.md"
BLOCK = re.compile(r"^## ([^\n]+)\n\n```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = dict(BLOCK.findall(PAGE.read_text(encoding="utf-8")))


@pytest.mark.parametrize("tool", BLOCKS)
def test_the_block_of_a_tool_runs_as_it_stands(
    tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    text = BLOCKS[tool].replace("quiet=True", "quiet=True, tracking=False")
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(text, str(PAGE), "exec"), names)
    assert capsys.readouterr().out.strip()
    if "study" in names:
        (folder,) = (tmp_path / "mlruns" / "studies").iterdir()
        assert folder.name == names["study"].name
        again = names["study"].run(quiet=True, tracking=False)
        assert len(again.history.trials) == names["study"].n_trials, "the same call resumes: nothing is left to do"
        assert again.best_trial is not None


def test_every_tool_has_a_block() -> None:
    heads = re.findall(r"^## (.+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert heads == list(BLOCKS)
    assert len(heads) == 5
