"""A slow, obvious multilayer perceptron to hold the fast one against: the book's formulas in plain NumPy, float64."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from models.training import TrainingData

F = {
    "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda a: a * (1 - a)),
    "tanh": (np.tanh, lambda a: 1 - a**2),
    "relu": (lambda z: np.maximum(z, 0), lambda a: 1.0 * (a > 0)),
}


def softmax(z):
    e = np.exp(z)
    return e / e.sum(axis=1, keepdims=True)


def forward(weights, biases, X, activation, output):
    """Return the activations of all layers; weights are (n_in, n_out)."""
    activations = [X]
    for i, (w, b) in enumerate(zip(weights, biases, strict=True)):
        z = activations[-1] @ w + b
        last = i == len(weights) - 1
        f = (softmax if output == "softmax" else F[output][0]) if last else F[activation][0]
        activations.append(f(z))
    return activations


def data_cost(a, Y, output, cost):
    """Return C₀, the mean over samples, of one-hot Y."""
    t = 2 * Y - 1 if output == "tanh" else Y
    if cost == "quadratic":
        return ((a - t) ** 2).sum() / 2 / len(a)
    if cost == "log_likelihood":
        return -(Y * np.log(a)).sum() / len(a)
    p = (1 + a) / 2 if output == "tanh" else a
    return -(Y * np.log(p) + (1 - Y) * np.log(1 - p)).sum() / len(a)


def gradients(weights, biases, X, Y, params):
    """Backpropagate: (data cost, hits, ∇W, ∇b) of a batch, without regularisation."""
    activations = forward(weights, biases, X, params["activation"], params["output"])
    a, t = activations[-1], 2 * Y - 1 if params["output"] == "tanh" else Y
    delta = (a - t) / len(X)
    if params["cost"] == "quadratic" and params["output"] == "softmax":
        delta = a * (delta - (delta * a).sum(axis=1, keepdims=True))
    elif params["cost"] == "quadratic":
        delta = delta * F[params["output"]][1](a)
    nabla_w, nabla_b = [], []
    for i in reversed(range(len(weights))):
        nabla_w.insert(0, activations[i].T @ delta)
        nabla_b.insert(0, delta.sum(axis=0))
        if i:
            delta = delta @ weights[i].T * F[params["activation"]][1](activations[i])
    cost = data_cost(a, Y, params["output"], params["cost"])
    return cost, (a.argmax(axis=1) == Y.argmax(axis=1)).sum(), nabla_w, nabla_b


def epoch(weights, biases, X, Y, params, order):
    """Train for one epoch in place of nothing: returns (weights, biases, mean cost, accuracy)."""
    w, b = [x.copy() for x in weights], [x.copy() for x in biases]
    vw, vb = [np.zeros_like(x) for x in w], [np.zeros_like(x) for x in b]
    eta, mu, lam, n = params["learning_rate"], params.get("momentum", 0.0), params["l2"], len(X)
    total = hits = 0.0
    for start in range(0, n, params["batch_size"]):
        rows = order[start : start + params["batch_size"]]
        cost, right, nabla_w, nabla_b = gradients(w, b, X[rows], Y[rows], params)
        total, hits = total + cost * len(rows), hits + right
        for i in range(len(w)):
            vw[i] = mu * vw[i] - eta * (nabla_w[i] + lam / n * w[i])
            vb[i] = mu * vb[i] - eta * nabla_b[i]
            w[i], b[i] = w[i] + vw[i], b[i] + vb[i]
    return w, b, total / n, hits / n


@pytest.fixture(scope="session")
def reference():
    return SimpleNamespace(forward=forward, data_cost=data_cost, gradients=gradients, epoch=epoch)


@pytest.fixture(scope="session")
def toy():
    """Build small random data: (n, d, C, m validation samples, dtype) -> TrainingData."""

    def build(n=37, d=6, n_classes=3, m=0, dtype="float64"):
        rng = np.random.default_rng(n * 1000 + d)
        X, y = rng.random((n + m, d)), rng.integers(n_classes, size=n + m)
        X[np.arange(n + m), y % d] += 1  # something to learn
        held = (X[n:], y[n:]) if m else (None, None)
        return TrainingData.from_arrays(X[:n], y[:n], n_classes, *held, dtype=dtype)

    return build


@pytest.fixture(scope="session")
def layers():
    """Take a state apart: (weights of shape (n_in, n_out), biases of shape (n_out,))."""

    def split(state):
        depth = sum(name.startswith("W") for name in state)
        return [state[f"W{i}"].T for i in range(depth)], [state[f"b{i}"][0] for i in range(depth)]

    return split
