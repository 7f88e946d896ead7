"""A Gaussian process over codes: Matérn 5/2 with a length scale per column, plus noise (Snoek et al., 2012)."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.optimize import minimize
from scipy.special import ndtr
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Kernel, Matern, WhiteKernel

from hpsearch.samplers.gp_encoding import Array

_PRIOR = {"amplitude": (0.0, 1.0), "length": (0.0, 1.0), "noise": (-4.0, 2.0)}
"""Mean and standard deviation of the logarithms of the kernel's parameters, for losses of unit variance.

A length of 1 is the whole range of a parameter.
"""

_STARTS = (0.0, -1.2)
"""Where lengths begin when a kernel is fitted, on that scale: smooth, and three times less so."""

_JITTER = 1e-8
"""Added to variances, so that factors exist in spite of rounding."""

_MOST = 192
"""Observations that a kernel is fitted to: early ones and late ones, evenly. More cost seconds and change little."""


def refitted_at(n: int) -> int:
    """Return at how many observations the kernel in use was fitted.

    At 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64 and so on: the numbers grow by a half or a third, so that all fits
    together cost as much as a few of the last one.
    """
    power = 1 << (n.bit_length() - 1)
    return power + power // 2 if n >= power + power // 2 else power


class _Regressor(GaussianProcessRegressor):  # type: ignore[misc]
    """scikit-learn's regressor with a prior on the kernel's parameters: a few points must not make extreme ones."""

    def log_marginal_likelihood(self, theta: Any = None, eval_gradient: bool = False, clone_kernel: bool = True) -> Any:
        likelihood = super().log_marginal_likelihood(theta, eval_gradient, clone_kernel)
        if theta is None:
            return likelihood
        mean, deviation = _prior(len(theta) - 2)
        z = (theta - mean) / deviation
        if eval_gradient:
            return likelihood[0] - 0.5 * z @ z, likelihood[1] - z / deviation
        return likelihood - 0.5 * z @ z


def warp(losses: Array) -> Array:
    """Return losses on a scale that suits a Gaussian process: what matters is how the good ones differ.

    The logarithm of the distance from the best, in units of the median's distance, standardized: a diverged network
    with a hundred times the usual loss must not make all others look alike.
    """
    losses = np.clip(losses, -1e150, 1e150)  # whose differences can be squared
    away = losses - losses.min()
    unit = np.median(away) or away.mean() or 1.0
    return standardize(np.log(away / unit + 0.5))


def standardize(values: Array) -> Array:
    """Return values with mean 0 and, unless all are equal, standard deviation 1."""
    deviation = values.std()
    standardized: Array = (values - values.mean()) / (deviation if deviation > 1e-12 else 1.0)
    return standardized


def fit_kernel(codes: Array, target: Array) -> Kernel:
    """Return the kernel whose parameters make observations likeliest, given the prior.

    Args:
        codes: Shape (n, width).
        target: Standardized losses, shape (n,).
    """
    if len(codes) > _MOST:
        chosen = np.linspace(0, len(codes) - 1, _MOST).round().astype(int)
        codes = codes[chosen]
        target = target[chosen]
    width = codes.shape[1]
    mean, deviation = _prior(width)
    kernel = ConstantKernel() * Matern(np.ones(width), nu=2.5) + WhiteKernel()
    limits = np.stack([mean - 4 * deviation, mean + 4 * deviation], axis=1)

    def optimizer(objective: Callable[[Array], tuple[float, Array]], _: Array, bounds: Array) -> tuple[Array, float]:
        fits = [
            minimize(
                objective,
                mean + np.r_[0.0, np.full(width, shorter), 0.0],
                jac=True,
                method="L-BFGS-B",
                bounds=limits,
                options={"maxiter": 30},
            )
            for shorter in _STARTS
        ]
        best = min(fits, key=lambda result: float(result.fun))
        return best.x, float(best.fun)

    model = _Regressor(kernel, alpha=_JITTER, optimizer=optimizer)
    with warnings.catch_warnings():
        # A length ends at its bound, of which scikit-learn warns, where its column does not matter.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(codes, target).kernel_


class Posterior:
    """The process given observations.

    scikit-learn's regressor could say all this, but would begin anew for the fantasies and for every prediction.

    Attributes:
        target: What was observed, shape (n,), or (n, s) for s fantasies.
        fitted: Mean at the observed points, of the same shape: what was observed, less what is held to be noise.
    """

    def __init__(self, kernel: Kernel, codes: Array, factor: Array, target: Array) -> None:
        """Set up.

        Args:
            kernel: What :func:`fit_kernel` returned.
            codes: Where it was observed, shape (n, width).
            factor: Lower Cholesky factor of the covariance of what was observed, shape (n, n).
            target: What was observed, shape (n,) or (n, s).
        """
        self._kernel = kernel
        self._codes = codes
        self._factor = factor
        self._weights: Array = cho_solve((factor, True), target, check_finite=False)
        self.target = target
        self.fitted: Array = target - (float(kernel.k2.noise_level) + _JITTER) * self._weights

    @classmethod
    def observing(cls, kernel: Kernel, codes: Array, target: Array) -> Posterior:
        """Return the process given n observations: codes of shape (n, width), target of shape (n,)."""
        covariance = kernel(codes)
        covariance[np.diag_indices_from(covariance)] += _JITTER
        return cls(kernel, codes, cholesky(covariance, lower=True, check_finite=False), target)

    def predict(self, codes: Array) -> tuple[Array, Array]:
        """Return what is known about the function, without the noise of an observation, at codes of shape (m, width).

        Returns:
            Mean, of shape (m,) or (m, s), and standard deviation, of shape (m,).
        """
        mean, spread = self._mean_and_solved(codes)
        variance = self._kernel.k1.diag(codes) - np.einsum("ij,ij->j", spread, spread)
        return mean, np.sqrt(np.maximum(variance, _JITTER))

    def imagine(self, codes: Array, normals: Array) -> Posterior:
        """Return the process as it would be if observations came in at these points.

        What comes in is drawn from the process itself, once per fantasy (Snoek et al., 2012, section 3.2).

        Args:
            codes: Where, shape (m, width).
            normals: Standard normal numbers that decide what, shape (m, fantasies).
        """
        mean, spread = self._mean_and_solved(codes)
        covariance = self._kernel(codes) - spread.T @ spread
        covariance[np.diag_indices_from(covariance)] += _JITTER
        corner = cholesky(covariance, lower=True, check_finite=False)
        factor = np.block([[self._factor, np.zeros_like(spread)], [spread.T, corner]])
        seen = np.repeat(self.target[:, None], normals.shape[1], axis=1)
        target = np.vstack([seen, mean[:, None] + corner @ normals])
        return Posterior(self._kernel, np.vstack([self._codes, codes]), factor, target)

    def _mean_and_solved(self, codes: Array) -> tuple[Array, Array]:
        cross = self._kernel(codes, self._codes)  # without noise, as these are other draws
        return cross @ self._weights, solve_triangular(self._factor, cross.T, lower=True, check_finite=False)


def expected_improvement(mean: Array, deviation: Array, best: Array | float) -> Array:
    """Return by how much the loss is expected to fall below the best, on average over the fantasies.

    Args:
        mean: Shape (m,) or (m, s).
        deviation: Shape (m,).
        best: What counts as the lowest loss so far, one number or one per fantasy. Where evaluations are noisy that is
            the lowest mean and not the lowest observation: near one that is low by noise, more would be expected.
    """
    mean = mean.reshape(len(mean), -1)
    gap = best - mean
    z = gap / deviation[:, None]
    density = np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
    improvement: Array = (gap * ndtr(z) + deviation[:, None] * density).mean(axis=1)
    return improvement


def _prior(width: int) -> tuple[Array, Array]:
    # In the order of the kernel's theta.
    rows = [_PRIOR["amplitude"], *[_PRIOR["length"]] * width, _PRIOR["noise"]]
    mean, deviation = np.array(rows).T
    return mean, deviation
