from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hpsearch.engine.placement import WORTH_MOVING, move, place

WORKERS = ["a", "b", "c"]
costs_of = st.dictionaries(st.integers(0, 20), st.floats(0.01, 10), min_size=1, max_size=12)


def load(where: dict[int, str], costs: dict[int, float], worker: str) -> float:
    return sum(costs[trial] for trial, at in where.items() if at == worker)


@given(costs_of)
def test_every_trial_without_a_worker_gets_one_and_nobody_is_twice_as_busy_as_need_be(costs: dict[int, float]) -> None:
    placed = place(dict.fromkeys(costs), costs, WORKERS)
    assert set(placed) == set(costs)
    busiest = max(load(placed, costs, worker) for worker in WORKERS)
    ideal = max(sum(costs.values()) / len(WORKERS), max(costs.values()))
    assert busiest <= 4 / 3 * ideal + max(costs.values()) / 3 + 1e-9  # Graham's bound for longest-first


@given(costs_of, st.data())
def test_a_move_makes_the_busiest_worker_clearly_less_busy(costs: dict[int, float], data: st.DataObject) -> None:
    where = {trial: data.draw(st.sampled_from(WORKERS)) for trial in costs}
    before = max(load(where, costs, worker) for worker in WORKERS)
    moving = move(where, costs, WORKERS)
    if moving is not None:
        trial, worker = moving
        after = where | {trial: worker}
        assert load(after, costs, where[trial]) < WORTH_MOVING * before + 1e-9
        assert load(after, costs, worker) < before


def test_a_worker_that_has_everything_gives_something_away() -> None:
    assert move({0: "a", 1: "a", 2: "a"}, {0: 1.0, 1: 1.0, 2: 1.0}, ["a", "b"]) is not None
    assert move({0: "a", 1: "b"}, {0: 1.0, 1: 1.0}, ["a", "b"]) is None
