"""What was measured within epochs (``monitor_every``) as a table: a row per trial and measurement."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from hpsearch.errors import UserError
from hpsearch.log.history import History
from hpsearch.log.within import PREFIX

if TYPE_CHECKING:
    import pandas as pd


def monitored_columns(history: History) -> list[str]:
    """Return the columns: trial, epoch, samples trained on until then, and all that was measured, by name.

    Raises:
        UserError: Nothing was measured within epochs.
    """
    names = {name for trial in history.trials for name in trial.rows.monitored}
    if not names:
        raise UserError("nothing was measured within epochs: give the model monitor_every=, such as 1000 samples")
    return ["trial", "epoch", "samples", *(f"{PREFIX}{name}" for name in sorted(names))]


def monitored_rows(history: History) -> Iterable[dict[str, Any]]:
    """Yield a row per trial and measurement, by trial and then samples."""
    for trial in history.trials:
        for row in trial.rows:
            for samples, metrics in row.within:
                measured = {f"{PREFIX}{name}": value for name, value in metrics.items()}
                yield {"trial": trial.number, "epoch": row.epoch, "samples": samples, **measured}


def monitored_frame(history: History) -> pd.DataFrame:
    """Return the rows as a frame; what was not measured at a place is NaN."""
    import pandas as pd

    return pd.DataFrame(list(monitored_rows(history)), columns=monitored_columns(history))
