"""Workers of a Dask cluster."""

from __future__ import annotations

import contextlib
import math
import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from hpsearch.engine.crew import Answer
from hpsearch.engine.dask_versions import differences
from hpsearch.engine.remote import Job, forget, serve
from hpsearch.errors import UserError
from hpsearch.objectives.portable import Maker, pack

TRANSFER_SECONDS = 60.0
"""Most seconds to wait for data to reach a worker, or for what a finished job brought to arrive."""

ASK_SECONDS = 10.0
"""Most seconds to wait for a call that workers or the scheduler answer at once."""

PAUSED_SECONDS = 30.0
"""A worker that has stopped taking jobs for want of memory is given up after so many seconds."""

STATUS_SECONDS = 0.2
"""How old the list of workers may be; a job that is sent to one that went since then is answered as lost."""

REFUSALS = 3
"""So many workers in a row that cannot take the data end the run, where none has them."""

SMALL = 2
"""Workers of one nanny that could not take the data, from which on its next ones are left aside."""

T = TypeVar("T")


@dataclass
class _Sent:
    """A job under way, the worker that does it, and since when that is paused without being at it."""

    errand: int
    worker: str
    paused_at: float | None = None


@dataclass(frozen=True)
class _Status:
    """A worker as its scheduler knows it: whether it takes jobs, whether it does one, and its nanny."""

    running: bool
    executing: bool
    nanny: str


