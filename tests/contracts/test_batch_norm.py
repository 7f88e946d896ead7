"""Batch normalisation has the gradient of its own formulas, and predicts by its running statistics."""

import numpy as np
import pytest

from hpsearch.models.network import Network
from hpsearch.models.parameters import resolve_params
from hpsearch.models.training.population import Member, Population, TrainingData

PARAMS = {"hidden_layer_sizes": (5, 4), "batch_norm": True, "dtype": "float64", "learning_rate": 1.0}


def begin(data, state=None, **params):
    return Population([Member({**PARAMS, "batch_size": "all", **params}, (3,), state=state)], data)


def jumbled(data, **params):
    """Return a population whose γ, β and statistics are not what they start as."""
    state = begin(data, **params).states()[0]
    rng = np.random.default_rng(0)
    for i in (0, 1):
        for name in "gbmv":
            state[f"{name}{i}"] = rng.uniform(0.5, 1.5, state[f"{name}{i}"].shape)
    return begin(data, state, **params)


def plain(state, X, f, by_batch):
    """Return sigmoid outputs by the formulas of Ioffe and Szegedy."""
    a = X
    for i in (0, 1):
        z = a @ state[f"W{i}"].T
        mean, variance = (z.mean(0), z.var(0)) if by_batch else (state[f"m{i}"], state[f"v{i}"])
        a = f(state[f"g{i}"] * (z - mean) / np.sqrt(variance + 1e-5) + state[f"b{i}"])
    return 1 / (1 + np.exp(-(a @ state["W2"].T + state["b2"])))


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu", "gelu"])
def test_one_step_with_rate_one_goes_down_the_numerical_gradient(activation, toy, reference):
    data = toy(n=9)
    f = reference.F[activation][0]
    population = jumbled(data, activation=activation)
    before = population.states()[0]
    population.run_epoch((0,))
    after = population.states()[0]
    for name in ("W0", "g0", "b0", "W1", "g1", "b1", "W2", "b2"):
        for index in np.ndindex(before[name].shape):
            sides = []
            for h in (1e-5, -1e-5):
                moved = {k: v.copy() for k, v in before.items()}
                moved[name][index] += h
                a = plain(moved, data.X_train, f, by_batch=True)
                sides.append(reference.data_cost(a, data.T_train, "sigmoid", "cross_entropy"))
            step = (before[name] - after[name])[index]
            assert step == pytest.approx((sides[0] - sides[1]) / 2e-5, rel=1e-5, abs=1e-8)


def test_running_statistics_are_plain_means_at_first_then_forget(toy):
    data = toy(n=9)
    population = begin(data, learning_rate=1e-300)  # the weights stand still, so that every batch is the same
    for epoch in range(15):
        population.run_epoch((epoch,))
        state = population.states()[0]
        z = data.X_train @ state["W0"].T
        np.testing.assert_allclose(state["m0"][0], z.mean(0), rtol=1e-12)
        np.testing.assert_allclose(state["v0"][0], z.var(0, ddof=1), rtol=1e-12)


def test_steps_blend_by_one_over_their_number_but_never_less_than_a_tenth(toy):
    data = toy(n=36)
    population = begin(data, learning_rate=1e-300, batch_size=3)
    order = np.random.default_rng((0,)).permutation(36)
    population.run_epoch((0,))
    state = population.states()[0]
    mean = 0.0
    for t in range(1, 13):
        z = data.X_train[order[3 * t - 3 : 3 * t]] @ state["W0"].T
        mean = mean + max(0.1, 1 / t) * (z.mean(0) - mean)
    np.testing.assert_allclose(state["m0"][0], mean, rtol=1e-10)


def test_validation_and_prediction_use_the_running_statistics(toy, reference):
    data = toy(n=40, m=23)
    population = jumbled(data, batch_size=8)
    metrics = population.run_epoch((0,))[0].metrics
    state = population.states()[0]
    expected = plain(state, data.X_valid, reference.F["sigmoid"][0], by_batch=False)
    cost = reference.data_cost(expected, np.eye(3)[data.y_valid], "sigmoid", "cross_entropy")
    assert metrics["val_cost"] == pytest.approx(cost, rel=1e-12)
    network = Network.build(resolve_params(PARAMS), 6, 3)
    np.testing.assert_allclose(network.activations(state, data.X_valid), expected, rtol=1e-12)


def test_a_tail_batch_of_one_is_normalised_by_the_running_statistics_which_it_leaves_alone(toy, reference):
    data = toy(n=9)
    params = {"batch_size": 8}
    first = jumbled(data, **params)
    before = first.states()[0]
    first.run_epoch((0,))
    after = first.states()[0]
    order = np.random.default_rng((0,)).permutation(9)
    head = TrainingData(data.X_train[order[:8]], data.T_train[order[:8]], data.y_train[order[:8]])
    middle = begin(head, before)
    middle.run_epoch((0,))
    between = middle.states()[0]
    for name in ("m0", "v0", "m1", "v1"):
        np.testing.assert_allclose(after[name], between[name], rtol=1e-12)
    x = data.X_train[order[8:]]
    t = data.T_train[order[8:]]
    for name in ("W0", "g0", "b1", "W2"):
        index = (0, 1)
        sides = []
        for h in (1e-5, -1e-5):
            moved = {k: v.copy() for k, v in between.items()}
            moved[name][index] += h
            a = plain(moved, x, reference.F["sigmoid"][0], by_batch=False)
            sides.append(reference.data_cost(a, t, "sigmoid", "cross_entropy"))
        step = (between[name] - after[name])[index]
        assert step == pytest.approx((sides[0] - sides[1]) / 2e-5, rel=1e-5, abs=1e-8)
