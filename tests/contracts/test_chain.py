"""Every layer of a chain has the gradient of its own cost, its R-operator, and fused the bits that it has alone."""

import numpy as np
import pytest
from chains import CHAINS, PIXELS
from every_layer import computing
from optimizers import going_along

from hpsearch.models.kernels import run
from hpsearch.models.layers import Conv2D, Dropout, MaxPool2D, Workspace
from hpsearch.models.network import Network
from hpsearch.models.optimizers import OPTIMIZERS
from hpsearch.models.parameters import resolve_params
from hpsearch.models.training.folds import FoldPopulation
from hpsearch.models.training.population import Member, Population, TrainingData
from hpsearch.models.training.stacks import Stacks
from hpsearch.models.training.step import Rates, emit

N = 23
CLASSES = 3
BASE = {"activation": "relu", "output": "softmax", "weight_init": "glorot"}
PLAIN = Rates(1.0, 0.0, 0.0, 0.0, None, 0.0, 0.0, N)


def samples(dtype="float64", n=N, m=11):
    rng = np.random.default_rng(4)
    X = rng.random((n + m, PIXELS))
    y = rng.integers(CLASSES, size=n + m)
    return TrainingData.from_arrays(X[:n], y[:n], CLASSES, X[n:], y[n:], dtype=dtype)


@pytest.fixture
def step_of():
    """Emit and run a step of one network: (chain) -> (step, what gives its cost, generator)."""

    def build(chain):
        data = samples()
        dtype = np.dtype("float64")
        network = Network.build(resolve_params({**BASE, "layers": chain}), PIXELS, CLASSES)
        rng = np.random.default_rng(1)
        stacks = Stacks.allocate(network.parameters, (), {}, 1, dtype)
        start = network.init(rng, dtype)
        for name, view in stacks.weights.items():  # biases and the parameters of norms are not what they start as
            view[0] = start[name] + (rng.uniform(-0.3, 0.3, start[name].shape) if name[0] in "bgs" else 0)
        masks = {index: rng.integers(0, 2, (1, N, width)) * 2.0 for index, width in network.masks.items()}
        space = Workspace(1, N, dtype, "batch", masks=masks)
        stem, x = network.stemmed(space, data.X_train)
        u = np.empty((1, N, CLASSES))
        h = np.empty((1, N, CLASSES))
        step = emit(network, space, stacks, [PLAIN], x, network.head.output.targets(data.T_train), None, u, h)

        def cost():
            run([*stem, *step.forward])
            return float(network.head.value(u, h, step.t[None]).sum()) / N

        cost()
        run([*step.error, *step.backward])
        return step, cost, rng

    return build


def multiplied_out(step, factor):
    flat = np.zeros_like(step.stacks.flat)
    views = step.stacks.layout.views(flat)
    run([g.accumulate(0, factor(g), 0.0, views[g.parameter][0]) for g in step.gradients])
    return flat, views


def test_every_layer_is_in_a_chain_of_this_table():
    def leaves(layer):
        return [layer, *(inner for inner_layer in layer.inner for inner in leaves(inner_layer))]

    networks = [Network.build(resolve_params({**BASE, "layers": chain}), PIXELS, CLASSES) for chain in CHAINS.values()]
    seen = {type(each) for network in networks for top in (*network.stem, *network.layers) for each in leaves(top)}
    assert {each.__name__ for each in computing() if each not in seen} == set()


@pytest.mark.parametrize("chain", CHAINS.values(), ids=CHAINS)
def test_the_gradient_is_that_of_centred_differences(chain, step_of):
    step, cost, rng = step_of(chain)
    _, gradients = multiplied_out(step, lambda gradient: 1.0)
    for name, gradient in gradients.items():
        weights = step.stacks.weights[name]
        for _ in range(8):
            index = tuple(rng.integers(size) for size in weights.shape)
            kept = weights[index]
            sides = []
            for h in (1e-6, -1e-6):
                weights[index] = kept + h
                sides.append(cost())
            weights[index] = kept
            assert gradient[index] == pytest.approx((sides[0] - sides[1]) / 2e-6, rel=1e-4, abs=1e-8), name


