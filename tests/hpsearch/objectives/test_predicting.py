"""What regressors' networks predict is read from their weights: to the bit what an estimator around them says."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import mean_absolute_error, r2_score

from hpsearch import MLPRegressor
from hpsearch.log.records import Ask
from hpsearch.models.datasets import Dataset
from hpsearch.objectives.base import Start
from hpsearch.objectives.mlp import MLPPopulation
from hpsearch.objectives.outputs import Numbers, Outputs, Values
from hpsearch.objectives.scores import Scores, absolute_error


@given(st.integers(0, 2**32 - 1), st.integers(1, 2000), st.booleans(), st.sampled_from(["i8", "f4", "f8"]))
def test_the_absolute_error_is_that_of_scikit_learn(seed: int, n: int, weighted: bool, dtype: str) -> None:
    rng = np.random.default_rng(seed)
    y, predicted = (rng.normal(size=n) * 100).astype(dtype), rng.normal(size=n) * 100
    weights = rng.uniform(0.1, 3, n) if weighted else None
    assert absolute_error(y, predicted, weights) == mean_absolute_error(y, predicted, sample_weight=weights)


def data(targets: int) -> Dataset:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(60, 3)).astype(np.float32)
    y = 1000 + 50 * (X @ rng.normal(size=(3, targets))) ** 2
    y = y[:, 0] if targets == 1 else y
    w = rng.uniform(0.5, 2, 60)
    arrays = X[:30], y[:30], X[30:45], y[30:45], X[45:], y[45:]
    return Dataset("toy", *arrays, "", None, "memory", w_valid=w[30:45], w_test=w[45:])


@pytest.mark.parametrize("ema", [None, 0.9])
@pytest.mark.parametrize(("targets", "standardised"), [(1, False), (1, True), (2, False)])
def test_a_row_says_what_the_fitted_estimator_says(targets: int, standardised: bool, ema: float | None) -> None:
    dataset = data(targets)
    outputs: Outputs = Values.of(dataset) if standardised else Numbers.of(dataset)
    params: dict[str, Any] = outputs.params(MLPRegressor(hidden_layer_sizes=(4,), max_epochs=3, ema=ema).get_params())
    scores = Scores("regressor", {}).beside(dataset.y_train)
    objective = MLPPopulation(params, dataset, 0, 3, test=True, outputs=outputs, scores=scores)
    for number, width in enumerate([4, 4, 7]):
        objective.start(Start(Ask(number, number, {"hidden_layer_sizes": [width]}, number)))
    for tick in range(3):
        for row in objective.advance([0, 1, 2], tick):
            assert row.failure is None
            objective.keep(row.trial)
            model = objective.model()
            for name, X, y, w in (
                ("val", dataset.X_valid, dataset.y_valid, dataset.w_valid),
                ("test", dataset.X_test, dataset.y_test, dataset.w_test),
            ):
                predicted = model.predict(X)
                assert row.metrics[f"{name}_mae"] == mean_absolute_error(y, predicted, sample_weight=w)
                if targets == 2:
                    assert row.metrics[f"{name}_r2"] == r2_score(y, predicted, sample_weight=w)


def test_outputs_that_overflow_fail_their_trial() -> None:
    dataset = data(1)
    far = replace(dataset, X_valid=np.full_like(dataset.X_valid, 3e38))
    outputs = Values.of(far)
    params = outputs.params(MLPRegressor(hidden_layer_sizes=(4,), activation="relu", max_epochs=3).get_params())
    objective = MLPPopulation(params, far, 0, 3, outputs=outputs, scores=Scores("regressor", {}).beside(far.y_train))
    objective.start(Start(Ask(0, 0, {}, 0)))
    (row,) = objective.advance([0], 0)
    assert row.failure is not None
