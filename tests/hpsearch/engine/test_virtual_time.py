"""Virtual time: decisions see what is due and nothing else, whoever arrives first, on any number of workers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from crews import ChaoticCrew, jumping
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from toy_clocks import MakeClock
from toys import GOAL, Adaptive, ByTurns, Saveable, WorstStops, generators, saveables, story, told

from hpsearch.engine import clock as clocks
from hpsearch.engine.checkpoints import Checkpoints
from hpsearch.engine.clock import Clock
from hpsearch.engine.crew import Answer
from hpsearch.engine.lane_executor import LaneExecutor
from hpsearch.engine.pace import MeasuredTime, VirtualTime
from hpsearch.engine.remote import Bench, Job
from hpsearch.engine.resume import restore
from hpsearch.errors import UserError
from hpsearch.log.history import History
from hpsearch.log.lines import read
from hpsearch.log.records import Ask, Decision, Header, Row, Tick
from hpsearch.log.virtual import MEASURED, due, joins
from hpsearch.log.writer import Log
from hpsearch.objectives.base import Objective, Start
from hpsearch.objectives.portable import pack

HEADER = Header("toy", "u1", {"n_trials": 20, "repeats": 1}, {}, {}, 1_000.0)


def by_x(params: Mapping[str, Any]) -> float:
    """From 0.5 to some 30, another for each point."""
    return 0.5 + abs(params["x"]) ** 3


def in_classes(params: Mapping[str, Any]) -> float:
    return float(1 + int(abs(params["x"])) % 3)


@dataclass
class Reference:
    """A slow, obvious clock: all trials in a list, and for each moment a search for what is due then."""

    cost: Callable[[Mapping[str, Any]], float]
    lanes: int
    total: int
    lines: list[list[tuple[int, int]]] = field(default_factory=list)
    moments: list[float] = field(default_factory=list)

    def run(self) -> Reference:
        objective, sampler, pruner, history = Saveable(), Adaptive(), WorstStops(), History(GOAL)
        busy: dict[int, dict[str, Any]] = {}
        now, line = 0.0, 0
        while True:
            asks = []
            for lane in range(self.lanes):
                if lane not in busy and len(history.trials) < self.total:
                    number = len(history.trials)
                    params = sampler.ask(history, number)
                    cost = self.cost(params)
                    ask = Ask(number, lane, params, number, cost=cost)
                    multiple = 0
                    while multiple * cost < now:
                        multiple += 1
                    busy[lane] = {"trial": number, "cost": cost, "next": multiple}
                    history.begin(ask)
                    objective.start(Start(ask))
                    asks.append(ask)
            if not busy:
                return self
            moments = sorted((each["next"] + 1) * each["cost"] for each in busy.values())
            now = moments[0]
            rows = []
            for _, each in sorted(busy.items()):
                if (each["next"] + 1) * each["cost"] == now:
                    rows += objective.advance([each["trial"]], each["next"])
                    each["next"] += 1
            self.lines.append([(row.trial, row.epoch) for row in rows])
            self.moments.append(now)
            tick = Tick(line, 0.0, (), tuple(rows), (), due=now)
            history.arrive(tick)
            decisions = [Decision(row.trial, "complete", "", "epochs") for row in rows if row.finished]
            going = [row for row in rows if not row.finished and row.trial in history.table.get(row.epoch, ())]
            decisions += pruner.judge(history, going)
            history.decide(Tick(line, 0.0, (), (), tuple(decisions)))
            for decision in decisions:
                busy = {lane: each for lane, each in busy.items() if each["trial"] != decision.trial}
            line += 1


def virtual(make_clock: MakeClock, cost: Callable[[Mapping[str, Any]], float], **said: Any) -> MakeClock:
    return lambda log, **more: make_clock(log, pace=VirtualTime(cost), **said, **more)


def ticks(path: Path) -> list[Tick]:
    return [record for record, _ in read(path) if isinstance(record, Tick)]


def test_where_all_costs_are_one_it_is_the_tick_to_the_bit(tmp_path: Path, make_clock: MakeClock) -> None:
    for kind, maker in {"generators": generators, "saveables": saveables}.items():
        told(tmp_path, make_clock, maker(None), kind)
        told(tmp_path, virtual(make_clock, lambda params: 1), maker(None), f"{kind}-virtual")
        by_line = [tick.rows for tick in ticks(tmp_path / kind / "log.jsonl")]
        virtual_rows = [tick.rows for tick in ticks(tmp_path / f"{kind}-virtual" / "log.jsonl")]
        assert [[(r.trial, r.lane, r.epoch, r.metrics) for r in rows] for rows in by_line] == [
            [(r.trial, r.lane, r.epoch, r.metrics) for r in rows] for rows in virtual_rows
        ]
        decided = [tick.decisions for tick in ticks(tmp_path / kind / "log.jsonl")]
        assert decided == [tick.decisions for tick in ticks(tmp_path / f"{kind}-virtual" / "log.jsonl")]


@pytest.mark.parametrize("cost", [by_x, in_classes])
def test_it_is_what_a_slow_and_obvious_clock_says(
    tmp_path: Path, make_clock: MakeClock, cost: Callable[[Mapping[str, Any]], float]
) -> None:
    told(tmp_path, virtual(make_clock, cost), Saveable(), "fast")
    slow = Reference(cost, 4, 20).run()
    found = ticks(tmp_path / "fast" / "log.jsonl")
    assert [[(row.trial, row.epoch) for row in tick.rows] for tick in found] == slow.lines
    assert [tick.due for tick in found] == slow.moments
    assert slow.moments == sorted(slow.moments)


@pytest.mark.parametrize("many", [pytest.param(8, id="few"), pytest.param(80, id="many", marks=pytest.mark.slow)])
def test_whoever_arrives_first_the_log_is_the_same(
    tmp_path_factory: pytest.TempPathFactory, make_clock: MakeClock, many: int
) -> None:
    """Workers join, die, dawdle and work twice; costs are drawn; trials are paused, and go on."""

    @settings(max_examples=many, suppress_health_check=list(HealthCheck))
    @given(
        costs=st.lists(st.floats(0.01, 100), min_size=1, max_size=6),
        rng=st.randoms(use_true_random=False),
        maker=st.sampled_from([generators, saveables]),
        turns=st.booleans(),
        lanes=st.integers(1, 5),
    )
    def holds(costs: list[float], rng: Random, maker: Callable[[Any], Objective], turns: bool, lanes: int) -> None:
        folder = tmp_path_factory.mktemp("virtual")
        cost = lambda params: costs[int(abs(params["x"]) * 1000) % len(costs)]  # noqa: E731
        sampler = ByTurns()
        said = {"total": 8, "n_lanes": lanes} | ({"sampler": sampler, "pruner": sampler} if turns else {})
        paced = virtual(make_clock, cost, **said)
        alone = told(folder, paced, maker(None), "alone")
        executor = LaneExecutor(ChaoticCrew(maker, None, rng), "toy", 6, [].append, verify=True, now=jumping(rng))
        assert told(folder, paced, executor, "spread") == alone

    holds()


@pytest.mark.parametrize("every", [1, 3])
def test_cut_anywhere_and_resumed_it_tells_the_same_story(
    tmp_path: Path, make_clock: MakeClock, monkeypatch: pytest.MonkeyPatch, every: int
) -> None:
    monkeypatch.setattr(clocks, "CHECKPOINT_SECONDS", 0.0)
    sampler = ByTurns()
    paced = virtual(make_clock, by_x, sampler=sampler, pruner=sampler, total=8, n_lanes=3)
    expected = told(tmp_path, paced, Saveable(), "whole")
    path, checkpoints, done = tmp_path / "cut" / "log.jsonl", Checkpoints(tmp_path / "c", "u1"), False
    while not done:
        with Log(path) as log:
            clock = paced(log, objective=Saveable(), checkpoints=checkpoints)
            restore(clock.history, clock.objective, checkpoints, pytest.fail)
            assert clock.history.virtual == max((tick.due or 0.0 for tick in ticks(path)), default=0.0)
            stop = clock.history.tick + every
            clock.interrupted = lambda clock=clock, stop=stop: clock.history.tick >= stop  # type: ignore[misc]
            done = clock.run()
    assert story(path) == expected


def test_the_live_history_is_the_fold_of_the_log(tmp_path: Path, make_clock: MakeClock) -> None:
    with Log(tmp_path / "log.jsonl") as log:
        clock = virtual(make_clock, by_x)(log, objective=Saveable())
        clock.run()
    folded = History.fold((record for record, _ in read(tmp_path / "log.jsonl")), GOAL)
    assert folded.trials == clock.history.trials
    assert folded.virtual == clock.history.virtual
    for trial in folded.trials:
        assert trial.starts == list(range(trial.starts[0], trial.starts[0] + trial.epoch))
        dues = [tick.due for tick in ticks(tmp_path / "log.jsonl") for row in tick.rows if row.trial == trial.number]
        assert trial.ask.cost is not None
        assert dues == [due(begins, trial.ask.cost) for begins in trial.starts]


def test_a_row_that_came_before_it_was_due_is_in_the_log_and_not_trained_again(
    tmp_path: Path, make_clock: MakeClock
) -> None:
    """Of a user's own function: it may have been a call that counts, while a slow one keeps its line open."""
    rng = Random(3)
    paced = virtual(make_clock, by_x, early=True)
    expected = told(tmp_path, paced, generators(None), "alone")

    def spread() -> LaneExecutor:
        return LaneExecutor(ChaoticCrew(generators, None, rng, calm=0), "toy", 6, [].append, now=jumping(rng))

    assert told(tmp_path, paced, spread(), "spread") == expected
    path = tmp_path / "cut" / "log.jsonl"
    done = False
    while not done:
        with Log(path) as log:
            clock = paced(log, objective=spread())
            restore(clock.history, clock.objective, clock.checkpoints, pytest.fail)
            stop = clock.history.tick + 20
            clock.interrupted = lambda clock=clock, stop=stop: clock.history.tick >= stop  # type: ignore[misc]
            done = clock.run()
    assert story(path) == expected