@pytest.mark.parametrize("chain", CHAINS.values(), ids=CHAINS)
def test_the_r_operator_is_the_adjoint_of_backpropagation(chain, step_of):
    step, cost, rng = step_of(chain)
    v = np.zeros_like(step.stacks.flat)
    for view in step.stacks.layout.views(v).values():
        view[:] = rng.normal(size=view.shape)
    cost()  # the backward pass has overwritten what the tangents read
    ops, moved = step.network.jvp(step.workspace, step.stacks.weights, step.stacks.layout.views(v), step.passed)
    run(ops)
    r = rng.normal(size=moved.shape)
    left = float((r * moved).sum())
    step.delta[:] = r
    run(step.backward)
    back, _ = multiplied_out(step, lambda gradient: 1 / gradient.scale)
    assert left == pytest.approx(float((back * v).sum()), rel=1e-11)


def bits(population):
    return [{name: array.tobytes() for name, array in state.items()} for state in population.states()]


def trained(members, data, epochs=2):
    population = Population(members, data)
    metrics = [[result.metrics for result in population.run_epoch((8, tick))] for tick in range(epochs)]
    return bits(population), metrics


@pytest.mark.parametrize("chain", CHAINS.values(), ids=CHAINS)
def test_fused_equals_alone_over_two_epochs(chain):
    data = samples("float32")

    def member(k):
        rate = {"learning_rate": 0.004 * (k + 1), "l2": 0.1 * k}
        return Member({**BASE, "layers": chain, "batch_size": 5, "optimizer": "adam", **rate}, (5, k))

    together, metrics = trained([member(k) for k in range(4)], data)
    for k in range(4):
        alone, own_state = trained([member(k)], data)
        assert alone == [together[k]]
        assert own_state == [[epoch[k]] for epoch in metrics]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_trains_filters_fused_as_alone(optimizer):
    data = samples("float32")
    shared = {**BASE, "layers": CHAINS["spatial batch norm"], "optimizer": optimizer, "l1": 0.01, "max_norm": 2.0}
    if OPTIMIZERS[optimizer].iterates:  # whose trial steps would enter the statistics of a batch norm
        shared["layers"] = CHAINS["layer norm"]
    params = going_along({**shared, "batch_size": 5})
    together, metrics = trained([Member(params, (5, k)) for k in range(3)], data)
    assert trained([Member(params, (5, 1))], data)[0] == [together[1]]
    assert metrics[1][1]["train_cost"] != metrics[0][1]["train_cost"]


def test_networks_that_drop_other_fractions_train_side_by_side():
    data = samples("float32")
    chain = CHAINS["dropout of all kinds"]
    other = [Dropout(0.4), *chain[1:5], Dropout(0.1), chain[6]]
    members = [Member({**BASE, "layers": layers, "batch_size": 5}, (5, k)) for k, layers in enumerate((chain, other))]
    together, _ = trained(members, data)
    assert trained([Member({**BASE, "layers": other, "batch_size": 5}, (5, 1))], data)[0] == [together[1]]


def test_folds_side_by_side_are_what_they_are_alone():
    folds = [samples("float32", n) for n in (23, 20, 23)]
    params = {**BASE, "layers": CHAINS["residual"], "batch_size": 5, "optimizer": "momentum"}
    population = FoldPopulation([Member(params, (5, k)) for k in range(3)], folds)
    for tick in range(2):
        population.run_epoch((8, tick))
    for k, data in enumerate(folds):
        assert trained([Member(params, (5, k))], data)[0] == [bits(population)[k]]


def test_what_the_workspace_holds_is_bounded_by_a_block_of_samples():
    # 28×28 pixels and 5×5 filters: the patches of 10,000 images at once would take 576 MB
    data = TrainingData.from_arrays(
        np.zeros((40, 784)), np.zeros(40, int), 2, np.zeros((3000, 784)), np.zeros(3000, int)
    )
    params = {**BASE, "layers": [Conv2D(20, 5), MaxPool2D(2)], "batch_size": 10}
    population = Population([Member(params, (0,))], data)
    network = population._network
    assert network.block * max(layer.n_out for layer in network.leaves) * 4 <= 8 * 2**20
    blocks = population._checks["val"][0]._blocks
    assert len({ops[0][1][2].ctypes.data for _, ops, _ in blocks}) <= 2  # the patches of all blocks, and of the last
