"""Chains of layers compute what PyTorch computes: outputs, gradients and two epochs of training."""

import numpy as np
import pytest

from hpsearch.models.layers import (
    Activation,
    AvgPool2D,
    BatchNorm,
    Conv2D,
    Dense,
    GroupNorm,
    LayerNorm,
    MaxPool2D,
    Residual,
)
from hpsearch.models.training.population import Member, Population, TrainingData

N = 24
SIDE = 8
CHANNELS = 2
CLASSES = 3
SHAPE = (SIDE, SIDE, CHANNELS)


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch", reason="PyTorch is not installed: it is a peer to compare with, not a need")


def samples():
    rng = np.random.default_rng(0)
    return rng.normal(size=(N, SIDE * SIDE * CHANNELS)), rng.integers(CLASSES, size=N)


def population(layers, **params):
    X, y = samples()
    all_params = {
        "layers": layers,
        "image_shape": SHAPE,
        "activation": "tanh",
        "output": "softmax",
        "dtype": "float64",
        "weight_init": "glorot",
        "batch_size": 8,
        **params,
    }
    return Population([Member(all_params, (0,))], TrainingData.from_arrays(X, y, CLASSES, dtype="float64"))


# ours, and theirs: (torch.nn, how many numbers Flatten gives) -> modules with parameters and those between
CASES = {
    "convolution and max pool": (
        [Conv2D(4, 3), MaxPool2D(2), Dense(5)],
        lambda nn: [
            nn.Conv2d(2, 4, 3), nn.Tanh(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 5), nn.Tanh(), nn.Linear(5, 3),
        ],
    ),
    "stride, padding, overlapping windows": (
        [Conv2D(4, (3, 2), stride=(2, 1), padding=(1, 0)), MaxPool2D(3, 1), Conv2D(5, 2, padding=1), AvgPool2D(2)],
        lambda nn: [
            nn.Conv2d(2, 4, (3, 2), stride=(2, 1), padding=(1, 0)), nn.Tanh(), nn.MaxPool2d(3, 1),
            nn.Conv2d(4, 5, 2, padding=1), nn.Tanh(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(15, 3),
        ],
    ),
    "batch norm": (
        [Conv2D(4, 3), BatchNorm(), MaxPool2D(2), Dense(5), BatchNorm()],
        lambda nn: [
            nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.Tanh(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 5),
            nn.BatchNorm1d(5), nn.Tanh(), nn.Linear(5, 3),
        ],
    ),
    "group and layer norm": (
        [Conv2D(4, 3), GroupNorm(2), MaxPool2D(2), Dense(6), LayerNorm()],
        lambda nn: [
            nn.Conv2d(2, 4, 3), nn.GroupNorm(2, 4), nn.Tanh(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 6),
            nn.LayerNorm(6), nn.Tanh(), nn.Linear(6, 3),
        ],
    ),
    "activations": (
        [Conv2D(4, 3, activation="swish"), Conv2D(4, 3, activation="gelu"), Dense(6, activation="leaky_relu")],
        lambda nn: [
            nn.Conv2d(2, 4, 3), nn.SiLU(), nn.Conv2d(4, 4, 3), nn.GELU(), nn.Flatten(), nn.Linear(64, 6),
            nn.LeakyReLU(0.01), nn.Linear(6, 3),
        ],
    ),
}  # fmt: skip


def network(torch, make):
    return torch.nn.Sequential(*make(torch.nn)).double()


def load(torch, theirs, state):
    """Give a network of PyTorch the weights of ours: theirs have channels outermost, ours innermost."""
    weights = norms = 0
    shape = None
    with torch.no_grad():
        for module in theirs:
            kind = type(module).__name__
            if kind == "Conv2d":
                kernel = state[f"W{weights}"].reshape(module.out_channels, *module.kernel_size, -1)
                module.weight.copy_(torch.from_numpy(kernel.transpose(0, 3, 1, 2).copy()))
                module.bias.copy_(torch.from_numpy(state[f"b{weights}"][0]))
                weights = weights + 1
                shape = module.out_channels
            elif kind == "Linear":
                matrix = state[f"W{weights}"]
                if shape is not None:  # its inputs are an image
                    matrix = matrix.reshape(len(matrix), -1, shape).transpose(0, 2, 1).reshape(len(matrix), -1)
                module.weight.copy_(torch.from_numpy(matrix.copy()))
                module.bias.copy_(torch.from_numpy(state[f"b{weights}"][0]))
                weights = weights + 1
                shape = None
            elif "Norm" in kind:
                module.weight.copy_(torch.from_numpy(state[f"g{norms}"][0]))
                module.bias.copy_(torch.from_numpy(state[f"s{norms}"][0]))
                norms += 1


def inputs(torch):
    X, y = samples()
    images = X.reshape(N, *SHAPE).transpose(0, 3, 1, 2).copy()
    return torch.from_numpy(images), torch.from_numpy(y)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize(("layers", "make"), CASES.values(), ids=CASES)
def test_two_epochs_are_those_of_pytorch(layers, make, optimizer, torch):
    ours = population(layers, optimizer=optimizer, learning_rate=0.01)
    theirs = network(torch, make)
    load(torch, theirs, ours.states()[0])
    X, y = inputs(torch)
    kind = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[optimizer]
    steps = kind(theirs.parameters(), lr=0.01)
    count = 0
    for epoch in range(2):
        ours.run_epoch((epoch,))
        order = np.random.default_rng((epoch,)).permutation(N)
        for start in range(0, N, 8):
            count += 1
            for module in theirs:
                if "BatchNorm" in type(module).__name__:
                    module.momentum = max(0.1, 1 / count)
            rows = order[start : start + 8]
            steps.zero_grad()
            torch.nn.functional.cross_entropy(theirs(X[rows]), y[rows]).backward()
            steps.step()
    expected = network(torch, make)
    load(torch, expected, ours.states()[0])
    for parameter, wanted in zip(expected.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(parameter.detach().numpy(), wanted.detach().numpy(), rtol=1e-7, atol=1e-9)


def test_a_residual_block_is_that_of_pytorch(torch):
    layers = [
        Residual([Conv2D(2, 3, padding="same"), Conv2D(2, 3, padding="same", activation="identity")]),
        Activation("relu"),
    ]
    ours = population(layers, learning_rate=1.0, batch_size="all", optimizer="sgd")
    first, second, last = network(
        torch, lambda nn: [nn.Conv2d(2, 2, 3, padding=1), nn.Conv2d(2, 2, 3, padding=1), nn.Linear(128, 3)]
    )
    before = ours.states()[0]
    load(torch, [first, second, last], before)
    ours.run_epoch((0,))
    X, y = inputs(torch)
    block = torch.relu(X + second(torch.tanh(first(X))))
    torch.nn.functional.cross_entropy(last(block.flatten(1)), y).backward()
    after = ours.states()[0]
    modules = [first, second, last]
    gradients = {name: before[name] - after[name] for name in before if name[0] in "Wb"}
    expected = [[parameter.grad.clone() for parameter in module.parameters()] for module in modules]
    load(torch, modules, gradients)
    for module, own in zip(modules, expected, strict=True):
        for ours_parameter, wanted in zip(module.parameters(), own, strict=True):
            np.testing.assert_allclose(ours_parameter.detach().numpy(), wanted.numpy(), rtol=1e-10, atol=1e-12)


def test_a_pool_gives_the_error_to_the_first_of_equal_pixels_as_pytorch_does(torch):
    X = np.zeros((4, 16))
    X[:, 5] = -1.0
    data = TrainingData.from_arrays(X, np.arange(4) % 2, 2, dtype="float64")
    params = {
        "layers": [Conv2D(1, 1, activation="identity"), MaxPool2D(2)],
        "image_shape": (4, 4),
        "output": "softmax",
        "dtype": "float64",
        "batch_size": "all",
        "learning_rate": 1.0,
    }
    ours = Population([Member(params, (0,))], data)
    before = ours.states()[0]
    theirs = network(torch, lambda nn: [nn.Conv2d(1, 1, 1), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4, 2)])
    load(torch, theirs, before)
    ours.run_epoch((0,))
    loss = torch.nn.functional.cross_entropy(theirs(torch.from_numpy(X.reshape(4, 1, 4, 4))), torch.arange(4) % 2)
    loss.backward()
    after = ours.states()[0]
    np.testing.assert_allclose(before["W0"] - after["W0"], theirs[0].weight.grad.numpy().reshape(1, 1), atol=1e-12)
    np.testing.assert_allclose(before["b0"] - after["b0"], theirs[0].bias.grad.numpy().reshape(1, 1), atol=1e-12)
