"""What a StudySearchCV does beyond scikit-learn's searchers: it goes by epochs, prunes, keeps a log and goes on."""

from __future__ import annotations

import itertools
import subprocess
import sys
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spies
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler

from hpsearch import Choice, Float, MLPClassifier, MLPRegressor, StudySearchCV
from hpsearch.log.lines import read
from hpsearch.objectives.build import Prepared
from hpsearch.pruners import ASHA
from hpsearch.running import clocks
from hpsearch.search_cv.declared import default_pruner

DIGITS, LABELS = load_digits(return_X_y=True)
X, Y = DIGITS[:300] / 16, LABELS[:300]
RATES = {"learning_rate": Float(0.01, 5, log=True)}


def network(**settings: Any) -> MLPClassifier:
    return MLPClassifier(hidden_layer_sizes=(10,), **{"max_epochs": 8, "random_state": 1, **settings})


def search(estimator: Any, space: Any, **settings: Any) -> StudySearchCV:
    return StudySearchCV(estimator, space, **{"n_trials": 6, "cv": 3, "random_state": 0, **settings})


def assert_equal_results(one: dict[str, Any], two: dict[str, Any]) -> None:
    assert one.keys() == two.keys()
    for name, value in one.items():
        if not name.endswith("_time"):
            np.testing.assert_array_equal(value, two[name], err_msg=name)


def test_networks_go_by_epochs_and_the_best_parameters_train_the_best_estimator_again() -> None:
    searched = search(network(), RATES).fit(X, Y)
    results, best = searched.cv_results_, searched.best_index_
    assert set(results["state"]) == {"COMPLETE", "PRUNED"}
    assert results["state"][best] == "COMPLETE"
    assert results["n_resources"].max() == 8
    assert set(results["n_resources"][results["state"] == "PRUNED"]) <= {2, 4}
    ranks = results["rank_test_score"][results["state"] == "COMPLETE"]
    assert ranks.max() < results["rank_test_score"][results["state"] == "PRUNED"].min()
    assert set(searched.best_params_) == {"learning_rate", "max_epochs"}
    assert results["params"][best] is searched.best_params_
    splits = [results[f"split{fold}_test_score"][best] for fold in range(3)]
    assert searched.best_score_ == np.mean(splits) == results["mean_test_score"][best]
    again = clone(network()).set_params(**searched.best_params_).fit(X, Y)
    assert searched.best_estimator_.n_iter_ == searched.best_params_["max_epochs"]
    for ours, theirs in zip(searched.best_estimator_.coefs_, again.coefs_, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("epochs", "by_fold", "pruner"),
    [
        (20, False, ASHA(5, 2)),
        (8, False, ASHA(2, 2)),
        (2, False, ASHA(1, 2)),
        (5, True, ASHA(2, 2)),
        (2, True, ASHA(1, 2)),
        (10, True, ASHA(4, 2)),
        (1, False, "none"),
    ],
)
def test_by_default_the_first_rung_stands_where_a_curve_tells_something(
    epochs: int, by_fold: bool, pruner: object
) -> None:
    assert default_pruner(Prepared(lambda data: spies.SpyClassifier(), epochs, by_fold)) == pruner


def test_nobody_is_pruned_in_a_list_of_grids() -> None:
    searched = search(spies.SpyClassifier(), [{"shift": [0.0, 0.2, 0.4]}, {"shift": [0.6]}], n_trials=None).fit(X, Y)
    assert searched.cv_results_["state"].tolist() == ["COMPLETE"] * 4


def test_no_point_of_a_finite_space_is_tried_twice() -> None:
    searched = search(spies.SpyClassifier(), {"shift": [0.0, 0.2, 0.4]}, n_trials=50).fit(X, Y)
    assert sorted(params["shift"] for params in searched.cv_results_["params"]) == [0.0, 0.2, 0.4]


@pytest.mark.parametrize("prefix", ["", "whole__"])
def test_a_choice_of_model_families_goes_fold_by_fold(prefix: str) -> None:
    steps = Pipeline([("scale", MinMaxScaler()), ("clf", network())])
    space = {
        f"{prefix}clf": Choice({"network": network(max_epochs=2), "linear": SGDClassifier(max_iter=50, tol=None)}),
        f"{prefix}clf__alpha": Float(1e-5, 1e-2, log=True, when={f"{prefix}clf": "linear"}),
    }
    model = Pipeline([("whole", steps)]) if prefix else steps
    searched = search(model, space, n_trials=4, pruner="none", sampler="random", refit=False).fit(X, Y)
    assert set(searched.cv_results_["n_resources"]) == {3}, "an epoch of one kind is none of the other"
    assert {type(params[f"{prefix}clf"]) for params in searched.cv_results_["params"]} == {MLPClassifier, SGDClassifier}


