"""Output layers with their costs: values, and the error δ = ∂C/∂z that enters backpropagation.

C is a mean over samples of a sum over output neurons. Values are taken from the weighted inputs z (logits), never from
log a, so that saturation gives a large finite cost and no log 0. Where output and cost are a canonical pair, δ is
proportional to a − y: no f'(z) slows learning when the network is badly wrong (the chapter's reason for the
cross-entropy).

Sigmoid and tanh outputs share one code: a sigmoid output is kept as h = tanh(z/2) = 2a − 1, its targets as ±1. That
saves two passes a step, and log(1 + exp(−|z|)) = −log(½ + ½·|h|) needs no second exponential.

The hinge cost of a multi-class support vector machine (Weston and Watkins 1999) stands on linear outputs, the scores
of the classes: C = Σ_{j≠y} max(0, z_j − z_y + 1). It is piecewise linear, and so has a slope but no curvature.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from .activations import tanh_slope
from .kernels import Array, Op, run
from .operations import add, assign, divide, exp, largest_over, maximum, multiply, sign, subtract, sum_over, tanh


@dataclass(frozen=True)
class Output:
    """The activation of the output layer.

    Attributes:
        name: The name that users give.
        gain: The layer below hands over u = gain·z, for which it pays nothing.
        targets: Maps targets as users think of them, one-hot or multi-hot rows in {0, 1} or the values of a regression,
            to the values that h aims at.
        apply: (u, h) -> operations that set h, the activation or a linear image of it; shapes (..., b, C).
        backward: (h, delta, scratch) -> operations that turn delta from ∂C/∂h into ∂C/∂z, up to a constant. Being the
            product with a symmetric matrix ∂h/∂z, they carry tangents forward as well.
        response: (u) -> the activations a.
        log_weights: (u) -> logarithms of numbers proportional to the class probabilities, or None where there is no
            such thing.
        apply_below: (u, h, largest, total) -> `apply`'s operations, given the largest u of each sample; they leave the
            sum of exp(u − largest). Both have shape (..., b, 1). None where `apply` has no such numbers.
    """

    name: str
    gain: float
    targets: Callable[[Array], Array]
    apply: Callable[[Array, Array], list[Op]]
    backward: Callable[[Array, Array, Array], list[Op]]
    response: Callable[[Array], Array]
    log_weights: Callable[[Array], Array] | None
    apply_below: Callable[[Array, Array, Array, Array], list[Op]] | None = None


@dataclass(frozen=True)
class Head:
    """An output layer together with a cost.

    Attributes:
        output: The output layer.
        value: (u, h, t) -> terms of shape (..., b, C) or (..., b, 1) whose sum over both axes is the cost of the
            batch, summed.
        scale: The constant in ∂C/∂z = scale·δ; it is left out of δ and joins the learning rate.
        curvature_scale: The constant that `curvature` leaves out; 0 where the cost has no curvature to step by.
        canonical: Whether δ = h − t, without the derivative of the output.
        value_of_label: (own, largest, total) -> `value` from what `Output.apply_below` left and from Σt·u, which for
            one-hot targets is the u of the sample's class; shapes (..., b, 1). In the same bits and without an
            exponential; or None.
        error: (h, t, out, scratch) -> operations that set out to δ, where it does not come from h − t; or None.
    """

    output: Output
    value: Callable[[Array, Array, Array], Array]
    scale: float
    curvature_scale: float
    canonical: bool
    value_of_label: Callable[[Array, Array, Array], Array] | None = None
    error: Callable[[Array, Array, Array, Array], list[Op]] | None = None

    @property
    def natural(self) -> bool:
        """Whether δ is free of the derivative of the output, which slows learning where the network saturates."""
        return self.canonical or self.error is not None

    def blind_cost(self, t: Array) -> float:
        """Return the mean cost of samples when all z are 0: that of guessing.

        Args:
            t: Targets as `output.targets` gives them, shape (n, C).
        """
        t = np.asarray(t, np.float64)
        u = np.zeros_like(t)
        h = np.empty_like(t)
        run(self.output.apply(u, h))
        return float(self.value(u, h, t).sum()) / len(t)

    def delta(self, h: Array, t: Array, out: Array, scratch: Array) -> list[Op]:
        """Emit out ← δ.

        Args:
            h: Outputs, shape (k, b, C).
            t: Targets as `output.targets` gives them, shape (b, C), or (k, b, C) where each lane has its own.
            out: δ, shape (k, b, C).
            scratch: Scratch memory of the same shape.
        """
        # t with a leading axis: equal shapes at k = 1 spare NumPy the set-up of a broadcast
        t = t if t.ndim == 3 else t[None]
        if self.error is not None:
            return self.error(h, t, out, scratch)
        difference = subtract(h, t, out=out)
        return [difference] if self.canonical else [difference, *self.output.backward(h, out, scratch)]

    def curvature(self, h: Array, tangent: Array, scratch: Array) -> list[Op]:
        """Emit tangent ← H·tangent, with H the Gauss–Newton matrix of a sample's cost in z, up to `curvature_scale`.

        Where output and cost are a canonical pair, H = ∂(h − t)/∂z is the Hessian in z itself; else the cost is
        quadratic in h and H = (∂h/∂z)ᵀ·(∂h/∂z). Both are positive semi-definite. A cost whose `curvature_scale` is 0
        has none.

        Args:
            h: Outputs, shape (k, b, C).
            tangent: A direction in z, of the same shape.
            scratch: Scratch memory of the same shape.
        """
        return self.output.backward(h, tangent, scratch) * (1 if self.canonical else 2)


def _as_given(t: Array) -> Array:
    return t


def _plus_minus(t: Array) -> Array:
    return np.asarray(2 * t - 1, t.dtype)


def _tanh(u: Array, h: Array) -> list[Op]:
    return [tanh(u, out=h)]


def _identity(u: Array, h: Array) -> list[Op]:
    return [assign(u, out=h)]


def _unchanged(h: Array, delta: Array, scratch: Array) -> list[Op]:
    return []


def _softmax(u: Array, h: Array) -> list[Op]:
    row = np.empty((*u.shape[:-1], 1), u.dtype)
    return [largest_over(u, -1, out=row), *_softmax_below(u, h, row, row)]


def _softmax_below(u: Array, h: Array, largest: Array, total: Array) -> list[Op]:
    return [
        subtract(u, largest, out=h),  # the largest exponent becomes 0: no overflow
        exp(h, out=h),
        sum_over(h, -1, out=total),
        divide(h, total, out=h),
    ]


def _softmax_backward(h: Array, delta: Array, scratch: Array) -> list[Op]:
    row = np.empty((*h.shape[:-1], 1), h.dtype)
    return [
        multiply(delta, h, out=scratch),
        sum_over(scratch, -1, out=row),
        subtract(delta, row, out=delta),
        multiply(delta, h, out=delta),
    ]


def _log_sigmoid(z: Array) -> Array:
    return np.subtract(np.minimum(z, 0), np.log1p(np.exp(-np.abs(z))))


def _quadratic(scale: float) -> Callable[[Array, Array, Array], Array]:
    def value(u: Array, h: Array, t: Array) -> Array:
        difference = h - t
        terms: Array = difference * difference * h.dtype.type(scale)
        return terms

    return value


def _cross_entropy(u: Array, h: Array, t: Array) -> Array:
    # Sigmoid and tanh output are both σ(2u) as a probability: C = softplus(2u) − y·2u with y = ½(1 + t), and the
    # argument of the logarithm, the larger of a and 1 − a, lies in [½, 1].
    half = u.dtype.type(0.5)
    terms = np.abs(h)
    terms *= half
    terms += half
    np.log(terms, terms)
    likely = np.maximum(u, u.dtype.type(0))
    likely += likely
    np.subtract(likely, terms, terms)
    terms -= u * (t + u.dtype.type(1))
    return terms


def _log_likelihood(u: Array, h: Array, t: Array) -> Array:
    largest = u.max(-1, keepdims=True)
    total = np.exp(u - largest).sum(-1, keepdims=True)
    return _log_likelihood_of_label((t * u).sum(-1, keepdims=True), largest, total)


def _log_likelihood_of_label(label_logit: Array, largest: Array, total: Array) -> Array:
    terms: Array = np.log(total) + largest - label_logit
    return terms


def _hinge(u: Array, h: Array, t: Array) -> Array:
    # z_j − z_y + 1 for the other classes, and 0 for the sample's own: t is 1 there
    margins: Array = u - (u * t).sum(-1, keepdims=True)
    margins -= t
    margins += u.dtype.type(1)
    np.maximum(margins, u.dtype.type(0), out=margins)
    return margins


def _hinge_error(h: Array, t: Array, out: Array, scratch: Array) -> list[Op]:
    # 1 for each other class within the margin; for the sample's own class, minus their number
    row = np.empty((*h.shape[:-1], 1), h.dtype)
    one = np.ones((), h.dtype)
    zero = np.zeros((), h.dtype)
    return [
        multiply(h, t, out=scratch),
        sum_over(scratch, -1, out=row),
        subtract(h, row, out=out),
        subtract(out, t, out=out),
        add(out, one, out=out),
        maximum(out, zero, out=out),
        sign(out, out=out),
        sum_over(out, -1, out=row),
        multiply(t, row, out=scratch),
        subtract(out, scratch, out=out),
    ]


def _softmax_response(u: Array) -> Array:
    weights = np.exp(u - u.max(-1, keepdims=True))
    return np.asarray(weights / weights.sum(-1, keepdims=True))


OUTPUTS = {
    o.name: o
    for o in (
        Output(
            "sigmoid",
            0.5,
            _plus_minus,
            _tanh,
            tanh_slope,
            lambda u: np.asarray(expit(2 * u)),
            lambda u: _log_sigmoid(2 * u),
        ),
        Output("softmax", 1.0, _as_given, _softmax, _softmax_backward, _softmax_response, np.asarray, _softmax_below),
        Output("tanh", 1.0, _plus_minus, _tanh, tanh_slope, np.tanh, lambda u: _log_sigmoid(2 * u)),
        Output("linear", 1.0, _as_given, _identity, _unchanged, np.asarray, None),
        Output("identity", 1.0, _as_given, _identity, _unchanged, np.asarray, None),
    )
}
"""Every output layer by name: "linear" outputs are scores of classes, "identity" ones the values of a regression."""

HEADS = {
    # sigmoid: a − y = ½(h − t) and σ'(z) = ¼(1 − h²)
    ("sigmoid", "quadratic"): Head(OUTPUTS["sigmoid"], _quadratic(1 / 8), 1 / 8, 1 / 16, canonical=False),
    ("sigmoid", "cross_entropy"): Head(OUTPUTS["sigmoid"], _cross_entropy, 1 / 2, 1 / 4, canonical=True),
    ("softmax", "quadratic"): Head(OUTPUTS["softmax"], _quadratic(1 / 2), 1, 1, canonical=False),
    ("softmax", "log_likelihood"): Head(
        OUTPUTS["softmax"], _log_likelihood, 1, 1, canonical=True, value_of_label=_log_likelihood_of_label
    ),
    ("tanh", "quadratic"): Head(OUTPUTS["tanh"], _quadratic(1 / 2), 1, 1, canonical=False),
    ("tanh", "cross_entropy"): Head(OUTPUTS["tanh"], _cross_entropy, 1, 1, canonical=True),
    ("linear", "hinge"): Head(OUTPUTS["linear"], _hinge, 1, 0, canonical=False, error=_hinge_error),
    ("identity", "quadratic"): Head(OUTPUTS["identity"], _quadratic(1 / 2), 1, 1, canonical=True),
}
"""Every pair (output, cost) that makes sense."""

COSTS = tuple(dict.fromkeys(cost for _, cost in HEADS))
"""The names of all costs."""


def natural_cost(output: str) -> str:
    """Return the cost whose δ at the output, mostly a − y, is free of the output's derivative: what "auto" means."""
    return next(cost for (name, cost), head in HEADS.items() if name == output and head.natural)
