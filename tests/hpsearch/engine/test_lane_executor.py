"""Workers of which only some may train at a time: for trials that cannot go on elsewhere than where they began."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import pytest
from crews import ChaoticCrew, jumping
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from toy_clocks import MakeClock
from toys import generators, saveables, told

from hpsearch.engine.crew import Answer
from hpsearch.engine.lane_executor import LaneExecutor
from hpsearch.engine.pace import VirtualTime
from hpsearch.engine.remote import Bench, Job
from hpsearch.objectives.base import Objective
from hpsearch.objectives.portable import Maker, pack

MOST = 2


class Watched(ChaoticCrew):
    """A crew that notes how many of its workers have jobs under way."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.under_way: dict[int, str] = {}
        self.busy: list[int] = []

    def send(self, errand: int, worker: str, name: str, job: Job) -> None:
        self.under_way[errand] = worker
        self.busy.append(len(set(self.under_way.values()) & set(self._benches)))  # one that has died trains nothing
        super().send(errand, worker, name, job)

    def answers(self, seconds: float) -> list[Answer]:
        answers = super().answers(seconds)
        for answer in answers:
            self.under_way.pop(answer.errand, None)
        return answers


def test_no_more_train_at_a_time_than_may_and_the_log_is_the_same(
    tmp_path_factory: pytest.TempPathFactory, make_clock: MakeClock
) -> None:
    """Whatever becomes of the workers, of which there are three at most."""
    most_seen: set[int] = set()

    @settings(max_examples=12, suppress_health_check=list(HealthCheck))
    @given(
        costs=st.lists(st.floats(0.01, 100), min_size=1, max_size=6),
        rng=st.randoms(use_true_random=False),
        maker=st.sampled_from([generators, saveables]),
        lanes=st.integers(2, 5),
    )
    def holds(costs: list[float], rng: Random, maker: Callable[[Any], Objective], lanes: int) -> None:
        folder = tmp_path_factory.mktemp("permits")
        cost = lambda params: costs[int(abs(params["x"]) * 1000) % len(costs)]  # noqa: E731
        paced: MakeClock = lambda log, **more: make_clock(  # noqa: E731
            log, pace=VirtualTime(cost), total=8, n_lanes=lanes, **more
        )
        alone = told(folder, paced, maker(None), "alone")
        crew = Watched(maker, None, rng)
        executor = LaneExecutor(crew, "toy", 6, [].append, verify=True, now=jumping(rng), most_busy=MOST)
        assert told(folder, paced, executor, "spread") == alone
        most_seen.update(crew.busy)

    holds()
    assert max(most_seen) == MOST


class InTurn:
    """Four workers that each do their jobs one after the other; an answer comes for the oldest of all jobs."""

    def __init__(self, maker: Maker) -> None:
        self.maker = pack(maker)
        self.benches = {name: Bench() for name in "abcd"}
        self.under_way: list[tuple[str, Answer]] = []
        self.held: dict[int, str] = {}
        self.shared = 0

    def workers(self) -> list[str]:
        return sorted(self.benches)

    def send(self, errand: int, worker: str, name: str, job: Job) -> None:
        for trial in job.stops:
            self.held.pop(trial, None)
        self.held |= dict.fromkeys([entry.start.ask.trial for entry in job.starts], worker)
        self.shared += len(self.held) - len(set(self.held.values()))
        self.under_way.append((worker, Answer(errand, self.benches[worker].serve(name, self.maker, None, job))))

    def answers(self, seconds: float) -> list[Answer]:
        return [self.under_way.pop(0)[1]] if self.under_way else []

    def end(self, worker: str) -> None: ...

    def forget(self, name: str) -> None: ...


def test_trials_that_stay_have_a_worker_each_where_there_are_as_many(tmp_path: Any, make_clock: MakeClock) -> None:
    """Else one would wait for the other while workers without a trial wait for nobody."""

    def cost(params: Mapping[str, Any]) -> float:
        return 0.5 + abs(float(params["x"])) ** 3

    paced: MakeClock = lambda log, **more: make_clock(log, pace=VirtualTime(cost), n_lanes=4, **more)  # noqa: E731
    crew = InTurn(generators)
    expected = told(tmp_path, paced, generators(None), "alone")
    assert told(tmp_path, paced, LaneExecutor(crew, "toy", 6, pytest.fail, most_busy=MOST), "spread") == expected
    assert crew.shared == 0


class Slow(ChaoticCrew):
    """Workers whose answers come one at a time, in a drawn order, as those of processes do."""

    def answers(self, seconds: float) -> list[Answer]:
        waiting = super().answers(seconds)
        drawn = self._rng.randrange(len(waiting)) if waiting else 0
        self._late = waiting[:drawn] + waiting[drawn + 1 :]
        return waiting[drawn : drawn + 1]


def test_rows_written_early_belong_to_the_line_that_is_written_next(
    tmp_path_factory: pytest.TempPathFactory, make_clock: MakeClock
) -> None:
    """Also once a single trial is left, whose line needs no early rows: the log can be read again."""

    @settings(max_examples=15, suppress_health_check=list(HealthCheck))
    @given(costs=st.lists(st.floats(0.5, 5), min_size=1, max_size=6), rng=st.randoms(use_true_random=False))
    def holds(costs: list[float], rng: Random) -> None:
        folder = tmp_path_factory.mktemp("early")
        cost = lambda params: costs[int(abs(params["x"]) * 1000) % len(costs)]  # noqa: E731
        paced: MakeClock = lambda log, **more: make_clock(  # noqa: E731
            log, pace=VirtualTime(cost), total=6, n_lanes=3, early=True, **more
        )
        alone = told(folder, paced, generators(None), "alone")
        executor = LaneExecutor(Slow(generators, None, rng, calm=0), "toy", 6, [].append, now=jumping(rng))
        assert told(folder, paced, executor, "spread") == alone

    holds()
