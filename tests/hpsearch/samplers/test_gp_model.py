from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.optimize import approx_fprime
from scipy.stats import norm
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

from hpsearch.samplers import gp_model
from hpsearch.samplers.gp_model import Posterior, expected_improvement, fit_kernel, refitted_at, standardize, warp

KERNEL = ConstantKernel(1.3) * Matern([0.3, 0.8], nu=2.5) + WhiteKernel(0.05)


@pytest.fixture
def data() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    codes = rng.random((20, 2))
    others = rng.random((7, 2))
    return codes, standardize(np.sin(5 * codes[:, 0]) + codes[:, 1] + rng.normal(0, 0.1, 20)), others


def test_it_predicts_what_scikit_learn_predicts(data: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    codes, target, others = data
    oracle = GaussianProcessRegressor(KERNEL, alpha=1e-8, optimizer=None).fit(codes, target)
    mean, deviation = oracle.predict(others, return_std=True)
    model = Posterior.observing(KERNEL, codes, target)
    np.testing.assert_allclose(model.predict(others), (mean, np.sqrt(deviation**2 - 0.05)), rtol=1e-6)
    np.testing.assert_allclose(model.fitted, oracle.predict(codes), rtol=1e-6)


def test_an_imagined_observation_counts_like_one_that_came_in(
    data: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    codes, target, others = data
    pending = others[:3]
    others = others[3:]
    imagined = Posterior.observing(KERNEL, codes, target).imagine(pending, np.random.default_rng(1).normal(size=(3, 5)))
    mean, deviation = imagined.predict(others)
    for fantasy in range(5):
        values = imagined.target[:, fantasy]
        np.testing.assert_array_equal(values[:20], target)
        one = Posterior.observing(KERNEL, np.vstack([codes, pending]), values)
        np.testing.assert_allclose(one.predict(others), (mean[:, fantasy], deviation), rtol=1e-6)


def test_fantasies_are_drawn_from_the_process_itself(data: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    codes, target, others = data
    normals = np.random.default_rng(2).normal(size=(2, 20_000))
    drawn = Posterior.observing(KERNEL, codes, target).imagine(others[:2], normals).target[20:]
    oracle = GaussianProcessRegressor(KERNEL, alpha=1e-8, optimizer=None).fit(codes, target)
    mean, covariance = oracle.predict(others[:2], return_cov=True)
    np.testing.assert_allclose(drawn.mean(axis=1), mean, atol=0.02)
    np.testing.assert_allclose(np.cov(drawn), covariance, atol=0.02)


@given(st.floats(-3, 3), st.floats(0.01, 3), st.floats(-3, 3))
def test_expected_improvement_is_the_integral(mean: float, deviation: float, best: float) -> None:
    low = mean - 12 * deviation
    high = min(best, mean + 12 * deviation)
    integral = quad(lambda y: (best - y) * norm.pdf(y, mean, deviation), low, high)[0] if low < high else 0.0
    improvement = expected_improvement(np.array([mean]), np.array([deviation]), best)[0]
    assert improvement == pytest.approx(integral, rel=1e-6, abs=1e-8)


def test_improvement_is_the_average_over_fantasies() -> None:
    mean = np.array([[0.0, 1.0], [0.5, -1.0]])
    deviation = np.array([0.3, 0.6])
    best = np.array([0.1, 0.2])
    per_fantasy = [expected_improvement(mean[:, s], deviation, best[s]) for s in (0, 1)]
    np.testing.assert_allclose(expected_improvement(mean, deviation, best), np.mean(per_fantasy, axis=0))


def test_the_gradient_of_what_is_fitted_is_right(data: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    codes, target, _ = data
    model = gp_model._Regressor(KERNEL, alpha=1e-8, optimizer=None).fit(codes, target)
    theta = np.array([0.2, -0.5, 0.4, -2.0])
    value, gradient = model.log_marginal_likelihood(theta, eval_gradient=True)
    assert value == pytest.approx(model.log_marginal_likelihood(theta))
    np.testing.assert_allclose(
        gradient, approx_fprime(theta, model.log_marginal_likelihood, 1e-6), rtol=1e-3, atol=1e-3
    )


def test_a_column_that_says_nothing_gets_a_long_scale_and_noise_is_found() -> None:
    rng = np.random.default_rng(3)
    codes = rng.random((80, 2))
    kernel = fit_kernel(codes, standardize(np.sin(9 * codes[:, 0]) + rng.normal(0, 0.2, 80)))
    short, long = kernel.k1.k2.length_scale
    assert long > 3 * short
    assert math.sqrt(kernel.k2.noise_level) == pytest.approx(0.2 / np.std(np.sin(9 * codes[:, 0])), rel=0.5)


def test_few_or_equal_observations_make_no_extreme_kernel() -> None:
    for count in (1, 2, 8):
        kernel = fit_kernel(np.linspace(0, 1, count)[:, None], np.zeros(count))
        mean, deviation = Posterior.observing(kernel, np.linspace(0, 1, count)[:, None], np.zeros(count)).predict(
            np.array([[0.4]])
        )
        assert np.isfinite([mean, deviation]).all()


def test_kernels_are_refitted_ever_more_rarely() -> None:
    moments = sorted({refitted_at(n) for n in range(1, 600)})
    assert moments == [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512]
    assert all(refitted_at(n) <= n < 1.5 * refitted_at(n) + 1 for n in range(1, 600))


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_losses_of_any_size_keep_their_order(losses: list[float]) -> None:
    warped = warp(np.array(losses))
    assert np.isfinite(warped).all()
    assert abs(warped).max() <= math.sqrt(len(losses))
    assert (np.diff(warped[np.argsort(losses, kind="stable")]) >= 0).all()


def test_a_diverged_loss_does_not_make_the_others_look_alike() -> None:
    warped = warp(np.array([0.1, 0.2, 0.3, 0.4, 1e6]))
    assert warped[3] - warped[0] > 0.05 * (warped[4] - warped[0])
