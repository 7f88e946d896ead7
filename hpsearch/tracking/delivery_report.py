"""How much of a study is in MLflow, and the message for people where something is missing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hpsearch.tracking import cursor
from hpsearch.tracking.uri import redact, run_page

BUSY = "another process is delivering it"
UNDER_WAY = "its delivery to MLflow goes on in the background, which `hpsearch sync` would wait for"


@dataclass(frozen=True)
class DeliveryReport:
    """What became of a delivery.

    Attributes:
        delivered: Whether all of the log is in MLflow.
        message: One line for people where it is not: how much is missing, why, and what to type; else None.
        ticks: Lines of the log that are not in MLflow.
        problem: Why something is missing that is not delivered by itself later, or None.
        uri: The tracking URI, without a password.
        experiment: Id of the experiment, or None if it is not known.
        run: Id of the study's run, or None if it is not known.
        url: Address of the study's run on a server, or None for a store without one.
    """

    delivered: bool
    message: str | None
    ticks: int
    problem: str | None
    uri: str
    experiment: str | None
    run: str | None
    url: str | None


def progress_text(state: cursor.Cursor) -> str | None:
    """Return how many trials are delivered, of how many, in words; None where all are, or where that is not known."""
    return f"{state.trials:,} of {state.begun:,} trials delivered" if state.trials < state.begun else None


def report(study_dir: Path, uri: str, why: str | None = None) -> DeliveryReport:
    """Return how much of a study is in MLflow now, from the cursor and the log's size.

    Args:
        study_dir: The study's folder.
        uri: The tracking URI.
        why: Why something is missing, where the cursor does not hold the reason.
    """
    state = cursor.load(study_dir, uri)
    ticks = _lines(study_dir / "log.jsonl", state.offset)
    delivered = ticks == 0 and why is None and state.problem is None
    message = None
    if not delivered:
        problem = why or state.problem or "the delivery did not come so far"
        done = progress_text(state)
        missing = f"{ticks} line{'s' if ticks != 1 else ''} of the log" if ticks else "the last state"
        text = f"{'' if done is None else f'{done}, '}{missing} not yet in MLflow at {redact(uri)} ({problem})"
        message = f"{study_dir.name}: {text}; nothing is lost, deliver with `hpsearch sync`"
        if why == UNDER_WAY:
            message = f"{study_dir.name}: {UNDER_WAY}{'' if done is None else f' ({done})'}"
    url = run_page(uri, state.experiment, state.run) if state.experiment and state.run else None
    lasting_problem = state.problem if why is None or why in (BUSY, UNDER_WAY) else why
    return DeliveryReport(delivered, message, ticks, lasting_problem, redact(uri), state.experiment, state.run, url)


def _lines(log: Path, offset: int) -> int:
    if not log.exists():
        return 0
    with log.open("rb") as file:
        file.seek(offset)
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
