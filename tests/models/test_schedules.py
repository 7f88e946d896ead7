import math

import numpy as np
import pytest

from hpsearch.models.early_stopping import EARLY_STOPPING, growing_limit
from hpsearch.models.schedules import SCHEDULES

PARAMS = {"patience": 3, "lr_patience": 3, "lr_factor": 0.5, "lr_min_ratio": 0.1, "max_epochs": 10}


def factors(name, scores, **params):
    """Return the factor of each epoch, and the epoch after which training was over (or None)."""
    schedule = SCHEDULES[name]
    memory = dict(SCHEDULES[name].start)
    all_params = {**PARAMS, **params}
    factors_by_epoch = []
    over = None
    for epoch, score in enumerate(scores, start=1):
        factors_by_epoch.append(memory["lr_factor"])
        changes, done = schedule.observe(memory, all_params, score, epoch)
        memory |= changes
        over = over or (epoch if done else None)
    return factors_by_epoch, over


def test_constant_is_constant():
    assert factors("constant", [math.nan] * 4) == ([1, 1, 1, 1], None)


def test_step_halves_every_few_epochs_down_to_the_least_ratio_and_never_stops():
    assert factors("step", [math.nan] * 14) == ([1] * 3 + [0.5] * 3 + [0.25] * 3 + [0.125] * 3 + [0.1] * 2, None)


def test_cosine_falls_from_one_along_half_a_cosine_and_stays_at_the_least_ratio():
    cosine, over = factors("cosine", [math.nan] * 13)
    expected = 0.1 + 0.9 * (1 + np.cos(np.pi * np.arange(10) / 10)) / 2
    np.testing.assert_allclose(cosine[:10], expected, rtol=1e-12)
    np.testing.assert_allclose(cosine[10:], 0.1, rtol=1e-12)
    assert over is None


def test_plateau_counts_from_the_last_improvement_or_cut():
    assert factors("plateau", [0.5, 0.6, 0.6, 0.6, 0.6, 0.7, 0.6, 0.6]) == ([1] * 5 + [0.5] * 3, None)


def test_plateau_takes_scores_below_zero_as_those_of_a_regression_are():
    assert factors("plateau", [-900.0, -800.0, -700.0, -600.0, -500.0, -400.0])[0] == [1] * 6


@pytest.mark.parametrize(
    ("best_epoch", "limit"), [(0, 10), (19, 10), (20, 20), (49, 20), (50, 50), (100, 100), (199, 100), (500, 500)]
)
def test_patience_grows_from_ten_to_twenty_to_fifty(best_epoch, limit):
    assert growing_limit(10, best_epoch) == limit


def stopped(name, scores, **params):
    """Return the epoch after which a rule stops, and the best epoch."""
    rule = EARLY_STOPPING[name]
    given = {**PARAMS, **params}
    memory = dict(rule.start)
    best = 0
    for epoch, score in enumerate(scores, start=1):
        changes, is_best, stop = rule.observe(memory, given, score, epoch)
        memory |= changes
        best = epoch if is_best else best
        if stop:
            return epoch, best
    return None, best


def test_growing_waits_longer_for_a_network_that_was_still_improving_late():
    early = [1.0] + [0.0] * 99
    late = list(range(20)) + [0.0] * 99
    assert stopped("growing", early, patience=10) == (11, 1)
    assert stopped("growing", late, patience=10) == (40, 20)
    assert stopped("patience", late, patience=10) == (30, 20)


def test_ties_are_no_improvement():
    assert stopped("patience", [1.0] * 9) == (4, 1)


def test_none_never_stops():
    assert stopped("none", [0.0] * 99) == (None, 0)
