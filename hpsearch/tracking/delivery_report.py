"""What of a study is in MLflow, and what people are told where something lacks."""

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
        message: One line for people where it is not: how much lacks, why, and what to type; else None.
        ticks: Lines of the log that are not in MLflow.
        problem: Why something lacks that does not come by itself, or None.
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


def amount(here: cursor.Cursor) -> str | None:
    """Return how many trials are delivered, of how many, in words; None where that is not known, or all are."""
    return f"{here.trials:,} of {here.begun:,} trials delivered" if here.trials < here.begun else None


def report(study_dir: Path, uri: str, why: str | None = None) -> DeliveryReport:
    """Return what of a study is in MLflow now, from the cursor and the log's size.

    Args:
        study_dir: The study's folder.
        uri: The tracking URI.
        why: Why something lacks, where the cursor cannot tell.
    """
    here = cursor.load(study_dir, uri)
    ticks = _lines(study_dir / "log.jsonl", here.offset)
    delivered = ticks == 0 and why is None and here.problem is None
    message = None
    if not delivered:
        problem = why or here.problem or "the delivery did not come so far"
        done = amount(here)
        much = f"{ticks} line{'s' if ticks != 1 else ''} of the log" if ticks else "the last state"
        where = f"{'' if done is None else f'{done}, '}{much} not yet in MLflow at {redact(uri)} ({problem})"
        message = f"{study_dir.name}: {where}; nothing is lost, deliver with `hpsearch sync`"
        if why == UNDER_WAY:
            message = f"{study_dir.name}: {UNDER_WAY}{'' if done is None else f' ({done})'}"
    url = run_page(uri, here.experiment, here.run) if here.experiment and here.run else None
    known = here.problem if why is None or why in (BUSY, UNDER_WAY) else why
    return DeliveryReport(delivered, message, ticks, known, redact(uri), here.experiment, here.run, url)


def _lines(log: Path, offset: int) -> int:
    if not log.exists():
        return 0
    with log.open("rb") as file:
        file.seek(offset)
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
