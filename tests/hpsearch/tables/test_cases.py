"""Tables that people have, each with a fault of its own: what comes out is right, or refused in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tables
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier as TheirClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from hpsearch import Choice, MLPClassifier, MLPRegressor, Study, Table, UserError
from hpsearch.tables.door import load

NETWORK: dict[str, Any] = {
    "hidden_layer_sizes": (50,),
    "activation": "relu",
    "optimizer": "adam",
    "learning_rate": 0.01,
    "batch_size": 20,
    "max_epochs": 40,
    "weight_init": "he",
}


def run(folder: Path, model: Any, data: Any, **study: Any) -> Any:
    return Study("t", model=model, data=data, pruner="none", **study).run(folder / "runs", quiet=True, tracking=False)


def fresh(folder: Path) -> tuple[pd.DataFrame, np.ndarray[Any, Any]]:
    """Return houses that no training has seen: the last 100 of 700, of which the first 600 are in houses.csv."""
    houses = tables.houses(700)
    houses.iloc[:600].to_csv(folder / "houses.csv", index=False)
    later_rows = houses.iloc[600:].rename(columns={"": "Unnamed: 0"})
    return later_rows.assign(sold=later_rows["sold"].astype(str)), later_rows["price"].to_numpy(float)


def r2(y: Any, predicted: Any) -> float:
    return float(1 - ((y - predicted) ** 2).sum() / ((y - y.mean()) ** 2).sum())


@pytest.mark.parametrize(
    "model",
    [MLPRegressor(**NETWORK), Ridge(), HistGradientBoostingRegressor(max_iter=40)],
    ids=lambda m: type(m).__name__,
)
def test_houses_are_a_regression_that_predicts_fresh_rows_from_their_own_columns(tmp_path: Path, model: Any) -> None:
    rows, price = fresh(tmp_path)
    result = run(tmp_path, model, tmp_path / "houses.csv", metric="val_r2", n_trials=1)
    assert r2(price, result.model.predict(rows)) >= 0.95
    assert list(result.model.feature_names_in_) == ["area", "year_built", "district", "sold", "garden"]
    np.testing.assert_array_equal(result.model.predict(rows[rows.columns[::-1]]), result.model.predict(rows))
    with pytest.raises(ValueError, match="lack a column of training: 'district'"):
        result.model.predict(rows.drop(columns="district"))
    odd = rows.assign(district="a village", year_built=np.nan)
    assert np.isfinite(result.model.predict(odd)).all()


def test_every_way_of_writing_houses_gives_the_same_rows(tmp_path: Path) -> None:
    tables.write_houses(tmp_path)
    csv, parquet = (load(tmp_path / name, Ridge()) for name in ("houses.csv", "houses.parquet"))
    latin = load(Table(tmp_path / "houses_latin1.csv", target="preço"), Ridge())
    for other in (parquet, latin):
        pd.testing.assert_frame_equal(csv.X_train, other.X_train)
        np.testing.assert_array_equal(csv.y_train, other.y_train)
    assert csv.digest == parquet.digest
    assert "semicolon-separated, decimal comma" in latin.said[0]
    assert "the last column: regression" in csv.said[0]
    assert "left out: without a name (row numbers)" in csv.said[0]
    assert "at random:" in csv.said[1]


def test_an_integer_price_is_no_class(tmp_path: Path) -> None:
    path = tables.write_houses(tmp_path)
    with pytest.raises(UserError, match=r"'price' holds \d+ different whole numbers in 600 rows.*take a regressor"):
        load(path, MLPClassifier())


def test_the_mean_absolute_error_of_our_regressor_is_in_the_targets_unit(tmp_path: Path) -> None:
    path = tables.write_houses(tmp_path, 200)
    result = run(tmp_path, MLPRegressor(**NETWORK), path, metric="val_mae", direction="minimize", n_trials=1)
    dataset = load(path, MLPRegressor())
    error = np.abs(result.trial_model.predict(dataset.X_valid) - dataset.y_valid).mean()
    assert result.best_trial.value == pytest.approx(error, rel=1e-9)
    assert error > 1000


def test_the_squared_error_of_fused_regressors_is_in_the_targets_unit(tmp_path: Path) -> None:
    path = tables.write_houses(tmp_path, 200)
    result = run(tmp_path, MLPRegressor(**NETWORK), path, metric="val_mse", direction="minimize", n_trials=1)
    dataset = load(path, MLPRegressor())
    error = ((result.trial_model.predict(dataset.X_valid) - dataset.y_valid) ** 2).mean()
    assert result.best_trial.value == pytest.approx(error, rel=1e-4)


def test_a_pipeline_of_the_users_own_gets_the_columns_by_name(tmp_path: Path) -> None:
    path = tables.write_houses(tmp_path, 300)
    columns = ColumnTransformer(
        [("n", StandardScaler(), ["area"]), ("c", OneHotEncoder(handle_unknown="ignore"), ["district", "garden"])]
    )
    space = {"columntransformer__n__with_mean": Choice([True, False])}
    result = run(
        tmp_path, make_pipeline(columns, MLPRegressor(**NETWORK)), path, metric="val_r2", space=space, n_trials=2
    )
    assert result.best_trial.value > 0.8
    assert list(result.trials["state"]) == ["COMPLETE", "COMPLETE"]


@pytest.mark.parametrize(
    ("model", "space"),
    [
        (TheirClassifier(max_iter=60), {"early_stopping": Choice([True, False]), "solver": Choice(["adam", "lbfgs"])}),
        (LogisticRegression(), {"class_weight": Choice([None, "balanced"])}),
        (SGDClassifier(), {"class_weight": Choice([None, "balanced"]), "early_stopping": Choice([True, False])}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_search_over_settings_that_need_a_whole_fit_fails_no_trial(tmp_path: Path, model: Any, space: Any) -> None:
    path = tables.write_rare(tmp_path)
    result = run(tmp_path, model, path, scoring="balanced_accuracy", space=space, sampler="grid")
    assert set(result.trials["state"]) == {"COMPLETE"}
    if "class_weight" in space:
        assert result.best_trial.params["class_weight"] == "balanced"


def test_a_rare_class_is_found_by_a_choice_between_models_and_balanced_weights_win(tmp_path: Path) -> None:
    models = {
        "network": TheirClassifier((20,), max_iter=20, random_state=0),
        "logistic": LogisticRegression(),
        "sgd": SGDClassifier(max_iter=20, random_state=0),
    }
    space = {
        "model__class_weight": Choice([None, "balanced"], when={"model": ["logistic", "sgd"]}),
        "model__early_stopping": Choice([False, True], when={"model": ["network", "sgd"]}),
        "model__solver": Choice(["adam", "lbfgs"], when={"model": "network"}),
    }
    result = run(
        tmp_path, Choice(models), tables.write_rare(tmp_path), scoring="balanced_accuracy", space=space, sampler="grid"
    )
    assert len(result.trials) == 2 + 2 * 2 + 2 * 2
    assert set(result.trials["state"]) == {"COMPLETE"}
    assert result.best_trial.params["model__class_weight"] == "balanced"
    by_weight = result.trials.groupby(["params.model", "params.model__class_weight"], dropna=False)["value"].max()
    for model in ("logistic", "sgd"):
        assert by_weight[model]["balanced"] > 0.7


def test_no_row_is_lost_without_a_header(tmp_path: Path) -> None:
    dataset = load(tables.write_no_header(tmp_path), MLPClassifier())
    assert len(dataset.y_train) + len(dataset.y_valid) + len(dataset.y_test) == 800
    assert sorted(dataset.classes) == ["alba", "mixta", "setosa"]
    missing = sum(table.isna().to_numpy().sum() for table in (dataset.X_train, dataset.X_valid, dataset.X_test))
    assert missing > 100
    assert f"{missing} cells are missing" in dataset.said[0]


def test_missing_values_are_learnt_around(tmp_path: Path) -> None:
    result = run(tmp_path, MLPClassifier(**NETWORK), tables.write_no_header(tmp_path), n_trials=1)
    assert result.best_trial.value > 0.9


def test_two_different_times_never_become_equal(tmp_path: Path) -> None:
    data = Table(tables.write_sensor(tmp_path), target="state")
    result = run(tmp_path, KNeighborsClassifier(1), data, metric="train_accuracy", n_trials=1)
    assert result.best_trial.value == 1.0


def test_no_patient_is_on_two_sides_and_validation_is_chance(tmp_path: Path) -> None:
    path = tables.write_patients(tmp_path)
    frame = pd.read_csv(path, dtype=str).map(float)  # to the last bit, as older versions of pandas do not read them
    scores = []
    for seed in range(6):
        dataset = load(Table(path, target="ill", groups="patient"), RandomForestClassifier(), seed=seed)
        sides = [
            set(frame.merge(table, on=list(table.columns))["patient"])
            for table in (dataset.X_train, dataset.X_valid, dataset.X_test)
        ]
        assert sum(len(side) for side in sides) == len(set.union(*sides)) == 40
        forest = RandomForestClassifier(30, random_state=0).fit(dataset.X_train, dataset.y_train)
        scores.append(forest.score(dataset.X_valid, dataset.y_valid))
    assert np.mean(scores) < 0.75
    assert not dataset.warnings


def test_repeats_of_one_patient_are_warned_of(tmp_path: Path) -> None:
    dataset = load(Table(tables.write_patients(tmp_path), target="ill"), RandomForestClassifier())
    assert "near copy among the training rows" in dataset.warnings[0]


def test_what_cannot_be_learnt_is_refused_in_words(tmp_path: Path) -> None:
    tables.write_flawed(tmp_path)
    with pytest.raises(UserError, match=r"one_class.csv: column 'y' holds a single class \(same\): nothing to learn"):
        load(tmp_path / "one_class.csv", MLPClassifier())
    with pytest.raises(UserError, match=r"'y' has no value in 30 of 90 rows \(row 3, 6, 9 …\); leave them out by"):
        load(tmp_path / "no_answer.csv", MLPClassifier())
    dataset = load(Table(tmp_path / "no_answer.csv", drop_missing_target=True), MLPClassifier())
    assert "30 rows without a target are left out" in dataset.said


def test_a_class_of_one_row_is_named_with_what_to_do(tmp_path: Path) -> None:
    tables.write_flawed(tmp_path)
    warning = load(tmp_path / "lonely_class.csv", MLPClassifier()).warnings[0]
    assert "'z' (1)" in warning
    assert "join it with another class" in warning
