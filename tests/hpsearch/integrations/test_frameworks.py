"""The studies of studies/frameworks, with the frameworks themselves; each is skipped where its framework is missing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hpsearch.running.api import run
from hpsearch.study.loading import load_file

FOLDER = Path(__file__).resolve().parents[3] / "studies" / "frameworks"
NEEDS = {"lightgbm_rounds": "lightgbm", "xgboost_rounds": "xgboost", "torch_loop": "torch"}
SLOW = {"torch_loop"}


def test_every_study_is_here_and_short() -> None:
    assert {path.stem for path in FOLDER.glob("*.py")} == set(NEEDS)
    assert all(len(path.read_text().splitlines()) <= 40 for path in FOLDER.glob("*.py"))


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in NEEDS])
def test_a_study_reports_prunes_and_learns(tmp_path: Path, name: str) -> None:
    pytest.importorskip(NEEDS[name], reason=f"pip install {NEEDS[name]}")
    study: Any = load_file(FOLDER / f"{name}.py").studies[0]
    history = run(study, tmp_path, quiet=True, tracking=False).history
    states = [(trial.state, trial.decision.reason if trial.decision else "") for trial in history.trials]
    assert {state for state, _ in states} == {"COMPLETE", "PRUNED"}, states
    assert all(trial.epoch == study.epochs for trial in history.ended("COMPLETE"))
    best = history.best
    assert best is not None
    assert best.value is not None
    assert best.value > 0.9 if study.direction == "maximize" else best.value < 0.1


def test_no_framework_is_imported_before_it_is_needed() -> None:
    code = "import sys, hpsearch.integrations; print({'torch', 'lightgbm', 'xgboost', 'keras'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout.strip() == "set()"
