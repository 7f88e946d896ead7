from itertools import pairwise

import numpy as np
import pytest

from hpsearch.models.training.population import Member, Population, TrainingData


def digits_like(n=150, dtype="float64"):
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(4, 10))
    y = rng.integers(4, size=n)
    return TrainingData.from_arrays(centres[y] + 0.9 * rng.normal(size=(n, 10)), y, 4, dtype=dtype)


def train(params, epochs, data=None):
    data = data or digits_like(dtype=params.get("dtype", "float64"))
    params = {"dtype": "float64", "batch_size": "all", "optimizer": "hessian_free", **params}
    population = Population([Member({"hidden_layer_sizes": (12,), **params}, (0,))], data)
    return [population.run_epoch((epoch,))[0] for epoch in range(epochs)], population


def test_linear_regression_is_solved_in_a_few_steps():
    # the cost is quadratic: only the damping stands between one Newton step and the minimum
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 4))
    T = X @ rng.normal(size=(4, 2)) + 0.3 + 0.1 * rng.normal(size=(80, 2))
    params = {"hidden_layer_sizes": (), "output": "identity", "cost": "quadratic", "l2": 0.5}
    _, population = train(params, 40, TrainingData.from_targets(X, T, dtype="float64"))
    design = np.column_stack([X, np.ones(80)])
    exact = np.linalg.solve(design.T @ design + 0.5 * np.diag([1, 1, 1, 1, 0]), design.T @ T)
    state = population.states()[0]
    np.testing.assert_allclose(np.vstack([state["W0"].T, state["b0"]]), exact, atol=1e-6)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"output": "softmax", "cost": "log_likelihood", "activation": "tanh"},
        {"cost": "quadratic"},
        {"batch_norm": True, "activation": "relu"},
        {"dtype": "float32"},
        {"l1": 0.1, "l2": 0.1},
    ],
    ids=str,
)
def test_the_cost_falls_at_every_full_step_and_far(params):
    results, _ = train(params, 25)
    costs = [r.metrics["train_cost"] for r in results]
    if not params.get("l1"):  # with penalties it is the regularised cost that never rises
        assert all(b <= a * (1 + 1e-6) for a, b in pairwise(costs))
    assert costs[-1] < 0.2 * costs[0]
    assert all(r.failure is None for r in results)


def test_it_beats_gradient_descent_epoch_for_epoch():
    newton = train({}, 15)[0][-1].metrics["train_cost"]
    slow = min(
        train({"optimizer": "sgd", "learning_rate": eta}, 15)[0][-1].metrics["train_cost"] for eta in (0.1, 1.0, 5.0)
    )
    assert newton < slow / 2


def test_damping_falls_where_the_model_is_right_and_rises_where_it_is_not():
    good = train({}, 3)[1].states()[0]["damping"][0]
    assert good < 1
    # steps a hundred times too long never lower the cost: they are taken back, and the damping rises
    results, population = train({"learning_rate": 300.0}, 3)
    state = population.states()[0]
    assert state["damping"][0] == pytest.approx(1.5**3)
    assert len({r.metrics["train_cost"] for r in results}) == 1


def test_mini_batches_take_a_step_each_and_dropout_goes_along():
    results, _ = train({"batch_size": 50, "dropout": 0.2, "max_norm": 3.0}, 10)
    assert results[-1].metrics["train_accuracy"] > results[0].metrics["train_accuracy"]


def test_the_same_seed_gives_the_same_bits():
    first, second = (train({"batch_size": 40, "dropout": 0.3}, 3)[1].states()[0] for _ in range(2))
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name])
