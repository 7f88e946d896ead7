"""A comparison's table: for each point the mean over its repeats with a 95 % interval, beside what was published."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hpsearch.errors import did_you_mean
from hpsearch.judging.student import half_width
from hpsearch.log.history import History, Trial
from hpsearch.log.records import Row
from hpsearch.report import words
from hpsearch.report.terminal import Block, Column, Grid
from hpsearch.study.comparison import Comparison, Published

REGRESSION = ("absolute_error", "squared_error", "percentage_error", "log_error", "max_error")
"""Endings of scikit-learn's errors that are no shares of the samples."""

MOST_POINTS = 10
"""Points that are shown of a study that repeats its points and declares no comparison: the best ones."""


@dataclass(frozen=True)
class Mean:
    """The mean of some numbers.

    Attributes:
        mean: Their mean.
        half: Half the width of its 95 % interval (Student's t), or None for a single number.
        n: How many there are.
    """

    mean: float
    half: float | None
    n: int


@dataclass(frozen=True)
class PointRow:
    """One point of a comparison: a row of its table.

    Attributes:
        point: Its number.
        params: Its hyper-parameters.
        means: The mean over its trials by metric; a metric that no trial has is left out.
        published: The published figures that belong to it.
        trials: Its trials that were trained to the end, by repeat.
        failed: How many failed.
    """

    point: int
    params: Mapping[str, Any]
    means: Mapping[str, Mean]
    published: tuple[Published, ...]
    trials: tuple[Trial, ...]
    failed: int

    @property
    def epochs(self) -> float:
        """Mean epochs of a trial; NaN without a trial."""
        return statistics.fmean(trial.epoch for trial in self.trials) if self.trials else math.nan

    @property
    def seconds(self) -> float:
        """Mean seconds of training of a trial; NaN without a trial."""
        return statistics.fmean(trial.seconds for trial in self.trials) if self.trials else math.nan


@dataclass(frozen=True)
class Table:
    """A comparison with the results so far.

    Attributes:
        declared: What the study declares to be shown.
        metrics: The columns of means; the first one stands beside published figures.
        factors: Parameters that differ from point to point.
        points: A row per point.
        left_out: How many points are not shown.
        data: Name of the data.
        metric: The study's metric, which decided each trial's best epoch.
        unknown: Metrics that no trial reports, with a suggestion.
    """

    declared: Comparison
    metrics: tuple[str, ...]
    factors: tuple[str, ...]
    points: tuple[PointRow, ...]
    left_out: int
    data: str
    metric: str
    unknown: tuple[str, ...]


def comparison_table(history: History) -> Table | None:
    """Return the comparison of a study, or None where it declares none and repeats nothing."""
    declaration = history.declaration
    if declaration.comparison is None and declaration.repeats == 1:
        return None
    declared = declaration.comparison
    comparison = Comparison() if declared is None else Comparison.from_json(declared)
    metrics = tuple(comparison.metrics) or (("test_error",) if declaration.measure_test else (history.goal.metric,))
    points: dict[int, list[Trial]] = {}
    for trial in history.trials:
        if trial.ask.stage == history.full_stage:
            points.setdefault(trial.ask.point, []).append(trial)
    rows = [_point_row(point, trials, comparison, metrics) for point, trials in sorted(points.items())]
    reported = dict.fromkeys(name for trial in history.trials for row in trial.rows[:1] for name in row.metrics)
    shown = rows if declared is not None else _best(rows, history)
    unknown = [name for name in metrics if reported and _source(name, reported) is None]
    return Table(
        comparison,
        metrics,
        factors_of([row.params for row in rows]),
        tuple(shown),
        len(rows) - len(shown),
        str((history.header.dataset if history.header else {}).get("name") or ""),
        history.goal.metric,
        tuple(f"{name!r}{did_you_mean(name, reported)}" for name in unknown),
    )


