"""Weights of rows count in what our networks learn and in every score of rows that they have not seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss, mean_squared_error, r2_score

from hpsearch import Float, MLPClassifier, MLPRegressor, Study, Table, UserError
from hpsearch.models.training.data import TrainingData
from hpsearch.models.training.population import Member, Population
from hpsearch.tables.door import load

RNG = np.random.default_rng(0)
X = RNG.normal(size=(150, 3))
FRAME = pd.DataFrame(X, columns=list("abc")).assign(w=RNG.integers(0, 5, 150))
CLASSES = FRAME.assign(y=np.where(X[:, 0] + RNG.normal(0, 1, 150) > 0, "yes", "no"))
NUMBERS = FRAME.assign(y=X @ [3.0, -2, 0] + RNG.normal(0, 1, 150))


def run(folder: Path, model: Any, frame: pd.DataFrame, **study: Any) -> tuple[Any, Any]:
    data = Table(frame, target="y", weights="w")
    declared = Study("w", model, data=data, pruner="none", sampler="random", n_trials=2, **study)
    space = {"learning_rate": Float(0.05, 0.5, log=True)}
    from dataclasses import replace

    result = replace(declared, space=space).run(folder, quiet=True, tracking=False)
    return result, load(data, model)


def test_accuracy_and_cost_of_fused_classifiers_are_weighted_as_scikit_learn_weights_them(tmp_path: Path) -> None:
    model = MLPClassifier((4,), output="softmax", cost="log_likelihood", max_epochs=4)
    result, data = run(tmp_path, model, CLASSES)
    trial, fitted = result.best_trial, result.trial_model
    metrics = trial.rows[trial.best_epoch - 1].metrics
    hits = fitted.predict(data.X_valid) == data.y_valid
    assert trial.value == pytest.approx(np.average(hits, weights=data.w_valid), abs=1e-6)
    assert trial.value != pytest.approx(hits.mean(), abs=1e-3)
    expected = log_loss(data.y_valid, fitted.predict_proba(data.X_valid), sample_weight=data.w_valid)
    assert metrics["val_cost"] == pytest.approx(expected, rel=1e-4)


def test_r2_and_squared_error_of_fused_regressors_are_too(tmp_path: Path) -> None:
    model = MLPRegressor((4,), max_epochs=4, learning_rate=0.1)
    result, data = run(tmp_path, model, NUMBERS, metric="val_r2")
    trial, predicted = result.best_trial, result.trial_model.predict(data.X_valid)
    assert trial.value == pytest.approx(r2_score(data.y_valid, predicted, sample_weight=data.w_valid), abs=1e-4)
    mse = trial.rows[trial.best_epoch - 1].metrics["val_mse"]
    assert mse == pytest.approx(mean_squared_error(data.y_valid, predicted, sample_weight=data.w_valid), rel=1e-4)
    assert mse != pytest.approx(mean_squared_error(data.y_valid, predicted), rel=1e-3)


def test_a_weighted_study_scores_its_test_rows_by_their_weights(tmp_path: Path) -> None:
    model = MLPClassifier((4,), max_epochs=2)
    result, data = run(tmp_path, model, CLASSES, measure_test=True)
    trial = result.best_trial
    hits = result.trial_model.predict(data.X_test) == data.y_test
    tested = trial.rows[trial.best_epoch - 1].metrics["test_accuracy"]
    assert tested == pytest.approx(np.average(hits, weights=data.w_test), abs=1e-6)


def test_whole_weights_count_as_that_many_copies_of_a_sample() -> None:
    copies = FRAME["w"].to_numpy()[:60]
    codes = (X[:, 0] > 0).astype(int)
    params = {**MLPClassifier((4,), max_epochs=3).get_params()}

    def measured(x: Any, y: Any, weights: Any) -> dict[str, float]:
        data = TrainingData.from_arrays(X[60:], codes[60:], 2, x, y).weighted(weights)
        population = Population([Member(params, (0,))], data)
        return [population.run_epoch((epoch,)) for epoch in range(3)][-1][0].metrics

    weighted = measured(X[:60], codes[:60], copies)
    repeated = measured(np.repeat(X[:60], copies, axis=0), np.repeat(codes[:60], copies), None)
    for name in ("val_accuracy", "val_cost"):
        assert weighted[name] == pytest.approx(repeated[name], rel=1e-5)
    assert weighted["train_cost"] == repeated["train_cost"]


def test_a_part_whose_rows_all_weigh_nothing_is_refused() -> None:
    table = Table(CLASSES.assign(t=np.arange(150), w=(np.arange(150) < 90).astype(int)), "y", weights="w", time="t")
    with pytest.raises(UserError, match=r"weights: column 'w' is 0 in all rows of the valid part"):
        load(table, MLPClassifier())
