"""The posterior of learning curves, begun or not, given some observations; and how its kernel is fitted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_solve, lapack
from scipy.optimize import minimize

from hpsearch.samplers.curve_kernel import CurveKernel, Inputs, Likelihood, prior
from hpsearch.samplers.gp_encoding import Array

_STARTS = (0.0, -1.2)
"""Where the logarithms of the lengths begin when a kernel is fitted: smooth, and three times less so."""

_ROUNDS = 20
"""Steps of the optimizer from each start. More change nothing that could be measured."""

_FLOOR = 1e-9
"""Least variance of what is predicted."""


@dataclass(frozen=True)
class Fit:
    """A kernel, and how it was found.

    Attributes:
        kernel: The kernel.
        score: Mean logarithm of the density that it gives to a configuration's curve, the others known.
        guarded: Whether every fitted kernel predicted curves that were left out worse than the prior's own does, so
            that the prior's was taken.
    """

    kernel: CurveKernel
    score: float
    guarded: bool = False


def fit(inputs: Inputs, target: Array) -> Fit:
    """Return the kernel for these observations.

    The parameters that are likeliest under the prior are sought from several starts, as few observations can make
    lengths collapse: every point is then an island, and the search draws at random without knowing it. So what was
    found is checked by leaving out a configuration at a time, and gives way to the prior's own parameters where these
    predict better.

    Args:
        inputs: The inputs of the n observations.
        target: The observations, standardized, shape (n,).
    """
    width = inputs.codes.shape[1]
    mean, deviation = prior(width)
    likelihood = Likelihood(inputs, target)
    limits = list(zip(mean - 4 * deviation, mean + 4 * deviation, strict=True))
    thetas = []
    for shorter in _STARTS:
        start = mean + np.concatenate([np.full(width, shorter), np.zeros(len(mean) - width)])
        options = {"maxiter": _ROUNDS}
        result = minimize(likelihood, start, jac=True, method="L-BFGS-B", bounds=limits, options=options)
        thetas.append((float(result.fun), result.x))
    best = CurveKernel(min(thetas, key=lambda pair: pair[0])[1])
    usual = CurveKernel(mean)
    score = leave_one_out(best, inputs, target)
    default = leave_one_out(usual, inputs, target)
    return Fit(best, score) if score >= default else Fit(usual, default, guarded=True)


def leave_one_out(kernel: CurveKernel, inputs: Inputs, target: Array) -> float:
    """Return the mean logarithm of the density of each configuration's observations, given those of all others.

    By the inverse Q of their covariance: with B the rows of a configuration, what it shows less what is predicted is
    Q_BB⁻¹ (Q y)_B, with covariance Q_BB⁻¹ (Rasmussen and Williams, 2006, section 5.4.2, in blocks).

    Args:
        kernel: The kernel that is judged.
        inputs: The inputs of the n observations.
        target: The observations, shape (n,).
    """
    covariance = kernel.with_noise(inputs)
    inverse = np.linalg.inv(covariance)
    pulled = inverse @ target
    owners, index = np.unique(inputs.owners, return_inverse=True)
    order = np.argsort(index, kind="stable")
    sizes = np.bincount(index)
    starts = np.cumsum(sizes) - sizes
    logs = np.empty(len(owners))
    for size in np.unique(sizes).tolist():  # configurations with as many observations are looked at together
        selected = np.flatnonzero(sizes == size)
        rows = order[starts[selected][:, None] + np.arange(size)]
        blocks = inverse[rows[:, :, None], rows[:, None, :]]
        pulled_block = pulled[rows]
        _, determinants = np.linalg.slogdet(blocks)
        errors = np.linalg.solve(blocks, pulled_block[:, :, None])[:, :, 0]
        squares = [float(error @ pull) for error, pull in zip(errors, pulled_block, strict=True)]
        logs[selected] = 0.5 * determinants - 0.5 * np.array(squares) - 0.5 * size * np.log(2 * np.pi)
    return float(np.mean(logs))


class CurvePosterior:
    """Curves given observations.

    Args:
        kernel: Their covariance.
        inputs: The inputs of the n observations.
        target: The observations, shape (n,).
        factor: The lower Cholesky factor of the covariance of what was observed, where it is known, shape (n, n).
    """

    def __init__(self, kernel: CurveKernel, inputs: Inputs, target: Array, factor: Array | None = None) -> None:
        self.kernel = kernel
        self._inputs = inputs
        self._target = target
        self._factor = factor if factor is not None else np.linalg.cholesky(kernel.with_noise(inputs))
        self._weights: Array = cho_solve((self._factor, True), target, check_finite=False)

    def kx(self, codes: Array) -> Array:
        """Return Kx between what was observed and codes of shape (m, width), shape (n, m)."""
        return self.kernel.kx(self._inputs.codes, codes)

    def predict(self, inputs: Inputs, kx: Array | None = None) -> tuple[Array, Array]:
        """Return what is predicted, without noise.

        Args:
            inputs: Where it is predicted, m inputs.
            kx: Kx between what was observed and these inputs, where it is known, shape (n, m).

        Returns:
            The mean, shape (m,), and the solved cross-covariances V, shape (n, m): the covariance of predictions a and
            b is the prior's less V_a · V_b.
        """
        cross = self.kernel.between(self._inputs, inputs, kx)
        mean: Array = cross.T @ self._weights
        return mean, self._solve(cross)

    def solved(self, inputs: Inputs, kx: Array) -> Array:
        """Return the solved cross-covariances V alone, shape (n, m), as :meth:`predict` does.

        Args:
            inputs: Where it is predicted, m inputs.
            kx: Kx between these inputs and what was observed, shape (m, n).
        """
        return self._solve(self.kernel.between_transposed(self._inputs, inputs, kx).T)

    def _solve(self, cross: Array) -> Array:
        if self._factor.flags.f_contiguous:
            solved, failed = lapack.dtrtrs(self._factor, cross, lower=1)
        else:  # its rows lie side by side: to LAPACK it is its transpose
            solved, failed = lapack.dtrtrs(self._factor.T, cross, lower=0, trans=1)
        assert not failed, "a Cholesky factor has no zeros on its diagonal"
        return np.asarray(solved)

    def deviation(self, remaining: Array, solved: Array) -> Array:
        """Return the standard deviation of what is predicted, shape (m,), given r and V there."""
        variance = self.kernel.within(remaining, remaining) - np.einsum("ij,ij->j", solved, solved)
        deviation: Array = np.sqrt(np.maximum(variance, _FLOOR))
        return deviation

    def shift(self, remaining: Array, solved: Array, later: Array, solved_later: Array) -> Array:
        """Return the standard deviation by which the mean at one r moves once the value at another is observed.

        Args:
            remaining: r of what is predicted, shape (m,).
            solved: V there, shape (n, m).
            later: r of what will be observed of the same configurations, shape (m,).
            solved_later: V there, shape (n, m).
        """
        shared = self.kernel.within(remaining, later) - np.einsum("ij,ij->j", solved, solved_later)
        variance = self.kernel.within(later, later) - np.einsum("ij,ij->j", solved_later, solved_later)
        shift: Array = np.abs(shared) / np.sqrt(np.maximum(variance, _FLOOR) + self.kernel.noise)
        return np.maximum(shift, 1e-6)

    def believing(self, inputs: Inputs) -> CurvePosterior:
        """Return the curves as if what is predicted at these inputs had been observed (Ginsbourger et al., 2010).

        Means stay what they are; that something is under way makes them surer.
        """
        mean, solved = self.predict(inputs)
        corner = np.linalg.cholesky(self.kernel.with_noise(inputs) - solved.T @ solved)
        factor = np.block([[self._factor, np.zeros_like(solved)], [solved.T, corner]])
        target = np.concatenate([self._target, mean])
        return CurvePosterior(self.kernel, self._inputs.and_(inputs), target, factor)
