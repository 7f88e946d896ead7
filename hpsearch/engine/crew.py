"""The workers of a study, wherever they are: the interface between the executor and what starts and reaches them.

A crew only carries: it takes a job to a worker and brings the answer back, or says that there will be none. What is
sent where, and what an answer means, is the executor's matter (``hpsearch.engine.executor``). No call waits for ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from hpsearch.engine.remote import Job, Report


@dataclass(frozen=True)
class Answer:
    """How a job ended: with a report, with the loss of its worker, or with an error that is not a trial's matter.

    Attributes:
        errand: The number under which the job was sent.
        report: What the worker brought, or None.
        lost: What became of the worker where it will bring nothing ("was lost", "died"), or None.
        blamed: Whether the job may be why; not where the worker is still there and only its answer was lost.
        error: What the job raised, or None.
    """

    errand: int
    report: Report | None = None
    lost: str | None = None
    blamed: bool = True
    error: BaseException | None = None


class Crew(Protocol):
    """Worker processes that take jobs, one at a time each."""

    def workers(self) -> list[str]:
        """Return the names of the workers that can take a job now, in a fixed order.

        Raises:
            UserError: The way to the workers is lost for good; the study can be resumed.
        """

    def send(self, errand: int, worker: str, name: str, job: Job) -> None:
        """Have a worker do a job.

        Args:
            errand: A number that was not used before; its answer carries it.
            worker: Where; if it is not there any more the answer says so.
            name: Which of the worker's objectives it is for; a new name makes a new one.
            job: What to do.
        """

    def answers(self, seconds: float) -> list[Answer]:
        """Return the answers that have come, after at most this many seconds; empty where none has.

        Raises:
            UserError: The way to the workers is lost for good.
        """

    def end(self, worker: str) -> None:
        """End a worker's process, as far as it can be reached; it is none of the workers from now on."""

    def forget(self, name: str) -> None:
        """Drop what the workers hold under names that begin like this, as far as they can be reached."""
