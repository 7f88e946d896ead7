"""Worker processes of this machine: killed, stopped or ended by a trial, they find what one process finds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toy_clocks import MakeClock
from toys import Adaptive, ByTurns, WorstStops, generators, saveables, story, told

from hpsearch.engine import local_crew
from hpsearch.engine.crew import Answer
from hpsearch.engine.executor import Executor
from hpsearch.engine.lane_executor import LaneExecutor
from hpsearch.engine.local_crew import LocalCrew
from hpsearch.engine.pace import Pace, Ticks, VirtualTime
from hpsearch.engine.remote import Job
from hpsearch.errors import UserError
from hpsearch.log.writer import Log
from hpsearch.objectives import processes
from hpsearch.objectives.base import Objective
from hpsearch.objectives.function import FunctionObjective, UserTrial
from hpsearch.objectives.shared_data import ALIGNMENT, LEAST_BYTES, mapped, share

JOB = Job((), (), {}, (0,), False)


class Blind(Adaptive):
    """Proposes without looking."""

    reads_history = False
    rejected = 0

    def ask(self, history: Any, point: int) -> dict[str, Any]:
        return {"x": float(point)}


class NeverStops(WorstStops):
    reads_history = False

    def judge(self, history: Any, arrivals: Any) -> list[Any]:
        return []


def spread(crew: LocalCrew, notice: Callable[[str], None], epochs: int = 6, **said: Any) -> Executor:
    return Executor(crew, "toy", epochs, notice, verify=True, **said)


def process_of(worker: str) -> int:
    return int(worker.partition("process ")[2].rstrip(")"))


def test_a_study_on_two_processes_is_the_one_of_one_process(tmp_path: Path, make_clock: MakeClock) -> None:
    """The trials of the second are paused and go on, and the third's worker is killed."""
    alone = told(tmp_path, make_clock, saveables(None), "alone")
    sampler = ByTurns()
    turns = {"sampler": sampler, "pruner": sampler, "total": 12}
    by_turns = told(tmp_path, make_clock, saveables(None), "alone-turns", **turns)
    with LocalCrew(2, saveables, None) as crew:
        assert told(tmp_path, make_clock, spread(crew, pytest.fail), "spread") == alone
        assert told(tmp_path, make_clock, spread(crew, pytest.fail), "turns", **turns) == by_turns
        notices: list[str] = []
        with Log(tmp_path / "killed" / "log.jsonl") as log:
            executor = spread(crew, notices.append)
            clock = make_clock(log, objective=executor)

            def kill_once() -> bool:
                if clock.history.tick == 7 and not notices:
                    victim = next(str(placed.worker) for placed in executor._trials.values() if placed.worker)
                    os.kill(process_of(victim), signal.SIGKILL)
                    notices.append("killed")
                return False

            clock.interrupted = kill_once
            assert clock.run()
        assert story(tmp_path / "killed" / "log.jsonl") == alone
        assert "lost; its trials [" in notices[1] or "(signal SIGKILL); its trials [" in notices[1]
        while len(workers := crew.workers()) < 2:  # another takes the place of the one that was killed
            crew.answers(0.1)
        processes = [process_of(worker) for worker in workers]
    assert not any(_is_there(process) for process in processes)


def _is_there(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
@pytest.mark.parametrize("maker", [generators, saveables])
@pytest.mark.parametrize("workers", [1, 3])
def test_any_number_of_processes_finds_the_same(
    tmp_path: Path, make_clock: MakeClock, maker: Callable[[Any], Objective], workers: int
) -> None:
    alone = told(tmp_path, make_clock, maker(None), "alone")
    with LocalCrew(workers, maker, None) as crew:
        assert told(tmp_path, make_clock, spread(crew, pytest.fail, apart=maker is generators), "spread") == alone
        blind = {"sampler": Blind(), "pruner": NeverStops()}
        ahead = told(tmp_path, make_clock, spread(crew, pytest.fail, ahead=4), "ahead", **blind)
    assert ahead == told(tmp_path, make_clock, maker(None), "alone-blind", **blind)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["exit", "hang"])
