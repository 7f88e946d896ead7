"""The Dask executor against the in-process one, with real worker processes that are really killed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toy_clocks import MakeClock
from toys import Adaptive, WorstStops, generators, saveables, story

from hpsearch.engine.dask_client import connect
from hpsearch.engine.dask_crew import DaskCrew
from hpsearch.engine.executor import Executor
from hpsearch.engine.remote import aligned
from hpsearch.errors import UserError
from hpsearch.log.writer import Log
from hpsearch.models import datasets
from hpsearch.objectives.base import Objective
from hpsearch.objectives.function import FunctionObjective, UserTrial


class Blind(Adaptive):
    """Proposes without looking, so that workers may train ahead."""

    reads_history = False
    rejected = 0

    def ask(self, history: Any, point: int) -> dict[str, Any]:
        return {"x": float(point)}


class NeverStops(WorstStops):
    reads_history = False

    def judge(self, history: Any, arrivals: Any) -> list[Any]:
        return []


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    import dask
    from distributed import LocalCluster

    with (
        dask.config.set({"distributed.worker.daemon": False}),  # what they train may start processes
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=50) as local,
        connect(local.scheduler_address) as connected,
    ):
        yield connected


def cluster_of(client: Any, maker: Any, name: str, epochs: int, notice: Any, **said: Any) -> Executor:
    return Executor(DaskCrew(client, maker, None), name, epochs, notice, verify=True, **said)


def told(tmp_path: Path, make_clock: MakeClock, objective: Any, name: str, **changes: Any) -> list[str]:
    with Log(tmp_path / name / "log.jsonl") as log:
        assert make_clock(log, objective=objective, **changes).run()
    return story(tmp_path / name / "log.jsonl")


@pytest.mark.slow
@pytest.mark.parametrize("maker", [generators, saveables])
def test_workers_find_what_one_process_finds(
    tmp_path: Path, make_clock: MakeClock, client: Any, maker: Callable[[Any], Objective]
) -> None:
    alone = told(tmp_path, make_clock, maker(None), "alone")
    with cluster_of(client, maker, f"same-{maker.__name__}", 6, pytest.fail) as cluster:
        assert told(tmp_path, make_clock, cluster, "spread") == alone


@pytest.mark.slow
def test_training_ahead_changes_nothing(tmp_path: Path, make_clock: MakeClock, client: Any) -> None:
    blind = {"sampler": Blind(), "pruner": NeverStops()}
    alone = told(tmp_path, make_clock, saveables(None), "alone", **blind)
    with cluster_of(client, saveables, "ahead", 6, pytest.fail, ahead=4) as cluster:
        assert told(tmp_path, make_clock, cluster, "spread", **blind) == alone


@pytest.mark.slow
@pytest.mark.parametrize("seen", [False, True])
@pytest.mark.parametrize("maker", [generators, saveables])
def test_a_worker_killed_in_mid_study_changes_nothing(
    tmp_path: Path, make_clock: MakeClock, client: Any, maker: Callable[[Any], Objective], seen: bool, monkeypatch: Any
) -> None:
    """Whether the scheduler has seen it before the next task goes out (``seen``), or while that is under way."""
    monkeypatch.setattr("hpsearch.engine.executor.SAVE_SECONDS", 0.0)
    alone = told(tmp_path, make_clock, maker(None), "alone")
    client.wait_for_workers(2)  # one that a test before has killed is back: a late one would have nothing to lose
    notices: list[str] = []
    with (
        cluster_of(client, maker, f"killed-{maker.__name__}-{seen}", 6, notices.append) as cluster,
        Log(tmp_path / "spread" / "log.jsonl") as log,
    ):
        clock = make_clock(log, objective=cluster)

        def kill_once() -> bool:
            if clock.history.tick == 7 and not notices:
                victim = next(placed.worker for placed in cluster._trials.values() if placed.worker is not None)
                os.kill(client.run(os.getpid)[victim], signal.SIGKILL)
                while seen and victim in client.nthreads():
                    time.sleep(0.01)
                notices.append("killed")
            return False

        clock.interrupted = kill_once
        assert clock.run()
    assert story(tmp_path / "spread" / "log.jsonl") == alone
    assert notices[0] == "killed"
    assert "was lost; its trials [" in notices[1] or "died; its trials [" in notices[1]
    assert len(notices) == 2


@pytest.mark.slow
@pytest.mark.parametrize("how", ["exit", "hang"])
def test_a_trial_that_kills_its_workers_fails_and_the_others_go_on(
    tmp_path: Path, make_clock: MakeClock, client: Any, how: str
) -> None:
    def objective(trial: UserTrial) -> Iterator[float]:
        yield 1.0
        if trial.number == 3:
            if how == "exit":
                os._exit(7)
            time.sleep(600)
        yield 2.0

    blind = {"sampler": Blind(), "pruner": NeverStops(), "total": 8}
    notices: list[str] = []
    timeout = 5.0 if how == "hang" else None
    with (
        cluster_of(
            client, lambda _: FunctionObjective(objective, "score", 0), f"bad-{how}", 2, notices.append,
            trial_timeout=timeout,
        ) as cluster,
        Log(tmp_path / "log.jsonl") as log,
    ):  # fmt: skip
        clock = make_clock(log, objective=cluster, **blind)
        assert clock.run()
    assert [trial.number for trial in clock.history.trials if trial.ended_badly] == [3]
    assert len(list(clock.history.ended("COMPLETE"))) == 8, "trial 3 counts with the epoch before"
    decision = clock.history.trials[3].decision
    assert decision is not None
    assert ("with nothing else on it" if how == "hang" else "its process ended (exit code 7)") in decision.reason


@pytest.mark.slow
def test_a_scheduler_that_goes_away_is_a_clear_error(tmp_path: Path, make_clock: MakeClock) -> None:
    from distributed import Client, LocalCluster

    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0") as local:
        lost = Client(local, set_as_default=False)
        with Log(tmp_path / "log.jsonl") as log:
            clock = make_clock(log, objective=cluster_of(lost, saveables, "gone", 6, pytest.fail))
            clock.interrupted = lambda: bool(clock.history.tick == 3 and local.close())
            with pytest.raises(UserError, match="run the same command again to resume"):
                clock.run()
        lost.close(timeout=1)


def test_a_scheduler_that_does_not_answer_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hpsearch.engine.dask_client.ANSWER_SECONDS", 0.2)
    with pytest.raises(UserError, match="no Dask scheduler answers there"), connect("tcp://127.0.0.1:9"):
        pass


def test_tls_without_a_certificate_is_a_clear_error() -> None:
    with pytest.raises(UserError, match="no certificate is configured for TLS"), connect("tls://127.0.0.1:9"):
        pass


def test_data_that_arrive_at_an_odd_address_are_moved_and_stay_the_same() -> None:
    data = datasets.load("digits")
    raw = np.zeros(data.X_train.nbytes + 1, np.uint8)
    odd = raw[1:].view(np.float32).reshape(data.X_train.shape)
    odd[:] = data.X_train
    odd.flags.writeable = False
    assert not odd.flags.aligned
    moved = aligned(replace(data, X_train=odd))
    assert moved.X_train.flags.aligned
    assert not moved.X_train.flags.writeable
    assert (moved.X_train == data.X_train).all()
    assert moved.y_train is data.y_train
    assert aligned(data) is data
    assert aligned(None) is None
