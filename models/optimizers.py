"""First-order optimizers: how a gradient changes a parameter.

An optimizer is a list of slots (arrays of the parameter's shape that live as long as the network, zero at the start), the factor that is
folded into the small output error δ, and an `update` that emits the operations of one step. A gradient comes unevaluated, as the outer
product leftᵀ·right, so that sgd and momentum add it in place in one BLAS call, and others multiply it out into a buffer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
        delta_scale: (rates, batch size) -> the factor by which the output error is multiplied before backpropagation.
        update: (gradient, parameter, slots, rates of each lane) -> operations of one step; parameter and slots (k, n_out, n_in).
    """

    name: str
    learning_rate: float
    momentum: float
    slots: tuple[str, ...]
    delta_scale: Callable[[Rates, int], float]
    update: Callable[[Gradient, Array, Mapping[str, Array], list[Rates]], list[Op]]


def _descent_scale(rates: Rates, batch: int) -> float:
    return -rates.learning_rate / batch


def _sgd(gradient: Gradient, parameter: Array, slots: Mapping[str, Array], rates: list[Rates]) -> list[Op]:
    """w ← (1 − ηλ/n)·w − η∇C₀."""
    decays = [weight_decay(r.learning_rate, r.l2, r.n_train) if gradient.decays else 1.0 for r in rates]
    return [gradient.accumulate(k, decay, parameter[k]) for k, decay in enumerate(decays)]


def _momentum(gradient: Gradient, parameter: Array, slots: Mapping[str, Array], rates: list[Rates]) -> list[Op]:
    """v ← μv − η∇C, w ← w + v."""
    velocity, ops = slots["velocity"], []
    for k, r in enumerate(rates):
        ops.append(gradient.accumulate(k, r.momentum, velocity[k]))
        if gradient.decays and r.l2:
            ops.append(add_scaled(-r.learning_rate * r.l2 / r.n_train, parameter[k], velocity[k]))
    return [*ops, (np.add, (parameter, velocity, parameter))]


OPTIMIZERS = {
    o.name: o
    for o in (
        Optimizer("sgd", 0.5, 0.0, (), _descent_scale, _sgd),
        Optimizer("momentum", 0.1, 0.9, ("velocity",), _descent_scale, _momentum),
    )
}
"""Every optimizer by name."""
