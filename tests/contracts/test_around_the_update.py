"""What stands around an optimizer's update: clipping, averaging, smoothing, decaying biases, warm-up, schedules."""

import numpy as np
import pytest
from optimizers import FIRST_ORDER

from hpsearch.models.initializers import orthogonal
from hpsearch.models.schedules import SCHEDULES, warm_up
from hpsearch.models.training.folds import FoldPopulation
from hpsearch.models.training.population import Member, Population

BASE = {"hidden_layer_sizes": (5,), "batch_size": 8, "max_epochs": 10, "dtype": "float64"}
AROUND = [
    {"clip_norm": 0.05},
    {"ema": 0.9},
    {"label_smoothing": 0.2},
    {"regularize_biases": True, "l2": 3.0, "l1": 0.3},
    {"lr_warmup": 3},
    {"clip_norm": 0.1, "ema": 0.8, "early_stopping": "patience", "batch_norm": True},
]


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch", reason="PyTorch is not installed: it is a peer to compare with, not a need")


def train(params, data, epochs=2, seed=0):
    population = Population([Member({**BASE, **params}, (seed,))], data)
    for epoch in range(epochs):
        population.run_epoch((epoch,))
    return population.states()[0]


@pytest.mark.parametrize("around", AROUND, ids=str)
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_fused_equals_alone_over_two_epochs(around, optimizer, toy):
    data = toy(n=37, m=20, dtype="float32")
    shared = {**BASE, "dtype": "float32", "optimizer": optimizer, **around}
    members = [Member({**shared, "learning_rate": 0.01 * (k + 1)}, (5, k)) for k in range(4)]
    population = Population(members, data)
    results = [population.run_epoch((8, tick)) for tick in range(2)]
    folds = FoldPopulation([Member(m.params, m.seed) for m in members], [data] * 4)
    for tick in range(2):
        folds.run_epoch((8, tick))
    for k, state in enumerate(population.states()):
        alone = Population([Member(members[k].params, (5, k))], data)
        alone_metrics = [alone.run_epoch((8, tick))[0].metrics for tick in range(2)]
        assert alone_metrics == [epoch[k].metrics for epoch in results]
        for other in (alone.states()[0], folds.states()[k]):
            assert {name: array.tobytes() for name, array in other.items()} == {
                name: array.tobytes() for name, array in state.items()
            }


def torch_epochs(torch, data, state, optimizer, params, *, clip=None, smoothing=0.0, average=None, decay_biases=False):
    """Train PyTorch's network of the same start for two epochs; returns its parameters and their average."""
    nn = torch.nn
    network = nn.Sequential(nn.Linear(6, 5), nn.Sigmoid(), nn.Linear(5, 3)).double()
    with torch.no_grad():
        for parameter, name in zip(network.parameters(), ("W0", "b0", "W1", "b1"), strict=True):
            parameter.copy_(torch.from_numpy(state[name].reshape(parameter.shape)))
    n = len(data.X_train)
    decay = params.get("l2", 0.0) / len(data.X_train)
    groups = [
        {"params": [p for p in network.parameters() if p.ndim == 2], "weight_decay": decay},
        {"params": [p for p in network.parameters() if p.ndim == 1], "weight_decay": decay if decay_biases else 0.0},
    ]
    optimizers = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
    steps = optimizers[optimizer](groups, lr=params["learning_rate"])
    mean = [p.detach().clone() for p in network.parameters()]
    X = torch.from_numpy(data.X_train)
    y = torch.from_numpy(data.y_train)
    for epoch in range(2):
        order = np.random.default_rng((epoch,)).permutation(n)
        for start in range(0, n, 8):
            rows = order[start : start + 8]
            steps.zero_grad()
            nn.functional.cross_entropy(network(X[rows]), y[rows], label_smoothing=smoothing).backward()
            if clip is not None:
                nn.utils.clip_grad_norm_(network.parameters(), clip)
            steps.step()
            if average is not None:
                mean = [
                    average * m + (1 - average) * p.detach() for m, p in zip(mean, network.parameters(), strict=True)
                ]
    return [p.detach().numpy() for p in network.parameters()], [m.numpy() for m in mean]


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({"clip_norm": 0.05}, {"clip": 0.05}),
        ({"label_smoothing": 0.2}, {"smoothing": 0.2}),
        ({"ema": 0.9}, {"average": 0.9}),
        ({"l2": 2.0}, {}),
        ({"l2": 2.0, "regularize_biases": True}, {"decay_biases": True}),
    ],
    ids=str,
)
def test_two_epochs_are_those_of_pytorch(ours, theirs, optimizer, toy, torch):
    data = toy(n=37)
    params = {"output": "softmax", "optimizer": optimizer, "learning_rate": 0.05, **ours}
    start = train({**params}, data, epochs=0)
    weights, mean = torch_epochs(torch, data, start, optimizer, params, **theirs)
    state = train(params, data)
    for name, expected in zip(("W0", "b0", "W1", "b1"), weights, strict=True):
        # PyTorch's clipping divides by the norm plus 1e-6
        tolerance = 1e-4 if "clip" in theirs else 1e-9
        np.testing.assert_allclose(state[name].reshape(expected.shape), expected, rtol=tolerance, atol=1e-9)
    if "average" in theirs:
        for name, expected in zip(("W0", "b0", "W1", "b1"), mean, strict=True):
            np.testing.assert_allclose(state[f"average.{name}"].reshape(expected.shape), expected, rtol=1e-9)


