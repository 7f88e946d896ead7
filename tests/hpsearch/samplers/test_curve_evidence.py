"""What a freeze-thaw search makes of curves: which epochs count, and on which scale."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hpsearch.samplers.curve_evidence import LEADERS, MOST_ROWS, Curve, evidence_of, rungs_of
from hpsearch.samplers.curve_search import fitted_at
from hpsearch.samplers.curve_startup import stale


def curve(number: int, losses: list[float], max_epochs: int = 20, first_order: int = 0, **state: bool) -> Curve:
    code = np.array([number / 1000])
    order = [first_order + i for i in range(len(losses))]
    return Curve(number, {}, code, code, max_epochs, losses=losses, order=order, **state)


@given(st.integers(1, 1000))
def test_rungs_climb_to_the_last_epoch(most: int) -> None:
    rungs = rungs_of(most).tolist()
    assert rungs[0] == 1
    assert rungs[-1] == most
    assert rungs == sorted(set(rungs))


@given(st.lists(st.integers(-1000, 1000), min_size=3, max_size=8, unique=True), st.floats(1e-3, 1e6), st.floats(-9, 9))
def test_the_scale_of_a_metric_changes_nothing(losses: list[int], factor: float, offset: float) -> None:
    one = evidence_of([curve(i, [loss]) for i, loss in enumerate(losses)])
    other = evidence_of([curve(i, [factor * loss + offset]) for i, loss in enumerate(losses)])
    assert one is not None
    assert other is not None
    np.testing.assert_allclose(one.target, other.target, atol=1e-6)
    assert abs(one.target.mean()) < 1e-9


def test_a_target_on_the_modelled_scale_stands_for_its_loss() -> None:
    evidence = evidence_of([curve(i, [loss]) for i, loss in enumerate([0.1, 0.2, 0.5, 3.0])])
    assert evidence is not None
    for loss, target in zip([0.1, 0.2, 0.5, 3.0], sorted(evidence.target), strict=True):
        assert math.isclose(evidence.scale.loss(float(target)), loss, rel_tol=1e-9)
    tiny = 1e-7 * evidence.scale.slope
    assert math.isclose(evidence.scale.loss(evidence.best + 1e-7) - 0.1, tiny, rel_tol=1e-3)


def test_curves_that_diverged_count_as_the_worst_and_those_without_a_value_not_at_all() -> None:
    curves = [curve(0, [0.5, 0.2]), curve(1, [0.9]), curve(2, [math.inf]), curve(3, [math.nan, math.nan]), curve(4, [])]
    evidence = evidence_of(curves)
    assert evidence is not None
    assert [c.number for c in evidence.curves] == [0, 1, 2]
    assert evidence.target[evidence.inputs.owners == 2] == evidence.target[evidence.inputs.owners == 1]
    assert evidence_of([curve(0, [math.nan]), curve(1, [math.inf]), curve(2, [])]) is None


def test_losses_of_any_size_give_numbers() -> None:
    evidence = evidence_of([curve(i, [loss]) for i, loss in enumerate([-1e308, 0.0, 1e308, 5e-324, math.inf])])
    assert evidence is not None
    assert np.isfinite(evidence.target).all()
    same = evidence_of([curve(i, [0.25]) for i in range(4)])
    assert same is not None
    assert np.isfinite(same.target).all()


def test_a_training_that_ended_by_itself_stays_where_it_ended() -> None:
    stopped = curve(0, [0.5, 0.4, 0.3], over=True, complete=True)
    paused = curve(1, [0.5, 0.4, 0.31])
    evidence = evidence_of([stopped, paused])
    assert evidence is not None
    assert evidence.inputs.remaining[evidence.inputs.owners == 0].min() == 0.0
    assert evidence.inputs.remaining[evidence.inputs.owners == 1].min() > 0.0


def test_what_was_known_earlier_is_a_part_of_what_is_known() -> None:
    """The epochs that came first, whatever came since: that is what a kernel is fitted to again after a resume."""
    early = [curve(0, [0.9, 0.7], first_order=0), curve(1, [0.8], first_order=2)]
    later = [
        curve(0, [0.9, 0.7, 0.1], first_order=0),
        curve(1, [0.8, 0.5], first_order=2),
        curve(2, [0.05], first_order=9),
    ]
    later[0].order[2] = 5
    later[1].order[1] = 6
    one = evidence_of(early)
    other = evidence_of(later, n_epochs=3)
    assert one is not None
    assert other is not None
    np.testing.assert_array_equal(one.target, other.target)
    np.testing.assert_array_equal(one.inputs.remaining, other.inputs.remaining)


def test_a_thousand_curves_fit_into_what_the_process_can_take() -> None:
    rng = np.random.default_rng(0)
    curves = [curve(i, sorted(rng.random(rng.integers(1, 21)).tolist(), reverse=True)) for i in range(1000)]
    evidence = evidence_of(curves)
    assert evidence is not None
    assert len(evidence.target) <= MOST_ROWS
    best = evidence.curves[: LEADERS // 2]
    for leader in best:
        expected = sum(rung < leader.epoch for rung in rungs_of(20).tolist()) + 1
        assert (evidence.inputs.owners == leader.number).sum() == expected


def test_kernels_are_fitted_at_few_numbers_of_epochs() -> None:
    marks = sorted({fitted_at(n_epochs) for n_epochs in range(1, 20_000)})
    assert marks[0] == 8
    assert len(marks) < 40
    assert all(mark == fitted_at(mark) for mark in marks)


def test_a_search_is_stale_for_the_trainings_since_its_best_became_better() -> None:
    assert stale([curve(0, [0.9, 0.5]), curve(1, [0.6] * 20, first_order=2)]) == 20 / 20
    assert stale([]) == 0
