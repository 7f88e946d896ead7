"""What scikit-learn's tests hold its searchers to, held against StudySearchCV."""

from __future__ import annotations

import pickle
import warnings
from typing import Any, Self

import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs, make_classification, make_multilabel_classification
from sklearn.exceptions import FitFailedWarning, NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.metrics import accuracy_score, f1_score, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    LeaveOneGroupOut,
    LeavePGroupsOut,
    ShuffleSplit,
    StratifiedKFold,
    cross_val_score,
)
from sklearn.neighbors import KNeighborsClassifier, LocalOutlierFactor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from hpsearch import Choice, Float, Int, StudySearchCV

X, Y = make_classification(n_samples=80, n_features=5, flip_y=0.3, random_state=0)
GRID: dict[str, Any] = {"C": Choice([0.01, 0.1, 1.0])}


def grid(estimator: Any, space: Any, **settings: Any) -> StudySearchCV:
    """Return a search over all points of a grid, none of them pruned: what GridSearchCV does."""
    return StudySearchCV(
        estimator,
        space,
        **{"sampler": "grid", "pruner": "none", "n_trials": None, "cv": 3, "random_state": 0, **settings},
    )


def peer(estimator: Any, space: Any, **settings: Any) -> GridSearchCV:
    return GridSearchCV(
        estimator,
        {name: list(getattr(options, "options", options)) for name, options in space.items()},
        **{"cv": 3, **settings},
    )


SAME = ("split", "mean_test", "std_test", "mean_train", "std_train", "rank")


