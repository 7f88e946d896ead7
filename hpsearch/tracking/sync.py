"""Deliver what a study's own delivery could not: the server was down, the process was killed, tracking was off."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from hpsearch.tracking.deliver import Deliverer, is_running
from hpsearch.tracking.process import BUSY, DeliveryReport, Outcome, report


def sync(study_dirs: Iterable[Path], uri: str, root: Path) -> list[DeliveryReport]:
    """Bring MLflow into line with the logs of these studies, in this process, and report one by one.

    Repeated, it changes nothing. A study that is being run is delivered as far as it is; its states stay as they are.

    Args:
        study_dirs: Folders of studies.
        uri: The tracking URI, from :func:`hpsearch.tracking.uri.resolve`.
        root: The root of all state.
    """
    reports = []
    for study_dir in study_dirs:
        outcome = Deliverer(study_dir, uri, root).once(alive=is_running(study_dir))
        reports.append(report(study_dir, uri, BUSY if outcome is Outcome.BUSY else None))
    return reports
