"""Every combination of activation, output, cost and depth has the gradient of its own cost, in float64."""

import itertools

import numpy as np
import pytest
from optimizers import FIRST_ORDER

from hpsearch.models.activations import ACTIVATIONS
from hpsearch.models.costs import HEADS
from hpsearch.models.optimizers import OPTIMIZERS
from hpsearch.models.training.population import Member, Population

SHAPES = [(), (5,), (4, 3)]
DTYPES = ["float32", "float64"]
PENALTIES = [{"l2": 0.9}, {"l1": 0.6}, {"l1": 0.6, "l2": 0.9}, {"max_norm": 0.8}, {}]


def begin(data, **params):
    params = {"dtype": "float64", "batch_size": "all", "learning_rate": 1.0, "l2": 0.7, **params}
    return Population([Member(params, (3,))], data)


def numerical_gradient(cost, state, names):
    """Return centred differences of a cost of a state, by name."""
    gradients = {}
    for name in names:
        gradients[name] = np.empty_like(state[name])
        for index in np.ndindex(gradients[name].shape):
            sides = []
            for h in (1e-5, -1e-5):
                moved = {k: v.copy() for k, v in state.items()}
                moved[name][index] += h
                sides.append(cost(moved))
            gradients[name][index] = (sides[0] - sides[1]) / 2e-5
    return gradients


@pytest.mark.parametrize("head", HEADS, ids="-".join)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
def test_one_step_with_rate_one_goes_down_the_numerical_gradient_of_the_regularised_cost(
    activation, head, weighted, toy, reference, layers
):
    for hidden in SHAPES:
        goes_down_the_gradient(hidden, activation, head, weighted, toy, reference, layers)


def goes_down_the_gradient(hidden, activation, head, weighted, toy, reference, layers):
    output, cost = head
    l1 = 0.4 if weighted else 0.0
    data = toy(n=9, output=output, weighted=weighted)
    population = begin(data, hidden_layer_sizes=hidden, activation=activation, output=output, cost=cost, l1=l1)
    before = population.states()[0]
    population.run_epoch((0,))
    after = population.states()[0]

    def total(state):
        weights, biases = layers(state)
        a = reference.forward(weights, biases, data.X_train, activation, output)[1][-1]
        squares, sizes = (sum(f(w).sum() for w in weights) for f in (np.square, np.abs))
        importance = 1.0 if data.weights is None else data.weights
        penalty = 0.7 / (2 * len(a)) * squares + l1 / len(a) * sizes
        return reference.data_cost(a, data.T_train, output, cost, importance) + penalty

    for name, numerical in numerical_gradient(total, before, population.weight_names).items():
        step = before[name] - after[name]
        assert np.linalg.norm(step - numerical) < 1e-6 * np.linalg.norm(numerical), (hidden, name)


def against_the_reference(data, params, dtype, reference, layers):
    """Compare an epoch with that of the reference; a failure names the data type, the layers and what differs."""
    case = f"{params['hidden_layer_sizes']}, {dtype}, {'un' if data.weights is None else ''}weighted"
    population = begin(data, **params, dtype=dtype)
    weights, biases = layers(population.states()[0])
    result = population.run_epoch((5,))[0]
    order = np.random.default_rng((5,)).permutation(37)
    exact = data.X_train.astype(float), data.T_train.astype(float)
    importance = None if data.weights is None else data.weights.astype(float)
    start = [w.astype(float) for w in weights], [b.astype(float) for b in biases]
    expected = reference.epoch(*start, *exact, params, order, importance)
    state = population.states()[0]
    got = layers(state)
    # rmsprop divides a first gradient by its own size, which is ill-conditioned where it is nearly 0
    tolerance = 1e-11 if dtype == "float64" else 2e-4 if params["optimizer"] in ("rmsprop", "adam") else 2e-5
    for ours, theirs in zip(itertools.chain(*got), itertools.chain(*expected[:2]), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance, err_msg=case)
        assert ours.dtype == dtype, case
    assert all(value.dtype == dtype for value in state.values() if value.ndim), case
    assert result.metrics["train_cost"] == pytest.approx(expected[2], rel=10 * tolerance), case
    if data.y_train is not None:
        assert result.metrics["train_accuracy"] == pytest.approx(expected[3]), case


def rates(optimizer):
    ours = OPTIMIZERS[optimizer]
    adapts = ours.learning_rate < 0.01  # it divides by the gradient's size
    momentum = {"momentum": 0.8 if adapts else 0.6} if ours.momentum else {}
    return {"optimizer": optimizer, "learning_rate": 0.02 if adapts else 0.3, **momentum}


@pytest.mark.parametrize("optimizer", ["sgd", "momentum"])
@pytest.mark.parametrize("head", HEADS, ids="-".join)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_an_epoch_agrees_with_the_plain_reference_tail_batch_included(
    activation, head, optimizer, toy, reference, layers
):
    output, cost = head
    params = {"activation": activation, "output": output, "cost": cost, "l2": 0.9, "batch_size": 8, **rates(optimizer)}
    for hidden, dtype in itertools.product(SHAPES, DTYPES):
        data = toy(n=37, dtype=dtype, output=output)  # 4 batches of 8, and 5 samples
        against_the_reference(data, {**params, "hidden_layer_sizes": hidden}, dtype, reference, layers)


