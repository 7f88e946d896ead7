from __future__ import annotations

from hpsearch.ladder.view import StageView
from hpsearch.log.history import Goal, History
from hpsearch.log.records import Ask, Decision, Row, Tick


def story() -> list[Tick]:
    """Stage 0 trains points 0, 1, 2; stage 1 trains 2, 0 and a new 3."""
    asks = [
        Ask(n, n % 3, {"a": n}, point, 0, stage)
        for n, (point, stage) in enumerate([(0, 0), (1, 0), (2, 0), (2, 1), (0, 1), (3, 1)])
    ]
    return [
        Tick(0, 1.0, tuple(asks[:3]), tuple(Row(n, n, 1, {"v": float(n)}) for n in range(3)), ()),
        Tick(
            1,
            2.0,
            (),
            tuple(Row(n, n, 2, {"v": 9.0 - n}) for n in range(3)),
            tuple(Decision(n, "complete", "", "epochs") for n in range(3)),
        ),
        Tick(2, 3.0, tuple(asks[3:]), tuple(Row(n, n - 3, 1, {"v": float(n)}) for n in (3, 4, 5)), ()),
        Tick(3, 4.0, (), tuple(Row(n, n - 3, 2, {"v": 0.0}) for n in (3, 4, 5)), (Decision(4, "prune", "", "asha"),)),
    ]


def views_of(history: History) -> StageView:
    view = StageView(history.goal, 1, lambda trial: trial.ask.point != 0)
    view.sync(history)
    return view


def test_a_view_holds_what_belongs_to_it_numbered_from_zero() -> None:
    view = views_of(History.fold(story(), Goal("v", "maximize")))
    assert [(t.number, t.ask.point, t.params) for t in view.trials] == [(0, 0, {"a": 3}), (1, 1, {"a": 5})]
    assert view.best is not None
    assert (view.best.number, view.best.value) == (1, 5.0)
    assert [trial.number for trial in view.running()] == [0, 1]


def test_a_view_that_grew_equals_one_made_at_once() -> None:
    goal = Goal("v", "maximize")
    history = History(goal)
    grown = StageView(goal, 1, lambda trial: True)
    for tick in story():
        history.apply(tick)
        grown.sync(history)
    at_once = StageView(goal, 1, lambda trial: True)
    at_once.sync(history)
    assert grown.trials == at_once.trials
    assert (grown.ends, grown.tick, grown.best) == (at_once.ends, at_once.tick, at_once.best)
    assert grown.ends == [3]
    assert [trial.state for trial in grown.trials] == ["RUNNING", "PRUNED", "RUNNING"]
    assert [trial.number for trial in grown.running()] == [0, 2]
