"""The end of a run's delivery: it is waited for, or goes on by itself; a line says which, and where."""

from __future__ import annotations

import time
from collections.abc import Callable

from hpsearch.report import words
from hpsearch.running.options import Outlet
from hpsearch.tracking import view
from hpsearch.tracking.delivery_report import DeliveryReport
from hpsearch.tracking.process import Delivery, NoDelivery

WORTH_TELLING = 1.0
"""From so many seconds on, a line tells how long the delivery was waited for: the run's own time leaves that out."""


def finish(delivery: Delivery | NoDelivery, outlet: Outlet, tell: Callable[[str], None]) -> DeliveryReport:
    """Wait for a delivery, or leave it to its own process, and tell people what became of it.

    Args:
        delivery: The delivery of a run that has ended.
        outlet: Says whether it is waited for.
        tell: Shows a line.

    Returns:
        A report of what has been delivered so far.
    """
    begun = time.monotonic()
    if outlet.waits:
        report = delivery.finish(exhibits=outlet.register is not None, progress=tell)
    else:
        report = delivery.finish(timeout=0.0)
    seconds = time.monotonic() - begun
    if report.message:
        tell(f"warning: {report.message}" if report.problem else report.message)
    elif report.delivered and seconds >= WORTH_TELLING:
        tell(f"all of it is in MLflow, after {words.duration(seconds)} more")
    if report.url is not None and report.experiment is not None:
        tell(f"in MLflow: {view.runs_address(report.uri, report.experiment)}")
    return report
