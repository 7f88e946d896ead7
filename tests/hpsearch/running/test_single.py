"""One experiment in one call, as from a notebook: ``hpsearch.track``."""

from __future__ import annotations

import math
import shutil
from functools import partialmethod
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlflow_client import client_of
from sklearn.datasets import load_diabetes, load_digits
from sklearn.linear_model import LinearRegression

import hpsearch
from hpsearch import MLPClassifier, UserError
from hpsearch.log import catalogue
from hpsearch.tracking.process import Delivery

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # mlflow's own use of SQLAlchemy


@pytest.fixture
def digits() -> tuple[Any, Any]:
    X, y = load_digits(return_X_y=True)
    return X[:500] / 16, y[:500]


def test_one_call_fits_and_mlflow_has_the_curve(
    digits: tuple[Any, Any], tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr(Delivery, "finish", partialmethod(Delivery.finish, 600.0))  # however busy the machine is
    shutil.copyfile(empty_store, tmp_path / "mlflow.db")
    model = MLPClassifier(hidden_layer_sizes=(10,), max_epochs=4)
    fitted = hpsearch.track(model, *digits, name="first", root=tmp_path, quiet=True, repeats=2)
    assert fitted.score(*digits) > 0.5
    assert not hasattr(model, "classes_"), "what was given stays as it was"
    client = client_of(f"sqlite:///{tmp_path / 'mlflow.db'}")
    run = client.get_run(fitted.run_id_)
    assert run.data.tags["state"] == "COMPLETE"
    trials = client.search_runs([run.info.experiment_id], "tags.`hpsearch.kind` = 'trial'")
    assert len(trials) == 2
    for trial in trials:
        points = client.get_metric_history(trial.info.run_id, "val_accuracy")
        assert sorted(point.step for point in points) == [1, 2, 3, 4]


def track(*args: Any, **settings: Any) -> Any:
    """Without MLflow: what follows is about the study."""
    return hpsearch.track(*args, quiet=True, tracking=False, **settings)


def test_the_same_call_again_trains_nothing_and_returns_the_same_model(digits: tuple[Any, Any], tmp_path: Path) -> None:
    first = track(MLPClassifier((10,), max_epochs=2), *digits, name="first", root=tmp_path)
    log = (tmp_path / "studies" / "first" / "log.jsonl").read_bytes()
    again = track(MLPClassifier((10,), max_epochs=2), *digits, name="first", root=tmp_path)
    assert (tmp_path / "studies" / "first" / "log.jsonl").read_bytes() == log
    assert all(np.array_equal(a, b) for a, b in zip(first.coefs_, again.coefs_, strict=True))


def test_another_estimator_under_the_same_name_is_refused(digits: tuple[Any, Any], tmp_path: Path) -> None:
    track(MLPClassifier((10,), max_epochs=2), *digits, name="first", root=tmp_path)
    with pytest.raises(UserError, match=r"has changed since it was begun \(model\.l2: 0\.0 -> 1\.0"):
        track(MLPClassifier((10,), max_epochs=2, l2=1.0), *digits, name="first", root=tmp_path)


def test_a_regressor_is_measured_by_r2_on_samples_of_one_s_own(tmp_path: Path) -> None:
    X, y = load_diabetes(return_X_y=True)
    X_val, y_val = X[300:], y[300:]
    fitted = track(LinearRegression(), X[:300], y[:300], X_val=X_val, y_val=y_val, name="line", root=tmp_path)
    best = catalogue.load_history(tmp_path / "studies" / "line").best
    assert best is not None
    assert best.value is not None
    assert math.isclose(fitted.score(X_val, y_val), best.value, rel_tol=1e-6)  # samples are kept as float32
    assert np.allclose(fitted.coef_, LinearRegression().fit(X[:300], y[:300]).coef_, rtol=1e-4)


def test_a_fifth_is_held_out_where_nothing_else_is_given(digits: tuple[Any, Any], tmp_path: Path) -> None:
    track(MLPClassifier((4,), max_epochs=1), *digits, name="held", root=tmp_path)
    header = catalogue.load_history(tmp_path / "studies" / "held").header
    assert header is not None
    assert header.dataset["sizes"] == {"train": 400, "valid": 100}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"X_val": [[1.0]]}, "X_val and y_val go together"),
        ({"space": {"l2": hpsearch.Float(0, 1)}}, "fits one estimator"),
        ({"name": ""}, "name"),
    ],
)
def test_a_mistake_is_one_line(settings: dict[str, Any], message: str, digits: tuple[Any, Any], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        track(MLPClassifier(), *digits, **{"name": "x", "root": tmp_path, **settings})
