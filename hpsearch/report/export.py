"""A study as text for other programs: the same study gives the same bytes.

Nothing that differs between two runs of one study is exported: no clock times, no hosts, no run ids, and no seconds
unless they are among a study's metrics. Floats are written by ``repr``, so reading them back gives the same bits.
pandas is imported only where a frame is made.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from hpsearch.errors import UserError
from hpsearch.log.history import History, Trial
from hpsearch.report import pareto
from hpsearch.report.cells import PLAIN, Form, forms, is_nan
from hpsearch.report.monitored import monitored_columns, monitored_frame, monitored_rows

if TYPE_CHECKING:
    import pandas as pd

Format = Literal["csv", "json", "parquet"]
FORMATS: tuple[Format, ...] = ("csv", "json", "parquet")
NUMBERS = ("value", "best_epoch")
"""Columns that hold a number, or NaN where a trial has none."""


class PointSummary(NamedTuple):
    """What the columns of a trial's point hold, in a study that repeats its points; None for a point without a value.

    Attributes:
        point_rank: Its rank among the points of its stage, from 1.
        point_mean: Its mean over its repeats.
        point_half_interval: Half the width of the mean's 95 % interval; None where that is not known.
    """

    point_rank: int | None = None
    point_mean: float | None = None
    point_half_interval: float | None = None


def trial_columns(history: History) -> list[str]:
    """Return the columns of the table of trials; ``params.NAME`` for every parameter, by name."""
    params = sorted({f"params.{name}" for trial in history.trials for name in trial.params})
    columns = ["number", "state", "value", "best_epoch", "epochs", "point", "repeat", "stage", "lane"]
    if history.declaration.repeats > 1:
        columns += PointSummary._fields
    if history.goal.others:
        columns += [*(f"values.{metric}" for metric in history.goal.metrics), "front"]
    if history.declaration.constraints:
        columns.append("rejected")
    if history.version > 1:
        columns.append("version")
    if any(trial.ask.reuses is not None for trial in history.trials):
        columns.append("reuses")
    if any(trial.pauses for trial in history.trials):
        columns.append("pauses")
    attributes = sorted({f"attributes.{name}" for trial in history.trials for name in trial.attributes})
    return [*columns, *params, *attributes, "reason"]


def trial_rows(history: History) -> Iterable[dict[str, Any]]:
    """Yield a row per trial, by number; a parameter that the trial does not have is left out."""
    front = {trial.number for trial in history.front()} if history.goal.others else set()
    repeated = history.declaration.repeats > 1
    summaries = _point_summaries(history)
    for trial in history.trials:
        ask = trial.ask
        values = {f"values.{metric}": value for metric, value in pareto.values(history, trial).items()}
        yield {
            "number": trial.number,
            "state": trial.state,
            "value": trial.value,
            "best_epoch": trial.best_epoch,
            "epochs": trial.epoch,
            "point": ask.point,
            "repeat": ask.repeat,
            "stage": ask.stage,
            "lane": ask.lane,
            **(summaries.get(trial.number, PointSummary())._asdict() if repeated else {}),
            **({**values, "front": trial.number in front} if history.goal.others else {}),
            **({"rejected": ask.rejected} if history.declaration.constraints else {}),
            **({"version": trial.version} if history.version > 1 else {}),
            **({"reuses": ask.reuses} if ask.reuses is not None else {}),
            **({"pauses": ",".join(str(pause.epoch) for pause in trial.pauses)} if trial.pauses else {}),
            **{f"params.{name}": value for name, value in trial.params.items()},
            **{f"attributes.{name}": value for name, value in trial.attributes.items()},
            "reason": trial.decision.reason if trial.decision is not None else None,
        }


def _point_summaries(history: History) -> dict[int, PointSummary]:
    """Return what is known of each trial's point, by the trial's number; nothing where points are not repeated."""
    if history.declaration.repeats == 1:
        return {}
    summaries: dict[int, PointSummary] = {}
    for stage in range(history.full_stage + 1):
        for rank, point in enumerate(history.points(stage), start=1):
            half = None if math.isnan(point.spread.half) else point.spread.half
            summary = PointSummary(rank, point.mean, half)
            summaries |= {trial.number: summary for trial in (*point.trials, *point.others)}
    return summaries


def curve_columns(history: History) -> list[str]:
    """Return the columns of the table of curves: all metrics, by name."""
    metrics = {name for trial in history.trials for row in trial.rows for name in row.metrics}
    return ["trial", "epoch", "tick", *sorted(metrics)]


def curve_rows(history: History) -> Iterable[dict[str, Any]]:
    """Yield a row per trial and epoch, by trial and then epoch; a metric that the epoch did not report is left out."""
    for trial in history.trials:
        yield from _curve(trial)


def _curve(trial: Trial) -> Iterable[dict[str, Any]]:
    for row, tick in zip(trial.rows, trial.ticks, strict=True):
        yield {"trial": trial.number, "epoch": row.epoch, "tick": tick, **row.metrics}


def to_bytes(
    history: History,
    format: Format = "csv",
    *,
    curves: bool = False,
    monitored: bool = False,
    runs: Mapping[int, str] | None = None,
) -> bytes:
    """Return a study's trials, its curves, or what was measured within its epochs, in UTF-8.

    csv has a header, a line feed at each line's end, ``NaN`` for a number that is missing, ``nan`` for one that was
    measured as such, and nothing for a word or a parameter that is missing. json is a list with an object per row, in
    which what is missing is ``null`` and infinities and nan are the strings ``inf``, ``-inf`` and ``nan``. In parquet
    what is missing is null and what was measured as nan is nan. Where one parameter may be 3 or "3", texts stand in
    quotes; where it may be None or absent, None is ``null`` (see :mod:`hpsearch.report.cells`), and in json an absent
    one is left out.

    Args:
        history: The study.
        format: csv, json or parquet.
        curves: A row per trial and epoch in place of a row per trial.
        monitored: A row per trial and measurement within an epoch.
        runs: Ids of the trials' runs in MLflow, as a last column ``run_id``; None for no such column.

    Raises:
        UserError: parquet is asked for and pyarrow is not installed, or nothing was measured within epochs.
    """
    trials = not (curves or monitored)
    key = "number" if trials else "trial"
    if monitored:
        columns, rows = monitored_columns(history), monitored_rows(history)
    elif curves:
        columns, rows = curve_columns(history), curve_rows(history)
    else:
        columns, rows = trial_columns(history), trial_rows(history)
    form_of = forms(history) if trials else {}
    if format == "parquet":
        frame = (monitored_frame if monitored else curves_frame if curves else trials_frame)(history)
        if runs is not None:
            frame["run_id"] = [runs.get(int(number)) for number in frame[key]]
        return _parquet(frame, list(rows), form_of)
    if runs is not None:
        columns = [*columns, "run_id"]
        rows = ({**row, "run_id": runs.get(row[key])} for row in rows)
    if format == "json":
        return _json(columns, rows, {name for name, form in form_of.items() if form.null})
    return _csv(columns, rows, set(_numbers(history)) if trials else set(columns), form_of)


def _csv(
    columns: Sequence[str], rows: Iterable[dict[str, Any]], numbers: set[str], form_of: Mapping[str, Form]
) -> bytes:
    lines = [",".join(_quoted(name) for name in columns)]
    formats = [(name, form_of.get(name, PLAIN), "NaN" if name in numbers else "") for name in columns]
    for row in rows:
        cells = [form.cell(row[name], missing) if name in row else missing for name, form, missing in formats]
        lines.append(",".join(_quoted(cell) for cell in cells))
    return "".join(line + "\n" for line in lines).encode()


def _quoted(text: str) -> str:
    """Return a cell, in quotes where it needs them; which cells the csv module quotes depends on Python's version."""
    return '"' + text.replace('"', '""') + '"' if any(sign in text for sign in ',"\r\n') else text


