from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from hpsearch.log.records import Ask, Row
from hpsearch.models import datasets
from hpsearch.models.datasets import Dataset
from hpsearch.models.estimators.classifier import MLPClassifier
from hpsearch.objectives.base import Start
from hpsearch.objectives.build import prepare
from hpsearch.objectives.mlp import MLPPopulation
from hpsearch.objectives.pipeline import PipelinePopulation
from hpsearch.objectives.transformers import Behind
from hpsearch.space import Float, Int
from hpsearch.study.study import Study

NETWORK = MLPClassifier(hidden_layer_sizes=(6,), max_epochs=3)
fits: list[int] = []


class Counted(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Scales, and counts how often it is fitted."""

    def __init__(self, factor: float = 1.0) -> None:
        self.factor = factor

    def fit(self, X: Any, y: Any = None) -> Counted:
        if self.factor == 0:
            raise ValueError("factor must not be 0")
        fits.append(len(X))
        self.fitted_ = True
        return self

    def transform(self, X: Any) -> Any:
        return X * self.factor


def train(objective: Any, params: list[dict[str, Any]], ticks: int = 3) -> list[list[Row]]:
    rows: list[list[Row]] = [[] for _ in params]
    for number, point in enumerate(params):
        objective.start(Start(Ask(number, number, point, number)))
    for tick in range(ticks):
        for row in objective.advance([n for n in range(len(params)) if not rows[n] or not rows[n][-1].finished], tick):
            rows[row.trial].append(row)
    return rows


def metrics(rows: list[Row]) -> list[dict[str, float]]:
    return [row.metrics for row in rows]


def test_a_pipeline_trains_as_the_network_does_on_the_transformed_data(digits: Dataset) -> None:
    pipeline = make_pipeline(StandardScaler(), NETWORK)
    rows = train(
        PipelinePopulation(Behind(pipeline), digits, 5, 3),
        [{"mlpclassifier__learning_rate": 0.3}, {"mlpclassifier__learning_rate": 0.1}],
    )
    scaler = StandardScaler().fit(digits.X_train)
    seen = datasets.load(
        ((scaler.transform(digits.X_train), digits.y_train), (scaler.transform(digits.X_valid), digits.y_valid))
    )
    plain = train(MLPPopulation(NETWORK.get_params(), seen, 5, 3), [{"learning_rate": 0.3}, {"learning_rate": 0.1}])
    assert [metrics(r) for r in rows] == [metrics(r) for r in plain]
    assert rows[0][-1].finished


def test_transformers_are_fitted_once_per_distinct_setting(digits: Dataset) -> None:
    fits.clear()
    pipeline = Pipeline([("scale", Counted()), ("net", NETWORK)])
    params = [
        {"scale__factor": factor, "net__learning_rate": rate} for factor in (1.0, 2.0) for rate in (0.1, 0.2, 0.3)
    ]
    objective = PipelinePopulation(Behind(pipeline), digits, 0, 3)
    together = train(objective, params)
    assert fits == [300, 300]
    for number in range(len(params)):
        objective.stop(number)
    objective.start(Start(Ask(6, 0, params[0], 6)))  # a later trial with a setting that was seen before
    objective.advance([6], 9)
    assert fits == [300, 300]
    for number in (0, 4):
        alone = PipelinePopulation(Behind(pipeline), digits, 0, 3)
        alone.start(Start(Ask(number, number, params[number], number)))
        rows = [alone.advance([number], tick)[0] for tick in range(3)]
        assert metrics(rows) == metrics(together[number])


def test_a_trial_is_saved_and_taken_up_again(digits: Dataset) -> None:
    pipeline = make_pipeline(StandardScaler(), PCA(20, svd_solver="randomized"), NETWORK)
    params = {"pca__n_components": 12, "mlpclassifier__l2": 0.1}
    uninterrupted = PipelinePopulation(Behind(pipeline), digits, 0, 3)
    rows = train(uninterrupted, [params])[0]
    first = PipelinePopulation(Behind(pipeline), digits, 0, 3)
    first.start(Start(Ask(0, 0, params, 0)))
    first.advance([0], 0)
    (saved,) = first.states()
    assert saved.ask.params == params
    second = PipelinePopulation(Behind(pipeline), digits, 0, 3)
    second.start(saved)
    assert metrics([second.advance([0], tick)[0] for tick in (1, 2)]) == metrics(rows[1:])


def test_pipelines_may_be_nested_and_supervised(digits: Dataset) -> None:
    inner = Pipeline([("pick", SelectKBest(k=30)), ("net", NETWORK)])
    pipeline = Pipeline([("scale", StandardScaler()), ("inner", inner)])
    study = Study(
        "s",
        model=pipeline,
        data="digits",
        space={
            "inner__pick__k": Int(10, 60),
            "inner__net__learning_rate": Float(0.1, 1),
            "inner__net__max_epochs": [2, 4],
        },
    )
    prepared = prepare(study, digits)
    assert prepared.epochs == 4
    points = [{"inner__pick__k": 40, "inner__net__learning_rate": 0.3, "inner__net__max_epochs": e} for e in (2, 4)]
    rows = train(prepared.make(digits), points, 6)
    assert [len(r) for r in rows] == [2, 4]
    assert rows[1][-1].metrics["val_accuracy"] > 0.3


def test_a_transformer_that_fails_fails_its_trials_alone(digits: Dataset) -> None:
    pipeline = Pipeline([("scale", Counted()), ("net", NETWORK)])
    objective = PipelinePopulation(Behind(pipeline), digits, 0, 3)
    rows = train(objective, [{"scale__factor": 0.0}, {"scale__factor": 1.0}, {"net__learning_rate": -1.0}], 1)
    assert rows[0][0].failure == "ValueError: factor must not be 0"
    assert "raise ValueError" in (rows[0][0].traceback or "")
    assert rows[1][0].failure is None
    assert "learning_rate" in (rows[2][0].failure or "")
    for number in range(3):
        objective.stop(number)
    assert objective.states() == []


def test_missing_values_are_the_pipelines_to_fill(digits: Dataset) -> None:
    from sklearn.impute import SimpleImputer

    X = digits.X_train.copy()
    X[::7, 3] = np.nan
    holes = datasets.load(((X, digits.y_train), (digits.X_valid, digits.y_valid)))
    study = Study("s", model=make_pipeline(SimpleImputer(), NETWORK), data="digits")
    rows = train(prepare(study, holes).make(holes), [{}])[0]
    assert rows[-1].failure is None
    assert rows[-1].finished


@pytest.mark.parametrize("steps", [1, 2])
def test_the_users_pipeline_is_left_as_it_is(digits: Dataset, steps: int) -> None:
    pipeline = Pipeline([("scale", StandardScaler()), ("net", NETWORK)][2 - steps :])
    study = Study("s", model=pipeline, data="digits")
    objective = prepare(study, digits).make(digits)
    train(objective, [{"net__learning_rate": 0.2}])
    assert pipeline.named_steps["net"] is NETWORK
    assert not hasattr(NETWORK, "classes_")
