"""Deliver what a study's own delivery could not: the server was down, the process was killed, tracking was off."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

from hpsearch.tracking.deliver import Deliverer, is_running
from hpsearch.tracking.delivery_report import BUSY, DeliveryReport, report
from hpsearch.tracking.exhibits import Exhibits
from hpsearch.tracking.installed import demand
from hpsearch.tracking.process import Outcome
from hpsearch.tracking.uri import resolve

PATIENCE = 20.0
"""Seconds to wait for the process that still delivers the report and the model of a study that has ended."""


def sync(
    study_dirs: Iterable[Path],
    uri: str | None = None,
    exhibits: Exhibits | None = None,
    patience: float = PATIENCE,
) -> list[DeliveryReport]:
    """Bring MLflow into line with the logs of these studies, in this process, and report one by one.

    Repeated, it changes nothing. A study that is being run is delivered as far as it is; its states stay as they are.

    Args:
        study_dirs: Folders of studies, ``<root>/studies/<name>``.
        uri: The tracking URI; None for MLFLOW_TRACKING_URI or the root's own store.
        exhibits: Sends the report and the model of studies that are done; None for neither.
        patience: Seconds to wait for another process that delivers a study which is not being run any more.

    Raises:
        UserError: MLflow would not take the URI.
    """
    demand("delivering studies to MLflow")
    reports = []
    for study_dir in study_dirs:
        root = study_dir.absolute().parents[1]
        resolved = resolve(root, uri)
        end = time.monotonic() + patience
        while True:
            alive = is_running(study_dir)
            deliverer = Deliverer(study_dir, resolved, root, exhibits)
            outcome = deliverer.once(alive)
            if outcome is not Outcome.BUSY or alive or time.monotonic() >= end:
                break
            time.sleep(0.2)
        # Not from the cursor alone: on a full disk it does not hold the reason.
        why = BUSY if outcome is Outcome.BUSY else None if outcome is Outcome.DELIVERED else deliverer.problem
        reports.append(report(study_dir, resolved, why))
    return reports
