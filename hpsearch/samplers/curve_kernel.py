"""The covariance of learning curves: how every curve, begun or not, goes on and ends (after Swersky et al., 2014).

A loss after epoch t of at most T, of the configuration at x, is a sum of two parts that are Gaussian a priori:

    f(x, t) = end(x) + drift(x, r),   r = log(T/t) / log T,   drift(x, 0) = 0

so r is 1 after the first epoch and 0 after the last. With Kx the Matérn 5/2 kernel of x, a length per column:

    cov(end)   = c0 + v1·Kx + v3·[same configuration]
    cov(drift) = (v0 + v2·Kx + v4·[same]) · min(r, r') + (v0 + v2·Kx + v5·[same]) · r·r'

The end is smooth in x, with a part that is a configuration's own. Back from the end, in the logarithm of time, a curve
is a random walk plus a straight slope, both of them alike for neighbours. What is observed has independent noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from hpsearch.samplers.gp_encoding import Array

Numbers = NDArray[np.int64]

VARIANCES = ("v1", "v2", "v3", "v4", "v5", "v0", "noise")
"""The variances, in the order in which they follow the lengths among a kernel's parameters."""

_PRIOR = {
    "length": (0.0, 0.6),
    "v1": (0.0, 1.0),
    "v2": (-1.5, 1.0),
    "v3": (-3.0, 1.0),
    "v4": (-3.0, 1.0),
    "v5": (-3.0, 1.0),
    "v0": (0.0, 1.0),
    "noise": (-7.0, 1.5),
}
"""Mean and standard deviation of the parameters' logarithms, for losses of unit variance; a length of 1 is a range."""

_LEVEL = 1.0
"""Variance of the level that all curves share (c0)."""

JITTER = 1e-6
"""Added to the noise, so that factors exist in spite of rounding."""

_ROOT5 = 5**0.5


@dataclass(frozen=True)
class Inputs:
    """What the process takes: configurations, and how far each is trained.

    Attributes:
        codes: Configurations as the kernel sees them, shape (n, width).
        owners: Number of the configuration in each row, shape (n,). Configurations that are not begun have negative
            numbers, each of them one that no other has.
        remaining: How much of the training remains, r in the module's docstring, shape (n,).
    """

    codes: Array
    owners: Numbers
    remaining: Array

    def __len__(self) -> int:
        return len(self.remaining)

    def rows(self, rows: NDArray[np.int64] | slice) -> Inputs:
        """Return some of the rows."""
        return Inputs(self.codes[rows], self.owners[rows], self.remaining[rows])

    def and_(self, others: Inputs) -> Inputs:
        """Return these rows and then others."""
        return Inputs(
            np.vstack([self.codes, others.codes]),
            np.concatenate([self.owners, others.owners]),
            np.concatenate([self.remaining, others.remaining]),
        )


def remaining_of(epoch: Array | Numbers | int, max_epochs: int) -> Array:
    """Return r of epochs that count from 1: 1 after the first of ``max_epochs``, 0 after the last."""
    length = np.log(max_epochs) if max_epochs > 1 else 1.0
    remaining: Array = np.log(max_epochs / np.asarray(epoch, dtype=float)) / length
    return remaining


def prior(width: int) -> tuple[Array, Array]:
    """Return means and standard deviations of the logarithms of a kernel's parameters: lengths, then variances."""
    rows = [_PRIOR["length"]] * width + [_PRIOR[name] for name in VARIANCES]
    mean, deviation = np.array(rows).T
    return mean, deviation


