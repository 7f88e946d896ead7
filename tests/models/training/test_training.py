import re

import numpy as np
import pytest

from hpsearch.models.training.population import Member, Population, TrainingData


def data(n=40, m=12, dtype="float32"):
    rng = np.random.default_rng(0)
    X = rng.random((n + m, 5))
    y = np.arange(n + m) % 3
    X[np.arange(n + m), y] += 1
    return TrainingData.from_arrays(X[:n], y[:n], 3, X[n:], y[n:], dtype)


def epochs(params, n, seed=(0,), training_data=None):
    population = Population([Member(params, seed)], training_data or data())
    return [population.run_epoch((1, tick))[0] for tick in range(n)]


def test_training_reduces_the_cost_and_learns():
    results = epochs({"learning_rate": 1.0, "batch_size": 4}, 60)
    assert results[-1].metrics["train_cost"] < results[0].metrics["train_cost"] / 5
    assert results[-1].metrics["val_accuracy"] > 0.8


def test_the_same_seeds_give_the_same_bits_and_others_do_not():
    first, again, other = (epochs({}, 2, seed)[-1].metrics for seed in ((0, 1), (0, 1), (0, 2)))
    assert first == again
    assert first != other


def test_metrics_without_validation_data_are_those_of_training():
    bare = TrainingData.from_arrays(np.eye(4), np.arange(4) % 2, 2)
    monitored = {"gradient_norm_1", "gradient_norm_2", "saturated_1"}
    metrics = epochs({}, 1, training_data=bare)[0].metrics
    assert set(metrics) == {"train_cost", "train_accuracy", "learning_rate", *monitored}


def test_the_last_epoch_is_finished():
    assert [r.finished for r in epochs({"max_epochs": 2}, 2)] == [False, True]


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        (
            {"learning_rate": 1e6, "l2": 1e3, "batch_size": 1},
            r"diverged at epoch 1: training cost is nan \(learning_rate=1e\+06",
        ),
        ({"learning_rate": 1e6}, r"diverged at epoch 1: training cost is \d.*e\+0\d, that of guessing 2.08"),
    ],
)
def test_a_diverged_network_says_when_and_why_and_warns_nobody(params, reason):
    result = epochs({**params, "max_epochs": 1}, 1)[0]
    assert re.match(reason, result.failure)


def test_weights_that_overflow_in_the_last_step_are_noticed_at_once():
    # one batch an epoch: its cost is that of the initial weights, which are fine
    training_data = TrainingData.from_arrays(np.ones((4, 3)), np.arange(4) % 2, 2)
    result = epochs({"learning_rate": 1e30, "l2": 1e12, "batch_size": 4}, 1, training_data=training_data)[0]
    assert np.isfinite(result.metrics["train_cost"])
    assert "no longer finite" in result.failure


def test_plateau_divides_the_rate_when_accuracy_stalls_and_ends_below_the_least_ratio():
    params = {"learning_rate": 1e-9, "lr_schedule": "plateau", "patience": 2, "lr_factor": 0.5, "lr_min_ratio": 0.25}
    results = epochs(params, 7)
    # Epoch 1 is the best; then nothing changes: after epochs 3 and 5 the rate is halved, after 7 it would be ⅛ < ¼.
    assert [r.metrics["learning_rate"] / 1e-9 for r in results] == pytest.approx([1, 1, 1, 0.5, 0.5, 0.25, 0.25])
    assert [r.finished for r in results] == [False] * 6 + [True]


def test_patience_stops_after_that_many_epochs_without_improvement_and_keeps_the_best_weights():
    population = Population(
        [Member({"learning_rate": 1e-9, "early_stopping": "patience", "patience": 3}, (0,))], data()
    )
    start = population.states()[0]["W0"]
    results = [population.run_epoch((0, tick))[0] for tick in range(4)]
    assert [r.finished for r in results] == [False, False, False, True]
    state = population.states()[0]
    assert int(state["stop_best_epoch"]) == 1
    np.testing.assert_allclose(state["best.W0"], start, atol=1e-6)


@pytest.mark.parametrize("params", [{"early_stopping": "patience"}, {"lr_schedule": "plateau"}])
def test_rules_that_read_the_validation_accuracy_ask_for_validation_data(params):
    with pytest.raises(ValueError, match="need validation data"):
        Population([Member(params, (0,))], TrainingData.from_arrays(np.eye(4), np.arange(4) % 2, 2))


