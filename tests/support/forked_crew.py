"""A crew of forked processes, as quick to start as a call: real workers that are really killed, without a cluster."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe, wait
from typing import Any

from hpsearch.engine.crew import Answer
from hpsearch.engine.remote import Bench, Job
from hpsearch.objectives.portable import Maker, pack

WORKERS = 2


class ForkedCrew:
    """Workers that are forks of this process; one that died is replaced by another of another name.

    Args:
        maker: Makes an objective.
        data: The study's data.
        prepare: Called in each worker with its number, from 0, before it does anything; what it returns is called for
            a number that goes along with each answer.

    Attributes:
        counts: The last such number of each worker.
    """

    def __init__(self, maker: Maker, data: Any, prepare: Callable[[int], Callable[[], int]]) -> None:
        self._maker = pack(maker)
        self._data = data
        self._prepare = prepare
        self._ways: dict[str, tuple[int, Connection[Any, Any]]] = {}
        self._sent: dict[int, str] = {}
        self._lost: list[Answer] = []
        self._made = 0
        self.counts: dict[str, int] = {}

    def workers(self) -> list[str]:
        while len(self._ways) < WORKERS:
            self._spawn()
        return sorted(self._ways)

    def send(self, errand: int, worker: str, name: str, job: Job) -> None:
        self._sent[errand] = worker
        if worker not in self._ways:
            self._lost.append(Answer(errand, lost="was lost"))
            return
        with suppress(BrokenPipeError, ConnectionResetError):  # it died; its pipe says so when it is listened to
            self._ways[worker][1].send((errand, name, job))

    def answers(self, seconds: float) -> list[Answer]:
        answers = self._lost
        self._lost = []
        by_way = {way: worker for worker, (_, way) in self._ways.items()}
        for way in wait(list(by_way), 0 if answers else seconds):
            worker = by_way[way]  # type: ignore[index]
            try:
                errand, report, error, self.counts[worker] = way.recv()  # type: ignore[union-attr]
                answers.append(Answer(errand, report, error=error))
                del self._sent[errand]
            except (EOFError, ConnectionResetError):
                self.end(worker)
                errands = [errand for errand, receiver in self._sent.items() if receiver == worker]
                answers += [Answer(errand, lost="died") for errand in errands]
                for errand in errands:
                    del self._sent[errand]
        return answers

    def end(self, worker: str) -> None:
        process, way = self._ways.pop(worker)
        way.close()
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)

    def forget(self, name: str) -> None:
        for worker in list(self._ways):
            self.end(worker)

    def _spawn(self) -> None:
        our_end, worker_end = Pipe()
        number = self._made
        self._made += 1
        if (process := os.fork()) == 0:
            try:
                for _, way in self._ways.values():
                    way.close()
                our_end.close()
                self._work(worker_end, self._prepare(number))
            finally:
                os._exit(1)
        worker_end.close()
        self._ways[f"w{number:03d}"] = process, our_end

    def _work(self, way: Connection[Any, Any], tell: Callable[[], int]) -> None:
        bench = Bench()
        while True:
            errand, name, job = way.recv()
            try:
                report = bench.serve(name, self._maker, self._data, job)
                error = None
            except Exception as raised:  # handed over, as from any worker
                report = None
                error = raised
            way.send((errand, report, error, tell()))
