from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from hpsearch.judging.calibration import _correlations, _overlaps, calibrate, calibration_lines, overlap, spearman
from hpsearch.log.history import Goal, History
from hpsearch.log.records import Ask, Decision, Header, Row, Tick

STAGES = [{"classes": [0, 1], "train": 1000}, {}]


def history_of(small: Sequence[float], large: Sequence[float], direction: str = "maximize", seed: int = 0) -> History:
    """A study of two stages in which point i was worth small[i] and then large[i]; NaN is a failure."""
    goal = Goal("score", "maximize" if direction == "maximize" else "minimize")
    declaration = {"seed": seed, "stages": STAGES}
    history = History(goal)
    history.apply(Header("h", "u", declaration, {}, {"sizes": {"train": 10_000}}, 0.0))
    for stage, values in enumerate((small, large)):
        first = len(history.trials)
        asks = [Ask(first + i, i, {"a": i}, i, 0, stage) for i in range(len(values))]
        rows = [Row(first + i, i, 1, {"score": value}, finished=True) for i, value in enumerate(values)]
        ends = [
            Decision(first + i, "fail" if math.isnan(value) else "complete", "", "epochs")
            for i, value in enumerate(values)
        ]
        history.apply(Tick(stage, 0.0, tuple(asks), tuple(rows), tuple(ends)))
    return history


numbers = st.lists(st.integers(-5, 5).map(float), min_size=3, max_size=20)


@given(a=numbers, seed=st.integers(0, 99))
def test_rho_is_scipys(a: list[float], seed: int) -> None:
    b = np.random.default_rng(seed).integers(-3, 4, len(a)).astype(float)
    if len(set(a)) > 1 and len(set(b.tolist())) > 1:
        assert spearman(np.array(a), b) == pytest.approx(stats.spearmanr(a, b).statistic)
    else:
        assert math.isnan(spearman(np.array(a), b))


@given(seed=st.integers(0, 99), n=st.integers(3, 12), k=st.integers(1, 3))
def test_many_samples_at_once_are_as_one_by_one(seed: int, n: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, 6, (5, n)).astype(float), rng.integers(0, 6, (5, n)).astype(float)
    np.testing.assert_array_equal(_correlations(a, b), [spearman(x, y) for x, y in zip(a, b, strict=True)])
    np.testing.assert_allclose(_overlaps(a, b, k), [overlap(x, y, k) for x, y in zip(a, b, strict=True)])


def test_stages_that_rank_alike_have_rho_one_on_any_scale() -> None:
    values = np.linspace(0.1, 0.9, 12)
    (calibration,) = calibrate(history_of(values.tolist(), (values**3 + 7).tolist()))
    assert (calibration.rho, calibration.overlap, calibration.points, calibration.k) == (1.0, 1.0, 12, 4)
    assert not calibration.misleads
    assert len(calibration_lines(history_of(values.tolist(), values.tolist()))) == 1


def test_a_stage_that_ranks_backwards_is_said_to_mislead_and_why() -> None:
    values = list(range(12))
    history = history_of(values, values[::-1])
    (calibration,) = calibrate(history)
    assert (calibration.rho, calibration.overlap) == (-1.0, 0.0)
    assert calibration.rho_high < 0
    text = " ".join(calibration_lines(history))
    assert "this shortcut misleads here: what ranks well with 2 classes, 1,000 training samples need not" in text


def test_a_low_rho_of_few_points_is_said_to_be_in_doubt() -> None:
    text = " ".join(calibration_lines(history_of([1, 2, 3, 4, 5], [1, 4, 5, 2, 3])))
    assert "may mislead here" in text
    assert "so few points" in text


@pytest.mark.parametrize("planted", [0.0, 0.5, 0.9])
def test_a_planted_correlation_lies_in_its_interval(planted: float) -> None:
    rng = np.random.default_rng(0)
    inside = 0
    for seed in range(20):
        small = rng.normal(size=40)
        large = planted * small + math.sqrt(1 - planted**2) * rng.normal(size=40)
        (calibration,) = calibrate(history_of(small.tolist(), large.tolist(), seed=seed))
        assert calibration.rho_low <= calibration.rho <= calibration.rho_high
        inside += (
            calibration.rho_low <= 6 / math.pi * math.asin(planted / 2) <= calibration.rho_high
        )  # Spearman's of a normal pair
    assert inside >= 16


def test_minimizing_turns_both_stages() -> None:
    values = [0.3, 0.1, 0.5, 0.2, 0.9, 0.4]
    up, down = (calibrate(history_of(values, values[::-1], way))[0] for way in ("maximize", "minimize"))
    assert up.rho == pytest.approx(down.rho)


def test_a_failed_point_is_the_worst_of_its_stage() -> None:
    small = [1.0, 2.0, 3.0, 4.0, 5.0]
    (calibration,) = calibrate(history_of(small, [math.nan, 2.0, 3.0, 4.0, 5.0]))
    assert calibration.rho == 1.0
    (calibration,) = calibrate(history_of(small, [1.0, 2.0, 3.0, 4.0, math.nan]))
    assert calibration.rho < 0.5


def test_too_few_points_say_so() -> None:
    history = history_of([1.0, 2.0], [1.0, 2.0])
    assert math.isnan(calibrate(history)[0].rho)
    assert "2 points in common, too few" in calibration_lines(history)[0]


def test_intervals_are_the_same_each_time() -> None:
    rng = np.random.default_rng(3)
    history = history_of(rng.normal(size=9).tolist(), rng.normal(size=9).tolist())
    assert calibrate(history) == calibrate(history)


def test_overlap_counts_the_better_ones_in_common() -> None:
    a, b = np.array([1.0, 2, 3, 4, 5, 6]), np.array([2.0, 9, 1, 8, 7, 3])
    assert overlap(a, b, 2) == 0.5
    assert overlap(a, b, 6) == 1.0


def test_a_flat_study_has_nothing_to_calibrate() -> None:
    history = History(Goal("score", "maximize"))
    history.apply(Header("h", "u", {}, {}, {}, 0.0))
    assert calibrate(history) == []
    assert calibration_lines(history) == []