@dataclass(frozen=True)
class CurveKernel:
    """The covariance with given parameters.

    Attributes:
        theta: Logarithms of a length per column of codes and of the VARIANCES, shape (width + 7,).
    """

    theta: Array

    @property
    def noise(self) -> float:
        """Variance of an observation's noise."""
        return float(np.exp(self.theta[-1])) + JITTER

    def kx(self, one: Array, other: Array) -> Array:
        """Return Kx of codes of shapes (n, width) and (m, width), shape (n, m)."""
        return matern(one, other, self._lengths)

    def between(self, one: Inputs, other: Inputs, kx: Array | None = None) -> Array:
        """Return covariances without noise, shape (n, m).

        Args:
            one: Inputs, n of them.
            other: Inputs, m of them.
            kx: Kx between them, where it is known, shape (n, m).
        """
        v1, v2, v3, v4, v5, v0 = np.exp(self.theta[-7:-1])
        kx = self.kx(one.codes, other.codes) if kx is None else kx
        rows, columns = _same_configuration(one, other)
        if not other.remaining.any():  # ends: nothing of the drift
            covariance: Array = v1 * kx
            covariance += _LEVEL
            covariance[rows, columns] += v3
            return covariance
        walk_and_slope = np.minimum(one.remaining[:, None], other.remaining)
        walk_and_slope += one.remaining[:, None] * other.remaining
        covariance = v2 * walk_and_slope
        covariance += v1
        covariance *= kx
        covariance += _LEVEL
        walk_and_slope *= v0
        covariance += walk_and_slope
        r = one.remaining[rows]
        s = other.remaining[columns]
        covariance[rows, columns] += v3 + v4 * np.minimum(r, s) + v5 * (r * s)
        return covariance

    def between_transposed(self, one: Inputs, other: Inputs, kx: Array) -> Array:
        """Return the transpose of :meth:`between`, shape (m, n), by the formula for any r even where all r are 0.

        Args:
            one: Inputs, n of them.
            other: Inputs, m of them.
            kx: Kx between them, transposed too, shape (m, n).
        """
        v1, v2, v3, v4, v5, v0 = np.exp(self.theta[-7:-1])
        walk_and_slope = np.minimum(other.remaining[:, None], one.remaining)
        walk_and_slope += other.remaining[:, None] * one.remaining
        covariance: Array = v2 * walk_and_slope
        covariance += v1
        covariance *= kx
        covariance += _LEVEL
        walk_and_slope *= v0
        covariance += walk_and_slope
        rows, columns = _same_configuration(other, one)
        s = other.remaining[rows]
        r = one.remaining[columns]
        covariance[rows, columns] += v3 + v4 * np.minimum(r, s) + v5 * (r * s)
        return covariance

    def within(self, remaining: Array, other: Array) -> Array:
        """Return covariances of configurations' values at one r with their values at another, elementwise."""
        v1, v2, v3, v4, v5, v0 = np.exp(self.theta[-7:-1])
        walk = np.minimum(remaining, other)
        slope = remaining * other
        covariance: Array = _LEVEL + v1 + v3 + (v0 + v2) * (walk + slope) + v4 * walk + v5 * slope
        return covariance

    def with_noise(self, inputs: Inputs) -> Array:
        """Return the covariance of observations, noise included, shape (n, n)."""
        covariance = self.between(inputs, inputs)
        covariance[np.diag_indices_from(covariance)] += self.noise
        return covariance

    @property
    def _lengths(self) -> Array:
        lengths: Array = np.exp(self.theta[:-7])
        return lengths


def _same_configuration(one: Inputs, other: Inputs) -> tuple[Numbers, Numbers]:
    """Return the rows and columns at which two inputs are of the same configuration."""
    if other.owners.max(initial=-1) < one.owners.min(initial=0):
        return np.empty(0, dtype=int), np.empty(0, dtype=int)  # none of these has begun
    rows, columns = np.nonzero(one.owners[:, None] == other.owners)
    return rows, columns


def matern(one: Array, other: Array, lengths: Array) -> Array:
    """Return the Matérn 5/2 kernel of codes of shapes (n, width) and (m, width), shape (n, m)."""
    return _matern(_distances(one, other, lengths))


def _distances(one: Array, other: Array, lengths: Array) -> Array:
    a = one / lengths
    b = other / lengths
    squares: Array = np.einsum("ij,ij->i", a, a)[:, None] + np.einsum("ij,ij->i", b, b)
    product = a @ b.T
    product *= 2.0
    squares -= product
    np.maximum(squares, 0.0, out=squares)
    return np.sqrt(squares, out=squares)


def _matern(distances: Array) -> Array:
    """Return the kernel at distances, which are overwritten."""
    scaled = np.multiply(distances, _ROOT5, out=distances)
    kernel = scaled * scaled
    kernel *= 1.0 / 3.0
    kernel += scaled
    kernel += 1.0
    kernel *= np.exp(np.negative(scaled, out=scaled), out=scaled)
    return kernel


