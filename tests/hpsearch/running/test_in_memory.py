"""Studies that are run in memory: nothing is written, whatever a log would need."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpsearch import Float, MLPClassifier, Study
from hpsearch.engine import clock
from hpsearch.models import datasets
from hpsearch.models.datasets.subset import subset
from hpsearch.running.in_memory import run_in_memory

SMALL = subset(datasets.load("digits"), train=100, valid=50, seed=0)


def test_one_that_takes_longer_than_a_checkpoint_saves_and_syncs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.chdir(tmp_path)
    model = MLPClassifier(hidden_layer_sizes=(5,))
    study = Study("m", model=model, data=SMALL, space={"l2": Float(0, 1)}, epochs=2, n_trials=3, lanes=2, pruner="none")
    assert [trial.epoch for trial in run_in_memory(study, SMALL).trials] == [2, 2, 2]
    assert not list(tmp_path.iterdir())
