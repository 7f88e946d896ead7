"""What stands around an optimizer's update: gradients bounded before it, weights averaged after it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..kernels import Array, Op, add_scaled
from ..operations import multiply
from .step import Step

AVERAGE = "average"
"""The slot of the averaged weights, laid out as the parameters."""


@dataclass(frozen=True, eq=False)
class Multiplied:
    """A gradient that has been multiplied out, for an optimizer to consume as `hpsearch.models.layers.Gradient`.

    Attributes:
        parameter: Name of the parameter P.
        value: ∂C/∂P of each lane, shape (k, rows, columns).
        decays: Whether regularisation applies.
    """

    parameter: str
    value: Array
    decays: bool

    def accumulate(self, k: int, factor: float, beta: float, out: Array) -> Op:
        """Emit out ← β·out + factor·∂C/∂P for lane k; out has shape (rows, columns)."""
        return _accumulate, (beta, out, *add_scaled(factor, self.value[k], out))


def _accumulate(beta: float, out: Array, call: Any, arguments: tuple[Any, ...]) -> None:
    if beta == 0:
        out.fill(0)
    elif beta != 1:
        out *= beta
    call(*arguments)


def clipped(step: Step, max_norm: float) -> Step:
    """Return a step whose gradients of the data cost are scaled down where their norm exceeds a bound.

    The norm is over all parameters of a network together, as PyTorch's clip_grad_norm_ takes it.

    Args:
        step: As it was emitted.
        max_norm: The largest norm.
    """
    layout = step.stacks.layout
    flat = step.workspace.buffer("clipped", width=layout.width, rows=1)[:, 0]
    views = layout.views(flat)
    ops = list(step.backward)
    for k in range(step.workspace.lanes):
        ops += [g.accumulate(k, 1.0, 0.0, views[g.parameter][k]) for g in step.gradients]
        ops.append((_bound, (flat[k], float(max_norm))))
    gradients = [Multiplied(g.parameter, views[g.parameter], g.decays) for g in step.gradients]
    return replace(step, backward=ops, gradients=gradients)


def _bound(gradient: Array, max_norm: float) -> None:
    norm = math.sqrt(float(np.vdot(gradient, gradient)))
    if norm > max_norm:  # NaN stays, and is reported once the epoch has ended
        gradient *= gradient.dtype.type(max_norm / norm)


def averaged(step: Step, decay: float) -> list[Op]:
    """Emit w̄ ← d·w̄ + (1 − d)·w, once w has changed.

    Args:
        step: A step whose optimizer has the slot :data:`AVERAGE`.
        decay: d.
    """
    flat = step.stacks.flat
    mean = step.stacks.slots[AVERAGE]
    ops: list[Op] = [multiply(mean, np.array(decay, mean.dtype), out=mean)]
    return ops + [add_scaled(1 - decay, flat[k], mean[k]) for k in range(len(flat))]
