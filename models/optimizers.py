"""First-order optimizers: how a gradient changes a parameter.

An optimizer is a list of slots, arrays of the parameter's shape that live as long as the network and start at zero,
and an `update` that emits the operations of one step. A gradient comes unevaluated, as the outer product leftᵀ·right,
so that sgd and momentum add it in place in one BLAS call, decay or friction included, while others multiply it out
into a buffer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.kernels import Array, Op, add_scaled
from models.layers import Gradient
from models.regularizers import weight_decay


@dataclass(frozen=True)
class Rates:
    """Hyper-parameters of one lane at one epoch.

    Attributes:
        learning_rate: η after the schedule.
        momentum: μ.
        l2: λ of the chapter, divided by n = `n_train` in the gradient.
        n_train: Size of the training set.
    """

    learning_rate: float
    momentum: float
    l2: float
    n_train: int


@dataclass(frozen=True)
class Optimizer:
    """A rule that turns gradients into steps.

    Attributes:
        name: The name that users give.
        learning_rate: η where the user gives none.
        momentum: μ where the user gives none.
        slots: Names of the arrays that the rule keeps a parameter.
        update: (gradient, parameter, slots, rates of each lane) -> operations of one step; parameter and slots (k,
            n_out, n_in).
    """

    name: str
    learning_rate: float
    momentum: float
    slots: tuple[str, ...]
    update: Callable[[Gradient, Array, Mapping[str, Array], Sequence[Rates]], list[Op]]


def _sgd(gradient: Gradient, parameter: Array, slots: Mapping[str, Array], rates: Sequence[Rates]) -> list[Op]:
    """Emit w ← (1 − ηλ/n)·w − η∇C₀."""
    ops = []
    for k, r in enumerate(rates):
        decay = weight_decay(r.learning_rate, r.l2, r.n_train) if gradient.decays else 1.0
        ops.append(gradient.accumulate(k, -r.learning_rate, decay, parameter[k]))
    return ops


def _momentum(gradient: Gradient, parameter: Array, slots: Mapping[str, Array], rates: Sequence[Rates]) -> list[Op]:
    """Emit v ← μv − η∇C, w ← w + v."""
    velocity, ops = slots["velocity"], []
    for k, r in enumerate(rates):
        ops.append(gradient.accumulate(k, -r.learning_rate, r.momentum, velocity[k]))
        if gradient.decays and r.l2:
            ops.append(add_scaled(-r.learning_rate * r.l2 / r.n_train, parameter[k], velocity[k]))
    return [*ops, (np.add, (parameter, velocity, parameter))]


OPTIMIZERS = {
    o.name: o
    for o in (
        Optimizer("sgd", 0.5, 0.0, (), _sgd),
        Optimizer("momentum", 0.1, 0.9, ("velocity",), _momentum),
    )
}
"""Every optimizer by name."""
