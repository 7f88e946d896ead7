"""Hessian-free optimisation: truncated Newton steps by conjugate gradients (Martens 2010).

Each mini-batch gives one step: the quadratic model q(p) = ∇Cᵀp + ½pᵀBp of the batch's regularised cost is minimised by
conjugate gradients, where B = G + (λ₂/n)·I + damping·I and G is the Gauss–Newton matrix. B is never formed: G·v is one
pass forward (the R-operator) and one backward. The Levenberg–Marquardt rule adapts the damping: it falls where the
cost went down as the model foretold and rises where it did not; a step that does not lower the cost is taken back.
Gradient, products and costs all come from the same batch, with its dropout masks, so that a batch should be large:
batch_size="all" or some hundreds. An epoch costs up to 2·MOST_PRODUCTS ordinary epochs. No randomness of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from .kernels import Array, Op, run
from .layers import Workspace
from .operations import assign, multiply
from .regularizers import penalty
from .training.step import Step

EXTRAS = {"damping": np.ones(1)}
"""What a lane remembers: the damping, shape (1,)."""

MOST_PRODUCTS = 50
"""Most conjugate-gradient iterations a step."""

PATIENCE = 10
"""Iterations of conjugate gradients over which the model's progress is measured."""

PROGRESS = 5e-4
"""Conjugate gradients stop when the model's relative progress over PATIENCE iterations is below PATIENCE·PROGRESS."""

RAISE = 1.5
"""Factor on the damping where the cost fell by less than ¼ of what the model foretold."""

LOWER = 2 / 3
"""Factor on the damping where the cost fell by more than ¾ of what the model foretold."""


def gauss_newton(step: Step, direction: Array) -> tuple[list[Op], Array]:
    """Emit the product of the Gauss–Newton matrix of the batch's data cost with a direction.

    The forward pass of the step must have run; its error and gradients are overwritten.

    Args:
        step: A step of one lane.
        direction: v, shape (1, width), laid out as the parameters.

    Returns:
        The operations, and the array of the same shape that receives G·v.
    """
    layout = step.stacks.layout
    workspace = step.workspace
    product = workspace.buffer("product", width=layout.width, rows=1)[:, 0]
    forward, tangent = step.network.jvp(workspace, step.stacks.weights, layout.views(direction), step.passed)
    scratch = workspace.buffer("scratch", width=step.delta.shape[-1])
    ops: list[Op] = [*forward, assign(tangent, out=step.delta)]
    ops += step.network.head.curvature(step.h, step.delta, scratch)
    if step.importance is not None:
        ops.append(multiply(step.delta, step.importance, out=step.delta))
    # the backward pass answers in units of the error, whose constant differs from that of the curvature
    factor = step.network.head.curvature_scale / step.network.head.scale
    views = layout.views(product)
    ops += step.backward
    ops += [g.accumulate(0, factor, 0.0, views[g.parameter][0]) for g in step.gradients]
    return ops, product


def conjugate_gradients(
    product: Callable[[Array], Array], right: Array, max_products: int = MOST_PRODUCTS
) -> tuple[Array, Array]:
    """Minimise ½pᵀBp − rᵀp from p = 0 for a positive-definite B that is known by its products alone.

    Args:
        product: (v) -> B·v.
        right: r, shape (n,), float64.
        max_products: Most products.

    Returns:
        p, and what is left, r − B·p.
    """
    solution = np.zeros_like(right)
    residual = right.copy()
    direction = right.copy()
    length = float(residual @ residual)
    values = [0.0]
    for i in range(1, max_products + 1):
        if length <= 1e-30 * float(right @ right) or not math.isfinite(length):
            break
        image = product(direction)
        curvature = float(direction @ image)
        if not curvature > 0:  # rounding errors dominate, or NaN
            break
        alpha = length / curvature
        solution += alpha * direction
        residual -= alpha * image
        previous_length = length
        length = float(residual @ residual)
        direction = residual + (length / previous_length) * direction
        values.append(-0.5 * float(solution @ (right + residual)))
        if i > PATIENCE and values[i] < 0 and (values[i] - values[i - PATIENCE]) / values[i] < PATIENCE * PROGRESS:
            break
    return solution, residual


def update(step: Step) -> list[Op]:
    """Emit one truncated Newton step of a single lane."""
    return [(_Newton(step).run, ())]


class _Newton:
    """The programs that a step runs: gradient, curvature product, and the cost at other weights."""

    def __init__(self, step: Step) -> None:
        self._step = step
        layout = step.stacks.layout
        workspace = step.workspace
        self._flat = step.stacks.flat[0]
        self._rates = step.rates[0]
        self._damping = step.stacks.extras["damping"][0]
        self._decaying = slice(layout.decaying)
        gradient = workspace.buffer("gradient", width=layout.width, rows=1)[:, 0]
        views = layout.views(gradient)
        self._gradient = gradient[0]
        self._multiply_out = [g.accumulate(0, 1.0, 0.0, views[g.parameter][0]) for g in step.gradients]
        direction = workspace.buffer("direction", width=layout.width, rows=1)[:, 0]
        self._direction = direction[0]
        self._curvature, product = gauss_newton(step, direction)
        self._product = product[0]
        self._trial, self._u, self._h = self._forward(step.stacks.weights)

    def _forward(self, weights: Mapping[str, Array]) -> tuple[list[Op], Array, Array]:
        step = self._step
        like = self._step.workspace
        space: Workspace = like.once(("trial",), lambda: Workspace(1, like.batch, like.dtype, "batch"))
        ops, passed = step.network.forward(replace(space, masks=like.masks), weights, step.x)
        u = passed[-1][1]
        h = space.buffer("h", width=u.shape[-1])
        return [*ops, *step.network.head.output.apply(u, h)], u, h

    def _cost(self, u: Array, h: Array) -> float:
        r = self._rates
        return self._step.cost(u, h) + penalty(self._flat[self._decaying], r.l1, r.l2, r.n_train)

    def _full_gradient(self) -> Array:
        run(self._multiply_out)
        gradient: Array = self._gradient.astype(np.float64)
        weights = self._flat[self._decaying]
        r = self._rates
        gradient[self._decaying] += r.l2 / r.n_train * weights
        gradient[self._decaying] += r.l1 / r.n_train * np.sign(weights)
        return gradient

    def _times(self, v: Array) -> Array:
        """Return B·v."""
        self._direction[:] = v
        run(self._curvature)
        image: Array = self._product + float(self._damping[0]) * v
        image[self._decaying] += self._rates.l2 / self._rates.n_train * v[self._decaying]
        return image

    def run(self) -> None:
        """Take one step, or none where none lowers the cost."""
        start = self._flat.copy()
        cost_before = self._cost(self._step.u, self._step.h)
        gradient = self._full_gradient()
        solution, residual = conjugate_gradients(self._times, -gradient)
        eta = self._rates.learning_rate
        damping = float(self._damping[0])
        slope = float(gradient @ solution)
        # pᵀBp = pᵀ(−∇C − residual); the model that is judged leaves the damping out
        curved = -float(solution @ (gradient + residual)) - damping * float(solution @ solution)
        foretold = eta * slope + 0.5 * eta * eta * curved
        self._flat += (eta * solution).astype(self._flat.dtype)
        run(self._trial)
        change = self._cost(self._u, self._h) - cost_before
        if not change <= 0:  # NaN too
            self._flat[:] = start
        ratio = change / foretold if foretold < 0 and math.isfinite(change) else 0.0
        if ratio < 0.25:
            self._damping *= RAISE
        elif ratio > 0.75:
            self._damping *= LOWER
