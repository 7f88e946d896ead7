"""README.md's blocks of Python run, from the first to the last, in an empty folder."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sklearn.datasets import load_digits

from hpsearch import Study

PAGE = Path(__file__).resolve().parents[1] / "README.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.slow
def test_the_blocks_run_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import matplotlib

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    matplotlib.use("agg")
    X, y = load_digits(return_X_y=True)
    names: dict[str, Any] = {"X": X / 16, "y": y}
    studies: list[Study] = []
    for text in BLOCKS:
        exec(compile(text, str(PAGE), "exec"), names)
        if (declared := names.get("study")) is not None and declared not in studies:
            studies.append(declared)
    for declared in studies[1:]:  # the first one was run by the second block
        result = replace(declared, n_trials=4).run("others", quiet=True, tracking=False)
        assert len(result.history.trials) == 4, declared.name
    assert {study.name for study in studies} == {"eta_lambda", "mine", "small_and_good"}
    assert names["result"].best_trial.value > 0.9
    assert names["search"].best_score_ > 0.9
    assert (tmp_path / "mlruns" / "mlflow.db").is_file()