@pytest.mark.parametrize("optimizer", FIRST_ORDER)
def test_a_bound_that_is_never_reached_changes_nothing_but_rounding(optimizer, toy):
    data = toy(n=37)
    free, bounded = (train({"optimizer": optimizer, "clip_norm": clip}, data) for clip in (None, 1e9))
    for name in ("W0", "b1"):
        np.testing.assert_allclose(free[name], bounded[name], rtol=1e-7)


def test_the_average_is_what_is_measured(toy):
    data = toy(n=37, m=20)
    population = Population([Member({**BASE, "ema": 0.9, "learning_rate": 1.0}, (0,))], data)
    metrics = population.run_epoch((0,))[0].metrics
    state = population.states()[0]
    mean = {name: state[f"average.{name}"] for name in ("W0", "b0", "W1", "b1")}
    h = 1 / (1 + np.exp(-(data.X_valid @ mean["W0"].T + mean["b0"])))
    a = 1 / (1 + np.exp(-(h @ mean["W1"].T + mean["b1"])))
    t = np.eye(3)[data.y_valid]
    cost = -(t * np.log(a) + (1 - t) * np.log(1 - a)).sum() / len(a)
    assert metrics["val_cost"] == pytest.approx(cost, rel=1e-10)


def factors(name, epochs, **params):
    memory = dict(SCHEDULES[name].start)
    rates = []
    all_params = {"max_epochs": epochs, "lr_patience": 1, "lr_factor": 0.8, "lr_min_ratio": 1e-3, **params}
    for epoch in range(1, epochs + 1):
        rates.append(memory["lr_factor"])
        memory |= SCHEDULES[name].observe(memory, all_params, float("nan"), epoch)[0]
    return rates


@pytest.mark.parametrize("epochs", [10, 37])
def test_schedules_are_those_of_pytorch(epochs, torch):
    schedulers = torch.optim.lr_scheduler

    def theirs(make):
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
        scheduler = make(optimizer)
        rates_by_epoch = []
        for _ in range(epochs):
            rates_by_epoch.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step() if len(rates_by_epoch) < epochs else None
        return rates_by_epoch

    expected = {
        "step": theirs(lambda o: schedulers.StepLR(o, 3, gamma=0.8)),
        "exponential": theirs(lambda o: schedulers.ExponentialLR(o, 0.8)),
        "cosine": theirs(lambda o: schedulers.CosineAnnealingLR(o, epochs, eta_min=1e-3)),
        "one_cycle": theirs(
            lambda o: schedulers.OneCycleLR(
                o, 1.0, total_steps=epochs, cycle_momentum=False, final_div_factor=1000 / 25
            )
        ),
    }
    for name, rates in expected.items():
        patience = 3 if name == "step" else 1
        factors_of_ours = factors(name, epochs, lr_patience=patience)
        assert factors_of_ours == pytest.approx([max(rate, 1e-3) for rate in rates], rel=1e-10), name
    warm = theirs(lambda o: schedulers.LinearLR(o, start_factor=1 / 5, total_iters=4))
    assert [warm_up(4, done) for done in range(epochs)] == pytest.approx(warm, rel=1e-12)


@pytest.mark.parametrize("shape", [(7, 3), (3, 7), (4, 4)])
def test_orthogonal_weights_keep_lengths(shape):
    weights, biases = orthogonal(np.random.default_rng(0), *shape)
    assert weights.shape == shape
    assert not biases.any()
    small = min(shape)
    product = weights.T @ weights if shape[0] >= shape[1] else weights @ weights.T
    np.testing.assert_allclose(product, np.eye(small), atol=1e-12)