@settings(max_examples=200)
@given(now=st.floats(0, 1e6), cost=st.floats(1e-3, 1e3), epochs=st.integers(1, 50))
def test_epochs_begin_at_multiples_of_their_cost_and_none_before_its_trial(
    now: float, cost: float, epochs: int
) -> None:
    begins = joins(now, cost)
    assert begins * cost >= now
    assert begins == 0 or (begins - 1) * cost < now
    dues = [due(begins + epoch, cost) for epoch in range(epochs)]
    assert dues == sorted(set(dues))
    assert dues[0] > now or math.isclose(dues[0], now)
    assert joins(dues[-1], cost) == begins + epochs


@pytest.mark.parametrize(
    ("cost", "said"),
    [
        (lambda params: 0.0, "cost: a positive number is wanted, not 0.0"),
        (lambda params: float("nan"), "cost: a positive number is wanted, not nan"),
        (lambda params: params["y"], "cost: the function raised KeyError: 'y'"),
    ],
)
def test_a_cost_that_cannot_be_ends_the_run_in_a_line_and_nothing_is_lost(
    tmp_path: Path, make_clock: MakeClock, cost: Callable[[Mapping[str, Any]], float], said: str
) -> None:
    with Log(tmp_path / "log.jsonl") as log, pytest.raises(UserError, match=said) as raised:
        virtual(make_clock, cost)(log, objective=Saveable()).run()
    assert "\n" not in str(raised.value)
    assert told(tmp_path, virtual(make_clock, by_x), Saveable(), ".") == told(
        tmp_path, virtual(make_clock, by_x), Saveable(), "whole"
    )


