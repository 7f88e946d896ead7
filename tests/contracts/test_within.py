import numpy as np
import pytest

from hpsearch import MLPClassifier, MLPRegressor, NetworkClassifier
from hpsearch.models.layers import Conv2D, Dense, Dropout, MaxPool2D
from hpsearch.models.training.folds import fold_key
from hpsearch.models.training.population import Member, Population

KINDS = [
    {},
    {"output": "softmax", "optimizer": "adam", "dropout": 0.3, "input_dropout": 0.1},
    {"batch_norm": True, "ema": 0.9},
    {"batch_size": "all", "optimizer": "hessian_free"},
    {"batch_size": 1, "exact_train_metrics": True},
]


def population(params, data, lanes=3, every=None):
    shared = {"hidden_layer_sizes": (5,), "batch_size": 4, "max_epochs": 5, **params}
    return Population([Member({**shared, "monitor_every": every}, (2, k)) for k in range(lanes)], data)


def without(result):
    return result.metrics, result.finished, result.failure


@pytest.mark.parametrize("params", KINDS, ids=str)
@pytest.mark.parametrize("every", [1, 10, 1000])
def test_a_network_that_is_watched_trains_to_the_same_bits(params, every, toy):
    data = toy(n=83, d=9, m=31, dtype="float32", output=params.get("output", "sigmoid"), weighted=not params)
    plain = population(params, data)
    watched = population(params, data, every=every)
    for epoch in range(2):
        before = plain.run_epoch((epoch,))
        after = watched.run_epoch((epoch,))
        assert [without(result) for result in after] == [without(result) for result in before]
        assert all(not result.within for result in before)
        assert all(result.within for result in after)
    for one, other in zip(plain.states(), watched.states(), strict=True):
        assert {name: array.tobytes() for name, array in one.items()} == {
            name: array.tobytes() for name, array in other.items()
        }


def test_points_stand_at_the_first_whole_batch_that_reaches_a_multiple_and_at_the_end(toy):
    watched = population({}, toy(n=83, d=9, m=31, dtype="float32"), lanes=1, every=10)
    first, second = (watched.run_epoch((epoch,))[0] for epoch in range(2))
    assert [samples for samples, _ in first.within] == [12, 20, 32, 40, 52, 60, 72, 80, 83]
    assert [samples for samples, _ in second.within] == [83 + samples for samples, _ in first.within]
    last = first.within[-1][1]
    assert last["val_cost"] == first.metrics["val_cost"]
    assert last["val_accuracy"] == first.metrics["val_accuracy"]


def test_what_is_measured_is_what_a_network_of_so_many_samples_says(toy):
    # one that is trained on the first 40 samples of the order alone stands where the watched one stood after them
    data = toy(n=80, d=9, m=31, dtype="float64")
    watched = population({"dtype": "float64"}, data, lanes=1, every=40)
    (result,) = watched.run_epoch((7,))
    order = np.random.default_rng((7,)).permutation(80)
    half = type(data)(
        data.X_train[order[:40]], data.T_train[order[:40]], data.y_train[order[:40]], data.X_valid, data.y_valid
    )
    other = population({"dtype": "float64"}, half, lanes=1)
    other._order = lambda seed: np.arange(40)
    (alone,) = other.run_epoch((7,))
    samples, metrics = result.within[0]
    assert samples == 40
    assert metrics["val_cost"] == pytest.approx(alone.metrics["val_cost"], rel=1e-12)
    assert metrics["train_cost"] == pytest.approx(alone.metrics["train_cost"], rel=1e-12)
    assert metrics["train_accuracy"] == alone.metrics["train_accuracy"]
    second = result.within[1][1]
    assert (metrics["train_cost"] + second["train_cost"]) / 2 == pytest.approx(result.metrics["train_cost"], rel=1e-12)


def test_each_lane_has_its_own_points_as_alone(toy):
    data = toy(n=83, d=9, m=31, dtype="float32")
    together = population({}, data, every=20).run_epoch((1,))
    for k in range(3):
        alone = Population([Member(population({}, data, every=20).members[k].params, (2, k))], data)
        assert alone.run_epoch((1,))[0].within == together[k].within


def test_folds_are_not_trained_side_by_side_where_one_is_watched(toy):
    data = toy(n=40, d=9, m=11, dtype="float32")
    assert fold_key({"batch_size": 4, "dtype": "float32"}, data) is not None
    assert fold_key({"batch_size": 4, "dtype": "float32", "monitor_every": 10}, data) is None


def test_a_fit_keeps_them_in_its_history_and_saves_them(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.random((60, 16))
    y = rng.integers(2, size=60)
    model = MLPClassifier((4,), max_epochs=2, monitor_every=20, random_state=0).fit(X, y, X_val=X[:9], y_val=y[:9])
    assert model.history_["monitored_samples"] == [20, 40, 60, 80, 100, 120]
    assert len(model.history_["monitored_val_accuracy"]) == len(model.history_["monitored_train_cost"]) == 6
    assert model.history_["monitored_val_cost"][2::3] == model.history_["val_cost"]
    model.save(tmp_path / "model.npz")
    from hpsearch.models import load

    assert load(tmp_path / "model.npz").history_ == model.history_
    regressor = MLPRegressor((4,), max_epochs=1, monitor_every=30, random_state=0).fit(X, X[:, 0])
    assert {name for name in regressor.history_ if name.startswith("monitored")} == {
        "monitored_samples",
        "monitored_train_cost",
    }
    layers = [Conv2D(3, 2), MaxPool2D(2), Dropout(0.2), Dense(4)]
    network = NetworkClassifier(layers, batch_size=7, max_epochs=1, monitor_every=14, random_state=0).fit(X, y)
    assert network.history_["monitored_samples"] == [14, 28, 42, 56, 60]
    with pytest.raises(ValueError, match="monitor_every=0 must be a positive integer"):
        MLPClassifier(monitor_every=0).fit(X, y)
