"""What a Dask crew says of jobs whose worker, answer or scheduler is gone, without a cluster: no wait is for ever."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import CancelledError
from typing import Any

import pytest

from hpsearch.engine import dask_client, dask_crew
from hpsearch.engine.dask_client import connect
from hpsearch.engine.dask_crew import DaskCrew
from hpsearch.engine.remote import Job, Report
from hpsearch.errors import UserError

JOB = Job((), (), {}, (0,), False)
REPORT = Report({}, [], {})


class FakeFuture:
    """A future that stands as it is told, and that nobody may wait for without a limit."""

    def __init__(self, status: str, outcome: Any = None) -> None:
        self.status, self.outcome = status, outcome

    def result(self, timeout: float | None = None) -> Any:
        return self._get(timeout)

    def exception(self, timeout: float | None = None) -> Any:
        return self._get(timeout)

    def _get(self, timeout: float | None) -> Any:
        assert timeout is not None, "waits without a limit"
        if isinstance(self.outcome, BaseException) and self.status == "finished":
            raise self.outcome
        return self.outcome

    def cancel(self) -> None: ...


class FakeClient:
    """A client of workers that stand as they are told."""

    status = "running"

    def __init__(self, future: FakeFuture, **workers: tuple[str, int]) -> None:
        self.future, self.workers = future, workers
        self.scattered: Callable[[], Any] = lambda: FakeFuture("finished")
        self.others: dict[str, dict[str, str | None]] = {}
        self.nannies: dict[str, str] = {}

    def scheduler_info(self, n_workers: int) -> Any:
        return {
            "workers": {
                worker: {"status": status, "metrics": {"executing": n}, "nanny": self.nannies.get(worker)}
                for worker, (status, n) in self.workers.items()
            }
        }

    def submit(self, *_: Any, workers: list[str], allow_other_workers: bool, pure: bool, retries: int) -> FakeFuture:
        assert (allow_other_workers, pure, retries) == (False, False, 0)
        return self.future

    def scatter(self, *_: Any, workers: list[str], hash: bool, timeout: float | None = None) -> Any:
        assert timeout is not None, "waits without a limit"
        return self.scattered()

    def as_current(self) -> Any:
        raise OSError("not waited for here")

    def get_versions(self, packages: list[str]) -> Any:
        mine = {"host": {"python": "3.11.7.final.0"}, "packages": dict.fromkeys(packages, "1.0")}
        others = {w: {**mine, "packages": {**mine["packages"], **self.others.get(w, {})}} for w in self.workers}
        return {"client": mine, "workers": others}


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_crew, "STATUS_SECONDS", -1.0)


def crew(future: FakeFuture, data: Any = None, **workers: tuple[str, int]) -> DaskCrew:
    made = DaskCrew(FakeClient(future, **workers), lambda data: data, data)
    made.send(7, "a", "toy", JOB)
    return made


def test_a_job_that_is_done_brings_its_report_once() -> None:
    made = crew(FakeFuture("finished", REPORT), a=("running", 0))
    (answer,) = made.answers(0.1)
    assert (answer.errand, answer.report) == (7, REPORT)
    assert made.answers(0.1) == []


@pytest.mark.parametrize("error", [TimeoutError(), CancelledError(), OSError("connection closed")])
@pytest.mark.parametrize(("there", "blamed"), [({"a": ("running", 0)}, False), ({"b": ("running", 0)}, True)])
def test_a_worker_that_dies_between_the_end_of_a_job_and_the_transfer_has_lost_it(
    error: BaseException, there: dict[str, tuple[str, int]], blamed: bool
) -> None:
    (answer,) = crew(FakeFuture("finished", error), **there).answers(0.1)
    assert (answer.report, answer.lost, answer.blamed) == (None, "was lost", blamed)


@pytest.mark.parametrize("status", ["pending", "cancelled", "lost"])
def test_a_worker_that_is_gone_owes_nothing(status: str) -> None:
    (answer,) = crew(FakeFuture(status), b=("running", 0)).answers(0.1)
    assert (answer.lost, answer.blamed) == ("was lost", True)


def test_a_worker_that_is_at_it_is_waited_for() -> None:
    assert crew(FakeFuture("pending"), a=("running", 1)).answers(0.1) == []


def test_what_a_job_raises_is_handed_on() -> None:
    (answer,) = crew(FakeFuture("error", UserError("no")), a=("running", 0)).answers(0.1)
    assert str(answer.error) == "no"


def test_a_worker_that_is_paused_takes_no_job_and_is_given_up_unless_it_is_at_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dask_crew, "PAUSED_SECONDS", -1.0)
    busy = crew(FakeFuture("pending"), a=("paused", 1), b=("running", 0))
    assert busy.workers() == ["b"]
    assert busy.answers(0.1) == busy.answers(0.1) == []
    idle = crew(FakeFuture("pending"), a=("paused", 0), b=("running", 0))
    assert idle.answers(0.1) == []
    (answer,) = idle.answers(0.1)
    assert (answer.lost, answer.blamed) == ("has no memory left", False)


def test_a_scheduler_that_is_gone_is_one_line() -> None:
    made = crew(FakeFuture("cancelled"), a=("running", 0))
    made._client.status = "closed"
    with pytest.raises(UserError, match=r"the Dask scheduler is gone \(connection closed\); run the same command"):
        made.answers(0.1)


def test_workers_that_cannot_take_the_data_end_the_run_with_one_line() -> None:
    client = FakeClient(FakeFuture("pending"), a=("running", 0), b=("running", 0), c=("running", 0))

    def fail() -> Any:
        raise TimeoutError

    client.scattered = fail
    made = DaskCrew(client, lambda data: data, [1, 2])
    for number, worker in enumerate("ab"):
        made.send(number, worker, "toy", JOB)
    assert [(a.lost, a.blamed) for a in made.answers(0.1)] == [("could not be given the data", False)] * 2
    assert made.workers() == ["c"]
    with pytest.raises(UserError, match="3 workers one after the other could not be given the study's data"):
        made.send(2, "c", "toy", JOB)


def test_a_nanny_whose_workers_are_too_small_for_the_data_is_left_aside_where_another_worker_has_them() -> None:
    client = FakeClient(FakeFuture("pending"), good=("running", 0), w0=("running", 0))
    client.nannies = {f"w{number}": "n" for number in range(9)}
    made = DaskCrew(client, lambda data: data, [1, 2])
    made.send(0, "good", "toy", JOB)

    def fail() -> Any:
        raise OSError("the connection was closed")

    client.scattered = fail
    for number in range(dask_crew.SMALL):
        assert made.workers() == ["good", f"w{number}"]
        made.send(number + 1, f"w{number}", "toy", JOB)
        del client.workers[f"w{number}"]
        client.workers[f"w{number + 1}"] = ("running", 0)
        made._statuses(fresh=True)
    assert made.workers() == ["good"]


def test_a_worker_that_goes_before_it_is_given_the_data_has_not_refused_them() -> None:
    client = FakeClient(FakeFuture("pending"), a=("running", 0))

    def fail() -> Any:
        raise KeyError("tcp://127.0.0.1:9")  # as Dask's scheduler says it

    client.scattered = fail
    made = DaskCrew(client, lambda data: data, [1, 2])
    for number in range(2 * dask_crew.REFUSALS):
        made.send(number, "a", "toy", JOB)
    assert {answer.lost for answer in made.answers(0.1)} == {"could not be given the data"}


def test_a_call_that_nobody_answers_ends() -> None:
    import threading

    never = threading.Event()
    with pytest.raises(TimeoutError, match=r"no answer within 0\.01 s"):
        dask_crew._within(0.01, never.wait)
    never.set()


def test_a_worker_of_other_versions_is_left_aside_with_a_word_and_without_any_other_the_run_ends() -> None:
    notices: list[str] = []
    client = FakeClient(FakeFuture("pending"), a=("running", 0), b=("running", 0), c=("running", 0))
    client.others = {"a": {"numpy": "0.9"}, "b": {"distributed": "0.9", "hpsearch": None}}
    made = DaskCrew(client, lambda data: data, None, notices.append)
    assert made.workers() == ["b", "c"]
    assert made.workers() == ["b", "c"]
    assert notices == [
        "worker a is left aside, results would differ: numpy 0.9 instead of 1.0",
        "worker b has other versions: distributed 0.9 instead of 1.0",
    ]
    del client.workers["b"], client.workers["c"]
    with pytest.raises(UserError, match=r"no worker has the coordinator's versions.*numpy 0\.9 instead of 1\.0"):
        made.workers()


def test_a_worker_that_does_not_tell_its_versions_is_not_used_before_it_does() -> None:
    client = FakeClient(FakeFuture("pending"), a=("running", 0))
    made = DaskCrew(client, lambda data: data, None)
    plain = client.get_versions
    client.get_versions = lambda packages: {**plain(packages), "workers": {}}  # type: ignore[method-assign]
    assert made.workers() == []
    client.get_versions = plain  # type: ignore[method-assign]
    assert made.workers() == ["a"]


def test_dask_says_nothing_of_lost_connections_by_any_of_its_loggers(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_client, "ANSWER_SECONDS", 0.2)
    with pytest.raises(UserError, match="no Dask scheduler answers there"), connect("tcp://127.0.0.1:9"):
        pass
    logger = logging.getLogger("distributed.client")  # has a level and a handler of its own
    level = logger.level
    with dask_client._silence() as silence:
        logger.error("scheduler lost")
        silence.stays = True
    logger.error("reconnecting")
    assert "lost" not in capfd.readouterr().err
    logger.setLevel(level)
    with dask_client._silence():
        pass
    assert logger.level == level
