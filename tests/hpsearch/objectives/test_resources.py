"""What an epoch of a scikit-learn model is, is decided for each trial from the parameters that it has."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier as TheirMLP
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hpsearch import Choice, Study
from hpsearch.errors import UserError
from hpsearch.log.records import Ask, Row
from hpsearch.models import datasets
from hpsearch.models.datasets import Dataset
from hpsearch.models.datasets.subset import subset
from hpsearch.objectives.base import Objective, Start
from hpsearch.objectives.build import prepare
from hpsearch.objectives.resources import Plan
from hpsearch.study.samples import Samples


@pytest.fixture(scope="module")
def few() -> Dataset:
    """A hundred digits of three classes."""
    return subset(datasets.load("digits"), 0, classes=(0, 1, 2), train=60, valid=40)


def study(model: Any, **settings: Any) -> Study:
    return Study(**{"name": "s", "model": model, "data": "digits", "pruner": "none", **settings})


def make(model: Any, data: Dataset, **settings: Any) -> Objective:
    return prepare(study(model, **settings), data).make(data)


def train(objective: Objective, params: list[dict[str, Any]], most: int = 400) -> dict[int, list[Row]]:
    rows: dict[int, list[Row]] = {number: [] for number in range(len(params))}
    for number, point in enumerate(params):
        objective.start(Start(Ask(number, number, point, number)))
    going = list(rows)
    for tick in range(most):
        for row in objective.advance(going, tick) if going else []:
            rows[row.trial].append(row)
        going = [n for n in going if not rows[n][-1].ended]
    assert not going
    return rows


MIXED: dict[str, tuple[Any, str, list[Any], list[Any]]] = {
    "class_weight": (SGDClassifier(max_iter=4), "class_weight", ["balanced"], [None]),
    "early_stopping": (TheirMLP((8,), max_iter=4), "early_stopping", [True], [False]),
    "solver": (TheirMLP((8,), max_iter=4), "solver", ["lbfgs"], ["adam", "sgd"]),
    "in a pipeline": (
        make_pipeline(StandardScaler(), SGDClassifier(max_iter=4)),
        "sgdclassifier__class_weight",
        ["balanced"],
        [None],
    ),
}


@pytest.mark.parametrize("name", MIXED)
def test_an_option_that_forbids_epochs_makes_its_trials_whole_and_leaves_the_others(few: Dataset, name: str) -> None:
    model, param, whole_fits, epochs = MIXED[name]
    objective = make(model, few, space={param: Choice([*epochs, *whole_fits])})
    rows = train(objective, [{param: value} for value in (*epochs, *whole_fits)])
    for number, value in enumerate((*epochs, *whole_fits)):
        own_rows = rows[number]
        assert own_rows[-1].failure is None
        assert [row.epoch for row in own_rows] == [1, 2, 3, 4]
        reported = [bool(row.metrics) for row in own_rows]
        assert reported == ([False] * 3 + [True] if value in whole_fits else [True] * 4), (
            "a whole fit has one report, at the end"
        )
        assert [row.quiet for row in own_rows] == [not shown for shown in reported]


def test_a_whole_fit_honours_its_own_stopping(few: Dataset) -> None:
    fits: list[int] = []

    class Watched(TheirMLP):  # type: ignore[misc]
        def fit(self, X: Any, y: Any) -> Any:
            super().fit(X, y)
            fits.append(self.n_iter_)
            return self

    model = Watched((8,), max_iter=300, early_stopping=True, n_iter_no_change=2, tol=0.5, random_state=0)
    rows = train(make(model, few), [{}])[0]
    assert len(rows) == 1, "where no point takes epochs there is one"
    assert len(fits) == 1
    assert fits[0] < 20


def test_no_pruner_holds_a_finished_model_against_a_first_epoch(tmp_path: Any) -> None:
    declared = Study(
        "mixed",
        model=SGDClassifier(loss="log_loss", random_state=0),
        epochs=9,
        pruner="asha",
        sampler="grid",
        data=few_arrays(),
        space={"class_weight": [None, "balanced"], "alpha": [1e-4, 1e-3]},
    )
    result = declared.run(root=tmp_path, tracking=False, quiet=True)
    for trial in result.history.trials:
        if trial.params["class_weight"] == "balanced":
            assert trial.state == "COMPLETE"
            assert trial.best_epoch == 9
            assert all(trial.number not in result.history.table.get(epoch, {}) for epoch in range(1, 9))
        else:
            assert trial.rows[0].metrics


def test_folds_of_a_whole_fit_report_together_once_too(tmp_path: Any) -> None:
    model = SGDClassifier(loss="log_loss", random_state=0, validation_fraction=0.3)
    declared = Study(
        "folds",
        model=model,
        epochs=3,
        pruner="none",
        sampler="grid",
        cv=3,
        data=few_arrays(),
        space={"class_weight": [None, "balanced"], "early_stopping": [False, True]},
    )
    result = declared.run(root=tmp_path, tracking=False, quiet=True)
    for trial in result.history.trials:
        in_one_go = trial.params["early_stopping"] or trial.params["class_weight"] == "balanced"
        assert trial.state == "COMPLETE", trial.decision
        assert [bool(row.metrics) for row in trial.rows] == ([False, False, True] if in_one_go else [True] * 3)
        assert trial.value is not None


def few_arrays() -> tuple[Any, Any]:
    digits = datasets.load("digits")
    return digits.X_train[:120], digits.y_train[:120]


GROWING: dict[str, Any] = {
    "forest": RandomForestClassifier(n_estimators=12, random_state=3, warm_start=True),
    "boosting": GradientBoostingClassifier(n_estimators=6, random_state=3, warm_start=True),
    "histograms": HistGradientBoostingClassifier(max_iter=6, random_state=3, warm_start=True),
}


@pytest.mark.parametrize("name", GROWING)
def test_a_warm_start_model_grows_to_what_a_whole_fit_gives(few: Dataset, name: str) -> None:
    model = GROWING[name]
    objective = make(model, few, epochs=3)
    rows = train(objective, [{}])[0]
    assert [bool(row.metrics) for row in rows] == [True] * 3
    objective.start(Start(Ask(9, 0, {}, 9)))
    sizes = []
    for tick in range(3):
        objective.advance([9], tick)
        objective.keep(9)
        grown = objective.model()
        sizes.append(getattr(grown, "n_estimators", None) or grown.max_iter)
    assert sizes == ([4, 8, 12] if name == "forest" else [2, 4, 6])
    fitted = type(model)(**{**model.get_params(), "warm_start": False}).fit(few.X_train, few.y_train)
    np.testing.assert_array_equal(grown.predict_proba(few.X_valid), fitted.predict_proba(few.X_valid))


def test_trees_are_the_resource_of_any_forest_on_request(few: Dataset) -> None:
    rows = train(make(RandomForestClassifier(n_estimators=6), few, resource="iterations", epochs=3), [{}])[0]
    assert [bool(row.metrics) for row in rows] == [True] * 3
    assert rows[0].metrics != rows[-1].metrics


def test_boosting_that_stops_by_itself_is_fitted_whole(few: Dataset) -> None:
    model = HistGradientBoostingClassifier(max_iter=6, warm_start=True, early_stopping=True)
    rows = train(make(model, few, resource="iterations", epochs=3), [{}])[0]
    assert [bool(row.metrics) for row in rows] == [False, False, True]


def test_a_small_forest_has_its_last_tree_in_the_last_epoch() -> None:
    plan = Plan("iterations", 10, declared=True)
    grown = [plan.growth(epoch, 4) for epoch in range(1, 11)]
    assert [size for size, new in grown if new] == [1, 2, 3, 4]
    assert grown[-1] == (4, True)


class Remembering(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Remembers with which C and on how many samples it was fitted."""

    seen: ClassVar[list[tuple[int, float, float]]] = []

    def __init__(self, C: float = 1.0, alpha: float = 1.0) -> None:
        self.C = C
        self.alpha = alpha

    def fit(self, X: Any, y: Any) -> Any:
        self.classes_ = np.unique(y)
        Remembering.seen.append((len(X), self.C, self.alpha))
        return self

    def predict(self, X: Any) -> Any:
        return np.full(len(X), self.classes_[0])