def test_data_of_another_dtype_is_refused():
    with pytest.raises(ValueError, match="use one dtype"):
        Population([Member({"dtype": "float64"}, (0,))], data())


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ((np.ones(3), np.zeros(3, int), 2), r"X must have shape \(n, d\)"),
        ((np.ones((3, 2)), np.zeros(3, int), 2, np.ones((0, 2)), np.zeros(0, int)), "with m ≥ 1"),
        ((np.ones((3, 2)), np.zeros(2, int), 2), r"X must have shape \(n, d\)"),
        (
            (np.ones((3, 2)), np.zeros(3, int), 2, np.ones((2, 3)), np.zeros(2, int)),
            r"X_valid must have shape \(m, 2\)",
        ),
    ],
)
def test_shapes_that_do_not_fit_are_refused(arrays, message):
    with pytest.raises(ValueError, match=message):
        TrainingData.from_arrays(*arrays)


def test_validation_agrees_with_a_plain_forward_pass_over_several_blocks():
    rng = np.random.default_rng(0)
    X = rng.random((1203, 4))
    y = rng.integers(2, size=1203)
    training_data = TrainingData.from_arrays(X[:10], y[:10], 2, X, y, "float64")
    population = Population([Member({"hidden_layer_sizes": (3,), "dtype": "float64"}, (0,))], training_data)
    metrics = population.run_epoch((0,))[0].metrics
    s = population.states()[0]
    hidden = 1 / (1 + np.exp(-(X @ s["W0"].T + s["b0"])))
    a = 1 / (1 + np.exp(-(hidden @ s["W1"].T + s["b1"])))
    t = np.eye(2)[y]
    assert metrics["val_cost"] == pytest.approx(-(t * np.log(a) + (1 - t) * np.log(1 - a)).sum() / len(X), rel=1e-12)
    assert metrics["val_accuracy"] == (a.argmax(1) == y).mean()


def test_initial_weights_have_the_spread_of_their_rule():
    training_data = TrainingData.from_arrays(np.zeros((2, 400)), np.arange(2), 2)
    for rule, spread in (("scaled", 1 / 20), ("gaussian", 1.0)):
        member = Member({"hidden_layer_sizes": (300,), "weight_init": rule}, (0,))
        state = Population([member], training_data).states()[0]
        assert state["W0"].std() == pytest.approx(spread, rel=0.02)
        assert state["b0"].std() == pytest.approx(1.0, rel=0.15)


def rules(metrics, **params):
    """Return η of each epoch, and whether training was over, of a network whose validation metrics are given."""
    all_params = {
        "early_stopping": "patience",
        "lr_schedule": "plateau",
        "max_epochs": 100,
        "learning_rate": 1.0,
        **params,
    }
    population = Population([Member(all_params, (0,))], data())
    rates = []
    over = False
    for epoch, epoch_metrics in enumerate(metrics, start=1):
        rates.append(population._rates(0).learning_rate)
        population.members[0].epoch = epoch
        over = population._observe(0, epoch_metrics)
        if over:
            break
    return rates, over


def test_the_schedule_acts_before_early_stopping_ends_training():
    # one patience for both let both act in the same epoch: training ended, and η had never been lowered
    rates, over = rules([{"val_accuracy": 0.5, "val_cost": 1.0}] * 30, patience=9)
    assert over
    assert len(rates) == 10
    assert rates == [1.0] * 4 + [0.5] * 3 + [0.25] * 3


def test_each_rule_has_its_own_patience():
    rates, over = rules([{"val_accuracy": 0.5, "val_cost": 1.0}] * 9, patience=100, lr_patience=2)
    assert not over
    assert rates == [1.0] * 3 + [0.5] * 2 + [0.25] * 2 + [0.125] * 2


def test_each_rule_has_its_own_metric():
    # the accuracy stands still while the cost falls
    falling = [{"val_accuracy": 0.5, "val_cost": 1.0 / epoch} for epoch in range(1, 12)]
    rates, over = rules(falling, patience=5, lr_patience=2, early_stopping_metric="val_cost")
    assert not over
    assert rates[:5] == [1.0, 1.0, 1.0, 0.5, 0.5]
    rates, over = rules(falling, patience=5, lr_patience=2, lr_metric="val_cost")
    assert over
    assert rates == [1.0] * 6


def test_the_chapters_recipe_ends_at_a_1024th_without_a_limit_of_its_own():
    rates, over = rules(
        [{"val_accuracy": 0.5, "val_cost": 1.0}] * 100, early_stopping="none", lr_patience=2, patience=50
    )
    assert over
    assert rates[-1] == 1 / 1024
    assert len(rates) == 1 + 11 * 2