@pytest.mark.slow
def test_the_scores_of_a_network_are_those_of_its_predictions_on_the_rows_of_the_fold() -> None:
    searched = search(network(), {"learning_rate": Choice([0.5])}, scoring="f1_macro", pruner="none").fit(X, Y)
    plain = search(network(), {"learning_rate": Choice([0.5])}, return_train_score=True, pruner="none").fit(X, Y)
    assert searched.cv_results_["mean_test_score"][0] == pytest.approx(
        plain.cv_results_["mean_test_score"][0], abs=0.05
    )
    assert 0.5 < plain.cv_results_["mean_train_score"][0] <= 1
    several = search(
        network(), {"learning_rate": Choice([0.5])}, scoring=["accuracy", "f1_macro"], refit="accuracy", pruner="none"
    ).fit(X, Y)
    assert several.multimetric_
    assert several.best_score_ == several.cv_results_["mean_test_accuracy"].max()
    assert several.best_index_ == several.cv_results_["mean_test_accuracy"].argmax()


def test_pipelines_regressors_and_labels_of_text() -> None:
    space = {"mlpclassifier__learning_rate": Float(0.05, 5, log=True)}
    searched = search(make_pipeline(MinMaxScaler(), network()), space, n_trials=3).fit(DIGITS[:300], Y.astype(str))
    assert "mlpclassifier__max_epochs" in searched.best_params_
    assert searched.classes_.tolist() == [str(digit) for digit in range(10)]
    assert searched.score(DIGITS[:300], Y.astype(str)) > 0.5
    values = X @ np.linspace(-1, 1, 64)
    regressed = search(
        MLPRegressor(hidden_layer_sizes=(5,), max_epochs=5), {"l2": Float(0.01, 1, log=True)}, n_trials=3
    ).fit(X, values)
    assert regressed.predict(X).shape == (300,)
    assert np.isfinite(regressed.best_score_)


def test_where_a_network_wants_rows_to_stop_by_it_is_fitted_whole() -> None:
    space = {"early_stopping": Choice(["none", "patience"]), "learning_rate": Choice([0.5])}
    searched = search(network(), space, sampler="grid", pruner="none").fit(X, Y)
    assert "max_epochs" not in searched.best_params_
    assert searched.cv_results_["n_resources"].tolist() == [3, 3]


def test_no_validation_row_reaches_a_fit() -> None:
    samples = np.column_stack([np.arange(90), np.arange(90) % 3, np.ones(90)])
    cv = StratifiedKFold(3)
    trained = {spies.rows_of(samples[train]) for train, _ in cv.split(samples, samples[:, 1])}
    for resource in ("fit", "epochs"):
        spies.FITTED.clear()
        searched = search(
            make_pipeline(spies.SpyTransformer(), spies.SpyEpochs()),
            {"spyepochs__shift": Choice([0.0, 0.2])},
            cv=cv,
            resource=resource,
            n_trials=2,
            pruner="none",
            refit=False,
        ).fit(samples, samples[:, 1].astype(int))
        assert {seen for _, seen in spies.FITTED} == trained
        assert searched.n_splits_ == 3


@pytest.mark.slow
def test_samples_may_be_the_resource() -> None:
    searched = search(
        LogisticRegression(),
        {"C": Float(0.01, 10, log=True)},
        resource="samples",
        epochs=4,
        pruner="none",
        n_trials=2,
    ).fit(X, Y)
    assert searched.cv_results_["n_resources"].tolist() == [4, 4]
    assert set(searched.best_params_) == {"C"}


def test_epochs_of_any_model_that_takes_them() -> None:
    searched = search(
        SGDClassifier(max_iter=4), {"alpha": Float(1e-5, 0.1, log=True)}, resource="epochs", pruner="none", n_trials=3
    ).fit(X, Y)
    assert searched.cv_results_["n_resources"].tolist() == [4, 4, 4]
    assert searched.best_estimator_.max_iter == searched.best_params_["max_iter"]


@pytest.mark.slow
@pytest.mark.parametrize("logged", [False, True])
def test_networks_that_train_in_several_processes_come_out_the_same(logged: bool, tmp_path: Path) -> None:
    def results(n_jobs: int) -> dict[str, Any]:
        options = {"root": tmp_path / str(n_jobs), "name": "jobs", "tracking": False} if logged else {}
        return search(network(dropout=0.1), RATES, n_jobs=n_jobs, **options).fit(X, Y).cv_results_

    assert_equal_results(results(1), results(2))


@pytest.mark.slow
def test_a_search_in_memory_writes_nothing_and_imports_no_mlflow(tmp_path: Path) -> None:
    code = """
import sys
from sklearn.datasets import load_iris
from hpsearch import Float, MLPClassifier, StudySearchCV
X, y = load_iris(return_X_y=True)
for resource in ("auto", "fit"):
    space = {"learning_rate": Float(0.01, 1)}
    StudySearchCV(MLPClassifier(max_epochs=2), space, n_trials=2, cv=2, resource=resource).fit(X, y)
print(sorted(name for name in ("mlflow", "dask", "distributed") if name in sys.modules))
"""
    completed = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=120
    )
    assert completed.stdout.strip() == "[]"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["network", "whole"])
