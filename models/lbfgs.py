"""L-BFGS: quasi-Newton steps over the whole training set (Liu and Nocedal 1989), one an epoch.

The last PAIRS steps s and changes of gradient y stand for the Hessian: two loops over them turn a gradient into the
direction −H·∇C, along which `hpsearch.models.line_search` finds the length of the step. The rules and constants are
those of SciPy's L-BFGS-B. SciPy's own cannot be stopped and taken up again; here the pairs are arrays of the optimizer,
as the velocity of momentum is, so that training goes on from a saved state to the same bits.

The first gradient of an epoch is the last one of the epoch before. Whoever has just taken up a state computes it again,
to the same bits: the samples stand in one order for ever, and nothing is drawn.
"""

from __future__ import annotations

import math

import numpy as np

from .kernels import Array, Op, run
from .line_search import SearchPoint, search
from .regularizers import penalty
from .training.step import Step

PAIRS = 10
"""Pairs that are remembered."""

STEPS, CHANGES = (tuple(f"{prefix}{i}" for i in range(PAIRS)) for prefix in ("step", "change"))
"""The slots of s and y: pair number i of all that were kept stands in slot i mod PAIRS."""

KEPT = "pairs"
"""Name of what a lane remembers beside the slots: how many pairs it has kept so far."""

CONVERGED = "converged"
"""Likewise: whether the last step ended the search."""

EXTRAS = {KEPT: np.zeros(1), CONVERGED: np.zeros(1)}

FLAT = 1e-5
"""Training has converged where no part of the gradient is larger."""

STALLED = 1e7 * float(np.finfo(np.float64).eps)
"""… or where a step lowers the cost by no more than this part of it, or of 1 where it is below 1."""


def direction(gradient: Array, steps: list[Array], changes: list[Array]) -> Array:
    """Return −H·g, H being the inverse Hessian that BFGS makes of the pairs, from the oldest to the newest.

    It starts from (sᵀy/yᵀy)·I of the newest pair (Nocedal and Wright 2006, algorithm 7.4).

    Args:
        gradient: g, shape (n,), float64.
        steps: Of each pair s, shape (n,).
        changes: Of each pair y, shape (n,).
    """
    q = gradient.copy()
    curved = [float(s @ y) for s, y in zip(steps, changes, strict=True)]
    alphas = []
    for s, y, sy in reversed(list(zip(steps, changes, curved, strict=True))):
        alphas.append(float(s @ q) / sy)
        q -= alphas[-1] * y
    if changes:
        q *= curved[-1] / float(changes[-1] @ changes[-1])
    for s, y, sy, alpha in zip(steps, changes, curved, reversed(alphas), strict=True):
        q += (alpha - float(y @ q) / sy) * s
    return -q


def update(step: Step) -> list[Op]:
    """Emit one iteration of a single lane, passes included: all samples are one batch."""
    return [(_Iteration(step).run, ())]


class _Iteration:
    """One lane's iteration: evaluates cost and gradient along a direction, and keeps the pair of what it did.

    Outputs and logits of the step are left as the weights give them on which the iteration ends.
    """

    def __init__(self, step: Step) -> None:
        self._step = step
        layout = step.stacks.layout
        workspace = step.workspace
        self._flat = step.stacks.flat[0]
        self._rates = step.rates[0]
        self._decaying = slice(layout.decaying)
        self._steps, self._changes = ([step.stacks.slots[name][0] for name in names] for names in (STEPS, CHANGES))
        self._kept, self._converged = (step.stacks.extras[name][0] for name in (KEPT, CONVERGED))
        gradient = workspace.buffer("gradient", width=layout.width, rows=1)[:, 0]
        views = layout.views(gradient)
        self._slope = gradient[0]
        self._passes = [*step.forward, *step.error, *step.backward]
        self._passes += [g.accumulate(0, 1.0, 0.0, views[g.parameter][0]) for g in step.gradients]
        # The data's cost and gradient at the weights `_where`: a cache, which changes nothing but the time.
        self._where = np.full_like(self._flat, np.nan)
        self._cost = math.nan
        self._data_gradient = np.empty_like(self._flat)

    def _evaluate(self) -> None:
        """Compute the data's cost and gradient at the weights as they are."""
        run(self._passes)
        self._cost = self._step.cost(self._step.u, self._step.h)
        self._data_gradient[:] = self._slope
        self._where[:] = self._flat

    def _regularised(self) -> tuple[float, Array]:
        """Return the regularised cost and its gradient, float64."""
        weights = self._flat[self._decaying]
        r = self._rates
        gradient: Array = self._data_gradient.astype(np.float64)
        gradient[self._decaying] += r.l2 / r.n_train * weights
        return self._cost + penalty(weights, r.l1, r.l2, r.n_train), gradient

    def _pairs(self) -> tuple[list[Array], list[Array]]:
        """Return steps and changes, from the oldest to the newest, float64."""
        kept = int(self._kept[0])
        slots = [i % PAIRS for i in range(max(0, kept - PAIRS), kept)]
        steps, changes = ([rows[i].astype(np.float64) for i in slots] for rows in (self._steps, self._changes))
        return steps, changes

    def _remember(self, s: Array, y: Array, slope: float) -> None:
        """Keep a pair, unless the cost is not curved upwards along it."""
        if float(s @ y) > np.finfo(np.float64).eps * abs(slope):
            slot = int(self._kept[0]) % PAIRS
            self._steps[slot][:] = s
            self._changes[slot][:] = y
            self._kept += 1

    def run(self) -> None:
        """Take one step; none where training has converged."""
        fresh = np.array_equal(self._where, self._flat)
        if not fresh:
            self._evaluate()
        start = self._flat.copy()
        value, gradient = self._regularised()
        self._converged[:] = 1
        if math.isfinite(value) and np.abs(gradient).max() > FLAT:
            for steps, changes in (self._pairs(), ([], [])):  # without the pairs, where they lead nowhere
                if not steps:
                    self._kept[:] = 0
                step_direction = direction(gradient, steps, changes)
                first_length = 1.0 if steps else _cautious(step_direction)
                if self._descend(start, value, gradient, step_direction, first_length) or not steps:
                    break
        if fresh and np.array_equal(start, self._flat):
            run(self._step.forward)  # other lanes have used the outputs since

    def _descend(self, start: Array, value: float, gradient: Array, step_direction: Array, first_length: float) -> bool:
        """Search along a direction and go there; returns whether it led down."""

        def evaluate(length: float) -> SearchPoint:
            self._flat[:] = start + length * step_direction
            self._evaluate()
            cost, new_gradient = self._regularised()
            return SearchPoint(length, cost, float(new_gradient @ step_direction))

        slope = float(gradient @ step_direction)
        if not slope < 0:
            return False
        lowest = search(evaluate, SearchPoint(0.0, value, slope), first_length)
        self._flat[:] = start + lowest.length * step_direction
        if not np.array_equal(self._where, self._flat):
            self._evaluate()
        if np.array_equal(start, self._flat):
            return False
        cost_after, new_gradient = self._regularised()
        self._remember(self._flat.astype(np.float64) - start, new_gradient - gradient, slope)
        stalled = value - cost_after <= STALLED * max(abs(value), abs(cost_after), 1.0)
        self._converged[:] = stalled or np.abs(new_gradient).max() <= FLAT
        return True


def _cautious(step_direction: Array) -> float:
    """Return a first length for a direction of which nothing but the gradient is known: that of a step of length 1."""
    return min(1.0, 1 / math.sqrt(float(step_direction @ step_direction)))
