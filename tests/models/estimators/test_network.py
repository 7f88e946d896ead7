"""NetworkClassifier and NetworkRegressor: parameters within layers, saving, and the contract of scikit-learn."""

import io
import pickle
import re

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV

from hpsearch.models import MLPClassifier, NetworkClassifier, NetworkRegressor, load, names
from hpsearch.models.layers import BatchNorm, Conv2D, Declared, Dense, Dropout, MaxPool2D, Residual
from hpsearch.models.parameters import DEFAULTS

CHAIN = [Conv2D(4, 3), MaxPool2D(2), Residual([Dense(36), BatchNorm()]), Dropout(0.2), Dense(10)]


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return (X / 16)[:200], y[:200]


def test_what_is_within_layers_is_named_and_can_be_set_in_a_copy_only():
    model = NetworkClassifier(CHAIN)
    params = model.get_params()
    assert params["layers__0__filters"] == 4
    assert params["layers__2__layers__0__units"] == 36
    assert "layers__0__filters" not in model.get_params(deep=False)
    other = clone(model).set_params(layers__0__filters=8, layers__2__layers__0__units=9, layers__4=Dense(7), l2=1.0)
    assert other.layers[0] == Conv2D(8, 3)
    assert other.layers[2] == Residual([Dense(9), BatchNorm()])
    assert other.layers[4] == Dense(7)
    assert other.l2 == 1.0
    assert model.layers == CHAIN == clone(model).layers
    assert clone(other).get_params(deep=False) == other.get_params(deep=False)


@pytest.mark.parametrize(
    ("name", "message"),
    [("layers__9__units", "Invalid parameter|no layer layers__9"), ("layers__4__filters", "no 'filters'")],
)
def test_a_place_that_is_not_there_is_named(name, message):
    with pytest.raises(ValueError, match=message):
        NetworkClassifier(CHAIN).set_params(**{name: 3})


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (Dense(3), "must be a list of layers"),
        ([Dense], "Dense is the class; write Dense(…)"),
        ([30], "30 is no layer of hpsearch"),
        ([Dense(0)], "units=0 must be a positive integer"),
        ([Conv2D(3, 9)], "do not fit into an image of 8×8"),
        ([Dense(5), Conv2D(3, 3)], "needs an image, and 5 numbers come in"),
        ([Conv2D(3, 2, padding="same")], "padding='same' is for filters of odd size"),
        ([Residual([Dense(5)])], "cannot be added"),
        ([Dropout(1.0)], "rate=1.0 must be a number in [0, 1)"),
        ([Dense(5, activation="rleu")], "activation='rleu' is unknown"),
    ],
    ids=str,
)
def test_a_chain_that_cannot_be_built_is_refused_with_what_is_wrong(layers, message, digits):
    with pytest.raises(ValueError, match=re.escape(message)):
        NetworkClassifier(layers).fit(*digits)


def test_it_learns_digits_and_says_what_an_mlp_says(digits):
    X, y = digits
    model = NetworkClassifier(
        [Conv2D(8, 3), MaxPool2D(2), Dense(30)], max_epochs=25, learning_rate=0.01, random_state=0
    ).fit(X, y)
    assert model.score(X, y) > 0.97
    assert model.predict_proba(X).sum(1) == pytest.approx(np.ones(len(X)))
    assert model.coefs_[0].shape == (9, 8)
    assert model.intercepts_[0].shape == (8,)
    assert [a.shape[1] for a in model.layer_activations(X[:3])] == [8 * 9, 30, 10]
    assert {"gradient_norm_1", "gradient_norm_3", "saturated_1", "train_cost"} <= set(model.history_)


