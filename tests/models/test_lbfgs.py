from itertools import pairwise

import numpy as np
import pytest
from scipy.optimize import minimize

from hpsearch import MLPClassifier, MLPRegressor, NetworkClassifier
from hpsearch.models.layers import BatchNorm, Conv2D, Dense, Dropout, GroupNorm, MaxPool2D, Residual
from hpsearch.models.lbfgs import PAIRS, direction
from hpsearch.models.parameters import validate_params
from hpsearch.models.training.folds import FoldPopulation, fold_key
from hpsearch.models.training.population import Member, Population, TrainingData

KINDS = {
    "sigmoid": {"hidden_layer_sizes": (8,)},
    "softmax, float32": {"hidden_layer_sizes": (8,), "output": "softmax", "activation": "tanh", "dtype": "float32"},
    "filters, float32": {"layers": [Conv2D(3, 2), GroupNorm(), MaxPool2D(2), Dense(5)], "dtype": "float32"},
    "scores": {"hidden_layer_sizes": (8,), "output": "linear", "regularize_biases": True},
}


def classes(n=90, d=9, dtype="float64", weights=True):
    rng = np.random.default_rng(0)
    y = rng.integers(3, size=n)
    X = rng.normal(size=(3, d))[y] + 1.2 * rng.normal(size=(n, d))
    importance = rng.uniform(0.2, 2, n)
    held = X[:20] + 0.1, y[:20]
    return TrainingData.from_arrays(X, y, 3, *held, dtype=dtype, sample_weight=importance if weights else None)


def member(params, seed=(0,)):
    return Member({"dtype": "float64", "optimizer": "lbfgs", "l2": 0.5, "max_epochs": 200, **params}, seed)


def bits(state):
    return {name: array.tobytes() for name, array in state.items()}


def test_the_direction_is_that_of_the_matrix_which_bfgs_makes_of_the_pairs():
    rng = np.random.default_rng(1)
    root = rng.normal(size=(7, 7))
    steps = [rng.normal(size=7) for _ in range(5)]
    changes = [(root @ root.T + np.eye(7)) @ s for s in steps]
    inverse = np.eye(7) * (steps[-1] @ changes[-1]) / (changes[-1] @ changes[-1])
    for s, y in zip(steps, changes, strict=True):
        side = np.eye(7) - np.outer(s, y) / (s @ y)
        inverse = side @ inverse @ side.T + np.outer(s, s) / (s @ y)
    gradient = rng.normal(size=7)
    np.testing.assert_allclose(direction(gradient, steps, changes), -inverse @ gradient, rtol=1e-10)
    np.testing.assert_array_equal(direction(gradient, [], []), -gradient)


def costs_by_scipy(data, start, l2, most):
    """Return what SciPy's L-BFGS-B makes of softmax regression from the same start: its costs, and its weights."""
    X = data.X_train
    T = data.T_train
    w = 1.0 if data.weights is None else data.weights
    n, d, c = *X.shape, T.shape[1]

    def cost(flat):
        weights = flat[: c * d].reshape(c, d)
        biases = flat[c * d :]
        z = X @ weights.T + biases
        z -= z.max(1, keepdims=True)
        logs = z - np.log(np.exp(z).sum(1, keepdims=True))
        delta = w * (np.exp(logs) - T) / n
        value = -(w * T * logs).sum() / n + l2 / (2 * n) * (weights**2).sum()
        return value, np.concatenate([(delta.T @ X + l2 / n * weights).ravel(), delta.sum(0)])

    costs = []
    result = minimize(
        cost, start, jac=True, method="L-BFGS-B", callback=lambda x: costs.append(cost(x)[0]), options={"maxiter": most}
    )
    return costs, result.x


def test_softmax_regression_ends_where_scipys_ends_in_about_as_many_iterations():
    data = classes()
    l2 = 0.5
    population = Population([member({"hidden_layer_sizes": (), "output": "softmax", "l2": l2})], data)
    begun = population.states()[0]
    theirs, best = costs_by_scipy(data, np.concatenate([begun["W0"].ravel(), begun["b0"].ravel()]), l2, 200)
    ours = []
    done = False
    while not done:
        (result,) = population.run_epoch((1,))
        ours.append(result.metrics["train_cost"] + population.penalty(0))
        done = result.finished
    assert len(ours) <= len(theirs) * 1.3 + 2
    assert abs(ours[-1] - theirs[-1]) < 1e-7
    np.testing.assert_allclose(ours[:3], theirs[:3], rtol=0.02)  # the same directions; lengths by another search
    state = population.states()[0]
    np.testing.assert_allclose(np.concatenate([state["W0"].ravel(), state["b0"].ravel()]), best, atol=2e-3)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "scores"])  # whose cost has kinks
