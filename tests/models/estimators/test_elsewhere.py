"""Networks from and for other programs: network2.py's JSON, and PyTorch's state."""

import json

import numpy as np
import pytest

from hpsearch.models import MLPClassifier, NetworkClassifier
from hpsearch.models.estimators.network2 import load_network2, save_network2
from hpsearch.models.estimators.torch_state import load_torch_state, torch_state
from hpsearch.models.layers import (
    AvgPool2D,
    BatchNorm,
    Conv2D,
    Dense,
    Flatten,
    GroupNorm,
    LayerNorm,
    MaxPool2D,
    Residual,
)

RNG = np.random.default_rng(0)
X = RNG.random((40, 128))
Y = np.arange(40) % 3


class Network2:
    """As much of network2.py as predicts."""

    def __init__(self, path):
        data = json.loads(path.read_text())
        self.sizes = data["sizes"]
        self.cost = data["cost"]
        self.weights = [np.array(w) for w in data["weights"]]
        self.biases = [np.array(b) for b in data["biases"]]

    def feedforward(self, a):
        for b, w in zip(self.biases, self.weights, strict=True):
            a = 1.0 / (1.0 + np.exp(-(np.dot(w, a) + b)))
        return a


@pytest.mark.parametrize("hidden", [(), (5,), (6, 4)])
@pytest.mark.parametrize(("cost", "theirs"), [("auto", "CrossEntropyCost"), ("quadratic", "QuadraticCost")])
def test_network2_computes_what_is_written_for_it_and_what_it_writes_is_read(hidden, cost, theirs, tmp_path):
    model = MLPClassifier(hidden, cost=cost, max_epochs=2, random_state=0, dtype="float64").fit(X, Y)
    save_network2(model, tmp_path / "net.json")
    network2 = Network2(tmp_path / "net.json")
    assert network2.sizes == [128, *hidden, 3]
    assert network2.cost == theirs
    outputs = network2.feedforward(X.T).T
    np.testing.assert_allclose(outputs, model.layer_activations(X)[-1], rtol=1e-10)
    again = load_network2(tmp_path / "net.json", dtype="float64", warm_start=True, max_epochs=1)
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    assert again.fit(X, Y).score(X, Y) >= 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is no network that network2.py saved"),
        ('{"sizes": [2, 1]}', "is no network that network2.py saved"),
        ('{"sizes": [2, 1], "weights": [[[1]]], "biases": [[[0]]], "cost": "QuadraticCost"}', "are not those of sizes"),
        ('{"sizes": [1, 1], "weights": [[[NaN]]], "biases": [[[0]]], "cost": "QuadraticCost"}', "holds NaN"),
        ('{"sizes": [1, 1], "weights": [[[1]]], "biases": [[[0]]], "cost": "eval(1)"}', "is no network"),
    ],
)
def test_a_file_that_is_none_is_refused(content, message, tmp_path):
    (tmp_path / "net.json").write_text(content)
    with pytest.raises(ValueError, match=message):
        load_network2(tmp_path / "net.json")


def test_what_network2_lacks_is_not_written(tmp_path):
    model = MLPClassifier((4,), activation="relu", max_epochs=1).fit(X, Y)
    with pytest.raises(ValueError, match=r"network2.py has no activation='relu'"):
        save_network2(model, tmp_path / "net.json")
    with pytest.raises(ValueError, match="has no NetworkClassifier"):
        save_network2(NetworkClassifier(max_epochs=1).fit(X, Y), tmp_path / "net.json")


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch", reason="PyTorch is not installed: it is a peer to compare with, not a need")


