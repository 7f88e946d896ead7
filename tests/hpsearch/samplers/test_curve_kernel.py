"""The covariance of curves and what follows from it, each against a slow, obvious reference."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import multivariate_normal

from hpsearch.samplers import curve_posterior
from hpsearch.samplers.curve_choice import improvement
from hpsearch.samplers.curve_kernel import JITTER, CurveKernel, Inputs, Likelihood, prior, remaining_of
from hpsearch.samplers.curve_posterior import CurvePosterior, fit, leave_one_out
from hpsearch.samplers.gp_encoding import Array

WIDTH = 3


def inputs(n: int, seed: int = 0, curves: int = 6, max_epochs: int = 30) -> Inputs:
    """Observations of a few curves at random epochs."""
    rng = np.random.default_rng(seed)
    owners = rng.integers(curves, size=n)
    return Inputs(
        rng.random((curves, WIDTH))[owners], owners, remaining_of(rng.integers(1, max_epochs + 1, size=n), max_epochs)
    )


def kernel(seed: int = 0) -> CurveKernel:
    mean, deviation = prior(WIDTH)
    return CurveKernel(mean + 0.5 * deviation * np.random.default_rng(seed).normal(size=len(mean)))


def by_the_formula(theta: Array, one: Inputs, other: Inputs) -> Array:
    """The covariance, entry by entry, as the module's first lines say it."""
    lengths = np.exp(theta[:-7])
    v1, v2, v3, v4, v5, v0, _ = np.exp(theta[-7:])
    covariance = np.empty((len(one), len(other)))
    for i in range(len(one)):
        for j in range(len(other)):
            q = math.sqrt(
                sum(((a - b) / length) ** 2 for a, b, length in zip(one.codes[i], other.codes[j], lengths, strict=True))
            )
            near = (1 + math.sqrt(5) * q + 5 / 3 * q * q) * math.exp(-math.sqrt(5) * q)
            same = float(one.owners[i] == other.owners[j])
            r = one.remaining[i]
            s = other.remaining[j]
            end = 1 + v1 * near + v3 * same
            drift = (v0 + v2 * near + v4 * same) * min(r, s) + (v0 + v2 * near + v5 * same) * r * s
            covariance[i, j] = end + drift
    return covariance


def conditioned(k: CurveKernel, seen: Inputs, target: Array, queried: Inputs) -> tuple[Array, Array]:
    """Mean and covariance of a multivariate normal given some of its values, by the textbook."""
    noisy = by_the_formula(k.theta, seen, seen) + (math.exp(k.theta[-1]) + JITTER) * np.eye(len(seen))
    cross = by_the_formula(k.theta, seen, queried)
    inverse = np.linalg.inv(noisy)
    return cross.T @ inverse @ target, by_the_formula(k.theta, queried, queried) - cross.T @ inverse @ cross


def test_r_is_one_after_the_first_epoch_and_zero_after_the_last() -> None:
    assert remaining_of(np.array([1, 30]), 30).tolist() == [1.0, 0.0]
    assert float(remaining_of(1, 1)) == 0.0


@pytest.mark.parametrize("seed", range(3))
def test_the_covariance_is_the_formulas(seed: int) -> None:
    one = inputs(12, seed)
    other = inputs(9, seed + 10)
    k = kernel(seed)
    np.testing.assert_allclose(k.between(one, other), by_the_formula(k.theta, one, other), rtol=1e-10)
    ends = Inputs(other.codes, other.owners, np.zeros(len(other)))
    np.testing.assert_allclose(k.between(one, ends), by_the_formula(k.theta, one, ends), rtol=1e-10)
    variance = k.within(one.remaining, one.remaining)
    np.testing.assert_allclose(variance, np.diag(by_the_formula(k.theta, one, one)), rtol=1e-10)


