"""What a freeze-thaw search makes of curves: which epochs count, and on which scale."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hpsearch.samplers.curve_book import LEADERS, MOST_ROWS, Curve, evidence, rungs_of
from hpsearch.samplers.curve_search import fitted_at
from hpsearch.samplers.curve_startup import stale


def curve(number: int, losses: list[float], most: int = 20, first: int = 0, **said: bool) -> Curve:
    code = np.array([number / 1000])
    order = [first + i for i in range(len(losses))]
    return Curve(number, {}, code, code, most, losses=losses, order=order, **said)


@given(st.integers(1, 1000))
def test_rungs_climb_to_the_last_epoch(most: int) -> None:
    rungs = rungs_of(most).tolist()
    assert rungs[0] == 1
    assert rungs[-1] == most
    assert rungs == sorted(set(rungs))


@given(st.lists(st.integers(-1000, 1000), min_size=3, max_size=8, unique=True), st.floats(1e-3, 1e6), st.floats(-9, 9))
def test_the_scale_of_a_metric_changes_nothing(losses: list[int], factor: float, offset: float) -> None:
    one = evidence([curve(i, [loss]) for i, loss in enumerate(losses)])
    other = evidence([curve(i, [factor * loss + offset]) for i, loss in enumerate(losses)])
    assert one is not None
    assert other is not None
    np.testing.assert_allclose(one.target, other.target, atol=1e-6)
    assert abs(one.target.mean()) < 1e-9


def test_a_target_on_the_modelled_scale_stands_for_its_loss() -> None:
    shown = evidence([curve(i, [loss]) for i, loss in enumerate([0.1, 0.2, 0.5, 3.0])])
    assert shown is not None
    for loss, target in zip([0.1, 0.2, 0.5, 3.0], sorted(shown.target), strict=True):
        assert math.isclose(shown.scale.loss(float(target)), loss, rel_tol=1e-9)
    tiny = 1e-7 * shown.scale.slope
    assert math.isclose(shown.scale.loss(shown.best + 1e-7) - 0.1, tiny, rel_tol=1e-3)


def test_curves_that_diverged_count_as_the_worst_and_those_without_a_value_not_at_all() -> None:
    curves = [curve(0, [0.5, 0.2]), curve(1, [0.9]), curve(2, [math.inf]), curve(3, [math.nan, math.nan]), curve(4, [])]
    shown = evidence(curves)
    assert shown is not None
    assert [c.number for c in shown.curves] == [0, 1, 2]
    assert shown.target[shown.places.owners == 2] == shown.target[shown.places.owners == 1]
    assert evidence([curve(0, [math.nan]), curve(1, [math.inf]), curve(2, [])]) is None


def test_losses_of_any_size_give_numbers() -> None:
    shown = evidence([curve(i, [loss]) for i, loss in enumerate([-1e308, 0.0, 1e308, 5e-324, math.inf])])
    assert shown is not None
    assert np.isfinite(shown.target).all()
    same = evidence([curve(i, [0.25]) for i in range(4)])
    assert same is not None
    assert np.isfinite(same.target).all()


def test_a_training_that_ended_by_itself_stays_where_it_ended() -> None:
    stopped = curve(0, [0.5, 0.4, 0.3], over=True, whole=True)
    paused = curve(1, [0.5, 0.4, 0.31])
    shown = evidence([stopped, paused])
    assert shown is not None
    assert shown.places.rest[shown.places.owners == 0].min() == 0.0
    assert shown.places.rest[shown.places.owners == 1].min() > 0.0


def test_what_was_known_earlier_is_a_part_of_what_is_known() -> None:
    """The epochs that came first, whatever came since: that is what a kernel is fitted to again after a resume."""
    early = [curve(0, [0.9, 0.7], first=0), curve(1, [0.8], first=2)]
    later = [curve(0, [0.9, 0.7, 0.1], first=0), curve(1, [0.8, 0.5], first=2), curve(2, [0.05], first=9)]
    later[0].order[2] = 5
    later[1].order[1] = 6
    one = evidence(early)
    other = evidence(later, known=3)
    assert one is not None
    assert other is not None
    np.testing.assert_array_equal(one.target, other.target)
    np.testing.assert_array_equal(one.places.rest, other.places.rest)


def test_a_thousand_curves_fit_into_what_the_process_can_take() -> None:
    rng = np.random.default_rng(0)
    curves = [curve(i, sorted(rng.random(rng.integers(1, 21)).tolist(), reverse=True)) for i in range(1000)]
    shown = evidence(curves)
    assert shown is not None
    assert len(shown.target) <= MOST_ROWS
    best = shown.curves[: LEADERS // 2]
    for each in best:
        expected = sum(rung < each.epoch for rung in rungs_of(20).tolist()) + 1
        assert (shown.places.owners == each.number).sum() == expected


def test_kernels_are_fitted_at_few_numbers_of_epochs() -> None:
    marks = sorted({fitted_at(known) for known in range(1, 20_000)})
    assert marks[0] == 8
    assert len(marks) < 40
    assert all(mark == fitted_at(mark) for mark in marks)


def test_a_search_is_stale_for_the_trainings_since_its_best_became_better() -> None:
    assert stale([curve(0, [0.9, 0.5]), curve(1, [0.6] * 20, first=2)]) == 20 / 20
    assert stale([]) == 0
