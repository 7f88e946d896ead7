"""The studies of studies/frameworks, with the frameworks themselves; each is skipped where its framework is missing."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from hpsearch import Float, Study
from hpsearch.running.api import run
from hpsearch.study.loading import load_file

FOLDER = Path(__file__).resolve().parents[3] / "studies" / "frameworks"
NEEDS = {
    "lightgbm_rounds": ["lightgbm"],
    "xgboost_rounds": ["xgboost"],
    "catboost_rounds": ["catboost"],
    "torch_loop": ["torch"],
    "keras_epochs": ["torch", "keras"],
    "lightning_epochs": ["torch", "lightning"],
}
"""Studies, and the packages that each needs here: Keras could train with another backend than PyTorch."""

SLOW = {"torch_loop", "keras_epochs", "lightning_epochs"}

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
"""Of the frameworks: what they warn of changes with their versions."""


@pytest.fixture(autouse=True)
def _backend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "torch")


def needed(*packages: str) -> None:
    """Skip the test where a package is missing; nothing is imported before the study does so."""
    for package in packages:
        if find_spec(package) is None:
            pytest.skip(f"pip install {package}")


def test_every_study_is_here_and_short() -> None:
    assert {path.stem for path in FOLDER.glob("*.py")} == set(NEEDS)
    assert all(len(path.read_text().splitlines()) <= 40 for path in FOLDER.glob("*.py"))


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in NEEDS])
def test_a_study_reports_prunes_and_learns(tmp_path: Path, name: str) -> None:
    needed(*NEEDS[name])
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
    names = {"torch", "lightgbm", "xgboost", "catboost", "keras", "lightning", "transformers"}
    code = f"import sys, hpsearch.integrations; print({names} & set(sys.modules))"
    completed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert completed.stdout.strip() == "set()"


def sentences(trial: Any) -> None:
    """A Hugging Face Trainer: the sign of a sum, from what the trial's learning rate makes of it."""
    import torch
    from transformers import Trainer, TrainingArguments

    from hpsearch.integrations import transformers_callback

    class Signs(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(4, 2)

        def forward(self, x: Any, labels: Any) -> Any:
            logits = self.layer(x)
            return {"loss": torch.nn.functional.cross_entropy(logits, labels), "logits": logits}

    torch.manual_seed(trial.number)
    points = torch.randn(96, 4, generator=torch.Generator().manual_seed(0))
    rows = [{"x": point, "labels": int(point.sum() > 0)} for point in points]
    arguments = TrainingArguments(
        str(trial.folder),
        num_train_epochs=4,
        learning_rate=trial["lr"],
        eval_strategy="epoch",
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        use_cpu=True,
    )
    callbacks = [transformers_callback(trial)]
    Trainer(Signs(), arguments, train_dataset=rows[:64], eval_dataset=rows[64:], callbacks=callbacks).train()


@pytest.mark.slow
def test_hugging_face_s_trainer_reports_and_is_stopped(tmp_path: Path) -> None:
    needed("torch", "transformers", "accelerate")
    study = Study(
        "signs",
        objective=sentences,
        space={"lr": Float(1e-4, 0.3, log=True)},
        metric="eval_loss",
        direction="minimize",
        epochs=4,
        n_trials=6,
        lanes=2,
    )
    history = run(study, tmp_path, quiet=True, tracking=False).history
    assert {trial.state for trial in history.trials} == {"COMPLETE", "PRUNED"}
    assert {trial.epoch for trial in history.ended("COMPLETE")} == {4}
    assert all(trial.epoch < 4 for trial in history.ended("PRUNED"))
