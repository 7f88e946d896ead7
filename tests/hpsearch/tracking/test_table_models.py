"""A table's winner in MLflow: it takes frames with the table's columns, and opens where hpsearch is not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tables
from mlflow_client import load_pyfunc
from servers import pointed_at

from hpsearch import MLPRegressor, Study, Table
from hpsearch.models.estimators import serving

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # mlflow's own use of SQLAlchemy
    pytest.mark.filterwarnings("ignore::UserWarning:mlflow"),
]


def won(folder: Path, **options: object) -> tuple[object, pd.DataFrame]:
    path = tables.write_houses(folder, 150)
    model = MLPRegressor((8,), max_epochs=5, batch_size=20, learning_rate=0.01)
    study = Study("t", model=model, data=Table(path, target="price"), metric="val_r2", pruner="none", n_trials=1)
    return study.run(folder, quiet=True, **options), pd.read_csv(path).drop(columns=["Unnamed: 0", "price"])


def test_a_model_of_a_table_is_kept_without_pickle_in_little_room(tmp_path: Path) -> None:
    result, rows = won(tmp_path, tracking=False)
    (tmp_path / "model").mkdir()
    serving.write(result.model, tmp_path / "model", rows)  # type: ignore[attr-defined]
    again = serving.read(tmp_path / "model")
    np.testing.assert_array_equal(again.predict(rows), result.model.predict(rows))  # type: ignore[attr-defined]
    assert sum(path.stat().st_size for path in (tmp_path / "model").iterdir()) < 1_000_000
    trusted = json.loads((tmp_path / "model" / serving.TRUSTED).read_text())
    assert "hpsearch.Columns" in trusted
    assert not [name for name in trusted if name.startswith("hpsearch.models")]


@pytest.mark.slow
def test_mlflow_serves_frames_of_every_kind_of_number(tmp_path: Path) -> None:
    result, rows = won(tmp_path, register="houses")  # waited for, as it is to be registered
    with pointed_at(f"sqlite:///{tmp_path / 'mlflow.db'}"):
        model = load_pyfunc(f"runs:/{result.run}/model")  # type: ignore[attr-defined]
    expected = result.trial_model.predict(rows)  # type: ignore[attr-defined]
    assert list(model.metadata.signature.inputs.input_names()) == list(rows.columns)
    assert list(model.input_example.columns) == list(rows.columns)
    np.testing.assert_array_equal(model.predict(rows), expected)
    np.testing.assert_array_equal(model.predict(rows[rows.columns[::-1]]), expected)
    np.testing.assert_allclose(model.predict(rows.astype({"year_built": "float32", "area": "float32"})), expected)
    whole = rows.dropna()
    np.testing.assert_array_equal(model.predict(whole.astype({"year_built": int})), model.predict(whole))
    # Away from this package's folder: what reads the model came along with it.
    samples, out = tmp_path / "samples.json", tmp_path / "out.json"
    samples.write_text(json.dumps({"dataframe_split": json.loads(rows.head(5).to_json(orient="split", index=False))}))
    uri = f"runs:/{result.run}/model"  # type: ignore[attr-defined]
    command = [sys.executable, "-m", "mlflow", "models", "predict", "-m", uri, "--env-manager", "local"]
    environment = {**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path / 'mlflow.db'}"}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        [*command, "-i", str(samples), "-o", str(out)], capture_output=True, text=True, env=environment, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(json.loads(out.read_text())["predictions"], expected[:5])
