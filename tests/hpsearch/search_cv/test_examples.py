"""The examples of the pages run as they stand there."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


@pytest.mark.slow
@pytest.mark.parametrize("page", ["README.md", "docs/search-cv.md"])
def test_the_example_of_a_search_runs(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    examples = [code for code in BLOCK.findall((ROOT / page).read_text(encoding="utf-8")) if "StudySearchCV(" in code]
    assert len(examples) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        exec(compile(examples[0], page, "exec"), {})
    params, score = capsys.readouterr().out.rsplit(maxsplit=1)
    assert params.startswith("{")
    assert 0.8 < float(score) < 1
