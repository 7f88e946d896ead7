"""A slow, obvious multilayer perceptron to hold the fast one against: the book's formulas in plain NumPy, float64."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from chains import CHAINS, PIXELS
from every_layer import computing
from optimizers import going_along
from scipy.special import erf

from hpsearch.models.network import Network
from hpsearch.models.parameters import resolve_params
from hpsearch.models.training.population import TrainingData


def _cdf(z):
    return (1 + erf(z / np.sqrt(2))) / 2


class Formulas(dict):
    """The functions by name; one that is missing is asked for in words."""

    def __missing__(self, name):
        raise KeyError(f"activation {name!r} has no formula here: add its (f, f') to F in tests/contracts/conftest.py")


# name: (f, f'), both of z
F = Formulas({
    "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda z: np.exp(-z) / (1 + np.exp(-z)) ** 2),
    "tanh": (np.tanh, lambda z: 1 / np.cosh(z) ** 2),
    "relu": (lambda z: np.maximum(z, 0), lambda z: 1.0 * (z > 0)),
    "leaky_relu": (lambda z: np.where(z > 0, z, 0.01 * z), lambda z: np.where(z > 0, 1, 0.01)),
    "elu": (lambda z: np.where(z > 0, z, np.exp(z) - 1), lambda z: np.where(z > 0, 1, np.exp(z))),
    "gelu": (lambda z: z * _cdf(z), lambda z: _cdf(z) + z * np.exp(-z * z / 2) / np.sqrt(2 * np.pi)),
    "swish": (lambda z: z / (1 + np.exp(-z)), lambda z: (1 + z / (1 + np.exp(z))) / (1 + np.exp(-z))),
    "identity": (lambda z: z, np.ones_like),
    "linear": (lambda z: z, np.ones_like),
})  # fmt: skip


def softmax(z):
    e = np.exp(z)
    return e / e.sum(axis=1, keepdims=True)


def forward(weights, biases, X, activation, output):
    """Return the weighted inputs z and the activations a of all layers; weights are (n_in, n_out)."""
    zs = []
    activations = [X]
    for i, (w, b) in enumerate(zip(weights, biases, strict=True)):
        z = activations[-1] @ w + b
        last = i == len(weights) - 1
        f = (softmax if output == "softmax" else F[output][0]) if last else F[activation][0]
        zs.append(z)
        activations.append(f(z))
    return zs, activations


def within_the_margin(a, Y):
    """Return z_j − z_y + 1 of each class but the sample's own where it is positive, else 0; shape (n, C)."""
    return np.where(Y == 1, 0, np.maximum(0, a - a[Y == 1][:, None] + 1))


def data_cost(a, Y, output, cost, importance=1.0):
    """Return C₀, the mean over samples, of one-hot Y; importance, shape (n, 1), weighs samples."""
    t = 2 * Y - 1 if output == "tanh" else Y
    if cost == "quadratic":
        return (importance * (a - t) ** 2).sum() / 2 / len(a)
    if cost == "log_likelihood":
        return -(importance * Y * np.log(a)).sum() / len(a)
    if cost == "hinge":
        return (importance * within_the_margin(a, Y)).sum() / len(a)
    if cost != "cross_entropy":
        raise KeyError(f"cost {cost!r} has no formula here: add it to data_cost in tests/contracts/conftest.py")
    p = (1 + a) / 2 if output == "tanh" else a
    return -(importance * (Y * np.log(p) + (1 - Y) * np.log(1 - p))).sum() / len(a)


def gradients(weights, biases, X, Y, params, importance=1.0):
    """Backpropagate: (data cost, hits, ∇W, ∇b) of a batch, without regularisation."""
    zs, activations = forward(weights, biases, X, params["activation"], params["output"])
    a = activations[-1]
    t = 2 * Y - 1 if params["output"] == "tanh" else Y
    delta = importance * (a - t) / len(X)
    if params["cost"] == "hinge":
        violated = within_the_margin(a, Y) > 0
        delta = importance * (violated - Y * violated.sum(axis=1, keepdims=True)) / len(X)
    elif params["cost"] == "quadratic" and params["output"] == "softmax":
        delta = a * (delta - (delta * a).sum(axis=1, keepdims=True))
    elif params["cost"] == "quadratic":
        delta = delta * F[params["output"]][1](zs[-1])
    nabla_w = []
    nabla_b = []
    for i in reversed(range(len(weights))):
        nabla_w.insert(0, activations[i].T @ delta)
        nabla_b.insert(0, delta.sum(axis=0))
        if i:
            delta = delta @ weights[i].T * F[params["activation"]][1](zs[i - 1])
    cost = data_cost(a, Y, params["output"], params["cost"], importance)
    return cost, (a.argmax(axis=1) == Y.argmax(axis=1)).sum(), nabla_w, nabla_b


