"""A crew in this process whose workers join, die, lose answers, dawdle and work twice, as a random source says."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from hpsearch.engine.crew import Answer
from hpsearch.engine.remote import Bench, Job
from hpsearch.objectives.portable import Maker, pack

WORKERS = 3
"""How many there are at most at a time."""


class ChaoticCrew:
    """Workers as benches; what befalls them is drawn, and no call waits.

    A worker may be lost before or after it did a job, with or without an answer that gets through; an answer may come
    late, or the job may be done twice, as by a worker that lost its scheduler for a moment.

    Args:
        maker: Makes an objective.
        data: The study's data.
        rng: Draws what happens.
        calm: Nothing happens from so many calls on, so that every study ends.
    """

    def __init__(self, maker: Maker, data: Any, rng: Random, calm: int = 60) -> None:
        self._maker = pack(maker)
        self._data = data
        self._rng = rng
        self._calm = calm
        self._benches: dict[str, Bench] = {}
        self._made = 0
        self._late: list[Answer] = []
        self._answers: list[Answer] = []
        self.events: list[str] = []
        self._join()

    def workers(self) -> list[str]:
        if (self._chance(0.2) and len(self._benches) < WORKERS) or not self._benches:
            self._join()
        if self._chance(0.1) and len(self._benches) > 1:
            self._die(self._rng.choice(sorted(self._benches)), "between jobs")
        return sorted(self._benches)

    def send(self, errand: int, worker: str, name: str, job: Job) -> None:
        bench = self._benches.get(worker)
        if bench is None:
            self._answers.append(Answer(errand, lost="was lost", blamed=False))
            return
        if self._chance(0.06):
            self._die(worker, "before its job")
            self._answers.append(Answer(errand, lost="was lost", blamed=False))
            return
        try:
            report = bench.serve(name, self._maker, self._data, job)
            if self._chance(0.06):
                self.events.append("twice")
                report = bench.serve(name, self._maker, self._data, job)
        except Exception as error:  # handed over, as from another process
            self._answers.append(Answer(errand, error=error))
            return
        if report.rows is not None:
            self._hurry(report.rows)
        if self._chance(0.06):
            self._die(worker, "after its job")
            self._answers.append(Answer(errand, lost="was lost", blamed=False))
        elif self._chance(0.06):
            self.events.append("its answer was lost")
            self._answers.append(Answer(errand, lost="was lost", blamed=False))
        else:
            (self._late if self._chance(0.2) else self._answers).append(Answer(errand, report))

    def answers(self, seconds: float) -> list[Answer]:
        assert seconds >= 0
        answers = self._answers
        self._answers = self._late
        self._late = []
        return answers

    def end(self, worker: str) -> None:
        self._die(worker, "ended")

    def forget(self, name: str) -> None:
        for bench in self._benches.values():
            bench.forget(name)

    def _join(self) -> None:
        self._made += 1
        self._benches[f"w{self._made}"] = Bench()
        self.events.append("joined")

    def _die(self, worker: str, when: str) -> None:
        bench = self._benches.pop(worker, None)
        if bench is not None:
            bench.forget("")  # a process takes its children with it
        self.events.append(f"died {when}")

    def _hurry(self, rows: dict[int, list[Any]]) -> None:
        """Give rows other seconds, so that trials are moved."""
        for tick, brought in rows.items():
            rows[tick] = [_with_seconds(row, self._rng.choice([0.01, 1.0, 3.0])) for row in brought]

    def _chance(self, probability: float) -> bool:
        self._calm -= 1
        return self._calm > 0 and self._rng.random() < probability


def _with_seconds(row: Any, seconds: float) -> Any:
    from dataclasses import replace

    return replace(row, seconds=seconds)


def jumping(rng: Random) -> Callable[[], float]:
    """Return a clock that jumps now and then, so that states are saved at drawn moments."""
    at = [0.0]

    def now() -> float:
        at[0] += rng.choice([0.0, 0.0, 6.0])
        return at[0]

    return now
