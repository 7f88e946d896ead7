"""The R-operator is the adjoint of backpropagation, and Gauss–Newton products are what J and H make."""

import itertools

import numpy as np
import pytest

from hpsearch.models.activations import ACTIVATIONS
from hpsearch.models.costs import HEADS
from hpsearch.models.hessian_free import conjugate_gradients, gauss_newton
from hpsearch.models.kernels import run
from hpsearch.models.layers import Workspace
from hpsearch.models.network import Network
from hpsearch.models.parameters import resolve_params
from hpsearch.models.training.stacks import Stacks
from hpsearch.models.training.step import Rates, emit

LAYERS = [{}, {"batch_norm": True}, {"dropout": 0.5, "input_dropout": 0.3}, {"dropout": 0.4, "batch_norm": True}]
PLAIN = Rates(1.0, 0.0, 0.0, 0.0, None, 0.0, 0.0, 7)
B = 7
D = 5
C = 3


@pytest.fixture
def prepare():
    """Emit and run a step of one random network: (parameters) -> (step, generator)."""

    def build(importance=None, **params):
        params = resolve_params({"hidden_layer_sizes": (6, 4), "dtype": "float64", **params})
        network = Network.build(params, D, C)
        rng = np.random.default_rng(1)
        stacks = Stacks.allocate(network.parameters, (), {}, 1, np.dtype("float64"))
        for view in stacks.weights.values():
            view[:] = rng.uniform(0.2, 1.0, view.shape) * rng.choice([-1, 1], view.shape)
        for name in ("v0", "v1"):
            if name in stacks.weights:
                stacks.weights[name][:] = 1.3
        widths = {0: D, 1: 6, 2: 4}
        masks = {i: rng.integers(0, 2, (1, B, w)) * 2.0 for i, w in widths.items()}
        space = Workspace(1, B, np.dtype("float64"), "batch", masks=masks)
        x = rng.normal(size=(B, D))
        t = rng.choice([-1.0, 1.0], (B, C))
        u = np.empty((1, B, C))
        h = np.empty((1, B, C))
        step = emit(network, space, stacks, [PLAIN], x, t, importance, u, h)
        run([*step.forward, *step.error, *step.backward])
        return step, rng

    return build


def test_every_layer_is_in_a_network_of_this_table(not_built):
    assert not_built(LAYERS) == set()


def logits(step):
    run(step.forward)
    return step.u[0] / step.network.head.output.gain


def jacobian(step):
    """Return ∂z/∂w by centred differences, shape (B·C, width of a row)."""
    flat = step.stacks.flat[0]
    columns = np.zeros((B * C, flat.size))
    for start, (rows, width) in step.stacks.layout.positions.values():
        for j in range(start, start + rows * width):
            kept = flat[j]
            sides = []
            for h in (1e-5, -1e-5):
                flat[j] = kept + h
                sides.append(logits(step).ravel())
            flat[j] = kept
            columns[:, j] = (sides[0] - sides[1]) / 2e-5
    run(step.forward)
    return columns


def random_direction(step, rng):
    v = np.zeros_like(step.stacks.flat)
    for view in step.stacks.layout.views(v).values():
        view[:] = rng.normal(size=view.shape)
    return v


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_r_operator_is_the_adjoint_of_backpropagation(activation, prepare):
    # ⟨r, J·v⟩ = ⟨Jᵀ·r, v⟩ for any v in the space of parameters and any r in that of the outputs
    for hidden, layers in itertools.product([(), (6,), (6, 4)], LAYERS):
        step, rng = prepare(hidden_layer_sizes=hidden, activation=activation, **layers)
        left, right = both_products(step, rng)
        assert left == pytest.approx(right, rel=1e-12), (hidden, layers)


def both_products(step, rng):
    """Return ⟨r, J·v⟩ and ⟨Jᵀ·r, v⟩ of random v and r."""
    v = random_direction(step, rng)
    r = rng.normal(size=(1, B, C))
    ops, moved = step.network.jvp(step.workspace, step.stacks.weights, step.stacks.layout.views(v), step.passed)
    run(ops)
    left = float((r * moved).sum())
    step.delta[:] = r
    run(step.backward)
    back = np.zeros_like(v)
    views = step.stacks.layout.views(back)
    run([g.accumulate(0, 1 / g.scale, 0.0, views[g.parameter][0]) for g in step.gradients])
    return left, float((back * v).sum())


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@pytest.mark.parametrize("layers", LAYERS, ids=str)
@pytest.mark.parametrize("head", [head for head in HEADS if HEADS[head].curvature_scale])
def test_gauss_newton_products_are_those_of_the_matrix(head, layers, weighted, prepare):
    importance = np.linspace(0.1, 1.9, B)[:, None] if weighted else None
    step, rng = prepare(importance, output=head[0], cost=head[1], activation="tanh", **layers)
    v = random_direction(step, rng)
    ops, product = gauss_newton(step, v)
    run(ops)
    product_of_ours = product[0].copy()
    J = jacobian(step)
    # H of each sample in z, from differences of the cost's own gradient (canonical) or of the outputs (quadratic)
    full = np.zeros((B * C, B * C))
    scale = step.network.head.scale
    gain = step.network.head.output.gain
    for i, j in np.ndindex(B, C):
        sides = []
        for h in (1e-5, -1e-5):
            u = step.u.copy()
            u[0, i, j] += h * gain
            out = np.empty_like(u)
            run(step.network.head.output.apply(u, out))
            # a sigmoid output is kept as 2a − 1
            sides.append(out[0].ravel() * (0.5 if head[0] == "sigmoid" else 1.0))
        full[:, i * C + j] = (sides[0] - sides[1]) / 2e-5
    if head[1] == "quadratic":
        full = full.T @ full
    assert scale > 0
    weights = np.ones(B) if importance is None else importance[:, 0]
    expected = J.T @ (np.repeat(weights, C) * (full @ (J @ v[0]))) / B
    np.testing.assert_allclose(product_of_ours, expected, rtol=1e-6, atol=1e-8 * np.abs(expected).max())
    assert float(product_of_ours @ v[0]) >= 0


def test_conjugate_gradients_solve_a_system_in_as_many_products_as_it_has_unknowns():
    rng = np.random.default_rng(0)
    A = rng.normal(size=(8, 8))
    B = A @ A.T + np.eye(8)
    r = rng.normal(size=8)
    solution, residual = conjugate_gradients(lambda v: B @ v, r)
    np.testing.assert_allclose(solution, np.linalg.solve(B, r), rtol=1e-8)
    np.testing.assert_allclose(residual, r - B @ solution, atol=1e-8)
