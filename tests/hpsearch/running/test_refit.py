"""The winner trained once more with the validation rows: the same point and luck, the recorded rates, no test row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tables
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hpsearch import Float, MLPClassifier, MLPRegressor, Study, Table
from hpsearch.models.training.population import Member, Population, TrainingData
from hpsearch.tables.door import load

RNG = np.random.default_rng(0)
X = RNG.normal(size=(150, 4))
Y = (X @ [1.0, -2, 0.5, 0] + RNG.normal(0, 0.3, 150) > 0).astype(int)


def run(folder: Path, model: Any, data: Any, **study: Any) -> Any:
    options = {"refit": study.pop("refit")} if "refit" in study else {}
    declared = Study("r", model=model, data=data, pruner="none", sampler="random", n_trials=3, **study)
    return declared.run(folder, quiet=True, tracking=False, **options)


def test_the_refitted_network_is_what_its_rates_rows_and_streams_give(tmp_path: Path) -> None:
    model = MLPClassifier((5,), max_epochs=8, l2=0.5, lr_schedule="step", early_stopping="patience", patience=3)
    result = run(tmp_path, model, (X, Y), space={"learning_rate": Float(0.1, 2, log=True)})
    trial, data = result.best_trial, load((X, Y), model)
    rows, labels = np.concatenate([data.X_train, data.X_valid]), np.concatenate([data.y_train, data.y_valid])
    params = {**model.get_params(), **trial.params, "lr_schedule": "constant", "early_stopping": "none"}
    params |= {"l2": 0.5 * len(labels) / len(data.y_train), "max_epochs": trial.best_epoch}
    member = Member(params, (0, 1, trial.ask.trial))
    samples = TrainingData.from_arrays(rows, labels, 2)
    for epoch in range(trial.best_epoch):
        member.params = {**member.params, "learning_rate": trial.rows[epoch].metrics["learning_rate"]}
        population = Population([member], samples)
        population.run_epoch((0, 2, 0, 0, trial.ticks[epoch]))
        (member.state,) = population.states()
    for layer, weights in enumerate(result.model.coefs_):
        np.testing.assert_array_equal(weights, member.state[f"W{layer}"].T)
    assert result.model.n_iter_ == trial.best_epoch
    assert result.trial_model.score(data.X_valid, data.y_valid) == pytest.approx(trial.value)


def test_data_that_come_with_a_validation_part_are_not_refitted_unless_asked(tmp_path: Path) -> None:
    pairs = (X[:100], Y[:100]), (X[100:], Y[100:])
    result = run(tmp_path, RandomForestClassifier(5), pairs)
    assert result.model is result.trial_model
    again = run(tmp_path, RandomForestClassifier(5), pairs, refit=True)
    assert again.model is not again.trial_model


def test_a_run_may_leave_it_out(tmp_path: Path) -> None:
    result = run(tmp_path, RandomForestClassifier(5), (X, Y), refit=False)
    assert result.model is result.trial_model


def test_ridge_is_refitted_on_every_row_but_the_test_rows(tmp_path: Path) -> None:
    y = X @ [1.0, 2, 3, 4] + RNG.normal(0, 0.1, 150)
    result = run(tmp_path, Ridge(), (X, y), metric="val_r2", space={"alpha": Float(0.1, 1)})
    data = load((X, y), Ridge())
    expected = Ridge(alpha=result.best_trial.params["alpha"]).fit(
        np.concatenate([data.X_train, data.X_valid]), np.concatenate([data.y_train, data.y_valid])
    )
    np.testing.assert_array_equal(result.model.coef_, expected.coef_)


@pytest.mark.parametrize("metric", ["val_r2", "val_mae"])
def test_a_tables_preprocessing_is_fitted_to_the_same_rows(tmp_path: Path, metric: str) -> None:
    path = tables.write_houses(tmp_path, 200)
    model = MLPRegressor((10,), max_epochs=5, batch_size=20, learning_rate=0.01)
    direction = "minimize" if metric == "val_mae" else "maximize"
    result = run(tmp_path, model, Table(path, target="price"), metric=metric, direction=direction)
    data = load(Table(path, target="price"), model)
    median = result.model[1].named_transformers_["numbers"][0].statistics_[0]
    rows = np.concatenate([data.X_train["area"], data.X_valid["area"]])
    assert median == np.median(rows)
    assert result.model.predict(data.example).shape == (3,)


def test_a_pipeline_of_the_users_own_is_refitted_whole(tmp_path: Path) -> None:
    model = make_pipeline(StandardScaler(), MLPClassifier((5,), max_epochs=3))
    result = run(tmp_path, model, (X, Y))
    data = load((X, Y), model)
    np.testing.assert_allclose(result.model[0].mean_, np.concatenate([data.X_train, data.X_valid]).mean(0))


def test_a_confirmed_winner_is_refitted_under_its_own_seed(tmp_path: Path) -> None:
    result = run(tmp_path, MLPClassifier((5,), max_epochs=3), (X, Y), confirm=2, confirm_top=2)
    assert result.model.score(X, Y) > 0.5
    assert result.model is not result.trial_model
