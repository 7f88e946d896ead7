from __future__ import annotations

import itertools
from typing import Any

import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from searching import Search, make_study

from hpsearch.errors import UserError
from hpsearch.log.history import Goal, History
from hpsearch.log.records import Extension, Header
from hpsearch.samplers import budget, build, check_size
from hpsearch.samplers.grid import Cells, GridPoints
from hpsearch.space import Choice, Dimension, Float, Int, active, restore, to_json

EMPTY = History(Goal("v", "maximize"))


def all_points(space: dict[str, Dimension]) -> list[dict[str, Any]]:
    """The obvious way: all combinations, without what is inactive, each once."""
    points: list[dict[str, Any]] = []
    for values in itertools.product(*(dim.grid() for dim in space.values())):
        point = dict(zip(space, values, strict=True))
        point = {name: point[name] for name in active(space, point)}
        if point not in points:
            points.append(point)
    return points


@st.composite
def grids(draw: st.DrawFn) -> dict[str, Dimension]:
    space: dict[str, Dimension] = {}
    for name in "abcd"[: draw(st.integers(0, 4))]:
        other = draw(st.sampled_from([None, *space]))
        when = None
        if other is not None:
            values = space[other].grid()
            when = {other: draw(st.lists(st.sampled_from(values), min_size=1, max_size=2, unique_by=repr))}
        dims: list[Dimension] = [
            Choice(["x", (1, 2), None][: draw(st.integers(1, 3))], when=when),
            Int(1, draw(st.integers(2, 4)), when=when),
            Float(0, 1, step=draw(st.sampled_from([0.5, 0.3])), when=when),
        ]
        space[name] = draw(st.sampled_from(dims))
    return space


@examples(40)
@given(grids())
def test_the_cells_are_all_combinations_in_the_order_of_nested_loops(space: dict[str, Dimension]) -> None:
    cells = Cells(space)
    points = all_points(space)
    assert cells.size == len(points)
    assert [cells.at(number) for number in range(cells.size)] == points
    assert [cells.number(point) for point in points] == list(range(cells.size))
    with pytest.raises(IndexError):
        cells.at(cells.size)


@pytest.mark.parametrize("lanes", [1, 3, 8])
def test_each_point_is_tried_once_in_any_number_of_lanes(lanes: int) -> None:
    space: dict[str, Dimension] = {"a": Float(0, 1, step=0.5), "b": Int(1, 5)}
    sampler = build(make_study(space, sampler="grid"))
    search = Search(sampler, total=budget(None, sampler.size, 1), lanes=lanes).run()
    assert [trial.params for trial in search.history.trials] == all_points(space)


