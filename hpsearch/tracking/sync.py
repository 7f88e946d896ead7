"""Deliver what a study's own delivery could not: the server was down, the process was killed, tracking was off."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from hpsearch.tracking.deliver import Deliverer, is_running
from hpsearch.tracking.exhibits import Exhibits
from hpsearch.tracking.process import BUSY, DeliveryReport, Outcome, report
from hpsearch.tracking.uri import resolve


def sync(study_dirs: Iterable[Path], uri: str | None = None, exhibits: Exhibits | None = None) -> list[DeliveryReport]:
    """Bring MLflow into line with the logs of these studies, in this process, and report one by one.

    Repeated, it changes nothing. A study that is being run is delivered as far as it is; its states stay as they are.

    Args:
        study_dirs: Folders of studies, ``<root>/studies/<name>``.
        uri: The tracking URI; None for MLFLOW_TRACKING_URI or the root's own store.
        exhibits: What is shown beside the curves of studies that are done; None for nothing.

    Raises:
        UserError: MLflow would not take the URI.
    """
    reports = []
    for study_dir in study_dirs:
        root = study_dir.absolute().parents[1]
        resolved = resolve(root, uri)
        outcome = Deliverer(study_dir, resolved, root, exhibits).once(alive=is_running(study_dir))
        reports.append(report(study_dir, resolved, BUSY if outcome is Outcome.BUSY else None))
    return reports