@pytest.mark.parametrize(
    ("executor_class", "pace"),
    [(Executor, Ticks()), (LaneExecutor, VirtualTime(lambda params: 1.0 + params["x"]))],
    ids=["ticks", "virtual time"],
)
def test_a_trial_that_ends_its_workers_fails_and_the_others_go_on(
    tmp_path: Path, make_clock: MakeClock, how: str, executor_class: type[Executor], pace: Pace
) -> None:
    def objective(trial: UserTrial) -> Iterator[float]:
        yield 1.0
        if trial.number == 3:
            if how == "exit":
                os._exit(7)
            time.sleep(600)
        yield 2.0

    notices: list[str] = []
    timeout = 2.0 if how == "hang" else None
    with (
        LocalCrew(2, lambda _: FunctionObjective(objective, "score", 0), None) as crew,
        Log(tmp_path / "log.jsonl") as log,
    ):
        executor = executor_class(crew, "toy", 2, notices.append, verify=True, trial_timeout=timeout)
        clock = make_clock(log, objective=executor, pace=pace, sampler=Blind(), pruner=NeverStops(), total=6)
        assert clock.run()
    assert [trial.number for trial in clock.history.trials if trial.ended_badly] == [3]
    decision = clock.history.trials[3].decision
    assert decision is not None
    assert ("with nothing else on it" if how == "hang" else "its process ended (exit code 7)") in decision.reason
    assert len([line for line in notices if "[3]" in line]) <= 4, "the others are no longer kept waiting than must be"


def test_processes_that_do_not_begin_are_told_of_in_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with (
        pytest.raises(UserError, match="3 worker processes one after the other ended before they were ready") as raised,
        LocalCrew(2, saveables, None) as crew,
    ):
        crew.workers()
    assert "\n" not in str(raised.value)
    assert "exit code 1" in str(raised.value)
    assert capfd.readouterr().err == ""


def test_a_worker_that_is_stopped_is_given_up_and_its_jobs_are_done_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_crew, "STOPPED_SECONDS", 0.0)
    with LocalCrew(1, saveables, None) as crew:
        (worker,) = crew.workers()
        os.kill(process_of(worker), signal.SIGSTOP)
        crew.send(0, worker, "toy", JOB)
        crew.send(1, worker, "toy", JOB)
        came: list[Answer] = []
        while len(came) < 2:
            came += crew.answers(0.05)
        assert [(answer.errand, answer.lost, answer.blamed) for answer in came] == [
            (0, "was stopped", False),
            (1, "was stopped", False),
        ]
        assert not _is_there(process_of(worker))
        crew.send(2, worker, "toy", JOB)
        assert [answer.lost for answer in crew.answers(0.0)] == ["was lost"]


def test_large_read_only_arrays_are_held_once_and_others_are_copied() -> None:
    rng = np.random.default_rng(0)
    large, small = rng.normal(size=(LEAST_BYTES // 8, 2)), np.arange(3)
    large.flags.writeable = small.flags.writeable = False
    open_to_all = large.copy()
    columns = np.asfortranarray(large)
    columns.flags.writeable = False
    file, layout = share({"large": large, "small": small, "open": open_to_all, "columns": columns})
    with file:
        assert len(layout.places) == 2
        assert len(layout.rest) < open_to_all.nbytes + LEAST_BYTES
        there = mapped(file.fileno(), layout)
    for name, array in {"large": large, "small": small, "open": open_to_all, "columns": columns}.items():
        assert np.array_equal(there[name], array)
        assert there[name].flags.f_contiguous == array.flags.f_contiguous
    assert not there["large"].flags.writeable
    assert there["open"].flags.writeable
    assert there["large"].ctypes.data % ALIGNMENT == 0
    nothing, plain = share(None)
    nothing.close()
    assert plain.places == ()


def test_spare_workers_start_a_while_after_the_others_are_ready() -> None:
    moment = [0.0]
    with LocalCrew(1, saveables, None, lambda: moment[0], spare=2) as crew:
        assert len(crew.workers()) == 1, "nobody waits for them"
        moment[0] += local_crew.SPARE_SECONDS / 2
        crew.workers()
        assert len(crew._workers) == 1, "a study of seconds has none"
        moment[0] += local_crew.SPARE_SECONDS
        deadline = time.monotonic() + 60
        while len(crew.workers()) < 3:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        for worker in crew.workers()[:2]:
            crew.end(worker)
        while len(crew.workers()) < 3:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_spare_workers_that_do_not_start_are_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    """They may be those for whom there is no memory."""
    started: list[int] = []

    def start_one(module: str, descriptors: Sequence[int]) -> subprocess.Popen[bytes]:
        started.append(len(started))
        if len(started) == 1:
            return processes.start(module, descriptors)
        return subprocess.Popen([sys.executable, "-S", "-c", "raise SystemExit(9)"], start_new_session=True)

    monkeypatch.setattr(local_crew, "start", start_one)
    monkeypatch.setattr(local_crew, "SPARE_SECONDS", 0.0)
    notices: list[str] = []
    with LocalCrew(1, saveables, None, spare=4, notice=notices.append) as crew:
        deadline = time.monotonic() + 60
        while not notices:
            assert time.monotonic() < deadline
            crew.workers()
            time.sleep(0.01)
        assert len(crew.workers()) == 1
        assert len(started) < 10
    (line,) = notices
    assert line.startswith("--workers 1: 3 worker processes one after the other ended before they were ready")
    assert line.endswith("(exit code 9); training goes on in 1")
