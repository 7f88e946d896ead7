"""What was measured within epochs (``monitor_every``): named apart from metrics, and by samples, not by epochs."""

from __future__ import annotations

from collections.abc import Iterator

from hpsearch.log.records import Row

PREFIX = "monitored_"
"""Begins the names of these measurements: ``monitored_val_accuracy``. Their steps are samples trained on so far."""


def measurements(row: Row) -> Iterator[tuple[str, int, float]]:
    """Yield what was measured within a row's epoch: name, samples trained on until then, value."""
    for samples, metrics in row.within:
        for name, value in metrics.items():
            yield f"{PREFIX}{name}", samples, value