def networks(nn):
    convolution = [
        nn.Conv2d(2, 4, (3, 2), padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(64, 5), nn.ReLU(), nn.Linear(5, 3),
    ]  # fmt: skip
    return {
        "convolution": (
            NetworkClassifier(
                [Conv2D(4, (3, 2), padding=1), BatchNorm(), MaxPool2D(2), Dense(5)], image_shape=(8, 8, 2),
                max_epochs=2, random_state=0,
            ),
            convolution,
        ),
        "perceptron": (
            MLPClassifier((5,), output="softmax", batch_norm=False, max_epochs=2, random_state=0),
            [nn.Flatten(), nn.Linear(128, 5), nn.Sigmoid(), nn.Linear(5, 3)],
        ),
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["convolution", "perceptron"])
def test_pytorch_computes_the_same_with_our_weights_and_we_with_its(kind, torch):
    model, modules = networks(torch.nn)[kind]
    model.fit(X, Y)
    theirs = torch.nn.Sequential(*modules).eval()

    def outputs():
        images = X.reshape(40, 8, 8, 2).transpose(0, 3, 1, 2).copy() if kind == "convolution" else X
        with torch.no_grad():
            return theirs(torch.from_numpy(images).float()).numpy()

    state = torch_state(model, theirs.state_dict())
    theirs.load_state_dict({name: torch.from_numpy(np.array(array)) for name, array in state.items()})
    np.testing.assert_allclose(outputs(), model.raw_outputs(X), rtol=1e-4, atol=1e-5)
    torch.manual_seed(0)
    for parameter in theirs.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    load_torch_state(model, {name: tensor.numpy() for name, tensor in theirs.state_dict().items()})
    np.testing.assert_allclose(outputs(), model.raw_outputs(X), rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="has 1 arrays"):
        load_torch_state(model, {"weight": np.zeros((3, 5))})
    wrong = {name: np.zeros((2, 2)) for name in theirs.state_dict()}
    with pytest.raises(ValueError, match="has shape"):
        load_torch_state(model, wrong)


def blocks(nn):
    """Return chains, and of each PyTorch's modules: a pair is a residual connection of f and s."""
    plain = Conv2D(3, 3)
    wide = Conv2D(3, 3, padding="same")
    start = [nn.Conv2d(2, 3, 3), nn.ReLU()]  # 6 by 6 pixels of 3 channels
    same = [nn.Conv2d(3, 3, 3, padding=1), nn.ReLU()]
    dense = [nn.Flatten(), nn.Linear(108, 108), nn.ReLU()]
    return {
        "a shortcut behind filters of another number": (
            [plain, Residual([Conv2D(5, 3, stride=2)], shortcut=[Conv2D(5, 1, stride=(2, 2)), MaxPool2D(2, 1)])],
            [*start, ([nn.Conv2d(3, 5, 3, 2), nn.ReLU()],
                      [nn.Conv2d(3, 5, 1, 2), nn.ReLU(), nn.MaxPool2d(2, 1)]), nn.Flatten(), nn.Linear(20, 3)],
        ),
        "dense branches, both": (
            [plain, Residual([Dense(7)], shortcut=[Dense(7)]), Dense(4)],
            [*start, ([nn.Flatten(), nn.Linear(108, 7), nn.ReLU()], [nn.Flatten(), nn.Linear(108, 7), nn.ReLU()]),
             nn.Linear(7, 4), nn.ReLU(), nn.Linear(4, 3)],
        ),
        "a dense branch beside an image": (
            [plain, Residual([Dense(108)]), Dense(4)],
            [*start, (dense, [nn.Flatten()]), nn.Linear(108, 4), nn.ReLU(), nn.Linear(4, 3)],
        ),
        "a dense shortcut beside filters": (
            [plain, Residual([wide], shortcut=[Dense(108), LayerNorm()])],
            [*start, ([*same, nn.Flatten()], [*dense[:2], nn.LayerNorm(108), nn.ReLU()]), nn.Linear(108, 3)],
        ),
        "filters, a pool and dense layers in a branch, with norms": (
            [plain, Residual([wide, BatchNorm(), AvgPool2D(2), Dense(9), BatchNorm(), Dense(108), BatchNorm()])],
            [*start, ([same[0], nn.BatchNorm2d(3), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(27, 9),
                       nn.BatchNorm1d(9), nn.ReLU(), nn.Linear(9, 108), nn.BatchNorm1d(108), nn.ReLU()],
                      [nn.Flatten()]), nn.Linear(108, 3)],
        ),
        "a connection within a connection": (
            [plain, Residual([Dense(108), Residual([Dense(108)])]), BatchNorm()],
            [*start, ([*dense, ([nn.Linear(108, 108), nn.ReLU()], [])], [nn.Flatten()]),
             nn.BatchNorm1d(108), nn.Linear(108, 3)],
        ),
        "norms and pools behind a connection": (
            [plain, Residual([wide]), GroupNorm(3), MaxPool2D(2), Flatten(), LayerNorm(), Dense(4)],
            [*start, (same, []), nn.GroupNorm(3, 3), nn.MaxPool2d(2), nn.Flatten(), nn.LayerNorm(27),
             nn.Linear(27, 4), nn.ReLU(), nn.Linear(4, 3)],
        ),
    }  # fmt: skip


def modules_of(parts, nn):
    class Sum(nn.Module):
        def __init__(self, main, shortcut):
            super().__init__()
            self.main = modules_of(main, nn)
            self.shortcut = modules_of(shortcut, nn)

        def forward(self, x):
            return self.main(x) + self.shortcut(x)

    return nn.Sequential(*(Sum(*module) if isinstance(module, tuple) else module for module in parts))


@pytest.mark.parametrize(
    "kind",
    [
        "a shortcut behind filters of another number",
        "dense branches, both",
        "a dense branch beside an image",
        "a dense shortcut beside filters",
        "filters, a pool and dense layers in a branch, with norms",
        "a connection within a connection",
        "norms and pools behind a connection",
    ],
)
def test_residual_connections_are_those_of_pytorch(kind, torch):
    layers, parts = blocks(torch.nn)[kind]
    model = NetworkClassifier(layers, image_shape=(8, 8, 2), max_epochs=1, random_state=0).fit(X, Y)
    theirs = modules_of(parts, torch.nn).eval()
    images = torch.from_numpy(X.reshape(40, 8, 8, 2).transpose(0, 3, 1, 2).copy()).float()

    def agree():
        with torch.no_grad():
            np.testing.assert_allclose(theirs(images).numpy(), model.raw_outputs(X), rtol=1e-4, atol=1e-4)

    state = torch_state(model, theirs.state_dict())
    theirs.load_state_dict({name: torch.from_numpy(np.array(array)) for name, array in state.items()})
    agree()
    torch.manual_seed(0)
    for parameter in theirs.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    load_torch_state(model, {name: tensor.numpy() for name, tensor in theirs.state_dict().items()})
    agree()


def test_groups_of_single_numbers_of_an_image_are_others_there():
    layers = [Conv2D(4, 3), Flatten(), GroupNorm(2)]
    model = NetworkClassifier(layers, image_shape=(8, 8, 2), max_epochs=1, random_state=0).fit(X, Y)
    with pytest.raises(ValueError, match=r"GroupNorm\(2\) of the single numbers of an image"):
        torch_state(model, [])