def step(optimizer, w, g, memory, eta, mu, t):
    """Return w after one step down g; memory is the optimizer's own of this parameter."""
    if optimizer == "sgd":
        return w - eta * g
    if optimizer in ("momentum", "nesterov"):
        v = memory["v"] = mu * memory.get("v", 0) - eta * g
        return w + (v if optimizer == "momentum" else mu * v - eta * g)
    if optimizer == "rmsprop":
        s = memory["s"] = 0.9 * memory.get("s", 0) + 0.1 * g**2
        return w - eta * g / (np.sqrt(s) + 1e-8)
    if optimizer not in ("adam", "adamw"):
        raise KeyError(f"optimizer {optimizer!r} has no formula here: add it to step in tests/contracts/conftest.py")
    m = memory["m"] = mu * memory.get("m", 0) + (1 - mu) * g
    s = memory["s"] = 0.999 * memory.get("s", 0) + 0.001 * g**2
    return w - eta * (m / (1 - mu**t)) / (np.sqrt(s / (1 - 0.999**t)) + 1e-8)


def epoch(weights, biases, X, Y, params, order, importance=None):
    """Train for one epoch in place of nothing: returns (weights, biases, mean cost, accuracy)."""
    w = [x.copy() for x in weights]
    b = [x.copy() for x in biases]
    memory = [({}, {}) for _ in w]
    eta = params["learning_rate"]
    mu = params.get("momentum", 0.0)
    n = len(X)
    l1 = params.get("l1", 0.0)
    l2 = params.get("l2", 0.0)
    most = params.get("max_norm")
    importance = np.ones((n, 1)) if importance is None else importance
    total = hits = 0.0
    for t, start in enumerate(range(0, n, params["batch_size"]), start=1):
        rows = order[start : start + params["batch_size"]]
        cost, right, nabla_w, nabla_b = gradients(w, b, X[rows], Y[rows], params, importance[rows])
        total = total + cost * len(rows)
        hits = hits + right
        for i in range(len(w)):
            decoupled = params["optimizer"] == "adamw"
            g = nabla_w[i] + (0 if decoupled else l2 / n * w[i]) + l1 / n * np.sign(w[i])
            w[i] = w[i] * (1 - eta * l2 / n) if decoupled else w[i]
            w[i] = step(params["optimizer"], w[i], g, memory[i][0], eta, mu, t)
            b[i] = step(params["optimizer"], b[i], nabla_b[i], memory[i][1], eta, mu, t)
            if most is not None:
                norms = np.linalg.norm(w[i], axis=0)  # of the weights into each neuron
                w[i] = w[i] * np.where(norms > most, most / norms, 1)
    return w, b, total / n, hits / n


@pytest.fixture(scope="session")
def reference():
    return SimpleNamespace(F=F, forward=forward, data_cost=data_cost, gradients=gradients, epoch=epoch)


@pytest.fixture(scope="session")
def toy():
    """Build small random data: (n, d, C, m validation samples, dtype, output, sample weights?) -> TrainingData."""

    def build(n=37, d=6, n_classes=3, m=0, dtype="float64", output="sigmoid", weighted=False):
        rng = np.random.default_rng(n * 1000 + d)
        X = rng.random((n + m, d))
        y = rng.integers(n_classes, size=n + m)
        X[np.arange(n + m), y % d] += 1  # something to learn
        weights = rng.random(n) if weighted else None
        if output in ("identity", "labels"):
            T = X[:, :n_classes] - 0.5 + 0.1 * rng.normal(size=(n + m, n_classes))
            T = T if output == "identity" else 1.0 * (T > 0.3)
            held = (X[n:], T[n:]) if m else (None, None)
            return TrainingData.from_targets(X[:n], T[:n], *held, dtype=dtype, sample_weight=weights)
        held = (X[n:], y[n:]) if m else (None, None)
        return TrainingData.from_arrays(X[:n], y[:n], n_classes, *held, dtype=dtype, sample_weight=weights)

    return build


@pytest.fixture(scope="session")
def layers():
    """Take a state apart: (weights of shape (n_in, n_out), biases of shape (n_out,))."""

    def split(state):
        depth = sum(name.startswith("W") for name in state)
        return [state[f"W{i}"].T for i in range(depth)], [state[f"b{i}"][0] for i in range(depth)]

    return split


@pytest.fixture(scope="session")
def not_built():
    """Return the names of the layers that no network of these cases has, nor any chain: (parameters, …) -> names.

    The chains of tests/support/chains.py are held to the same in test_chain.py.
    """

    def missing(cases):
        networks = (
            Network.build(resolve_params(going_along({"optimizer": "sgd", "hidden_layer_sizes": (5,), **case})), 4, 3)
            for case in cases
        )
        chains = (resolve_params({"layers": chain, "output": "softmax"}) for chain in CHAINS.values())
        inside = (Network.build(params, PIXELS, 3) for params in chains)
        built = {type(layer) for network in networks for layer in network.layers}
        built |= {type(layer) for network in inside for layer in (*network.leaves, *network.layers)}
        return {each.__name__ for each in computing() if each not in built}

    return missing