def test_a_search_with_a_log_finds_the_same_and_goes_on_where_it_was_cut_off(kind: str, tmp_path: Path) -> None:
    def again(**settings: Any) -> StudySearchCV:
        if kind == "network":
            return search(network(), RATES, tracking=False, **settings).fit(X, Y)
        model = LogisticRegression(max_iter=20)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return search(model, {"C": Float(0.01, 10, log=True)}, tracking=False, **settings).fit(X, Y)

    memory = again().cv_results_
    assert_equal_results(again(root=tmp_path, name="kept").cv_results_, memory)
    log = tmp_path / "studies" / "kept" / "log.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[: len(lines) // 2]))
    assert_equal_results(again(root=tmp_path, name="kept").cv_results_, memory)
    size = log.stat().st_size
    assert_equal_results(again(root=tmp_path, name="kept").cv_results_, memory)
    assert log.stat().st_size == size, "what is done is read, not done again"
    with pytest.raises(ValueError, match="has changed since it was begun"):
        search(
            network() if kind == "network" else LogisticRegression(max_iter=20),
            RATES if kind == "network" else {"C": Float(0.01, 10, log=True)},
            root=tmp_path,
            name="kept",
            tracking=False,
        ).fit(X[:200], Y[:200])


def test_a_seed_that_nobody_gave_is_drawn_once_and_kept(tmp_path: Path) -> None:
    def again() -> StudySearchCV:
        return search(
            spies.SpyClassifier(),
            {"shift": Float(0, 1)},
            random_state=None,
            root=tmp_path,
            name="drawn",
            tracking=False,
            cv=2,
            n_trials=3,
        ).fit(X, Y)

    first, second = again(), again()
    header, _ = next(read(tmp_path / "studies" / "drawn" / "log.jsonl"))
    assert first.seed_ == second.seed_ == header.declaration["seed"]  # type: ignore[union-attr]
    assert first.cv_results_["params"] == second.cv_results_["params"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # mlflow's own use of SQLAlchemy
def test_a_search_reaches_mlflow_where_it_has_a_root(tmp_path: Path) -> None:
    from mlflow import MlflowClient

    search(network(max_epochs=2), RATES, n_trials=2, root=tmp_path, name="tracked").fit(X, Y)
    client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    experiment = client.get_experiment_by_name("tracked")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id], "tags.`hpsearch.kind` = 'trial'")
    assert len(runs) == 2
    assert {"val_accuracy", "val_accuracy_std", "split0_val_accuracy", "split2_val_accuracy"} <= set(
        runs[0].data.metrics
    )


def test_a_search_whose_time_is_over_gives_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = itertools.count().__next__  # a clock that goes by a second whenever it is read
    monkeypatch.setattr(clocks, "Clock", partial(clocks.Clock, elapsed=seconds))
    searched = search(
        spies.SpyClassifier(), {"shift": Float(0, 1)}, n_trials=100_000, timeout=30, lanes=1, cv=KFold(2)
    ).fit(X, Y)
    states = set(searched.cv_results_["state"])
    assert "COMPLETE" in states
    assert len(searched.cv_results_["state"]) < 100_000
    assert searched.cv_results_["state"][searched.best_index_] == "COMPLETE"


def test_where_no_candidate_is_whole_in_time_the_one_that_came_furthest_is_taken_and_that_is_said() -> None:
    with pytest.warns(UserWarning, match="before any candidate was trained to its end"):
        searched = search(spies.SpyClassifier(), {"shift": Float(0, 1)}, timeout=1e-9, pruner="none").fit(X, Y)
    assert set(searched.cv_results_["state"]) == {"STOPPED"}
    assert searched.cv_results_["n_resources"][searched.best_index_] == searched.cv_results_["n_resources"].max()


def test_a_grid_that_is_cut_short_says_so() -> None:
    with pytest.warns(UserWarning, match="12 points, of which n_trials=5 are tried"):
        search(
            spies.SpyClassifier(), {"shift": Choice([i / 10 for i in range(12)])}, sampler="grid", n_trials=5, cv=2
        ).fit(X, Y)


def test_a_network_that_diverges_is_a_candidate_that_failed() -> None:
    space = {"learning_rate": Choice([0.1, 1e30]), "activation": Choice(["relu"])}
    with pytest.warns(FitFailedWarning, match="diverged"), pytest.warns(UserWarning, match="non-finite"):
        searched = search(network(), space, sampler="grid", pruner="none").fit(X, Y)
    assert searched.cv_results_["state"].tolist() == ["COMPLETE", "FAILED"]
    assert np.isnan(searched.cv_results_["mean_test_score"][1])
    assert searched.cv_results_["rank_test_score"].tolist() == [1, 2]


def test_a_network_of_a_single_epoch_goes_fold_by_fold() -> None:
    searched = search(network(max_epochs=1), RATES, n_trials=2, pruner="none").fit(X, Y)
    assert searched.cv_results_["n_resources"].tolist() == [3, 3]
    assert set(searched.best_params_) == {"learning_rate"}
    assert searched.best_estimator_.n_iter_ == 1