@pytest.mark.parametrize("penalty", PENALTIES, ids=str)
@pytest.mark.parametrize("optimizer", FIRST_ORDER)
def test_every_optimizer_takes_the_penalties_as_part_of_the_gradient(optimizer, penalty, toy, reference, layers):
    loss = {"output": "sigmoid", "cost": "cross_entropy", "l2": 0.0}
    network = {"hidden_layer_sizes": (5,), "activation": "tanh"}
    params = {**network, **loss, "batch_size": 8, **penalty, **rates(optimizer)}
    for weighted, dtype in itertools.product([False, True], DTYPES):
        data = toy(n=37, dtype=dtype, weighted=weighted)
        against_the_reference(data, params, dtype, reference, layers)


def test_l1_leaves_a_weight_of_zero_alone(toy):
    data = toy(n=9)
    population = begin(data, hidden_layer_sizes=(), l1=1e-3, l2=0.0, learning_rate=1e-300)
    state = population.states()[0]
    state["W0"][:] = 0
    population = Population(
        [Member({"dtype": "float64", "hidden_layer_sizes": (), "l1": 5.0, "learning_rate": 1e-300}, (3,), 0, state)],
        data,
    )
    population.run_epoch((0,))
    assert np.abs(population.states()[0]["W0"]).max() < 1e-290


@pytest.mark.parametrize("bound", [0.3, 1.0])
def test_max_norm_bounds_the_weights_into_every_neuron_and_touches_no_smaller_ones(bound, toy):
    params = {"hidden_layer_sizes": (5,), "l2": 0.0, "learning_rate": 0.5, "batch_size": 4}
    free, bounded = (begin(toy(n=4), **params, max_norm=m) for m in (None, bound))
    for population in (free, bounded):
        population.run_epoch((0,))
    for name in ("W0", "W1"):
        ours, theirs = (p.states()[0][name] for p in (bounded, free))
        norms = np.linalg.norm(theirs, axis=1)
        np.testing.assert_allclose(np.linalg.norm(ours, axis=1), np.minimum(norms, bound), rtol=1e-12)
        np.testing.assert_array_equal(ours[norms < bound], theirs[norms < bound])


def test_two_steps_worked_by_hand(layers):
    # One input x, no hidden layer, two sigmoid outputs, cross-entropy, η = 2, λ = 1, n = 2, batch 1. Both samples are
    # x = 1 of class 0, so their order does not matter: t = (1, 0).
    # Start: w = b = 0, so z = 0, a = (½, ½), δ = a − t = (−½, ½), C = 2 ln 2.
    # Step 1: w ← (1 − ηλ/n)·0 − 2·δ·x = (1, −1); b ← (1, −1).
    # Step 2: z = w·1 + b = (2, −2), a = (σ(2), 1 − σ(2)), δ = (−s, s) with s = 1 − σ(2) = 0.11920…, C = −2 ln σ(2).
    #         w ← (1 − 1)·w − 2·δ = (2s, −2s); b ← b − 2·δ = (1 + 2s, −1 − 2s).
    from hpsearch.models.training.population import TrainingData

    data = TrainingData.from_arrays(np.ones((2, 1)), np.zeros(2, int), 2, dtype="float64")
    params = {"hidden_layer_sizes": (), "learning_rate": 2.0, "l2": 1.0, "batch_size": 1, "dtype": "float64"}
    state = Population([Member(params, (0,))], data).states()[0]
    state.update(W0=np.zeros((2, 1)), b0=np.zeros((1, 2)))
    population = Population([Member(params, (0,), state=state)], data)
    result = population.run_epoch((0,))[0]
    s = 1 - 1 / (1 + np.exp(-2))
    weights, biases = layers(population.states()[0])
    np.testing.assert_allclose(weights[0], [[2 * s, -2 * s]], rtol=1e-14)
    np.testing.assert_allclose(biases[0], [1 + 2 * s, -1 - 2 * s], rtol=1e-14)
    assert result.metrics["train_cost"] == pytest.approx((2 * np.log(2) - 2 * np.log(1 - s)) / 2, rel=1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("head", [head for head in HEADS if head[0] != "identity"])
def test_saturated_outputs_give_finite_costs_and_steps(head, dtype, toy):
    data = toy(m=5, dtype=dtype, output=head[0])
    params = {"hidden_layer_sizes": (), "output": head[0], "cost": head[1], "dtype": dtype, "learning_rate": 1e-3}
    state = Population([Member(params, (0,))], data).states()[0]
    state["b0"] = np.array([[300.0, -300.0, 300.0]], dtype)
    population = Population([Member(params, (0,), state=state)], data)
    result = population.run_epoch((0,))[0]
    assert result.failure is None
    assert np.isfinite(list(result.metrics.values())).all()
    # a wrong output costs its distance: |z| = 300 a wrong sigmoid neuron, not infinity and not a clipped constant
    if head == ("sigmoid", "cross_entropy"):
        assert result.metrics["train_cost"] > 250
