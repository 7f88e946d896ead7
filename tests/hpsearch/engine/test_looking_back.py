"""Decisions that look back: each sees what was due by then and nothing else, whoever arrives first."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

import pytest
from crews import ChaoticCrew, jumping
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from toy_clocks import MakeClock
from toys import GOAL, Adaptive, Saveable, generators, saveables, story, told

from hpsearch.engine import clock as clocks
from hpsearch.engine.checkpoints import Checkpoints
from hpsearch.engine.clock import Clock
from hpsearch.engine.lane_executor import LaneExecutor
from hpsearch.engine.looking_back import LookingBack
from hpsearch.engine.observer import Silent
from hpsearch.engine.pace import VirtualTime
from hpsearch.engine.resume import restore
from hpsearch.ladder.base import Flat
from hpsearch.ladder.dealt import Dealt
from hpsearch.log.history import History
from hpsearch.log.lines import read
from hpsearch.log.records import Ask, Decision, Header, Row, Tick
from hpsearch.log.writer import Log
from hpsearch.objectives.base import Objective, Start
from hpsearch.pruners.asha import ASHA
from hpsearch.pruners.base import Pruner

HEADER = Header("toy", "u1", {"n_trials": 20, "repeats": 1}, {}, {}, 1_000.0)
Cost = Callable[[Mapping[str, Any]], float]


def by_x(params: Mapping[str, Any]) -> float:
    """From 0.5 to some 30, another for each point."""
    return 0.5 + abs(params["x"]) ** 3


def in_classes(params: Mapping[str, Any]) -> float:
    return float(1 + int(abs(params["x"])) % 3)


class BelowMedian:
    """Stops a trial that is worse than the median of the others at its epoch, of which there are at least two."""

    reads_history = True

    def judge(self, history: History, arrivals: Sequence[Row]) -> list[Decision]:
        found = []
        for row in arrivals:
            column = history.table[row.epoch]
            others = [value for number, value in column.items() if number != row.trial]
            if len(others) > 1 and column[row.trial] < median(others):
                found.append(Decision(row.trial, "prune", f"of {len(others)}", "median", {"rivals": len(others)}))
        return found


def looking(cost: Cost, lookback: float = 2.0, **said: Any) -> MakeClock:
    """Return what makes a clock over a log."""

    def make(log: Log, **more: Any) -> Clock:
        history = History.fold(log.records, GOAL)
        if history.header is None:
            log.append(HEADER)
            history.apply(HEADER)
        given: dict[str, Any] = {
            "total": 20,
            "n_lanes": 4,
            "repeats": 1,
            "pruner": BelowMedian,
            "sampler": Adaptive,
        } | said
        total, lanes, repeats = given.pop("total"), given.pop("n_lanes"), given.pop("repeats")
        pruner, sampler = given.pop("pruner"), given.pop("sampler")

        def desk(lane: int) -> tuple[Dealt, Pruner]:
            return Dealt(sampler(), lane, lanes, total, repeats), pruner()

        fields: dict[str, Any] = {"checkpoints": Checkpoints(log.path.parent / "c", "u1"), "observer": Silent()}
        fields |= {"pace": VirtualTime(cost), "lookback": lookback, "desk": desk, "objective": Saveable()}
        ladder = Flat(sampler(), total, repeats)
        return LookingBack(log, history, ladder=ladder, pruner=pruner(), n_lanes=lanes, **fields | given | more)

    return make


@dataclass
class Reference:
    """A slow, obvious clock: events in a list; each decision reads all lines again that were due by then."""

    cost: Cost
    lookback: float
    lanes: int
    total: int
    lines: list[Tick] = field(default_factory=list)

    def run(self) -> list[Tick]:
        objective, sampler = Saveable(), Adaptive()
        busy: dict[int, dict[str, Any]] = {}
        asked = dict.fromkeys(range(self.lanes), 0)
        numbers = 0
        free = list(range(self.lanes))
        now, look = 0.0, 0.0
        while True:
            asks = []
            for lane in free:
                view = self.seen(now - look)
                place = asked[lane] * self.lanes + lane
                if numbers == self.total or len(view.trials) >= self.total:
                    continue
                params = sampler.ask(view, place)
                cost = self.cost(params)
                ask = Ask(numbers, lane, params, place, cost=cost, place=place)
                next_multiple = 0
                while next_multiple * cost < now:
                    next_multiple += 1
                busy[lane] = {"ask": ask, "next": next_multiple, "rows": []}
                objective.start(Start(replace(ask, trial=place)))
                asks.append(ask)
                asked[lane] += 1
                numbers += 1
            if not self.lines:
                look = self.lookback * math.fsum(ask.cost for ask in asks if ask.cost) / len(asks)
            if not busy:
                return self.lines
            now = min((each["next"] + 1) * each["ask"].cost for each in busy.values())
            rows, decisions, free = [], [], []
            for lane, each in sorted(busy.items()):
                ask = each["ask"]
                if (each["next"] + 1) * ask.cost != now:
                    continue
                (row,) = objective.advance([ask.place], each["next"])
                row = replace(row, trial=ask.trial)
                each["next"] += 1
                rows.append(row)
                each["rows"].append(row)
                if (decision := self.decided(ask, each["rows"], now - look)) is not None:
                    decisions.append(decision)
                    free.append(lane)
            for lane in free:
                del busy[lane]
            decisions = sorted(decisions, key=lambda decision: decision.trial)
            self.lines.append(Tick(len(self.lines), 0.0, tuple(asks), tuple(rows), tuple(decisions), due=now))

    def seen(self, moment: float) -> History:
        return History.fold(
            [HEADER, *(line for line in self.lines if line.due is not None and line.due <= moment)], GOAL
        )

    def decided(self, ask: Ask, own: list[Row], moment: float) -> Decision | None:
        if own[-1].finished:
            return Decision(ask.trial, "complete", "all 6 epochs done", "epochs")
        lines = [line for line in self.lines if line.due is not None and line.due <= moment]
        known = [row for line in lines for row in line.rows if row.trial != ask.trial and row.epoch <= own[-1].epoch]
        best: dict[int, float] = {}
        for row in known:
            best[row.trial] = max(best.get(row.trial, -math.inf), row.metrics["score"])
        there = {row.trial for row in known if row.epoch == own[-1].epoch}
        others = [value for number, value in best.items() if number in there]
        mine = max(row.metrics["score"] for row in own)
        if len(others) > 1 and mine < median(others):
            return Decision(ask.trial, "prune", f"of {len(others)}", "median", {"rivals": len(others)})
        return None


def ticks(path: Path) -> list[Tick]:
    found = [record for record, _ in read(path) if isinstance(record, Tick)]
    return [replace(t, time=0.0, rows=tuple(replace(row, seconds=0.0) for row in t.rows)) for t in found]


@pytest.mark.parametrize("lookback", [0.1, 1.0, 2.0, 7.5])
@pytest.mark.parametrize("cost", [by_x, in_classes])
def test_it_is_what_a_slow_and_obvious_clock_says(tmp_path: Path, cost: Cost, lookback: float) -> None:
    told(tmp_path, looking(cost, lookback), Saveable(), "fast")
    slow = Reference(cost, lookback, 4, 20).run()
    assert ticks(tmp_path / "fast" / "log.jsonl") == slow
    assert any(decision.action == "prune" for line in slow for decision in line.decisions)


@pytest.mark.parametrize("many", [pytest.param(8, id="few"), pytest.param(80, id="many", marks=pytest.mark.slow)])
def test_whoever_arrives_first_the_log_is_the_same(tmp_path_factory: pytest.TempPathFactory, many: int) -> None:
    """Workers join, die, dawdle and work twice; costs, lanes, pruners and how far decisions look back are drawn."""

    @settings(max_examples=many, suppress_health_check=list(HealthCheck))
    @given(
        costs=st.lists(st.floats(0.01, 100), min_size=1, max_size=6),
        rng=st.randoms(use_true_random=False),
        maker=st.sampled_from([generators, saveables]),
        pruner=st.sampled_from([BelowMedian, lambda: ASHA(1, 2)]),
        lanes=st.integers(1, 5),
        repeats=st.integers(1, 2),
        lookback=st.floats(0.01, 10),
    )
    def holds(
        costs: list[float],
        rng: Random,
        maker: Callable[[Any], Objective],
        pruner: Callable[[], Pruner],
        lanes: int,
        repeats: int,
        lookback: float,
    ) -> None:
        folder = tmp_path_factory.mktemp("looking")
        cost = lambda params: costs[int(abs(params["x"]) * 1000) % len(costs)]  # noqa: E731
        make = looking(cost, lookback, total=8, n_lanes=lanes, pruner=pruner, repeats=repeats)
        alone = told(folder, make, maker(None), "alone")
        executor = LaneExecutor(ChaoticCrew(maker, None, rng), "toy", 6, [].append, verify=True, now=jumping(rng))
        assert told(folder, make, executor, "spread") == alone
        found = ticks(folder / "alone" / "log.jsonl")
        assert [ask.trial for tick in found for ask in tick.asks] == list(range(8))
        assert len({ask.place for tick in found for ask in tick.asks}) == 8

    holds()


@pytest.mark.parametrize("every", [pytest.param(1, marks=pytest.mark.slow), 4])
@pytest.mark.parametrize("spread", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_cut_anywhere_and_resumed_it_tells_the_same_story(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, every: int, spread: bool
) -> None:
    monkeypatch.setattr(clocks, "CHECKPOINT_SECONDS", 0.0)
    rng = Random(every)
    make = looking(by_x, total=10, n_lanes=3)
    expected = told(tmp_path, make, Saveable(), "whole")
    path, done, again = tmp_path / "cut" / "log.jsonl", False, 0
    while not done:
        with Log(path) as log:
            objective: Any = Saveable()
            if spread:
                objective = LaneExecutor(ChaoticCrew(saveables, None, rng), "toy", 6, [].append, now=jumping(rng))
            clock = make(log, objective=objective)
            restore(clock.history, objective, clock.checkpoints, pytest.fail)
            again += 0 if spread else objective.advanced
            stop = clock.history.tick + every
            clock.interrupted = lambda clock=clock, stop=stop: clock.history.tick >= stop  # type: ignore[misc]
            done = clock.run()
    assert story(path) == expected
    assert again == 0, "every state was saved with the line before"