def factors_of(params: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the names of the parameters that differ between points; of a single point, all."""
    points = list(params)
    names = dict.fromkeys(name for point in points for name in point)
    if len(points) < 2:
        return tuple(names)
    return tuple(
        name
        for name in names
        if any(point.get(name) != points[0].get(name) or (name in point) != (name in points[0]) for point in points)
    )


def shown_value(row: Row, metric: str) -> float | None:
    """Return a row's metric as it is shown, accuracies and errors in percent; None where the row has none."""
    source = _source(metric, row.metrics)
    if source is None:
        return None
    value = row.metrics[source]
    if source != metric:
        return 100 * (1 - value)
    return 100 * value if _is_share(metric) else value


def deciding_row(trial: Trial, comparison: Comparison) -> Row:
    """Return the epoch of a trial whose metrics a comparison shows: the best or the last one."""
    if comparison.at == "last" or trial.best_epoch is None:
        return trial.rows[-1]
    return next(row for row in trial.rows if row.epoch == trial.best_epoch)


def with_unit(metric: str) -> str:
    """Return a metric's name with its unit."""
    return f"{metric} (%)" if _is_share(metric) else metric


def mean_of(values: Sequence[float]) -> Mean:
    """Return the mean of at least one number, and its interval by Student's t."""
    n = len(values)
    return Mean(statistics.fmean(values), half_width(values) if n > 1 else None, n)


def mean_text(mean: Mean | None, metric: str) -> str:
    """Return a mean with its interval, such as ``5.21 ± 0.12``."""
    if mean is None:
        return "-"
    numbers = [mean.mean] if mean.half is None else [mean.mean, mean.half]
    return " ± ".join(f"{number:.2f}" if _is_share(metric) else words.number(number) for number in numbers)


def published_text(figure: Published, mean: Mean | None, metric: str, data: str) -> str:
    """Return a published figure as text and, where it states a tolerance, whether our mean reaches it.

    It is reached where ours is at least as good. A miss is told with its size, and with the tolerance that it keeps.
    """
    text = f"{figure.value:g}" + (f" ({figure.source})" if figure.source else "")
    if figure.data != data:
        return f"{text}, on {figure.data}"
    if figure.within is None or mean is None:
        return text
    worse = mean.mean - figure.value if _less_is_better(metric) else figure.value - mean.mean
    if worse <= 0:
        return f"{text}, reached"
    return f"{text}, missed by {worse:.2f}" + (f", within {figure.within:g}" if worse <= figure.within else "")


def point_text(point: PointRow, factors: Iterable[str]) -> str:
    """Return the parameters that tell a point from the others, such as ``l2=0 cost=quadratic``."""
    return " ".join(f"{name}={_param(point.params, name)}" for name in factors)


def cells(table: Table) -> tuple[list[Column], list[list[str]]]:
    """Return the table as columns and rows of text."""
    published = any(point.published for point in table.points)
    columns = [
        *(Column(name) for name in table.factors),
        *(Column(with_unit(name), right=True) for name in table.metrics),
        *([Column("published", fold=True)] if published else []),
        Column("seeds", right=True),
        Column("epochs", right=True),
        Column("seconds", right=True),
    ]
    rows = []
    for point in table.points:
        mean = point.means.get(table.metrics[0])
        figures = "; ".join(published_text(figure, mean, table.metrics[0], table.data) for figure in point.published)
        rows.append(
            [
                *(_param(point.params, name) for name in table.factors),
                *(mean_text(point.means.get(name), name) for name in table.metrics),
                *([figures] if published else []),
                f"{len(point.trials)}" + (f" ({point.failed} failed)" if point.failed else ""),
                f"{point.epochs:.4g}",
                f"{point.seconds:,.0f}" if point.seconds >= 1000 else f"{point.seconds:.3g}",
            ]
        )
    return columns, rows


def to_json(history: History) -> list[dict[str, Any]]:
    """Return the comparison as JSON values, an object per point; nothing where there is none."""
    table = comparison_table(history)
    return [
        {
            "params": dict(point.params),
            "means": {
                name: {"mean": mean.mean, "half_width": mean.half, "n": mean.n} for name, mean in point.means.items()
            },
            "published": [dict(vars(figure)) for figure in point.published],
            "trials": [trial.number for trial in point.trials],
            "failed": point.failed,
        }
        for point in (table.points if table is not None else ())
    ]


def heading(table: Table) -> str:
    """Return a line above the table: what its numbers are, and at which epoch they are read."""
    epoch = (
        f"at each trial's best epoch by {table.metric}" if table.declared.at == "best" else "at each trial's last epoch"
    )
    return f"mean ± 95 % interval over the seeds, {epoch}; epochs and seconds of one trial, the mean"


def blocks(history: History) -> list[Block]:
    """Return the comparison as it is shown in a terminal; nothing where there is none."""
    table = comparison_table(history)
    if table is None or not table.points:
        return []
    columns, rows = cells(table)
    few = len(columns) - 2
    output: list[Block] = ["", heading(table), [Grid(columns, rows), Grid(columns[:few], [row[:few] for row in rows])]]
    if table.left_out:
        output.append(f"the best {len(table.points)} points of {len(table.points) + table.left_out}")
    if table.unknown:
        output.append(f"comparison: no trial reports {', '.join(table.unknown)}")
    return [*output, *([table.declared.note] if table.declared.note else [])]


def _point_row(point: int, trials: Sequence[Trial], comparison: Comparison, metrics: Sequence[str]) -> PointRow:
    complete = sorted((trial for trial in trials if trial.state == "COMPLETE"), key=lambda trial: trial.ask.repeat)
    means: dict[str, Mean] = {}
    for metric in metrics:
        values = [
            value for trial in complete if (value := shown_value(deciding_row(trial, comparison), metric)) is not None
        ]
        if values:
            means[metric] = mean_of(values)
    params = trials[0].params
    figures = tuple(figure for figure in comparison.published if figure.matches(params))
    failed = sum(trial.state == "FAILED" for trial in trials)
    return PointRow(point, params, means, figures, tuple(complete), failed)


def _best(rows: Sequence[PointRow], history: History) -> list[PointRow]:
    with_mean = [(value, row) for row in rows if (value := _mean_value(row.trials)) is not None]
    ranked = sorted(with_mean, key=lambda item: history.goal.loss(item[0]))
    return [row for _, row in ranked[:MOST_POINTS]]


def _mean_value(trials: Sequence[Trial]) -> float | None:
    values = [trial.value for trial in trials if trial.value is not None]
    return statistics.fmean(values) if values else None


def _source(metric: str, reported: Iterable[str]) -> str | None:
    """Return the reported metric from which one is shown: itself or, for an error, the accuracy; None for neither."""
    names = set(reported)
    if metric in names:
        return metric
    accuracy = f"{metric.removesuffix('error')}accuracy"
    return accuracy if metric.endswith("error") and accuracy in names else None


def _is_share(metric: str) -> bool:
    return metric.endswith("accuracy") or (metric.endswith("error") and not metric.endswith(REGRESSION))


def _less_is_better(metric: str) -> bool:
    return metric.endswith(("error", "cost", "loss", "epochs", "seconds", "mse", "mae"))


def _param(params: Mapping[str, Any], name: str) -> str:
    return "-" if params.get(name) is None else words.param(params[name])