class Likelihood:
    """How likely observations and a kernel's parameters are together, with the gradient.

    Args:
        inputs: The inputs of the observations.
        target: The observations, standardized, shape (n,).
    """

    def __init__(self, inputs: Inputs, target: Array) -> None:
        self._codes = inputs.codes
        self._target = target
        self._same = np.nonzero(inputs.owners[:, None] == inputs.owners)
        self._walk = np.minimum(inputs.remaining[:, None], inputs.remaining)
        self._slope = inputs.remaining[:, None] * inputs.remaining
        self._walk_and_slope = self._walk + self._slope
        self._walk_of_same = self._walk[self._same]
        self._slope_of_same = self._slope[self._same]
        self._mean, self._deviation = prior(inputs.codes.shape[1])
        # An optimizer calls this hundreds of times: matrices are made once.
        n = len(target)
        self._buffers = [np.empty((n, n)) for _ in range(5)]
        self._same_only = np.zeros((n, n))

    def __call__(self, theta: Array) -> tuple[float, Array]:
        """Return the negative logarithm of the posterior density of theta, but for a constant, and its gradient."""
        n = len(self._target)
        lengths = np.exp(theta[:-7])
        v1, v2, v3, v4, v5, v0, noise = np.exp(theta[-7:])
        decay, slow, kx, spread, covariance = self._buffers
        distances = _distances(self._codes, self._codes, lengths)
        # kx = (1 + √5 q + 5/3 q²) e^(-√5 q)
        np.multiply(distances, _ROOT5, out=slow)
        np.exp(np.negative(slow, out=decay), out=decay)
        slow += 1.0
        np.multiply(distances, 5.0 / 3.0, out=kx)
        kx *= distances
        kx += slow
        kx *= decay
        # covariance = c0 + (v1 + v2 (walk + slope)) kx + v0 (walk + slope) + what a configuration shares with itself
        np.multiply(self._walk_and_slope, v2, out=spread)
        spread += v1
        np.multiply(spread, kx, out=covariance)
        covariance += _LEVEL
        covariance[self._same] += v3 + v4 * self._walk_of_same + v5 * self._slope_of_same
        covariance += np.multiply(self._walk_and_slope, v0, out=distances)
        covariance[np.diag_indices(n)] += noise + JITTER
        factor, failed = lapack.dpotrf(covariance, lower=1)
        if failed:
            return 1e10, np.zeros_like(theta)
        weights = lapack.dpotrs(factor, self._target, lower=1)[0]
        half = lapack.dpotri(factor, lower=1)[0]
        inverse = half.T  # its rows lie side by side in memory; the half below the diagonal is empty
        inverse += np.tril(half, -1)
        pull = np.subtract(inverse, np.multiply(weights[:, None], weights, out=distances), out=distances)
        # d Kx / d log length_k = 5/3 (1 + √5 q) e^(-√5 q) · (x_k - x'_k)² / length_k²
        slow *= 5.0 / 3.0
        slow *= decay
        steep = np.multiply(pull, spread, out=spread)
        steep *= slow
        scaled = self._codes / lengths
        by_length = (scaled * scaled * steep.sum(axis=1)[:, None]).sum(axis=0) - (scaled * (steep @ scaled)).sum(axis=0)
        pull_of_same = self._same_only
        pull_kx = np.multiply(pull, kx, out=kx)
        pull_of_same[self._same] = pull[self._same]
        gradient = [
            0.5 * v1 * pull_kx.sum(),
            0.5 * v2 * np.vdot(pull_kx, self._walk_and_slope),
            0.5 * v3 * pull_of_same.sum(),
            0.5 * v4 * np.vdot(pull_of_same, self._walk),
            0.5 * v5 * np.vdot(pull_of_same, self._slope),
            0.5 * v0 * np.vdot(pull, self._walk_and_slope),
            0.5 * noise * np.trace(pull),
        ]
        z = (theta - self._mean) / self._deviation
        value = 0.5 * self._target @ weights + np.log(np.diag(factor)).sum() + 0.5 * z @ z
        return float(value), np.concatenate([by_length, gradient]) + z / self._deviation
