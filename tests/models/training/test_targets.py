"""Regression, several labels a sample, and weights of samples."""

import numpy as np
import pytest
from sklearn.metrics import r2_score

from hpsearch.models.network import Network
from hpsearch.models.parameters import resolve_params
from hpsearch.models.training.population import Member, Population, TrainingData

SIZES = {"dtype": "float64", "hidden_layer_sizes": (8,)}
REGRESSION = {**SIZES, "output": "identity", "cost": "quadratic", "learning_rate": 0.05, "activation": "tanh"}


def curve(n=200, m=60):
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (n + m, 2))
    T = np.column_stack([np.sin(3 * X[:, 0]), X[:, 0] * X[:, 1]])
    return TrainingData.from_targets(X[:n], T[:n], X[n:], T[n:], dtype="float64")


def test_a_regression_learns_and_reports_r2_in_the_place_of_accuracy():
    data = curve()
    population = Population([Member(REGRESSION, (0,))], data)
    results = [population.run_epoch((epoch,))[0].metrics for epoch in range(200)]
    last = results[-1]
    assert not any("accuracy" in name for name in last)
    assert last["val_r2"] > 0.9 > results[0]["val_r2"]
    network = Network.build(resolve_params(REGRESSION), 2, 2)
    predicted = network.activations(population.states()[0], data.X_valid)
    assert last["val_r2"] == pytest.approx(
        r2_score(data.T_valid, predicted, multioutput="variance_weighted"), rel=1e-10
    )
    assert last["val_cost"] == pytest.approx(((predicted - data.T_valid) ** 2).sum() / 2 / 60, rel=1e-10)


def test_early_stopping_and_plateau_follow_the_validation_cost_of_a_regression():
    data = curve()
    params = {**REGRESSION, "early_stopping": "patience", "patience": 4, "learning_rate": 1e-9}
    population = Population([Member(params, (0,))], data)
    costs = []
    for epoch in range(200):
        result = population.run_epoch((epoch,))[0]
        costs.append(result.metrics["val_cost"])
        if result.finished:
            break
    best = int(population.states()[0]["stop_best_epoch"])
    assert best == 1 + int(np.argmin(costs))


def test_a_regression_on_one_value_has_no_r2():
    data = TrainingData.from_targets(np.eye(4), np.full((4, 1), 2.0), dtype="float64")
    metrics = Population([Member(REGRESSION, (0,))], data).run_epoch((0,))[0].metrics
    assert "train_r2" not in metrics


def test_a_regression_that_diverges_says_so():
    data = curve()
    population = Population([Member({**REGRESSION, "learning_rate": 50.0}, (0,))], data)
    assert "diverged at epoch 1" in population.run_epoch((0,))[0].failure


def test_several_labels_count_as_a_hit_when_all_are_right():
    rng = np.random.default_rng(0)
    X = rng.random((90, 4))
    T = (X[:, :3] > 0.5).astype(float)
    data = TrainingData.from_targets(X[:60], T[:60], X[60:], T[60:], dtype="float64")
    params = {**SIZES, "learning_rate": 2.0}
    population = Population([Member(params, (0,))], data)
    for epoch in range(60):
        metrics = population.run_epoch((epoch,))[0].metrics
    network = Network.build(resolve_params(params), 4, 3)
    predicted = network.activations(population.states()[0], data.X_valid) > 0.5
    assert metrics["val_accuracy"] == (predicted == T[60:]).all(1).mean() > 0.5


def test_outputs_that_do_not_suit_the_targets_are_refused():
    labels = TrainingData.from_targets(np.eye(4), np.eye(4), dtype="float64")
    classes = TrainingData.from_arrays(np.eye(4), np.arange(4) % 2, 2, dtype="float64")
    softmax = {**SIZES, "output": "softmax", "cost": "log_likelihood"}
    with pytest.raises(ValueError, match="picks one class a sample, not several labels: use output='sigmoid'"):
        Population([Member(softmax, (0,))], labels)
    with pytest.raises(ValueError, match="is for regression, not for classes"):
        Population([Member(REGRESSION, (0,))], classes)


@pytest.mark.parametrize(
    "params",
    [{}, {"output": "softmax", "cost": "quadratic"}, {"optimizer": "adam"}, {"optimizer": "hessian_free"}],
    ids=str,
)
def test_an_integer_weight_is_that_many_copies_of_the_sample(params):
    rng = np.random.default_rng(0)
    X = rng.random((20, 3))
    y = rng.integers(2, size=20)
    w = rng.integers(0, 4, size=20)
    weighted = TrainingData.from_arrays(X, y, 2, dtype="float64", sample_weight=w)
    repeated = TrainingData.from_arrays(np.repeat(X, w, 0), np.repeat(y, w), 2, dtype="float64")
    params = {**SIZES, "batch_size": "all", **params}
    states = []
    costs = []
    for data in (weighted, repeated):
        population = Population([Member(params, (0,))], data)
        costs.append([population.run_epoch((epoch,))[0].metrics["train_cost"] for epoch in range(5)])
        states.append(population.states()[0])
    np.testing.assert_allclose(*costs, rtol=1e-9)
    for name in ("W0", "b0", "W1", "b1"):
        np.testing.assert_allclose(states[0][name], states[1][name], rtol=1e-6, atol=1e-9)


def test_equal_weights_are_no_weights():
    data = TrainingData.from_arrays(np.eye(4), np.arange(4) % 2, 2, sample_weight=np.full(4, 7.0))
    assert data.weights is None


@pytest.mark.parametrize("weights", [[1, 2], [1, 2, 3, np.nan], [-1, 1, 1, 1], [0, 0, 0, 0]])
def test_bad_weights_are_refused(weights):
    with pytest.raises(ValueError, match="sample_weight must be 4 finite numbers ≥ 0 that are not all 0"):
        TrainingData.from_arrays(np.eye(4), np.arange(4) % 2, 2, sample_weight=weights)


def test_a_batch_larger_than_the_training_set_is_clipped_to_it():
    data = TrainingData.from_arrays(np.eye(4), np.arange(4) % 2, 2)
    populations = [Population([Member({"batch_size": b}, (0,))], data) for b in (10, 5, 4, "all")]
    costs = [population.run_epoch((0,))[0].metrics for population in populations]
    assert costs[0] == costs[1] == costs[2] == costs[3]
