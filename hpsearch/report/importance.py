"""Which hyper-parameters matter: how much of the differences between trials each explains, and how sure that is.

A random forest predicts a trial's rank from its parameters. Shuffling parameter j among trials that the forest has not
seen raises its mean squared error by 2·V·S_j where the forest is exact, V being the variance of the ranks and S_j the
total-effect index of Sobol', so half the rise over V is what is reported (Breiman 2001, Machine Learning 45:5;
Gregorutti et al. 2017, Statistics and Computing 27:659). Ranks keep a loss that exploded from drowning all others.
Everything is repeated on resampled trials (the bootstrap); the spread over the repetitions is the uncertainty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hpsearch.log.history import Goal, History, Trial
from hpsearch.report.axes import Axis, matrix

LEAST_TRIALS = 12
"""Trials below which no importance is computed."""

RESAMPLES = 20
"""Bootstrap samples of the trials."""

TREES = 16
"""Trees of each forest."""

SHUFFLES = 2
"""How often each parameter is shuffled among the trials that a forest has not seen."""

SEED = 0


@dataclass(frozen=True)
class Importance:
    """What one hyper-parameter explains.

    Attributes:
        name: The parameter.
        share: Share of the variance of the trials' ranks, alone and together with others; about 0 for none, at most 1.
        low: Tenth percentile over the resampled trials.
        high: Ninetieth percentile.
    """

    name: str
    share: float
    low: float
    high: float


def importances(history: History, axes: Sequence[Axis]) -> list[Importance]:
    """Return the importance of each axis, highest first; empty where there are too few trials to tell.

    Pruned trials count with the best value that they reached, failed ones as the worst.
    """
    trials = [trial for trial in history.trials if trial.state == "FAILED" or trial.value is not None]
    if len(trials) < LEAST_TRIALS or not axes:
        return []
    ranks = _ranks(np.array([_loss(trial, history.goal) for trial in trials]))
    if np.ptp(ranks) == 0:
        return []
    shares = _shares(matrix(trials, axes), ranks)
    explained = [
        Importance(axis.name, float(np.mean(column)), *(float(q) for q in np.quantile(column, (0.1, 0.9))))
        for axis, column in zip(axes, shares.T, strict=True)
    ]
    return sorted(explained, key=lambda importance: -importance.share)


def _loss(trial: Trial, goal: Goal) -> float:
    return np.inf if trial.state == "FAILED" or trial.value is None else goal.loss(trial.value)


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.stats import rankdata

    ranks: NDArray[np.float64] = rankdata(values) / len(values)
    return ranks


def _shares(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return half the rise of the error over the variance, shape (n_resamples, n_axes).

    Args:
        x: Positions of the trials on the axes, shape (n_trials, n_axes); NaN where a trial lacks a parameter.
        y: Ranks of the trials, shape (n_trials,).
    """
    from sklearn.ensemble import RandomForestRegressor  # slow to import

    # A parameter that a trial does not have is a value of its own, below all others.
    x = np.where(np.isnan(x), np.where(np.isnan(x), 0.0, x).min(axis=0) - 1.0, x)
    rng = np.random.default_rng(SEED)
    shares = np.zeros((RESAMPLES, x.shape[1]))
    for resample in range(RESAMPLES):
        drawn = rng.integers(0, len(y), len(y))
        unseen = np.setdiff1d(np.arange(len(y)), drawn)
        forest = RandomForestRegressor(TREES, min_samples_leaf=2, random_state=resample).fit(x[drawn], y[drawn])
        error = np.mean((forest.predict(x[unseen]) - y[unseen]) ** 2)
        for column in range(x.shape[1]):
            shuffled = np.tile(x[unseen], (SHUFFLES, 1))
            shuffled[:, column] = np.concatenate([rng.permutation(x[unseen, column]) for _ in range(SHUFFLES)])
            rise = np.mean((forest.predict(shuffled) - np.tile(y[unseen], SHUFFLES)) ** 2) - error
            shares[resample, column] = rise / (2 * np.var(y))
    return shares