class Holding:
    """A crew that answers for trial 0 only when nobody else has anything left to say."""

    def __init__(self) -> None:
        self.bench, self.maker = Bench(), pack(saveables)
        self.held: list[Answer] = []
        self.ready: list[Answer] = []
        self.served: list[int] = []
        self.before: list[int] = []

    def workers(self) -> list[str]:
        return ["a", "b"]

    def send(self, errand: int, worker: str, name: str, job: Job) -> None:
        report = self.bench.serve(f"{worker}{name}", self.maker, None, job)
        trials = [row.trial for rows in (report.rows or {}).values() for row in rows]
        (self.held if 0 in trials else self.ready).append(Answer(errand, report))
        self.served += trials

    def answers(self, seconds: float) -> list[Answer]:
        if not self.ready and seconds and self.held:
            self.before.append(len(self.served))
            self.ready.append(self.held.pop(0))
        came, self.ready = self.ready, []
        return came

    def end(self, worker: str) -> None: ...

    def forget(self, name: str) -> None: ...


def test_nobody_waits_for_the_slowest_lane(tmp_path: Path, make_clock: MakeClock) -> None:
    """While the first epoch of trial 0 is under way, which costs a thousand, all the others go through their lives."""
    first: list[dict[str, Any]] = []

    def cost(params: Mapping[str, Any]) -> float:
        first[:] = first or [dict(params)]
        return 1000.0 if params == first[0] else 1.0

    crew = Holding()
    told(tmp_path, virtual(make_clock, cost), LaneExecutor(crew, "toy", 6, pytest.fail), "held")
    rows = [row for tick in ticks(tmp_path / "held" / "log.jsonl") for row in tick.rows]
    others = sum(row.trial != 0 for row in rows)
    assert others > 19
    assert crew.before[0] >= others, "all of them were trained before the first answer for trial 0"
    assert {row.trial for row in rows[:others]} == set(range(1, 20))