def _json(columns: Sequence[str], rows: Iterable[dict[str, Any]], omitted: set[str]) -> bytes:
    """Return rows as JSON; a value that is missing has no key in the columns ``omitted``, so that null means None."""
    objects = (
        {name: _measured(row.get(name)) for name in columns if name in row or name not in omitted} for row in rows
    )
    lines = (json.dumps(fields, ensure_ascii=False) for fields in objects)
    return ("[\n" + ",\n".join(lines) + "\n]\n").encode()


def _measured(value: Any) -> Any:
    return "nan" if is_nan(value) else plain(value)


def plain(value: Any) -> Any:
    """Return a value that strict JSON can hold: NaN becomes None, infinities the strings inf and -inf."""
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value


def _parquet(frame: pd.DataFrame, rows: Sequence[Mapping[str, Any]], form_of: Mapping[str, Form]) -> bytes:
    """Return a frame as parquet.

    Args:
        frame: The table.
        rows: Its rows, which tell what was measured as nan, or is None, from what is missing.
        form_of: How the values of its columns of parameters are written, by column.
    """
    if find_spec("pyarrow") is None:
        raise UserError("parquet needs pyarrow: pip install 'hpsearch[parquet]', or choose --format csv")
    # An arrow column holds one type; choices may mix several.
    for name, column in ((str(label), column) for label, column in frame.items()):
        form = form_of.get(name, PLAIN)
        if form.null:
            frame[name] = [form.cell(row[name]) if name in row else None for row in rows]
        elif column.dtype == object:
            frame[name] = [None if value is None or is_nan(value) else form.cell(value) for value in column]
    import pyarrow as pa
    from pyarrow import parquet

    table = pa.Table.from_pandas(frame, preserve_index=False)
    for index, name in enumerate(table.column_names):
        if any(is_nan(row.get(name)) for row in rows):
            values = [None if row.get(name) is None else float(row[name]) for row in rows]
            table = table.set_column(index, table.field(index), pa.array(values, pa.float64()))
    file = io.BytesIO()
    parquet.write_table(table, file)
    return file.getvalue()


def trials_frame(history: History) -> pd.DataFrame:
    """Return a row per trial, with the columns of the export."""
    import pandas as pd

    frame = pd.DataFrame(list(trial_rows(history)), columns=trial_columns(history))
    return frame.astype(dict.fromkeys(_numbers(history), "float64"))


def _numbers(history: History) -> list[str]:
    values = [f"values.{metric}" for metric in history.goal.metrics] if history.goal.others else []
    return [*NUMBERS, *(PointSummary._fields if history.declaration.repeats > 1 else ()), *values]


def curves_frame(history: History) -> pd.DataFrame:
    """Return a row per trial and epoch, with the columns of the export; a metric not reported is NaN."""
    import pandas as pd

    return pd.DataFrame(list(curve_rows(history)), columns=curve_columns(history))
