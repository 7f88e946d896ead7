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
        told: The last such number of each worker.
    """

    def __init__(self, maker: Maker, data: Any, prepare: Callable[[int], Callable[[], int]]) -> None:
        self._maker, self._data, self._prepare = pack(maker), data, prepare
        self._ways: dict[str, tuple[int, Connection[Any, Any]]] = {}
        self._sent: dict[int, str] = {}
        self._lost: list[Answer] = []
        self._made = 0
        self.told: dict[str, int] = {}

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
        came, self._lost = self._lost, []
        by_way = {way: worker for worker, (_, way) in self._ways.items()}
        for way in wait(list(by_way), 0 if came else seconds):
            worker = by_way[way]  # type: ignore[index]
            try:
                errand, report, error, self.told[worker] = way.recv()  # type: ignore[union-attr]
                came.append(Answer(errand, report, error=error))
                del self._sent[errand]
            except (EOFError, ConnectionResetError):
                self.end(worker)
                mine = [errand for errand, where in self._sent.items() if where == worker]
                came += [Answer(errand, lost="died") for errand in mine]
                for errand in mine:
                    del self._sent[errand]
        return came

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
        here, there = Pipe()
        number, self._made = self._made, self._made + 1
        if (process := os.fork()) == 0:
            try:
                for _, way in self._ways.values():
                    way.close()
                here.close()
                self._work(there, self._prepare(number))
            finally:
                os._exit(1)
        there.close()
        self._ways[f"w{number:03d}"] = process, here

    def _work(self, way: Connection[Any, Any], tell: Callable[[], int]) -> None:
        bench = Bench()
        while True:
            errand, name, job = way.recv()
            try:
                report, error = bench.serve(name, self._maker, self._data, job), None
            except Exception as raised:  # handed over, as from any worker
                report, error = None, raised
            way.send((errand, report, error, tell()))
