"""First-order optimizers: how gradients change the parameters.

An optimizer is a list of slots, arrays of the parameters' shape that live as long as the network and start at zero,
and an `update` that emits the operations of one step. Gradients come unevaluated, as outer products leftᵀ·right: sgd,
momentum and nesterov add them in place in one BLAS call, decay or friction included; the others multiply them out into
a row of memory a lane, and go over all parameters at once. L1 and L2 are part of the gradient everywhere; but
the L2 of adamw shrinks the weights beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from . import hessian_free, lbfgs
from .kernels import Array, Op, add_scaled
from .operations import add, divide, multiply, power, sign, sqrt, subtract
from .regularizers import add_signs, weight_decay
from .training.step import Step

RMSPROP_DECAY = 0.9
"""ρ of rmsprop (Hinton's lecture 6e)."""

ADAM_BETA2 = 0.999
"""β₂ of adam; β₁ is the momentum."""

EPSILON = 1e-8
"""Keeps rmsprop and adam from dividing by zero."""


@dataclass(frozen=True)
class Optimizer:
    """A rule that turns gradients into steps.

    Attributes:
        name: The name that users give.
        learning_rate: η where the user gives none.
        momentum: μ where the user gives none; 0 for a rule that has no momentum.
        slots: Names of the arrays that the rule keeps a parameter.
        update: (step) -> operations that change the parameters and slots of all its lanes.
        counts: Whether the rule reads the workspace's clock.
        buffers: Further arrays of the size of a lane's parameters that the rule works in.
        lanes: Most lanes that it can update in one program, or None.
        extras: Arrays of its own as they start, by name, without the lane axis.
        evaluates: Whether the update evaluates the cost of the batch itself.
        iterates: Whether an epoch is one iteration over all samples, in one order for ever, whose update runs the
            passes itself, as often as it needs them, and says in extras[CONVERGED] when there is nothing left to gain.
    """

    name: str
    learning_rate: float
    momentum: float
    slots: tuple[str, ...]
    update: Callable[[Step], list[Op]]
    counts: bool = False
    buffers: int = 0
    lanes: int | None = None
    extras: Mapping[str, Array] = field(default_factory=dict)
    evaluates: bool = False
    iterates: bool = False


def _signs(step: Step, k: int) -> tuple[list[Op], Array]:
    """Emit sgn(w) of lane k into a row that all lanes of the chunk use in turn; nothing without L1."""
    weights = step.stacks.flat[k, : step.stacks.layout.decaying]
    if not step.rates[k].l1:
        return [], weights
    signs = step.workspace.buffer("signs", width=weights.size, rows=1)[0, 0]
    return [sign(weights, out=signs)], signs


def _descend(step: Step, k: int, signs: Array) -> list[Op]:
    """Emit w ← (1 − ηλ₂/n)·w − η∇C₀ − (ηλ₁/n)·sgn(w) for lane k."""
    r = step.rates[k]
    stacks = step.stacks
    decay = weight_decay(r.learning_rate, r.l2, r.n_train)
    ops = [
        g.accumulate(k, -r.learning_rate, decay if g.decays else 1.0, stacks.weights[g.parameter][k])
        for g in step.gradients
    ]
    return ops + add_signs(-r.learning_rate * r.l1 / r.n_train, signs, stacks.flat[k, : stacks.layout.decaying])


def _accelerate(step: Step, k: int, velocity: Mapping[str, Array], signs: Array) -> list[Op]:
    """Emit v ← μv − η∇C for lane k."""
    r = step.rates[k]
    stacks = step.stacks
    ops = [g.accumulate(k, -r.learning_rate, r.momentum, velocity[g.parameter][k]) for g in step.gradients]
    weights = slice(stacks.layout.decaying)
    if r.l2:
        penalty = -r.learning_rate * r.l2 / r.n_train
        ops.append(add_scaled(penalty, stacks.flat[k, weights], stacks.slots["velocity"][k, weights]))
    return ops + add_signs(-r.learning_rate * r.l1 / r.n_train, signs, stacks.slots["velocity"][k, weights])


def _sgd(step: Step) -> list[Op]:
    """Emit w ← w − η∇C."""
    ops = []
    for k in range(len(step.rates)):
        sign_ops, signs = _signs(step, k)
        ops += sign_ops + _descend(step, k, signs)
    return ops


def _momentum(step: Step) -> list[Op]:
    """Emit v ← μv − η∇C, w ← w + v."""
    flat = step.stacks.flat
    velocity = step.stacks.slots["velocity"]
    ops = []
    views = step.stacks.layout.views(velocity)
    for k in range(len(step.rates)):
        sign_ops, signs = _signs(step, k)
        ops += sign_ops + _accelerate(step, k, views, signs)
    return [*ops, add(flat, velocity, out=flat)]


def _nesterov(step: Step) -> list[Op]:
    """Emit v ← μv − η∇C, w ← w + μv − η∇C: the gradient at the place to which the last velocity has carried w.

    (Nesterov's rule in the variables of Sutskever et al. 2013, as scikit-learn and PyTorch have it.)
    """
    flat = step.stacks.flat
    velocity = step.stacks.slots["velocity"]
    ops = []
    views = step.stacks.layout.views(velocity)
    for k, r in enumerate(step.rates):
        sign_ops, signs = _signs(step, k)
        ops += sign_ops + _accelerate(step, k, views, signs) + _descend(step, k, signs)
        ops.append(add_scaled(r.momentum, velocity[k], flat[k]))
    return ops


def _multiply_out(step: Step, *, decoupled: bool = False) -> tuple[list[Op], Array]:
    """Emit ∇C of all lanes, penalties included (L2 where not decoupled), into an array laid out as the parameters."""
    stacks = step.stacks
    gradient = step.workspace.buffer("gradient", width=stacks.layout.width, rows=1)[:, 0]
    views = stacks.layout.views(gradient)
    weights = slice(stacks.layout.decaying)
    ops = []
    for k, r in enumerate(step.rates):
        ops += [g.accumulate(k, 1.0, 0.0, views[g.parameter][k]) for g in step.gradients]
        if r.l2 and not decoupled:
            ops.append(add_scaled(r.l2 / r.n_train, stacks.flat[k, weights], gradient[k, weights]))
        sign_ops, signs = _signs(step, k)
        ops += sign_ops + add_signs(r.l1 / r.n_train, signs, gradient[k, weights])
    return ops, gradient


def _column(values: list[float], like: Array) -> Array:
    return np.array(values, like.dtype)[:, None]


def _moving_average(decays: list[float], value: Array, mean: Array) -> list[Op]:
    """Emit mean ← ρ·mean + (1 − ρ)·value, ρ of each lane."""
    ops = [multiply(mean, _column(decays, mean), out=mean)]
    return ops + [add_scaled(1 - rho, value[k], mean[k]) for k, rho in enumerate(decays)]


def _descend_by_ratio(theta: Array, alpha: Array, above: Array, v: Array, epsilon: Array, scratch: Array) -> list[Op]:
    """Emit θ ← θ − α·above/(√v + ε), in a scratch of the same shape."""
    return [
        sqrt(v, out=scratch),
        add(scratch, epsilon, out=scratch),
        divide(above, scratch, out=scratch),
        multiply(scratch, alpha, out=scratch),
        subtract(theta, scratch, out=theta),
    ]


def _scratch(step: Step) -> Array:
    """Return scratch memory for one array laid out as the parameters."""
    return step.workspace.buffer("work", width=step.stacks.layout.width, rows=1)[:, 0]


def _rmsprop(step: Step) -> list[Op]:
    """Emit s ← ρs + (1 − ρ)·∇C², w ← w − η∇C/(√s + ε)."""
    multiplied_out, g = _multiply_out(step)
    w = step.stacks.flat
    s = step.stacks.slots["square"]
    scratch = _scratch(step)
    eta = _column([r.learning_rate for r in step.rates], w)
    return [
        *multiplied_out,
        multiply(g, g, out=scratch),
        *_moving_average([RMSPROP_DECAY] * len(w), scratch, s),
        *_descend_by_ratio(w, eta, g, s, np.array(EPSILON, w.dtype), scratch),
    ]


def _adamw(step: Step) -> list[Op]:
    """Emit w ← (1 − ηλ/n)·w, then adam's step for the gradient without L2 (Loshchilov and Hutter 2019)."""
    stacks = step.stacks
    weights = slice(step.stacks.layout.decaying)
    decays = []
    for k, r in enumerate(step.rates):
        if r.l2:
            decaying = stacks.flat[k, weights]
            kept = np.array(weight_decay(r.learning_rate, r.l2, r.n_train), decaying.dtype)
            decays.append(multiply(decaying, kept, out=decaying))
    multiplied_out, gradient = _multiply_out(step, decoupled=True)
    return [*multiplied_out, *decays, *_adaptive_moments(step, gradient)]


def _adam(step: Step) -> list[Op]:
    """Emit adam's step for the gradient of the regularised cost (Kingma and Ba 2015)."""
    multiplied_out, gradient = _multiply_out(step)
    return [*multiplied_out, *_adaptive_moments(step, gradient)]


def _adaptive_moments(step: Step, g: Array) -> list[Op]:
    """Emit the paper's algorithm 1 for a gradient g, which is overwritten, by the names that it has there.

    m ← β₁·m + (1 − β₁)·g
    v ← β₂·v + (1 − β₂)·g²
    αₜ ← α·√(1 − β₂ᵗ)/(1 − β₁ᵗ), and ε̂ₜ ← ε·√(1 − β₂ᵗ)
    θ ← θ − αₜ·m/(√v + ε̂ₜ)

    This is the order at the end of its section 2, which saves two passes. It does the same as θ ← θ − α·m̂/(√v̂ + ε)
    with m̂ = m/(1 − β₁ᵗ) and v̂ = v/(1 − β₂ᵗ).
    """
    theta = step.stacks.flat
    m = step.stacks.slots["mean"]
    v = step.stacks.slots["square"]
    beta1 = [r.momentum for r in step.rates]
    beta2 = [ADAM_BETA2] * len(theta)
    corrected, alpha_t, epsilon_t = _bias_corrections(step, beta1)
    return [
        *corrected,
        *_moving_average(beta1, g, m),
        multiply(g, g, out=g),
        *_moving_average(beta2, g, v),
        *_descend_by_ratio(theta, alpha_t, m, v, epsilon_t, _scratch(step)),
    ]


def _bias_corrections(step: Step, beta1: list[float]) -> tuple[list[Op], Array, Array]:
    """Emit αₜ = α·√(1 − β₂ᵗ)/(1 − β₁ᵗ) and ε̂ₜ = ε·√(1 − β₂ᵗ) of each lane, of shape (k, 1) each."""
    if step.workspace.clock is None:
        raise AssertionError("adam needs the clock")
    t = step.workspace.clock[:, 0]
    dtype = step.stacks.flat.dtype
    alpha = np.array([[r.learning_rate] for r in step.rates])
    decay = np.array([[beta] for beta in beta1])
    root = np.empty_like(alpha)
    ratio = np.empty_like(alpha)
    alpha_t = np.empty(alpha.shape, dtype)
    epsilon_t = np.empty(alpha.shape, dtype)
    ops = [
        power(ADAM_BETA2, t, out=root),
        subtract(1.0, root, out=root),
        sqrt(root, out=root),
        multiply(root, EPSILON, out=epsilon_t),
        power(decay, t, out=ratio),
        subtract(1.0, ratio, out=ratio),
        divide(root, ratio, out=ratio),
        multiply(ratio, alpha, out=alpha_t),
    ]
    return ops, alpha_t, epsilon_t


OPTIMIZERS = {
    o.name: o
    for o in (
        Optimizer("sgd", 0.5, 0.0, (), _sgd),
        Optimizer("momentum", 0.1, 0.9, ("velocity",), _momentum),
        Optimizer("nesterov", 0.1, 0.9, ("velocity",), _nesterov),
        Optimizer("rmsprop", 0.001, 0.0, ("square",), _rmsprop, buffers=2),
        Optimizer("adam", 0.001, 0.9, ("mean", "square"), _adam, counts=True, buffers=2),
        Optimizer("adamw", 0.001, 0.9, ("mean", "square"), _adamw, counts=True, buffers=2),
        Optimizer(
            "hessian_free",
            1.0,
            0.0,
            (),
            hessian_free.update,
            buffers=6,
            lanes=1,
            extras=hessian_free.EXTRAS,
            evaluates=True,
        ),
        Optimizer(
            "lbfgs",
            1.0,
            0.0,
            (*lbfgs.STEPS, *lbfgs.CHANGES),
            lbfgs.update,
            buffers=3,
            lanes=1,
            extras=lbfgs.EXTRAS,
            evaluates=True,
            iterates=True,
        ),
    )
}
"""Every optimizer by name."""
