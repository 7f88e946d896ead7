"""Points that are dealt to lanes: each is somebody's, whoever comes first."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpsearch.ladder.dealt import Dealt
from hpsearch.log.history import Goal, History


class Numbers:
    """Points that are called by their numbers."""

    reads_history = False
    rejected = 0

    def __init__(self, size: int | None = None) -> None:
        self.size = size

    def ask(self, history: History, point: int) -> dict[str, Any]:
        return {"x": point}


EMPTY = History(Goal("score", "maximize"))


def all_of(lane: Dealt, most: int = 100) -> list[tuple[int, int, Any]]:
    """Return point, repeat and parameter of each trial that a lane begins."""
    proposals: list[tuple[int, int, Any]] = []
    last: dict[str, Any] = {}
    while len(proposals) < most and (proposal := lane.next(EMPTY, len(proposals), last)) is not None:
        last = proposal.params
        proposals.append((proposal.point, proposal.repeat, last["x"]))
    return proposals


@given(lanes=st.integers(1, 7), size=st.integers(1, 20), repeats=st.integers(1, 3))
def test_every_point_of_a_grid_has_a_lane_and_all_its_repeats_there(lanes: int, size: int, repeats: int) -> None:
    sampler = Numbers(size)
    proposals = [
        proposal for lane in range(lanes) for proposal in all_of(Dealt(sampler, lane, lanes, size * repeats, repeats))
    ]
    assert sorted(proposals) == [(point, repeat, point) for point in range(size) for repeat in range(repeats)]


@given(lanes=st.integers(1, 7), begun=st.integers(0, 20))
def test_places_of_all_lanes_are_different_numbers(lanes: int, begun: int) -> None:
    places = [Dealt(Numbers(), lane, lanes, None).place(turn) for turn in range(begun) for lane in range(lanes)]
    assert places == list(range(begun * lanes))


@pytest.mark.parametrize("lanes", [1, 3])
def test_listed_points_go_round_with_one_repeat_after_the_other(lanes: int) -> None:
    proposals = [
        proposal for lane in range(lanes) for proposal in all_of(Dealt(Numbers(4), lane, lanes, 8, 2, points=4))
    ]
    assert sorted(proposals) == [(point, repeat, point) for point in range(4) for repeat in range(2)]


def test_without_an_end_a_lane_goes_on_until_all_have_begun() -> None:
    assert len(all_of(Dealt(Numbers(), 0, 2, None), 50)) == 50
    assert all_of(Dealt(Numbers(), 0, 2, 0)) == []