def test_points_given_by_hand_are_not_tried_twice() -> None:
    space: dict[str, Dimension] = {"a": Float(0, 1), "b": Int(1, 3), "c": Choice([1, 2])}
    space["a"] = Float(0, 1, step=0.5)
    enqueued = [{"a": 1.0, "b": 2, "c": 2}, {"a": 0.0, "b": 1, "c": 1}]
    sampler = build(make_study(space, sampler="grid", enqueue=enqueued))
    points = [sampler.ask(EMPTY, n) for n in range(sampler.size or 0)]
    assert points[:2] == enqueued
    assert sorted(points, key=repr) == sorted(all_points(space), key=repr)


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({"a": Float(0, 1)}, r"space\['a'\]: grid over a continuous range Float\(0, 1\); give step= or Choice"),
        ({"a": Float(0.1, 1, log=True)}, "grid over a continuous range"),
        ({"a": Int(1, 10**12), "b": Int(1, 2, when={"a": 1})}, "1,000,000,000,000 values in Int"),
    ],
)
def test_what_cannot_be_enumerated_is_refused(space: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        build(make_study(space, sampler="grid"))


def extended(spaces: list[dict[str, Dimension]]) -> History:
    """A history whose study was begun with the first space and then widened."""
    history = History(Goal("v", "maximize"))
    declared = [{"metric": "v", "direction": "maximize", "space": to_json(space)} for space in spaces]
    history.apply(Header("made", "", declared[0], {}, {}, 0.0))
    for declaration in declared[1:]:
        history.apply(Extension(declaration, 0.0))
    return history


@pytest.mark.parametrize("enqueued", [[], [{"a": 0.5, "b": 2, "c": 1}]])
def test_a_wider_grid_keeps_the_number_of_every_point_and_tries_each_once(enqueued: list[dict[str, Any]]) -> None:
    spaces: list[dict[str, Dimension]] = [
        {"a": Float(0, 1, step=0.5), "b": Int(2, 3), "c": Choice([1, 2])},
        {"a": Float(-0.5, 1, step=0.5), "b": Int(1, 3), "c": Choice([1, 2])},
        {"a": Float(-0.5, 1, step=0.5), "b": Int(1, 3), "c": Choice([1, 3, 2])},
    ]
    numbered: list[dict[str, Any]] = []
    for many in range(1, 4):
        sampler = build(make_study(spaces[many - 1], sampler="grid", enqueue=enqueued))
        history = extended(spaces[:many])
        points = [sampler.ask(history, number) for number in range(sampler.size or 0)]
        assert points[: len(numbered)] == numbered
        assert sorted(points, key=repr) == sorted(all_points(spaces[many - 1]), key=repr)
        with pytest.raises(IndexError):
            sampler.ask(history, sampler.size or 0)
        numbered = points


@examples(15)
@given(grids(), st.integers(2, 5))
def test_infeasible_cells_are_skipped_and_counted(space: dict[str, Dimension], modulus: int) -> None:
    def allowed(params: Any) -> bool:
        return sum(map(ord, repr(params))) % modulus != 0

    # A constraint is given what the user wrote: a choice's tuples are tuples.
    wanted = [point for point in all_points(space) if allowed(restore(space, point))]
    study = make_study(space, sampler="grid", constraints=allowed)
    if not wanted:
        with pytest.raises(
            UserError, match=r"constraint allowed is never met: none of .* cells of the grid is feasible"
        ):
            GridPoints(study)
        return
    sampler = GridPoints(study)
    assert (sampler.size, sampler.infeasible) == (len(wanted), len(all_points(space)) - len(wanted))
    assert [sampler.ask(EMPTY, number) for number in range(len(wanted))] == wanted


def test_more_than_a_million_points_are_refused_without_being_listed() -> None:
    for space in ({"a": Int(1, 2000), "b": Int(1, 501)}, {"a": Int(1, 10**12)}):
        study = make_study(space, sampler="grid")
        with pytest.raises(UserError, match=r"a grid of [\d,]+ points \(more than 1,000,000\).*or say --yes"):
            check_size(study)
        assert build(study).ask(EMPTY, 2) == all_but_first(space), "with --yes it is enumerated as any other"
    check_size(make_study({"a": Int(1, 1000), "b": Int(1, 1000)}, sampler="grid"))
    check_size(make_study({"a": Int(1, 10**12)}, sampler="random"))


def all_but_first(space: dict[str, Any]) -> dict[str, Any]:
    return {"a": 1, "b": 3} if "b" in space else {"a": 3}


def test_a_million_points_are_numbered_without_being_listed() -> None:
    sampler = build(make_study({"a": Int(1, 1000), "b": Int(1, 1000)}, sampler="grid"))
    assert sampler.size == 1_000_000
    assert sampler.ask(EMPTY, 999_999) == {"a": 1000, "b": 1000}
    assert sampler.ask(EMPTY, 123_456) == {"a": 124, "b": 457}


@pytest.mark.parametrize(
    ("n_trials", "size", "repeats", "trials"),
    [(None, None, 1, 64), (10, None, 3, 10), (None, 6, 2, 12), (100, 6, 2, 12), (5, 6, 2, 5)],
)
def test_how_many_trials_a_study_runs(n_trials: int | None, size: int | None, repeats: int, trials: int) -> None:
    assert budget(n_trials, size, repeats) == trials
