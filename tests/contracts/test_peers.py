"""Agreement with scikit-learn on loss and gradients, and with PyTorch on what scikit-learn lacks."""

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier as Peer
from sklearn.neural_network import MLPRegressor as PeerRegressor

from hpsearch.models.training.population import Member, Population, TrainingData

N = 40
D = 6
H = 5
COMMON = {"hidden_layer_sizes": (H,), "dtype": "float64", "batch_size": "all"}


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch", reason="PyTorch is not installed: it is a peer to compare with, not a need")


def samples(kind):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, D))
    if kind == "values":
        return X, rng.normal(size=(N, 2))
    if kind == "labels":
        return X, (rng.random((N, 3)) < 0.4).astype(float)
    return X, rng.integers(3, size=N)


def population(data, state=None, **params):
    return Population([Member({**COMMON, **params}, (0,), state=state)], data)


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
@pytest.mark.parametrize(
    ("kind", "output", "cost"),
    [
        ("classes", "softmax", "log_likelihood"),
        ("labels", "sigmoid", "cross_entropy"),
        ("values", "identity", "quadratic"),
    ],
)
def test_loss_and_gradients_are_those_of_scikit_learn(kind, output, cost, activation):
    X, y = samples(kind)
    if kind == "classes":
        data = TrainingData.from_arrays(X, y, 3, dtype="float64")
    else:
        data = TrainingData.from_targets(X, y, dtype="float64")
    ours = population(data, output=output, cost=cost, activation=activation, learning_rate=1.0, l2=0.7)
    before = ours.states()[0]
    loss = ours.run_epoch((0,))[0].metrics["train_cost"]
    after = ours.states()[0]

    kwargs = {"activation": "logistic" if activation == "sigmoid" else activation, "alpha": 0.7, "max_iter": 1}
    peer = (PeerRegressor if kind == "values" else Peer)(hidden_layer_sizes=(H,), **kwargs)
    with pytest.warns(UserWarning, match="Maximum iterations"):
        peer.fit(X, y)
    # its private backpropagation, on our weights; it divides alpha by the size of the batch as we divide λ by n
    peer.coefs_ = [before[f"W{i}"].T.copy() for i in (0, 1)]
    peer.intercepts_ = [before[f"b{i}"][0].copy() for i in (0, 1)]
    targets = data.T_train
    activations = [X, *(np.empty((N, width)) for width in (H, targets.shape[1]))]
    deltas = [np.empty_like(a) for a in activations[1:]]
    grads = [np.empty_like(w) for w in peer.coefs_], [np.empty_like(b) for b in peer.intercepts_]
    theirs, coefs, intercepts = peer._backprop(X, targets, None, activations, deltas, *grads)
    penalty = 0.7 / (2 * N) * sum((w**2).sum() for w in peer.coefs_)
    # scikit-learn reports a squared loss as the mean over outputs, though its gradients are those of the sum
    outputs = targets.shape[1] if kind == "values" else 1
    assert loss == pytest.approx((theirs - penalty) * outputs, rel=1e-10)
    for i in (0, 1):
        np.testing.assert_allclose((before[f"W{i}"] - after[f"W{i}"]).T, coefs[i], rtol=1e-10, atol=1e-13)
        np.testing.assert_allclose((before[f"b{i}"] - after[f"b{i}"])[0], intercepts[i], rtol=1e-10, atol=1e-13)


def torch_network(torch, state, batch_norm):
    layers = [torch.nn.Linear(D, H, bias=not batch_norm, dtype=torch.float64)]
    if batch_norm:
        layers.append(torch.nn.BatchNorm1d(H, dtype=torch.float64))
    layers += [torch.nn.Tanh(), torch.nn.Linear(H, 3, dtype=torch.float64)]
    network = torch.nn.Sequential(*layers)
    with torch.no_grad():
        for parameter, name in zip(network.parameters(), names(batch_norm), strict=True):
            parameter.copy_(torch.from_numpy(state[name].reshape(parameter.shape)))
    return network


def names(batch_norm):
    return ["W0", "g0", "b0", "W1", "b1"] if batch_norm else ["W0", "b0", "W1", "b1"]


@pytest.mark.parametrize("batch_norm", [False, True], ids=["", "batch_norm"])
@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "nesterov", "adam", "adamw", "rmsprop"])
def test_ten_epochs_are_those_of_pytorch(optimizer, batch_norm, torch):
    X, y = samples("classes")
    data = TrainingData.from_arrays(X, y, 3, dtype="float64")
    params = {"optimizer": optimizer, "learning_rate": 0.01, "l2": 0.4, "activation": "tanh", "batch_norm": batch_norm}
    params |= {"output": "softmax", "cost": "log_likelihood", "batch_size": 8}
    ours = population(data, **params)
    start = ours.states()[0]
    network = torch_network(torch, start, batch_norm)
    weights = [p for p in network.parameters() if p.ndim == 2]
    others = [p for p in network.parameters() if p.ndim == 1]
    groups = [{"params": weights, "weight_decay": 0.4 / N}, {"params": others}]
    theirs = {
        "sgd": lambda: torch.optim.SGD(groups, lr=0.01),
        "momentum": lambda: torch.optim.SGD(groups, lr=0.01, momentum=0.9),
        "nesterov": lambda: torch.optim.SGD(groups, lr=0.01, momentum=0.9, nesterov=True),
        "adam": lambda: torch.optim.Adam(groups, lr=0.01),
        "adamw": lambda: torch.optim.AdamW([groups[0], {**groups[1], "weight_decay": 0.0}], lr=0.01),
        "rmsprop": lambda: torch.optim.RMSprop(groups, lr=0.01, alpha=0.9),
    }[optimizer]()
    inputs = torch.from_numpy(X)
    targets = torch.from_numpy(y)
    steps = 0
    for epoch in range(10):
        ours.run_epoch((epoch,))
        order = np.random.default_rng((epoch,)).permutation(N)
        for start in range(0, N, 8):
            steps += 1
            for module in network:
                if isinstance(module, torch.nn.BatchNorm1d):
                    module.momentum = max(0.1, 1 / steps)
            rows = order[start : start + 8]
            theirs.zero_grad()
            torch.nn.functional.cross_entropy(network(inputs[rows]), targets[rows]).backward()
            theirs.step()
    state = ours.states()[0]
    for parameter, name in zip(network.parameters(), names(batch_norm), strict=True):
        np.testing.assert_allclose(
            state[name].reshape(parameter.shape), parameter.detach().numpy(), rtol=1e-7, atol=1e-9
        )
    if batch_norm:
        np.testing.assert_allclose(state["m0"][0], network[1].running_mean.numpy(), rtol=1e-7)
        np.testing.assert_allclose(state["v0"][0], network[1].running_var.numpy(), rtol=1e-7)
