import numpy as np
import pytest

from hpsearch.models.training.monitors import SAMPLED, sampled_rows
from hpsearch.models.training.population import Member, Population, TrainingData


def run(params, n=80, weighted=False, epochs=1):
    rng = np.random.default_rng(0)
    weights = rng.random(n) if weighted else None
    data = TrainingData.from_arrays(
        rng.normal(size=(n, 6)), rng.integers(3, size=n), 3, dtype="float64", sample_weight=weights
    )
    member = Member({"dtype": "float64", "hidden_layer_sizes": (5, 4), "batch_size": "all", **params}, (0,))
    population = Population([member], data)
    for epoch in range(epochs):
        metrics = population.run_epoch((epoch,))[0].metrics
    return data, population, metrics


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("params", [{}, {"output": "softmax", "cost": "quadratic"}, {"batch_norm": True}], ids=str)
def test_gradient_norms_are_those_of_a_step_over_the_monitored_samples(params, weighted):
    data, population, metrics = run(params, weighted=weighted)
    rows = sampled_rows(80)
    weights = None if data.weights is None else data.weights[rows, 0]
    subset = TrainingData.from_arrays(data.X_train[rows], data.y_train[rows], 3, dtype="float64", sample_weight=weights)
    scale = 1.0 if weights is None else weights.mean()  # weights have mean 1 in the whole set, not in the part
    state = population.states()[0]
    member = Member({**population.members[0].params, "learning_rate": 1.0}, (0,), 1, state)
    again = Population([member], subset)
    again.run_epoch((0,))
    for i in range(3):
        step = state[f"W{i}"] - again.states()[0][f"W{i}"]
        assert metrics[f"gradient_norm_{i + 1}"] == pytest.approx(np.linalg.norm(step) * scale, rel=1e-8)


@pytest.mark.parametrize(
    ("activation", "slope"),
    [
        ("sigmoid", lambda z: np.exp(-z) / (1 + np.exp(-z)) ** 2),
        ("tanh", lambda z: 1 / np.cosh(z) ** 2),
        ("relu", lambda z: 1.0 * (z > 0)),
    ],
)
def test_saturated_neurons_are_those_whose_slope_is_almost_zero(activation, slope):
    data, population, metrics = run({"activation": activation, "weight_init": "gaussian", "hidden_layer_sizes": (40,)})
    state = population.states()[0]
    z = data.X_train[sampled_rows(80)] @ state["W0"].T + state["b0"]
    expected = (slope(z) < 0.04 * slope(np.array([1e-9])).max()).mean()
    assert metrics["saturated_1"] == pytest.approx(expected, abs=1e-9)
    assert 0 < expected < 1


def test_the_chapters_better_initial_weights_saturate_fewer_neurons():
    rng = np.random.default_rng(0)
    data = TrainingData.from_arrays(rng.integers(0, 2, (60, 1000)), rng.integers(2, size=60), 2)
    saturated = {}
    for rule in ("gaussian", "scaled"):
        member = Member({"weight_init": rule, "learning_rate": 1e-9, "hidden_layer_sizes": (30,)}, (0,))
        saturated[rule] = Population([member], data).run_epoch((0,))[0].metrics["saturated_1"]
    assert saturated["gaussian"] > 0.7
    assert saturated["scaled"] < 0.05


def test_monitored_rows_are_spread_over_the_training_set():
    rows = sampled_rows(1001)
    assert (rows[0], rows[-1], len(rows)) == (0, 1000, SAMPLED)
    assert len(sampled_rows(7)) == 7


def test_monitors_measure_without_dropout_and_change_nothing():
    _, population, _ = run({"dropout": 0.5, "input_dropout": 0.5, "batch_norm": True})
    before = population.states()[0]
    first = population._monitor.run()
    second = population._monitor.run()
    assert first == second
    for name, value in population.states()[0].items():
        np.testing.assert_array_equal(value, before[name])


@pytest.mark.parametrize("params", [{}, {"dropout": 0.3}], ids=str)
def test_exact_training_metrics_are_those_of_the_weights_after_the_epoch(params):
    data, population, metrics = run({**params, "exact_train_metrics": True, "batch_size": 9}, n=700, epochs=2)
    held = TrainingData(data.X_train, data.T_train, data.y_train, data.X_train, data.y_train)
    still = {**population.members[0].params, "learning_rate": 1e-300, "exact_train_metrics": False}
    again = Population([Member(still, (0,), 2, population.states()[0])], held).run_epoch((0,))[0].metrics
    assert metrics["train_cost"] == pytest.approx(again["val_cost"], rel=1e-12)
    assert metrics["train_accuracy"] == again["val_accuracy"]