@pytest.mark.parametrize("piped", [False, True])
def test_a_declared_penalty_means_the_same_on_fewer_samples(few: Dataset, piped: bool) -> None:
    prefix = "remembering__" if piped else ""
    model = make_pipeline(StandardScaler(), Remembering()) if piped else Remembering()
    resource = Samples(inverse=[f"{prefix}C"], proportional=f"{prefix}alpha")
    Remembering.seen.clear()
    objective = make(model, few, resource=resource, epochs=3, space={f"{prefix}C": [3.0]})
    rows = train(objective, [{f"{prefix}C": 3.0}])[0]
    assert [row.failure for row in rows] == [None] * 3
    n = [count for count, _, _ in Remembering.seen]
    assert n == [20, 40, 60]
    assert [C for _, C, _ in Remembering.seen] == pytest.approx([9.0, 4.5, 3.0])
    assert [alpha for _, _, alpha in Remembering.seen] == pytest.approx([1 / 3, 2 / 3, 1.0])


def test_the_rescaled_penalty_of_ridge_gives_the_same_weights_on_copies_of_the_data() -> None:
    """On n' of n equal copies of a sample, α' = α·n'/n has the minimum that α has on all."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(30, 4)), rng.normal(size=30)
    fitted = Ridge(alpha=6.0).fit(np.tile(X, (3, 1)), np.tile(y, 3))
    (alpha,) = Samples(proportional=["alpha"]).rescaled({"alpha": 6.0}, 1 / 3).values()
    np.testing.assert_allclose(Ridge(alpha=alpha).fit(X, y).coef_, fitted.coef_)


def test_an_estimator_that_counts_no_passes_has_one_also_beside_others(few: Dataset) -> None:
    options = {"sgd": SGDClassifier(max_iter=5), "bayes": GaussianNB(), "line": LogisticRegression()}
    objective = make(Choice(options), few)
    rows = train(objective, [{"model": name} for name in options])
    assert [len(rows[number]) for number in range(3)] == [5, 5, 5]
    assert [sum(bool(row.metrics) for row in rows[number]) for number in range(3)] == [5, 1, 1]


@pytest.mark.parametrize(
    ("resource", "words"),
    [
        ("sample", "did you mean 'samples'"),
        (Samples(inverse=["c"]), "LogisticRegression has no parameter 'c'"),
    ],
)
def test_a_resource_that_is_none_is_refused(resource: Any, words: str) -> None:
    with pytest.raises(UserError) as raised:
        study(LogisticRegression(), resource=resource)
    assert words in str(raised.value)