def test_the_regularised_cost_falls_at_every_step_and_training_ends_by_itself(kind):
    params = KINDS[kind]
    population = Population([member(params | {"max_epochs": 1500})], classes(dtype=params.get("dtype", "float64")))
    costs = []
    done = False
    while not done:
        (result,) = population.run_epoch((1,))
        assert result.failure is None
        costs.append(result.metrics["train_cost"] + population.penalty(0))
        done = result.finished
    assert len(costs) < 1500
    assert all(b <= a * (1 + 1e-6) for a, b in pairwise(costs))
    assert costs[-1] < 0.6 * costs[0]
    (after,) = population.run_epoch((1,))  # nothing is left to gain
    assert after.finished
    assert after.metrics["train_cost"] + population.penalty(0) == pytest.approx(costs[-1], abs=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_state_goes_on_to_the_same_bits_wherever_it_was_saved(kind):
    params = KINDS[kind]
    data = classes(dtype=params.get("dtype", "float64"))
    uninterrupted = Population([member(params)], data)
    states = [uninterrupted.states()[0]]
    rows = []
    for epoch in range(1, PAIRS + 5):
        rows += [uninterrupted.run_epoch((epoch,))[0].metrics]
        states.append(uninterrupted.states()[0])
    for cut in (1, PAIRS + 2):
        resumed = Population([Member(member(params).params, (0,), cut, states[cut])], data)
        for epoch in range(cut, PAIRS + 4):
            assert resumed.run_epoch((99 + epoch,))[0].metrics == rows[epoch]  # nor does the order of the tick matter
            assert bits(resumed.states()[0]) == bits(states[epoch + 1])


@pytest.mark.parametrize("kind", KINDS)
def test_fused_equals_alone(kind):
    params = KINDS[kind]
    data = classes(dtype=params.get("dtype", "float64"))
    members = [member(params | {"l2": 0.3 * k}, (3, k)) for k in range(3)]
    population = Population(members, data)
    results = [population.run_epoch((tick,)) for tick in range(4)]
    for k, state in enumerate(population.states()):
        alone = Population([member(members[k].params, (3, k))], data)
        assert [alone.run_epoch((tick,))[0].metrics for tick in range(4)] == [epoch[k].metrics for epoch in results]
        assert bits(alone.states()[0]) == bits(state)


def test_another_member_in_a_place_gets_nothing_of_the_one_before():
    data = classes()
    population = Population([member(KINDS["sigmoid"])], data)
    population.run_epoch((0,))
    begun = population.states()[0]
    population.run_epoch((1,))
    population.replace([Member(member({**KINDS["sigmoid"], "l2": 7.0}).params, (0,), 1, begun)])
    alone = Population([Member(member({**KINDS["sigmoid"], "l2": 7.0}).params, (0,), 1, begun)], data)
    assert population.run_epoch((2,))[0].metrics == alone.run_epoch((2,))[0].metrics
    assert bits(population.states()[0]) == bits(alone.states()[0])


def test_folds_train_one_after_the_other():
    params = member(KINDS["sigmoid"]).params
    assert fold_key(params, classes()) is None
    with pytest.raises(ValueError, match="train on the same data, or alone"):
        FoldPopulation([Member(params, (0,))], [classes()])


def test_a_fit_is_as_many_partial_fits_and_a_warm_start_goes_on():
    rng = np.random.default_rng(0)
    X = rng.random((60, 5))
    y = rng.integers(3, size=60)
    settings = {"optimizer": "lbfgs", "l2": 0.01, "random_state": 0}
    uninterrupted = MLPClassifier((6,), max_epochs=12, **settings).fit(X, y)
    by_parts = MLPClassifier((6,), **settings)
    for _ in range(12):
        by_parts.partial_fit(X, y)
    halves = MLPClassifier((6,), max_epochs=6, warm_start=True, **settings).fit(X, y).fit(X, y)
    for other in (by_parts, halves):
        assert other.history_ == uninterrupted.history_
        assert bits(other._state) == bits(uninterrupted._state)


def test_few_samples_are_learnt_by_every_estimator_early_stopping_included(tmp_path):
    rng = np.random.default_rng(2)
    X = rng.random((80, 36))
    t = np.sin(X @ rng.normal(size=36))
    regressor = MLPRegressor((10,), optimizer="lbfgs", max_epochs=300, random_state=0).fit(X, t)
    assert regressor.score(X, t) > 0.99
    layers = [Conv2D(4, 3, activation="tanh"), Residual([Dense(5)], shortcut=[Dense(5)])]
    network = NetworkClassifier(layers, optimizer="lbfgs", max_epochs=100, random_state=0).fit(X, t > 0)
    assert network.score(X, t > 0) > 0.98
    stopped = MLPClassifier((10,), optimizer="lbfgs", max_epochs=500, early_stopping="patience", patience=5)
    stopped.set_params(random_state=0).fit(X, t > 0)
    assert stopped.n_iter_ < 500
    assert stopped.history_["val_accuracy"][stopped.best_epoch_ - 1] == max(stopped.history_["val_accuracy"])


REFUSED = [
    ({"batch_size": 20}, "batch_size=20 does not go with optimizer='lbfgs', which reads the whole training set"),
    ({"learning_rate": 0.1}, "whose line search finds the length of each step"),
    ({"lr_schedule": "cosine"}, "lr_schedule='cosine' does not go"),
    ({"lr_warmup": 2}, "whose line search"),
    ({"clip_norm": 1.0}, "whose line search"),
    ({"max_norm": 3.0}, "use l2"),
    ({"l1": 0.1}, "which needs a cost with a gradient everywhere: use l2"),
    ({"dropout": 0.1}, "one and the same cost"),
    ({"input_dropout": 0.1}, "one and the same cost"),
    ({"augmentation": "affine"}, "one and the same cost"),
    ({"batch_norm": True}, "running statistics"),
    ({"momentum": 0.5}, "momentum=0.5 has no effect with optimizer='lbfgs'"),
    ({"layers": [Dense(4), Dropout(0.2)]}, "layers: layers that drop do not go with optimizer='lbfgs'"),
    ({"layers": [Residual([Dense(4), BatchNorm()])]}, "layers: BatchNorm layers do not go"),
]


@pytest.mark.parametrize(("params", "words"), REFUSED, ids=str)
def test_what_does_not_go_together_is_said_in_one_line(params, words):
    with pytest.raises(ValueError, match=words) as caught:
        validate_params({"optimizer": "lbfgs", **params})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "params", [{}, {"batch_size": "all"}, {"batch_size": 10}, {"layers": [Dropout(0.0), Dense(3)]}]
)
def test_defaults_and_what_says_the_same_go_along(params):
    validate_params({"optimizer": "lbfgs", **params})
