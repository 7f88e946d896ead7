"""What was measured within epochs, as a table and on the live page: names of its own, samples as steps."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hpsearch import Float, MLPClassifier, Study
from hpsearch.cli import main
from hpsearch.errors import UserError
from hpsearch.log.history import History
from hpsearch.report.export import to_bytes
from hpsearch.report.watched import trial_data

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 3))
Y = (X[:, 0] > 0).astype(int)


def run(root: Path, **params: int) -> History:
    model = MLPClassifier((3,), max_epochs=2, **params)
    space = {"l2": Float(0.1, 1)}
    study = Study("finer", model=model, space=space, data=(X, Y), sampler="random", pruner="none", n_trials=2, lanes=2)
    return study.run(root, quiet=True, tracking=False).history


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("finer")
    run(root, monitor_every=20)
    return root


@pytest.fixture(scope="module")
def history(root: Path) -> History:
    return run(root, monitor_every=20)  # reads the log: nothing is left to train


def test_a_row_is_a_measurement_and_the_epochs_end_is_one(history: History) -> None:
    table = pd.read_csv(io.BytesIO(to_bytes(history, monitored=True)))
    assert list(table) == [
        "trial",
        "epoch",
        "samples",
        "monitored_train_accuracy",
        "monitored_train_cost",
        "monitored_val_accuracy",
        "monitored_val_cost",
    ]
    first = table[table["trial"] == 0]
    assert first["samples"].tolist() == [20, 40, 48, 68, 88, 96]  # 48 of the 80 samples are trained on
    assert first["epoch"].tolist() == [1, 1, 1, 2, 2, 2]
    curves = pd.read_csv(io.BytesIO(to_bytes(history, curves=True)))
    ends = table[table["samples"] % 48 == 0]
    assert ends["monitored_val_accuracy"].tolist() == curves["val_accuracy"].tolist()
    rows = json.loads(to_bytes(history, "json", monitored=True))
    assert rows[0] == table.iloc[0].to_dict()
    parquet = pd.read_parquet(io.BytesIO(to_bytes(history, "parquet", monitored=True, runs={0: "a", 1: "b"})))
    pd.testing.assert_frame_equal(parquet.drop(columns="run_id"), table)


def test_the_command_line_prints_it(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "finer", "--monitored", "--root", str(root)]) == 0
    assert capfd.readouterr().out.startswith("trial,epoch,samples,monitored_train_accuracy")
    assert main(["export", "finer", "--monitored", "--curves", "--root", str(root)]) == 2
    assert "a table of its own" in capfd.readouterr().err


def test_a_study_that_measured_nothing_within_epochs_says_so(tmp_path: Path) -> None:
    history = run(tmp_path)
    with pytest.raises(UserError, match=r"nothing was measured within epochs: give the model monitor_every="):
        to_bytes(history, monitored=True)
    assert trial_data("finer", history, 0, tmp_path)["across"] == {}


def test_the_live_page_draws_it_over_samples(root: Path, history: History) -> None:
    data = trial_data("finer", history, 1, root / "studies" / "finer")
    samples, values = data["curves"]["monitored_val_accuracy"]
    assert samples == [20, 40, 48, 68, 88, 96]
    assert len(values) == 6
    assert data["across"]["monitored_val_accuracy"] == "samples trained on"
    assert "val_accuracy" not in data["across"]
    json.dumps(data, allow_nan=False)