class DaskCrew:
    """The workers that a client reaches.

    Args:
        client: A connected ``distributed.Client``.
        maker: Makes a fresh objective from the data, on a worker.
        data: The study's data; they travel to each worker once.
        notice: Called with a line about each worker whose versions differ.
    """

    def __init__(self, client: Any, maker: Maker, data: Any, notice: Callable[[str], None] = lambda text: None) -> None:
        self._client = client
        self._notice = notice
        self._others: dict[str, str] = {}
        self._maker = pack(maker)
        self._data = data
        self._held: dict[str, Any] = {}
        self._refusals = 0
        self._small: Counter[str] = Counter()
        self._sent: dict[Any, _Sent] = {}
        self._answers: list[Answer] = []
        self._ended: set[str] = set()
        self._seen: tuple[float, dict[str, _Status]] = -math.inf, {}

    def workers(self) -> list[str]:
        """Return the addresses of the workers that run, have our versions and the memory to take a job.

        Raises:
            UserError: The scheduler is gone, or all workers have other versions.
        """
        statuses = self._statuses()
        present = [worker for worker, status in statuses.items() if status.running and worker not in self._ended]
        self._compare([worker for worker in present if worker not in self._others])
        other = {worker: how for worker in present if (how := self._others.get(worker))}
        if present and len(other) == len(present):
            worker, how = next(iter(other.items()))
            raise UserError(
                f"no worker has the coordinator's versions, results would differ ({worker}: {how}); give them the same "
                "environment, and run the same command again"
            )
        fit = sorted(worker for worker in present if self._others.get(worker) == "")
        return [worker for worker in fit if self._small[statuses[worker].nanny] < SMALL] or fit

    def _compare(self, fresh: list[str]) -> None:
        """Record how new workers differ; one that does not answer is asked again."""
        if not fresh:
            return
        with contextlib.suppress(*_gone()):
            compared = _within(ASK_SECONDS, lambda: differences(self._client))
            for worker in [worker for worker in fresh if worker in compared]:
                self._others[worker] = compared[worker].decides
                if compared[worker].decides:
                    self._notice(f"worker {worker} is left aside, results would differ: {compared[worker].decides}")
                elif compared[worker].carries:
                    self._notice(f"worker {worker} has other versions: {compared[worker].carries}")

    def send(self, errand: int, worker: str, name: str, job: Job) -> None:
        """Submit a job to one worker, and its data before where it has none yet.

        Raises:
            UserError: The scheduler is gone, or one worker after another dies of the data.
        """
        try:
            future = self._client.submit(
                serve,
                name,
                self._maker,
                self._data_on(worker),
                job,
                workers=[worker],
                allow_other_workers=False,
                pure=False,
                retries=0,
            )
        except _gone() as error:
            if not isinstance(error.__cause__, KeyError):  # one that had gone before did not refuse
                self._refuse(worker, error)
            self._ended.add(worker)
            self._answers.append(Answer(errand, lost="could not be given the data", blamed=False))
            return
        self._sent[future] = _Sent(errand, worker)

    def answers(self, seconds: float) -> list[Answer]:
        """Return what has come within that time.

        Raises:
            UserError: The scheduler is gone.
        """
        from distributed import wait

        if self._sent and not self._answers:
            # On a time-out no job has finished; cancelled futures are looked at below, each by itself.
            with contextlib.suppress(*_gone()), self._client.as_current():
                wait(list(self._sent), timeout=seconds, return_when="FIRST_COMPLETED")
        answers, self._answers = self._answers, []
        for future, sent in list(self._sent.items()):
            if (answer := self._answer(future, sent)) is not None:
                answers.append(answer)
                self._release(future)
        return answers

    def end(self, worker: str) -> None:
        """Have a worker's process exit; where it has a nanny, that starts another, under another address."""
        self._ended.add(worker)
        for future in [future for future, sent in self._sent.items() if sent.worker == worker]:
            self._release(future)
        with contextlib.suppress(*_gone()):
            _within(ASK_SECONDS, lambda: self._client.run(os._exit, 1, workers=[worker], on_error="ignore"))

    def forget(self, name: str) -> None:
        """Drop what the workers hold under names that begin like this."""
        for future in list(self._sent):
            self._release(future)
        self._held = {}
        if self._client.status == "running":
            with contextlib.suppress(*_gone()):
                _within(ASK_SECONDS, lambda: self._client.run(forget, name, on_error="ignore"))

    def _answer(self, future: Any, sent: _Sent) -> Answer | None:
        """Return how a job ended, or None while its worker does it."""
        from distributed import KilledWorker

        if future.status == "finished":
            try:
                return Answer(sent.errand, future.result(timeout=TRANSFER_SECONDS))
            except _gone():
                # The worker died, or lost its connection, between the end of the job and the transfer.
                return Answer(sent.errand, lost="was lost", blamed=sent.worker not in self._statuses(fresh=True))
        if future.status == "error":
            try:
                error = future.exception(timeout=TRANSFER_SECONDS)
            except _gone():
                return Answer(sent.errand, lost="was lost")
            if isinstance(error, KilledWorker):
                return Answer(sent.errand, lost="died")
            return Answer(sent.errand, error=error)
        statuses = self._statuses()
        if future.status in ("cancelled", "lost"):
            return Answer(sent.errand, lost="was lost", blamed=sent.worker not in self._statuses(fresh=True))
        if sent.worker not in statuses:
            return Answer(sent.errand, lost="was lost")
        status = statuses[sent.worker]
        if status.running or status.executing:
            sent.paused_at = None
        elif sent.paused_at is None:
            sent.paused_at = time.monotonic()
        elif time.monotonic() - sent.paused_at > PAUSED_SECONDS:
            self._ended.add(sent.worker)
            return Answer(sent.errand, lost="has no memory left", blamed=False)
        return None

    def _release(self, future: Any) -> None:
        del self._sent[future]
        with contextlib.suppress(*_gone()):
            future.cancel()

    def _statuses(self, *, fresh: bool = False) -> dict[str, _Status]:
        """Return the workers there are, as they were a moment ago at most.

        Raises:
            UserError: The scheduler is gone.
        """
        at, statuses = self._seen
        if fresh or time.monotonic() - at > STATUS_SECONDS:
            try:
                if self._client.status != "running":
                    raise OSError("connection closed")
                workers = _within(ASK_SECONDS, lambda: self._client.scheduler_info(n_workers=-1))["workers"]
            except _gone() as error:
                reason = str(error) or type(error).__name__
                raise UserError(
                    f"the Dask scheduler is gone ({reason}); run the same command again to resume"
                ) from error
            statuses = {
                address: _Status(
                    worker["status"] == "running",
                    bool(worker["metrics"].get("executing")),
                    worker.get("nanny") or address,
                )
                for address, worker in workers.items()
            }
            self._seen = time.monotonic(), statuses
            self._ended &= set(statuses)
            self._held = {worker: future for worker, future in self._held.items() if worker in statuses}
        return statuses

    def _data_on(self, worker: str) -> Any:
        """Return the data as a worker holds them; they are sent where it has none."""
        if self._data is None:
            return None
        held = self._held.get(worker)
        if held is None or held.status != "finished":
            send = partial(self._client.scatter, self._data, workers=[worker], hash=False, timeout=TRANSFER_SECONDS)
            try:
                held = self._held[worker] = _within(TRANSFER_SECONDS, send)
            except KeyError as error:  # what the scheduler says of a worker that has just gone
                raise OSError(f"worker {worker} has gone") from error
            self._refusals = 0
        return held

    def _refuse(self, worker: str, error: BaseException) -> None:
        """Count the workers in a row that could not take the data, and those of one nanny.

        Raises:
            UserError: So many that another would not either, and none has them; or the scheduler is gone.
        """
        status = self._seen[1].get(worker)
        self._small[worker if status is None else status.nanny] += 1
        self._statuses(fresh=True)
        self._refusals += 1
        if self._refusals >= REFUSALS and not self._held:
            raise UserError(
                f"{REFUSALS} workers one after the other could not be given the study's data "
                f"({type(error).__name__}): give them more memory, and run the same command again to resume"
            ) from error


def _gone() -> tuple[type[BaseException], ...]:
    """Return what calls raise whose worker or scheduler is gone."""
    from concurrent.futures import CancelledError

    from distributed import client

    closed = getattr(client, "ClosedClientError", OSError)  # not every version has it; a CommClosedError is an OSError
    return (OSError, TimeoutError, RuntimeError, CancelledError, closed)


def _within(seconds: float, call: Callable[[], T]) -> T:
    """Make a call that may wait for a lost worker for ever; after so many seconds it is abandoned.

    Raises:
        TimeoutError: It took longer.
    """
    done: list[T] = []
    failed: list[BaseException] = []

    def work() -> None:
        try:
            done.append(call())
        except BaseException as error:  # handed to the caller
            failed.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    if not done:
        raise TimeoutError(f"no answer within {seconds:g} s")
    return done[0]
