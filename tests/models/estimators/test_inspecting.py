"""What a network shows: weighted inputs, activations, gradients, its total cost; and where it starts from."""

import numpy as np
import pytest
from chains import CHAINS, PIXELS

from hpsearch.models import MLPClassifier, MLPRegressor, NetworkClassifier, NetworkRegressor, check_gradients
from hpsearch.models.activations import ACTIVATIONS
from hpsearch.models.layers import AvgPool2D, BatchNorm, Conv2D, Dense

RNG = np.random.default_rng(0)
X = RNG.random((30, PIXELS))
Y = np.arange(30) % 3


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations_are_the_function_of_the_weighted_inputs(activation):
    from hpsearch.models.kernels import run

    layers = [Conv2D(3, 3), AvgPool2D(2), Dense(5), Dense(4, activation="identity")]
    model = NetworkClassifier(layers, activation=activation, max_epochs=1, random_state=0).fit(X, Y)
    zs = model.layer_weighted_inputs(X)
    activations = model.layer_activations(X)
    assert [z.shape for z in zs] == [a.shape for a in activations] == [(30, 108), (30, 5), (30, 3)]
    for z, a in zip(zs[:-1], activations[:-1], strict=True):
        u = z * ACTIVATIONS[activation].gain
        run(ACTIVATIONS[activation].apply(u, np.empty_like(u)))
        np.testing.assert_allclose(a, u, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(zs[-1], model.raw_outputs(X))


def test_weighted_inputs_of_filters_are_a_convolution_whatever_the_order_of_their_places():
    from scipy.signal import correlate2d

    # gelu is not monotone, so that it stands below the pool, whose windows order the places
    model = NetworkClassifier([Conv2D(2, 3), AvgPool2D(2)], activation="gelu", max_epochs=1, random_state=0).fit(X, Y)
    z = model.layer_weighted_inputs(X)[0].reshape(30, 6, 6, 2)
    for filter_ in range(2):
        kernel = model.coefs_[0][:, filter_].reshape(3, 3)
        bias = model.intercepts_[0][filter_]
        expected = correlate2d(X[7].reshape(8, 8), kernel, "valid") + bias
        np.testing.assert_allclose(z[7, :, :, filter_], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("chain", CHAINS.values(), ids=CHAINS)
def test_the_gradient_check_passes_for_every_chain(chain):
    model = NetworkClassifier(chain, activation="tanh", weight_init="glorot", l2=0.3, l1=0.1, random_state=3)
    check = check_gradients(model, X, Y, sampled=6)
    assert check.worst < 1e-3, str(check)
    assert set(check.by_parameter) >= {"W0", "b0"}


def test_the_gradient_check_finds_a_wrong_gradient(monkeypatch):
    from hpsearch.models.layers.dense import DenseLayer

    right = DenseLayer.backward

    def wrong(self, *args, **kwargs):
        ops, below, gradients = right(self, *args, **kwargs)
        return ops, below, [type(g)(g.parameter, g.left, g.right, g.decays, 1.01 * g.scale) for g in gradients]

    monkeypatch.setattr(DenseLayer, "backward", wrong)
    assert check_gradients(MLPClassifier((4,), random_state=0), X, Y).worst > 3e-3


def test_gradients_of_a_fitted_network_are_what_a_step_with_rate_one_takes():
    model = MLPClassifier((4,), l2=0.5, max_epochs=2, dtype="float64", random_state=0).fit(X, Y)
    coefs, intercepts = model.gradients(X, Y)
    step = MLPClassifier(
        (4,),
        l2=0.5,
        batch_size="all",
        max_epochs=1,
        learning_rate=1.0,
        dtype="float64",
        random_state=0,
        weight_init=([w.tolist() for w in model.coefs_], [b.tolist() for b in model.intercepts_]),
    ).fit(X, Y)
    for before, after, gradient in zip(model.coefs_, step.coefs_, coefs, strict=True):
        np.testing.assert_allclose(before - after, gradient, rtol=1e-8, atol=1e-12)
    for before, after, gradient in zip(model.intercepts_, step.intercepts_, intercepts, strict=True):
        np.testing.assert_allclose(before - after, gradient, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("kind", [MLPRegressor, NetworkRegressor])
def test_the_total_cost_has_the_penalty_of_the_weights_after_the_epoch(kind):
    model = kind(l1=0.4, l2=0.7, max_epochs=3, random_state=0).fit(X, X[:, 0])
    squares, sizes = (sum(f(w).sum() for w in model.coefs_) for f in (np.square, np.abs))
    penalty = 0.7 / (2 * 30) * squares + 0.4 / 30 * sizes
    history = model.history_
    assert history["train_total_cost"][-1] - history["train_cost"][-1] == pytest.approx(penalty, rel=1e-5)


def test_the_toy_neuron_of_the_slides_starts_where_it_is_told_to(tmp_path):
    start = ([[[0.6, -0.6]]], [[0.9, -0.9]])
    model = MLPClassifier((), weight_init=start, cost="quadratic", learning_rate=1e-9, max_epochs=1, dtype="float64")
    model.fit([[1.0], [1.0]], [0, 1])
    np.testing.assert_allclose(model.raw_outputs([[1.0]]), [[1.5, -1.5]], rtol=1e-6)
    model.save(tmp_path / "toy.npz")
    with pytest.raises(ValueError, match="this network's are"):
        MLPClassifier((3,), weight_init=start).fit([[1.0], [1.0]], [0, 1])
    with pytest.raises(ValueError, match="must be the name of a rule, or"):
        MLPClassifier((), weight_init=([1.0],)).fit([[1.0], [1.0]], [0, 1])


def test_a_gradient_that_is_zero_is_no_error_of_the_differences_rounding():
    """A bias below a batch norm moves nothing; differences of rounded costs are not exactly 0."""
    rng = np.random.default_rng(0)
    X = rng.random((20, 64))
    y = rng.integers(3, size=20)
    model = NetworkClassifier([Conv2D(4, 3), BatchNorm(), Dense(5, "tanh")], random_state=0, activation="tanh")
    assert check_gradients(model, X, y).by_parameter["b0"] < 1e-6