def assert_same(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Assert that two results tell the same of the same candidates; seconds apart."""
    assert set(ours) == {*theirs, "n_resources", "state"}
    assert ours["params"] == theirs["params"]
    for name, value in theirs.items():
        if name.startswith(SAME):
            np.testing.assert_allclose(ours[name], value, rtol=1e-12, err_msg=name)
            assert ours[name].dtype == value.dtype
        if name.startswith("param_"):
            assert isinstance(ours[name], np.ma.MaskedArray)
            assert ours[name].dtype == value.dtype
            assert ours[name].tolist() == value.tolist()
        assert type(ours[name]) is type(value)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"return_train_score": True},
        {"scoring": "f1"},
        {"scoring": ["accuracy", "f1"], "refit": "f1", "return_train_score": True},
        {"scoring": {"a": "accuracy", "b": make_scorer(f1_score)}, "refit": "a"},
        {"cv": ShuffleSplit(4, random_state=0)},
        {"cv": 2, "scoring": make_scorer(accuracy_score)},
    ],
    ids=["plain", "train", "name", "list", "dict", "splitter", "scorer"],
)
def test_results_are_those_of_grid_search(settings: dict[str, Any]) -> None:
    ours = grid(LinearSVC(random_state=0), GRID, **settings).fit(X, Y)
    theirs = peer(LinearSVC(random_state=0), GRID, **settings).fit(X, Y)
    assert_same(ours.cv_results_, theirs.cv_results_)
    for name in ("best_index_", "best_score_", "best_params_", "n_splits_", "multimetric_"):
        assert getattr(ours, name) == getattr(theirs, name)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    np.testing.assert_allclose(ours.decision_function(X), theirs.decision_function(X))
    assert ours.score(X, Y) == theirs.score(X, Y)
    assert type(ours.scorer_) is type(theirs.scorer_)


def test_conditional_parameters_are_masked_where_they_are_absent() -> None:
    space = {"kernel": Choice(["rbf", "linear"]), "gamma": Choice([0.1, 1.0], when={"kernel": "rbf"})}
    search = grid(SVC(), space).fit(X, Y)
    column = search.cv_results_["param_gamma"]
    assert [params.get("gamma") for params in search.cv_results_["params"]] == column.tolist()
    assert column.mask.sum() == 1
    assert search.cv_results_["param_kernel"].dtype == object


def test_lists_are_grids_as_users_of_grid_search_write_them() -> None:
    search = StudySearchCV(
        SVC(),
        [{"kernel": ["linear"], "C": [0.1, 1.0]}, {"kernel": ["rbf"], "gamma": [0.1, 1.0]}],
        cv=3,
        random_state=0,
        pruner="none",
    ).fit(X, Y)
    theirs = GridSearchCV(
        SVC(), [{"kernel": ["linear"], "C": [0.1, 1.0]}, {"kernel": ["rbf"], "gamma": [0.1, 1.0]}], cv=3
    ).fit(X, Y)
    assert search.cv_results_["params"] == theirs.cv_results_["params"]
    np.testing.assert_allclose(search.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"])


def test_equal_scores_share_a_rank() -> None:
    search = grid(LogisticRegression(), {"C": Choice([1.0, 1.0000001, 1e-9])}).fit(X, Y)
    ranks = search.cv_results_["rank_test_score"]
    assert ranks[0] == ranks[1] == 1
    assert ranks[2] == 3


def test_no_refit() -> None:
    search = grid(LinearSVC(), GRID, refit=False).fit(X, Y)
    assert hasattr(search, "best_index_")
    assert hasattr(search, "best_params_")
    assert not hasattr(search, "best_estimator_")
    for name in ("predict", "predict_proba", "transform", "score", "classes_"):
        with pytest.raises(AttributeError):
            getattr(search, name)(X)
    several = grid(LinearSVC(), GRID, refit=False, scoring=["accuracy", "f1"]).fit(X, Y)
    assert not hasattr(several, "best_index_")


@pytest.mark.parametrize("refit", [True, "recall"])
def test_several_scores_want_the_one_that_decides_named(refit: Any) -> None:
    with pytest.raises(ValueError, match="For multi-metric scoring"):
        grid(LinearSVC(), GRID, scoring=["accuracy", "f1"], refit=refit).fit(X, Y)


def test_refit_may_be_a_function_of_the_results() -> None:
    search = grid(LinearSVC(), GRID, refit=lambda results: int(results["mean_test_score"].argmin())).fit(X, Y)
    assert search.best_index_ == search.cv_results_["mean_test_score"].argmin()
    assert not hasattr(search, "best_score_")
    assert search.best_params_["C"] == search.best_estimator_.C
    with pytest.raises(TypeError, match="best_index_ returned is not an integer"):
        grid(LinearSVC(), GRID, refit=lambda results: None).fit(X, Y)
    with pytest.raises(IndexError, match="best_index_ index out of range"):
        grid(LinearSVC(), GRID, refit=lambda results: 99).fit(X, Y)


def test_a_function_may_report_several_scores() -> None:
    def scores(estimator: Any, X: Any, y: Any) -> dict[str, float]:
        return {"accuracy": accuracy_score(y, estimator.predict(X)), "f1": f1_score(y, estimator.predict(X))}

    ours = grid(LinearSVC(random_state=0), GRID, scoring=scores, refit="f1").fit(X, Y)
    theirs = peer(LinearSVC(random_state=0), GRID, scoring=["accuracy", "f1"], refit="f1").fit(X, Y)
    assert_same(ours.cv_results_, theirs.cv_results_)
    assert ours.best_score_ == theirs.best_score_
    assert ours.multimetric_
    with pytest.raises(ValueError, match="For multi-metric scoring"):
        grid(LinearSVC(), GRID, scoring=scores, refit=True).fit(X, Y)


class Failing(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Raises where its parameter says so."""

    def __init__(self, parameter: int = 0) -> None:
        self.parameter = parameter

    def fit(self, X: Any, y: Any = None) -> Self:
        if self.parameter == 2:
            raise ValueError("failing classifier failed as required")
        self.classes_ = np.unique(y)
        return self

    def predict(self, X: Any) -> Any:
        return np.full(len(X), self.classes_[0])

    def score(self, X: Any, y: Any = None) -> float:
        return float(self.parameter)


FAILS = {"parameter": Choice([0, 1, 2])}


def test_a_fit_that_raises_scores_what_the_user_says() -> None:
    with pytest.warns(FitFailedWarning, match="3 fits failed out of a total of 9"):
        search = grid(Failing(), FAILS, error_score=0.0, refit=False).fit(X, Y)
    assert [search.cv_results_[f"split{fold}_test_score"][2] for fold in range(3)] == [0.0, 0.0, 0.0]
    assert search.best_params_ == {"parameter": 1}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        search = grid(Failing(), FAILS, error_score=np.nan, refit=False).fit(X, Y)
    assert {warning.category for warning in caught} >= {FitFailedWarning, UserWarning}
    assert np.isnan([search.cv_results_[f"split{fold}_test_score"][2] for fold in range(3)]).all()
    assert search.cv_results_["rank_test_score"].tolist() == [2, 1, 3]
    assert search.cv_results_["state"].tolist() == ["COMPLETE", "COMPLETE", "FAILED"]


def test_a_fit_that_raises_may_end_the_search() -> None:
    with pytest.raises(ValueError, match="failing classifier failed as required"):
        grid(Failing(), FAILS, error_score="raise").fit(X, Y)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_search_all_of_whose_fits_raise_says_so() -> None:
    for error_score in (np.nan, 0.0):
        with pytest.raises(ValueError, match=r"fits failed.\nIt is very likely that your model is misconfigured"):
            grid(Failing(), {"parameter": Choice([2])}, error_score=error_score).fit(X, Y)


def test_what_cannot_be_searched_is_a_value_error() -> None:
    for search, words in (
        (grid(LinearSVC(), {"c": Choice([1.0])}), "no parameter 'c'"),
        (StudySearchCV(LinearSVC(), GRID, sampler="tbe"), "unknown sampler 'tbe'"),
        (StudySearchCV(LinearSVC(), GRID, pruner="ashe"), "unknown pruner 'ashe'"),
        (StudySearchCV(LinearSVC(), GRID, resource="rounds"), "resource"),
        (StudySearchCV(LinearSVC(), GRID, root="somewhere"), "root= goes with name="),
        (
            StudySearchCV(KMeans(), {"n_clusters": Int(2, 3)}, resource="epochs"),
            "resource='epochs': it takes a classif",
        ),
        (StudySearchCV(LinearSVC(), GRID, cv=2, scoring="acuracy"), "scoring"),
    ):
        with pytest.raises(ValueError, match=words):
            search.fit(X, Y)


@pytest.mark.parametrize("cv", [LeaveOneGroupOut(), LeavePGroupsOut(2), GroupKFold(3), GroupShuffleSplit(2)])
def test_groups_reach_the_splitter(cv: Any) -> None:
    groups = np.arange(len(Y)) % 4
    search = grid(LinearSVC(), {"C": Choice([1.0])}, cv=cv)
    with pytest.raises(ValueError, match="The 'groups' parameter should not be None"):
        search.fit(X, Y)
    search.fit(X, Y, groups=groups)
    assert search.n_splits_ == cv.get_n_splits(X, Y, groups)


def test_data_may_be_of_any_kind() -> None:
    for data in (X.tolist(), pd.DataFrame(X), sparse.csr_array(X)):
        for targets in (Y, Y.tolist(), pd.Series(Y)):
            search = grid(KNeighborsClassifier(), {"n_neighbors": Choice([3, 5])}, cv=2).fit(data, targets)
            assert search.predict(data).shape == (80,)


def test_samples_may_have_any_number_of_dimensions() -> None:
    class Checking(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
        def __init__(self, parameter: int = 0) -> None:
            self.parameter = parameter

        def fit(self, X: Any, y: Any) -> Self:
            assert np.asarray(X).shape[1:] == (5, 3, 2)
            assert np.asarray(y).shape[1:] == (7, 11)
            self.classes_ = [0, 1]
            return self

        def predict(self, X: Any) -> Any:
            return np.zeros(len(X))

        def score(self, X: Any = None, y: Any = None) -> float:
            return float(self.parameter)

    four = np.arange(10 * 5 * 3 * 2.0).reshape(10, 5, 3, 2)
    targets = np.arange(10 * 7 * 11).reshape(10, 7, 11)
    search = grid(Checking(), {"parameter": Choice([1, 2])}, cv=KFold(2)).fit(four, targets)
    assert search.score(four, targets) == 2.0


def test_precomputed_kernels_are_cut_on_both_sides() -> None:
    kernel = X @ X.T
    search = grid(SVC(kernel="precomputed"), GRID).fit(kernel, Y)
    theirs = peer(SVC(kernel="precomputed"), GRID).fit(kernel, Y)
    assert search.best_score_ == theirs.best_score_
    assert search.predict(kernel).shape == (80,)


def test_unsupervised_searches_need_no_targets() -> None:
    points, truth = make_blobs(n_samples=50, random_state=0)
    search = grid(KMeans(random_state=0, n_init=1), {"n_clusters": Choice([2, 3, 4])}, scoring="fowlkes_mallows_score")
    assert search.fit(points, truth).best_params_ == {"n_clusters": 3}
    assert grid(KMeans(random_state=0, n_init=1), {"n_clusters": Choice([2, 4])}).fit(points).best_params_ == {
        "n_clusters": 4
    }
    outliers = grid(LocalOutlierFactor(novelty=True), {"n_neighbors": Choice([5, 9])}, scoring=lambda e, X, y=None: 1.0)
    assert outliers.fit(X).score_samples(X).shape == (80,)


def test_several_outputs() -> None:
    samples, labels = make_multilabel_classification(n_samples=60, random_state=0)
    search = grid(DecisionTreeClassifier(random_state=0), {"max_depth": Choice([1, 3])}).fit(samples, labels)
    theirs = peer(DecisionTreeClassifier(random_state=0), {"max_depth": Choice([1, 3])}).fit(samples, labels)
    assert_same(search.cv_results_, theirs.cv_results_)


def test_methods_are_those_of_the_estimator() -> None:
    assert not hasattr(StudySearchCV(SVC(), GRID), "predict_proba")
    search = StudySearchCV(LogisticRegression(), GRID, sampler="grid", n_trials=None)
    assert hasattr(search, "predict_proba")
    assert not hasattr(search, "transform")
    with pytest.raises(NotFittedError):
        search.predict(X)
    with pytest.raises(AttributeError, match="n_features_in_"):
        _ = search.n_features_in_
    search.fit(X, Y)
    assert search.n_features_in_ == 5
    assert search.classes_.tolist() == [0, 1]
    assert search.predict_log_proba(X).shape == (80, 2)
    scaled = grid(make_pipeline(StandardScaler()), {"standardscaler__with_mean": Choice([True, False])}, scoring=_one)
    np.testing.assert_allclose(scaled.fit(X).inverse_transform(scaled.transform(X)), X)


def _one(estimator: Any, X: Any, y: Any = None) -> float:
    return 1.0


def test_clones_and_pickles() -> None:
    search = StudySearchCV(LinearSVC(random_state=0), GRID, sampler="grid", n_trials=None, cv=2)
    again = clone(search)
    assert again.get_params(deep=False).keys() == search.get_params(deep=False).keys()
    search.fit(X, Y)
    copy = pickle.loads(pickle.dumps(search))
    np.testing.assert_array_equal(copy.predict(X), search.predict(X))
    assert copy.cv_results_.keys() == search.cv_results_.keys()
    assert not hasattr(clone(search), "cv_results_")


def test_the_estimator_that_is_given_is_left_as_it_is() -> None:
    model = LinearSVC(C=7.0)
    search = grid(model, GRID).fit(X, Y)
    assert model.C == 7.0
    assert not hasattr(model, "coef_")
    assert search.best_estimator_ is not model


def test_nested_cross_validation_and_pipelines_around_it() -> None:
    search = grid(LogisticRegression(), GRID, cv=2)
    scores = cross_val_score(search, X, Y, cv=3)
    theirs = cross_val_score(peer(LogisticRegression(), GRID, cv=2), X, Y, cv=3)
    np.testing.assert_allclose(scores, theirs)
    pipeline = Pipeline([("scale", StandardScaler()), ("search", search)]).fit(X, Y)
    assert pipeline.predict(X).shape == (80,)
    outer = GridSearchCV(StudySearchCV(LinearSVC(), GRID, n_trials=2, cv=2), {"n_trials": [1, 2]}, cv=2).fit(X, Y)
    assert outer.best_estimator_.best_params_["C"] in (0.01, 0.1, 1.0)


def test_frames_keep_their_names() -> None:
    frame = pd.DataFrame(X, columns=list("abcde"))
    search = grid(make_pipeline(StandardScaler(), LogisticRegression()), {"logisticregression__C": Choice([0.1, 1.0])})
    search.fit(frame, pd.Series(Y))
    assert search.feature_names_in_.tolist() == list("abcde")


def test_sample_weights_are_cut_with_the_rows() -> None:
    weights = np.linspace(0.1, 2, 80)
    ours = grid(LogisticRegression(), GRID).fit(X, Y, sample_weight=weights)
    theirs = peer(LogisticRegression(), GRID).fit(X, Y, sample_weight=weights)
    assert_same(ours.cv_results_, theirs.cv_results_)
    np.testing.assert_allclose(ours.best_estimator_.coef_, theirs.best_estimator_.coef_)


def test_metadata_is_routed() -> None:
    weights, groups = np.linspace(0.1, 2, 80), np.arange(80) % 4
    with sklearn.config_context(enable_metadata_routing=True):
        estimator = LogisticRegression().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        ours = grid(estimator, GRID, cv=GroupKFold(2)).fit(X, Y, sample_weight=weights, groups=groups)
        theirs = peer(estimator, GRID, cv=GroupKFold(2)).fit(X, Y, sample_weight=weights, groups=groups)
        assert_same(ours.cv_results_, theirs.cv_results_)
        assert ours.score(X, Y, sample_weight=weights) == theirs.score(X, Y, sample_weight=weights)
        with pytest.raises(TypeError, match="unexpected argument"):
            grid(LogisticRegression(), GRID).fit(X, Y, nothing=weights)


def test_an_inconsistent_splitter_is_refused() -> None:
    class Empty(KFold):  # type: ignore[misc]
        def get_n_splits(self, *args: Any, **kwargs: Any) -> int:
            return 0

        def split(self, *args: Any, **kwargs: Any) -> Any:
            return iter(())

    class Less(KFold):  # type: ignore[misc]
        def get_n_splits(self, *args: Any, **kwargs: Any) -> int:
            return 5

    with pytest.raises(ValueError, match="No fits were performed"):
        grid(LinearSVC(), GRID, cv=Empty(3)).fit(X, Y)
    with pytest.raises(ValueError, match="Expected 5 splits, got 3"):
        grid(LinearSVC(), GRID, cv=Less(3)).fit(X, Y)


def test_a_parameter_may_be_an_estimator_inside_a_pipeline() -> None:
    search = StudySearchCV(
        Pipeline([("clf", LinearSVC())]), [{"clf__C": [0.1]}, {"clf__loss": ["hinge"]}], cv=2, random_state=0
    )
    assert search.fit(X, Y).cv_results_["mean_test_score"].shape == (2,)


def test_a_list_of_grids_gives_the_candidates_of_grid_search() -> None:
    grids = [{"alpha": [0.1, 1.0], "fit_intercept": [True, False]}, {"solver": ["svd"]}, {"alpha": [5.0]}]
    ours = StudySearchCV(Ridge(), grids, cv=3, n_trials=None, random_state=0).fit(X, Y.astype(float))
    theirs = GridSearchCV(Ridge(), grids, cv=3).fit(X, Y.astype(float))
    assert ours.cv_results_["params"] == theirs.cv_results_["params"]
    assert ours.best_params_ == theirs.best_params_
    for name in ("alpha", "fit_intercept", "solver"):
        one, two = (searched.cv_results_[f"param_{name}"] for searched in (ours, theirs))
        assert one.tolist() == two.tolist()
        np.testing.assert_array_equal(one.mask, two.mask)


def test_seconds_are_told() -> None:
    search = grid(LogisticRegression(), GRID).fit(X, Y)
    for name in ("fit", "score"):
        assert (search.cv_results_[f"mean_{name}_time"] > 0).all()
        assert (search.cv_results_[f"std_{name}_time"] >= 0).all()
    assert search.refit_time_ >= 0


@pytest.mark.parametrize("cv", [KFold(3), StratifiedKFold(3), 3])
def test_all_candidates_have_the_same_folds(cv: Any) -> None:
    search = grid(Ridge(), {"alpha": Choice([1.0, 1.0 + 1e-12])}, cv=cv).fit(X, Y.astype(float))
    for fold in range(3):
        first, second = search.cv_results_[f"split{fold}_test_score"]
        assert first == pytest.approx(second, abs=1e-9)


@pytest.mark.slow
def test_n_jobs_changes_no_result() -> None:
    def results(n_jobs: int | None) -> dict[str, Any]:
        search = StudySearchCV(
            SGDClassifier(), {"alpha": Float(1e-5, 1, log=True)}, n_trials=6, cv=2, random_state=3, n_jobs=n_jobs
        )
        return search.fit(X, Y).cv_results_

    one, two = results(None), results(2)
    assert one["params"] == two["params"]
    for name in one:
        if name.startswith(("split", "mean_test", "rank", "state", "n_resources")):
            np.testing.assert_array_equal(one[name], two[name])
