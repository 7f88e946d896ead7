"""What people who know scikit-learn's networks expect of ours."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.neural_network import MLPClassifier as TheirMLP

from hpsearch import Float, Int, MLPClassifier, MLPRegressor, Study
from hpsearch.errors import UserError

RNG = np.random.default_rng(0)
X = RNG.uniform(size=(60, 5)).astype(np.float32)
Y = (X[:, 0] + X[:, 1] > 1).astype(int)


def small(**params):
    return MLPClassifier(**{"hidden_layer_sizes": (4, 3), "max_epochs": 2, "random_state": 0, **params})


def test_a_batch_larger_than_the_data_is_clipped_with_a_warning():
    with pytest.warns(UserWarning, match="batch_size=61 is clipped to the 60 training samples"):
        clipped = small(batch_size=61).fit(X, Y)
    full_batch = small(batch_size="all").fit(X, Y)
    np.testing.assert_array_equal(clipped.coefs_[0], full_batch.coefs_[0])
    small().fit(X[:6], Y[:6])  # the default means no size in particular: no warning


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"alpha": 1e-4}, "here it is l2"),
        ({"solver": "adam"}, "here it is optimizer"),
        ({"learning_rate_init": 0.1}, "here it is learning_rate"),
        ({"max_iter": 3}, "here it is max_epochs"),
        ({"n_iter_no_change": 3}, "early_stopping='patience'"),
    ],
)
def test_a_parameter_of_scikit_learn_s_networks_gets_an_error_that_translates(given, words):
    for kind in (MLPClassifier, MLPRegressor):
        with pytest.raises(TypeError, match=f"{kind.__name__} has no parameter .*{words}"):
            kind(**given)
    with pytest.raises(UserError) as raised:
        Study("s", model=MLPClassifier(), data="digits", space={next(iter(given)): Int(1, 3)})
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"hidden_layer_sizes": 100}, r"write hidden_layer_sizes=\(100,\)"),
        ({"activation": "logistic"}, "here activation='sigmoid'"),
        ({"early_stopping": True}, "here early_stopping='patience'"),
        ({"learning_rate": "adaptive"}, "here lr_schedule='plateau'"),
        ({"batch_size": "auto"}, r"scikit-learn's is min\(200, n_samples\)"),
    ],
)
def test_a_value_that_scikit_learn_takes_gets_an_error_that_translates(given, words):
    with pytest.raises(ValueError, match=words):
        small(**given).fit(X, Y)


def test_every_parameter_of_theirs_is_ours_or_is_translated():
    ours = set(MLPClassifier().get_params())
    for name in set(TheirMLP().get_params()) - ours:
        with pytest.raises(TypeError, match="here it is"):
            MLPClassifier(**{name: 1})


def test_the_signature_is_what_it_was():
    assert list(inspect.signature(MLPClassifier).parameters)[:2] == ["hidden_layer_sizes", "activation"]
    model = small(l2=0.5)
    assert clone(model).get_params() == model.get_params()
    assert Study("s", model=model, data="digits", space={"l2": Float(0, 1)}).dimensions


def test_predict_log_proba_is_the_logarithm():
    model = small().fit(X, Y)
    np.testing.assert_allclose(model.predict_log_proba(X), np.log(model.predict_proba(X)))


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_training_may_start_from_the_weights_of_another_network(kind):
    trained = kind(hidden_layer_sizes=(4, 3), max_epochs=3, random_state=0).fit(X, Y)
    still = kind(hidden_layer_sizes=(4, 3), max_epochs=1, random_state=5, learning_rate=1e-30)
    still.fit(X, Y, coefs_init=trained.coefs_, intercepts_init=trained.intercepts_)
    for a, b in zip([*trained.coefs_, *trained.intercepts_], [*still.coefs_, *still.intercepts_], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    assert still.n_iter_ == 1


def test_weights_alone_may_be_given_and_they_must_fit():
    trained = small().fit(X, Y)
    other = small(random_state=9, learning_rate=1e-30, max_epochs=1)
    other.fit(X, Y, coefs_init=trained.coefs_)
    np.testing.assert_allclose(other.coefs_[1], trained.coefs_[1], atol=1e-6)
    with pytest.raises(
        ValueError, match=r"coefs_init has shapes \(5, 4\); this network's are \(5, 4\), \(4, 3\), \(3, 2\)"
    ):
        other.fit(X, Y, coefs_init=trained.coefs_[:1])
    with pytest.raises(ValueError, match=r"intercepts_init\[0\] holds NaN"):
        other.fit(X, Y, intercepts_init=[b * np.nan for b in trained.intercepts_])


@pytest.mark.parametrize("extra", [{}, {"dropout": 0.5}, {"batch_norm": True}], ids=str)
def test_activations_and_raw_outputs_are_what_the_weights_give(extra):
    model = small(activation="tanh", **extra).fit(X, Y)
    layers = model.layer_activations(X)
    assert [layer.shape for layer in layers] == [(60, 4), (60, 3), (60, 2)]
    assert all(layer.dtype == np.float64 for layer in layers)
    z = layers[1] @ model.coefs_[2] + model.intercepts_[2]
    np.testing.assert_allclose(model.raw_outputs(X), z, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(layers[2], 1 / (1 + np.exp(-z)), rtol=1e-4)
    if not extra.get("batch_norm"):
        np.testing.assert_allclose(layers[0], np.tanh(X @ model.coefs_[0] + model.intercepts_[0]), rtol=1e-3, atol=1e-5)