class Timed(Saveable):
    """Takes, in its rows, as long as its parameter says."""

    def advance(self, trials: Sequence[int], tick: int) -> list[Row]:
        rows = super().advance(trials, tick)
        return [replace(row, seconds=by_x(self.trials[row.trial][0].ask.params)) for row in rows]


def timed(_: Any) -> Objective:
    return Timed()


@pytest.mark.parametrize("every", [1, 3])
def test_measured_costs_are_learnt_again_from_the_log(tmp_path: Path, make_clock: MakeClock, every: int) -> None:
    """The seconds are the same here, so that whole, cut and spread runs can be compared."""

    def make(log: Log, **said: Any) -> Clock:
        clock = make_clock(log, total=8, n_lanes=3, **said)
        clock.history.declaration = replace(clock.history.declaration, clock="virtual", cost=MEASURED)
        clock.history = History.fold([replace(HEADER, declaration=clock.history.declaration.to_json())], GOAL)
        for record in log.records[1:]:
            clock.history.apply(record)
        clock.pace = MeasuredTime(clock.history)
        return clock

    expected = told(tmp_path, make, Timed(), "whole")
    trials = [record for record, _ in read(tmp_path / "whole" / "log.jsonl") if isinstance(record, Tick)]
    assert len({ask.cost for tick in trials for ask in tick.asks}) > 1
    path, done = tmp_path / "cut" / "log.jsonl", False
    while not done:
        with Log(path) as log:
            clock = make(log, objective=Timed())
            restore(clock.history, clock.objective, clock.checkpoints, pytest.fail)
            stop = clock.history.tick + every
            clock.interrupted = lambda clock=clock, stop=stop: clock.history.tick >= stop  # type: ignore[misc]
            done = clock.run()
    assert story(path) == expected
    rng = Random(every)
    crew = ChaoticCrew(timed, None, rng)
    crew._hurry = lambda rows: None  # type: ignore[method-assign]
    assert told(tmp_path, make, LaneExecutor(crew, "toy", 6, [].append, now=jumping(rng)), "spread") == expected