def test_a_chain_of_dense_layers_is_the_multilayer_perceptron_bit_for_bit(digits):
    X, y = digits
    shared = {
        "optimizer": "adam",
        "batch_size": 20,
        "max_epochs": 3,
        "random_state": 1,
        "activation": "sigmoid",
        "l2": 0.3,
    }
    chain = NetworkClassifier([Dense(12), Dense(7)], output="sigmoid", weight_init="scaled", **shared).fit(X, y)
    mlp = MLPClassifier((12, 7), **shared).fit(X, y)
    for ours, theirs in zip(chain.coefs_ + chain.intercepts_, mlp.coefs_ + mlp.intercepts_, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert chain.history_ == mlp.history_


@pytest.mark.parametrize("kind", [NetworkClassifier, NetworkRegressor])
def test_a_saved_network_predicts_and_trains_on_bit_for_bit(kind, digits, tmp_path):
    X, y = digits
    model = kind(CHAIN, max_epochs=2, random_state=0, warm_start=True, early_stopping="patience").fit(X, y)
    model.save(tmp_path / "model.npz")
    again = load(tmp_path / "model.npz")
    assert type(again) is kind
    assert again.get_params(deep=False) == model.get_params(deep=False)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    np.testing.assert_array_equal(again.fit(X, y).coefs_[0], model.fit(X, y).coefs_[0])


def test_a_layer_of_somebody_else_trains_but_is_not_saved(digits, tmp_path):
    class Mine(Dense):
        pass

    model = NetworkClassifier([Mine(5)], max_epochs=1).fit(*digits)
    with pytest.raises(ValueError, match="Mine is no layer of hpsearch"):
        model.save(tmp_path / "model.npz")


def test_every_layer_may_stand_in_a_file():
    layer_names = {word for word, home in names.HOMES.items() if home.startswith(".layers")}
    assert layer_names == {
        layer.__name__ for layer in Declared.__subclasses__() if layer.__module__.startswith("hpsearch.models")
    }


def test_skops_and_pickle_keep_a_network(digits):
    skops = pytest.importorskip("skops.io", reason="skops is not installed")
    from hpsearch.models.estimators.trusted import TYPES

    X, y = digits
    model = NetworkClassifier(CHAIN, max_epochs=1, random_state=0).fit(X, y)
    content = skops.dumps(model)
    needed = skops.get_untrusted_types(data=content)
    assert set(needed) <= TYPES
    for again in (skops.loads(content, trusted=needed), pickle.load(io.BytesIO(pickle.dumps(model)))):
        np.testing.assert_array_equal(again.predict(X), model.predict(X))


def test_scikit_learn_searches_within_layers(digits):
    X, y = digits
    grid = {"layers__0__filters": [1, 3], "learning_rate": [0.01]}
    search = GridSearchCV(NetworkClassifier([Conv2D(2, 3), MaxPool2D(2)], max_epochs=2, random_state=0), grid, cv=2)
    search.fit(X, y)
    assert search.best_estimator_.layers[0].filters in (1, 3)


def test_images_of_three_channels_and_other_shapes():
    rng = np.random.default_rng(0)
    X = rng.random((40, 4 * 6 * 2))
    y = rng.integers(2, size=40)
    model = NetworkClassifier([Conv2D(3, 3)], image_shape=(4, 6, 2), max_epochs=1, random_state=0).fit(X, y)
    assert model.coefs_[0].shape == (18, 3)
    with pytest.raises(ValueError, match="is of 36 numbers, and samples have 48"):
        NetworkClassifier([Conv2D(3, 3)], image_shape=(6, 6)).fit(X, y)


def test_a_network_has_the_parameters_of_the_core_less_those_of_a_perceptron():
    own_params = set(NetworkClassifier().get_params(deep=False))
    assert own_params == set(DEFAULTS) - {"hidden_layer_sizes", "dropout", "input_dropout", "batch_norm"}
    assert own_params - set(NetworkRegressor().get_params(deep=False)) == {
        "output",
        "cost",
        "label_smoothing",
        "class_weight",
    }


def test_a_sum_of_other_shapes_is_refused_in_words(digits):
    message = r"its layers make 5 numbers of 8×8 pixels of 1 channel, to which 8×8 pixels of 1 channel cannot be added"
    with pytest.raises(ValueError, match=message):
        NetworkClassifier([Residual([Dense(5)])], max_epochs=1).fit(*digits)
