import numpy as np
import pytest

from hpsearch.models.layers.dropout import draw_mask
from hpsearch.models.training.population import Member, Population, TrainingData


def masks(p, shape=(50, 20, 37), seed=0, dtype="float64"):
    out = np.empty(shape, dtype)
    draw_mask(np.random.default_rng(seed), p, out)
    return out


@pytest.mark.parametrize("p", [0.1, 0.25, 0.5, 0.9])
def test_a_mask_drops_its_fraction_and_keeps_the_mean(p):
    mask = masks(p)
    assert (mask == 0).mean() == pytest.approx(p, abs=5 * np.sqrt(p * (1 - p) / mask.size))
    assert np.unique(mask) == pytest.approx([0, 1 / (1 - p)], rel=1e-4 / (1 - p))


@pytest.mark.parametrize("p", [0.0, 1e-9])
def test_nothing_to_drop_is_a_mask_of_ones(p):
    assert (masks(p, dtype="float32") == 1).all()


def test_hardly_anything_to_keep_stays_finite():
    mask = masks(1 - 1e-12)
    assert np.isfinite(mask).all()
    assert (mask == 0).mean() > 0.999


def test_neurons_samples_and_steps_are_independent():
    mask = masks(0.5) - 1.0
    for axis, shift in ((0, 1), (1, 1), (2, 1), (2, 4)):
        moved = np.roll(mask, shift, axis)
        assert abs((mask * moved).mean()) < 5 / np.sqrt(mask.size)


def test_masks_do_not_depend_on_how_many_are_drawn_at_once():
    at_once = masks(0.3)
    one_by_one = np.empty((50, 20, 37))
    rng = np.random.default_rng(0)
    for i in range(50):
        draw_mask(rng, 0.3, one_by_one[i : i + 1])
    np.testing.assert_array_equal(one_by_one, at_once)


def step(params, data, dtype="float64"):
    """Return a network's state before and after one step over all the data."""
    member = Member({"hidden_layer_sizes": (4,), "dtype": dtype, "batch_size": "all", **params}, (3,))
    population = Population([member], data)
    before = population.states()[0]
    population.run_epoch((0,))
    return before, population.states()[0]


def test_a_dropped_neuron_neither_contributes_nor_learns(toy_data):
    data = toy_data
    rows, width = (12, 4)
    before, after = step({"dropout": 0.5, "learning_rate": 1.0}, data)
    mask = np.empty((1, rows, width))
    draw_mask(np.random.default_rng((3, 2, 1)), 0.5, mask)  # purpose 2: the first hidden layer; epoch 1
    x = data.X_train[np.random.default_rng((0,)).permutation(rows)]
    t = data.T_train[np.random.default_rng((0,)).permutation(rows)]
    a = 1 / (1 + np.exp(-(x @ before["W0"].T + before["b0"])))
    kept = a * mask[0]
    out = 1 / (1 + np.exp(-(kept @ before["W1"].T + before["b1"])))
    delta = (out - t) / rows
    below = delta @ before["W1"] * mask[0] * a * (1 - a)
    np.testing.assert_allclose(before["W1"] - after["W1"], delta.T @ kept, rtol=1e-10, atol=1e-15)
    np.testing.assert_allclose(before["W0"] - after["W0"], below.T @ x, rtol=1e-10, atol=1e-15)


def test_inputs_are_dropped_by_a_stream_of_their_own(toy_data):
    data = toy_data
    before, after = step({"input_dropout": 0.5, "hidden_layer_sizes": (), "learning_rate": 1.0}, data)
    mask = np.empty((1, 12, 5))
    draw_mask(np.random.default_rng((3, 1, 1)), 0.5, mask)
    order = np.random.default_rng((0,)).permutation(12)
    x = data.X_train[order] * mask[0]
    out = 1 / (1 + np.exp(-(x @ before["W0"].T + before["b0"])))
    delta = (out - data.T_train[order]) / 12
    np.testing.assert_allclose(before["W0"] - after["W0"], delta.T @ x, rtol=1e-10, atol=1e-15)


def test_validation_sees_every_neuron(toy_data):
    toy = toy_data
    data = TrainingData(toy.X_train, toy.T_train, toy.y_train, toy.X_train, toy.y_train)
    member = Member(
        {"dropout": 0.9, "learning_rate": 1e-12, "dtype": "float64", "exact_train_metrics": True, "batch_size": 4}, (0,)
    )
    metrics = Population([member], data).run_epoch((0,))[0].metrics
    assert metrics["val_cost"] == metrics["train_cost"]
    sampled = Member({**member.params, "exact_train_metrics": False}, (0,))
    assert Population([sampled], data).run_epoch((0,))[0].metrics["train_cost"] != metrics["val_cost"]


@pytest.fixture
def toy_data():
    rng = np.random.default_rng(0)
    return TrainingData.from_arrays(rng.random((12, 5)), rng.integers(3, size=12), 3, dtype="float64")