@pytest.mark.parametrize("seed", range(3))
def test_the_likelihood_is_a_normal_density_times_the_prior_and_its_gradient_is_the_differences(seed: int) -> None:
    seen = inputs(25, seed)
    k = kernel(seed)
    target = np.random.default_rng(seed).normal(size=25)
    likelihood = Likelihood(seen, target)
    mean, deviation = prior(WIDTH)

    def reference(theta: Array) -> float:
        noisy = by_the_formula(theta, seen, seen) + (math.exp(theta[-1]) + JITTER) * np.eye(25)
        z = (theta - mean) / deviation
        constant = 25 / 2 * math.log(2 * math.pi)
        return float(-multivariate_normal(np.zeros(25), noisy).logpdf(target) - constant + 0.5 * z @ z)

    value, gradient = likelihood(k.theta)
    assert value == pytest.approx(reference(k.theta), rel=1e-8)
    steps = 1e-4 * np.eye(len(k.theta))
    differences = [(likelihood(k.theta + e)[0] - likelihood(k.theta - e)[0]) / 2e-4 for e in steps]
    np.testing.assert_allclose(gradient, differences, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("seed", range(3))
def test_what_is_predicted_is_the_conditional_normal(seed: int) -> None:
    seen = inputs(20, seed)
    queried = inputs(8, seed + 20)
    k = kernel(seed)
    target = np.random.default_rng(seed).normal(size=20)
    mean, covariance = conditioned(k, seen, target, queried)
    posterior = CurvePosterior(k, seen, target)
    found, solved = posterior.predict(queried)
    np.testing.assert_allclose(found, mean, atol=1e-8)
    np.testing.assert_allclose(posterior.deviation(queried.remaining, solved) ** 2, np.diag(covariance), atol=1e-8)


def test_a_curve_that_goes_on_moves_the_mean_of_its_end_by_what_it_takes_from_its_variance() -> None:
    seen = inputs(15)
    k = kernel()
    target = np.random.default_rng(0).normal(size=15)
    posterior = CurvePosterior(k, seen, target)
    one = seen.rows(np.array([0]))
    end = Inputs(one.codes, one.owners, np.zeros(1))
    later = Inputs(one.codes, one.owners, np.array([0.3]))
    shift = posterior.shift(end.remaining, posterior.predict(end)[1], later.remaining, posterior.predict(later)[1])
    variance_before = conditioned(k, seen, target, end)[1]
    variance_after = conditioned(k, seen.and_(later), np.append(target, 0.0), end)[1]
    assert shift[0] ** 2 == pytest.approx((variance_before - variance_after)[0, 0], rel=1e-6)


def test_believing_in_what_is_under_way_keeps_every_mean_and_makes_it_surer() -> None:
    seen = inputs(15)
    pending = inputs(3, seed=5, curves=20)
    queried = inputs(6, seed=9)
    k = kernel()
    target = np.random.default_rng(0).normal(size=15)
    posterior = CurvePosterior(k, seen, target)
    believing = posterior.believing(pending)
    observed = CurvePosterior(k, seen.and_(pending), np.append(target, posterior.predict(pending)[0]))
    for one, other in zip(believing.predict(queried), observed.predict(queried), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-7)
    np.testing.assert_allclose(believing.predict(queried)[0], posterior.predict(queried)[0], atol=1e-7)
    surer, less_sure = (
        model.deviation(queried.remaining, model.predict(queried)[1]) for model in (believing, posterior)
    )
    assert (surer <= less_sure + 1e-9).all()


def test_leaving_curves_out_by_one_inverse_is_predicting_each_from_the_others() -> None:
    seen = inputs(18)
    k = kernel()
    target = np.random.default_rng(0).normal(size=18)
    logs = []
    for owner in np.unique(seen.owners):
        rows = np.flatnonzero(seen.owners == owner)
        others = np.flatnonzero(seen.owners != owner)
        mean, covariance = conditioned(k, seen.rows(others), target[others], seen.rows(rows))
        noisy = covariance + (math.exp(k.theta[-1]) + JITTER) * np.eye(len(rows))
        logs.append(multivariate_normal(mean, noisy).logpdf(target[rows]))
    assert leave_one_out(k, seen, target) == pytest.approx(float(np.mean(logs)), rel=1e-8)


def surface(n: int, seed: int = 0) -> tuple[Inputs, Array]:
    """Curves that are smooth in their first code and know nothing of the others."""
    seen = inputs(n, seed, curves=n // 2)
    target = np.sin(4 * seen.codes[:, 0]) + seen.remaining + 0.05 * np.random.default_rng(seed).normal(size=n)
    return seen, (target - target.mean()) / target.std()


def test_the_fitted_kernel_finds_what_matters() -> None:
    seen, target = surface(60)
    fitted = fit(seen, target)
    lengths = np.exp(fitted.kernel.theta[:WIDTH])
    assert lengths[0] < min(lengths[1:])
    assert not fitted.guarded
    assert fitted.score > leave_one_out(CurveKernel(prior(WIDTH)[0]), seen, target)


def test_lengths_that_collapsed_give_way_to_the_priors(monkeypatch: pytest.MonkeyPatch) -> None:
    """An optimizer that ends where every point is an island: what is left out says so."""
    seen, target = surface(60)
    mean, _ = prior(WIDTH)
    collapsed = mean - np.concatenate([np.full(WIDTH, 4.0), np.zeros(7)])

    class Failed:
        fun = 0.0
        x = collapsed

    monkeypatch.setattr(curve_posterior, "minimize", lambda *args, **options: Failed)
    fitted = fit(seen, target)
    assert fitted.guarded
    np.testing.assert_array_equal(fitted.kernel.theta, mean)


@given(st.floats(-3, 3), st.floats(0.01, 3), st.floats(-3, 3))
def test_expected_improvement_is_the_integral(mean: float, deviation: float, best: float) -> None:
    z = np.linspace(-8, 8, 20_001)
    density = np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
    gain = np.maximum(best - (mean + deviation * z), 0)
    expected, likely = improvement(np.array([mean]), np.array([deviation]), best)
    assert expected[0] == pytest.approx(float(np.trapezoid(gain * density, z)), abs=1e-4)
    assert likely[0] == pytest.approx(float(np.trapezoid((gain > 0) * density, z)), abs=1e-3)
