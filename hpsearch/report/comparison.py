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
from hpsearch.report.terminal import Column, Grid, Part
from hpsearch.study.comparison import Comparison, Published

REGRESSION = ("absolute_error", "squared_error", "percentage_error", "log_error", "max_error")
"""Endings of scikit-learn's errors that are no shares of the samples."""

MOST = 10
"""Points of a study that repeats and declares no comparison which are shown, the best ones."""


@dataclass(frozen=True)
class Mean:
    """Numbers in brief.

    Attributes:
        mean: Their mean.
        half: Half the width of its 95 % interval (Student's t), or None for a single number.
        n: How many there are.
    """

    mean: float
    half: float | None
    n: int


@dataclass(frozen=True)
class Line:
    """One point of a comparison.

    Attributes:
        point: Its number.
        params: Its hyper-parameters.
        means: By metric; absent where no trial has it.
        published: The figures that belong to it.
        trials: Its trials that were trained to their end, by repeat.
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
        """Epochs of a trial, the mean."""
        return statistics.fmean(trial.epoch for trial in self.trials) if self.trials else math.nan

    @property
    def seconds(self) -> float:
        """Training time of a trial, the mean."""
        return statistics.fmean(trial.seconds for trial in self.trials) if self.trials else math.nan


@dataclass(frozen=True)
class Table:
    """A comparison as it stands.

    Attributes:
        said: What is to be shown.
        metrics: What is tabulated, the first beside published figures.
        factors: Parameters that differ from point to point.
        lines: A line per point.
        left_out: Points that are not shown.
        data: Name of the data.
        metric: What decided each trial's best epoch.
        unknown: Metrics that no trial reports, with a suggestion.
    """

    said: Comparison
    metrics: tuple[str, ...]
    factors: tuple[str, ...]
    lines: tuple[Line, ...]
    left_out: int
    data: str
    metric: str
    unknown: tuple[str, ...]


def table(history: History) -> Table | None:
    """Return the comparison of a study, or None where it declares none and repeats nothing."""
    said = history.declaration
    declared = said.comparison
    if declared is None and said.repeats == 1:
        return None
    comparison = Comparison() if declared is None else Comparison.from_json(declared)
    metrics = tuple(comparison.metrics) or (("test_error",) if said.measure_test else (history.goal.metric,))
    points: dict[int, list[Trial]] = {}
    for trial in history.trials:
        if trial.ask.stage == history.full_stage:
            points.setdefault(trial.ask.point, []).append(trial)
    lines = [_line(point, trials, comparison, metrics) for point, trials in sorted(points.items())]
    known = dict.fromkeys(name for trial in history.trials for row in trial.rows[:1] for name in row.metrics)
    shown = lines if declared is not None else _best(lines, history)
    return Table(
        comparison,
        metrics,
        factors_of([line.params for line in lines]),
        tuple(shown),
        len(lines) - len(shown),
        str((history.header.dataset if history.header else {}).get("name") or ""),
        history.goal.metric,
        tuple(f"{name!r}{did_you_mean(name, known)}" for name in metrics if known and _source(name, known) is None),
    )


def factors_of(params: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the names of the parameters that differ between points; of a single point, all."""
    points = list(params)
    names = dict.fromkeys(name for point in points for name in point)
    if len(points) < 2:
        return tuple(names)
    return tuple(n for n in names if any(p.get(n) != points[0].get(n) or (n in p) != (n in points[0]) for p in points))


def value_of(row: Row, metric: str) -> float | None:
    """Return a row's metric as it is shown, accuracies and errors in percent; None where the row has none."""
    source = _source(metric, row.metrics)
    if source is None:
        return None
    value = row.metrics[source]
    if source != metric:
        return 100 * (1 - value)
    return 100 * value if _is_share(metric) else value


def row_of(trial: Trial, comparison: Comparison) -> Row:
    """Return the epoch of a trial at which a comparison reads it."""
    if comparison.at == "last" or trial.best_epoch is None:
        return trial.rows[-1]
    return next(row for row in trial.rows if row.epoch == trial.best_epoch)


def unit(metric: str) -> str:
    """Return a metric's name with its unit."""
    return f"{metric} (%)" if _is_share(metric) else metric


def mean_of(values: Sequence[float]) -> Mean:
    """Return the mean of at least one number, and its interval by Student's t."""
    n = len(values)
    return Mean(statistics.fmean(values), half_width(values) if n > 1 else None, n)


def text_of(mean: Mean | None, metric: str) -> str:
    """Return a mean with its interval, such as ``5.21 ± 0.12``."""
    if mean is None:
        return "-"
    parts = [mean.mean] if mean.half is None else [mean.mean, mean.half]
    return " ± ".join(f"{part:.2f}" if _is_share(metric) else words.number(part) for part in parts)


def verdict(figure: Published, mean: Mean | None, metric: str, data: str) -> str:
    """Return a published figure as it stands beside ours and, where that is asked, by how much ours misses it.

    It is reached where ours is at least as good; a miss within what was allowed says both.
    """
    said = f"{figure.value:g}" + (f" ({figure.source})" if figure.source else "")
    if figure.data != data:
        return f"{said}, on {figure.data}"
    if figure.within is None or mean is None:
        return said
    worse = mean.mean - figure.value if _less_is_better(metric) else figure.value - mean.mean
    if worse <= 0:
        return f"{said}, reached"
    return f"{said}, missed by {worse:.2f}" + (f", within {figure.within:g}" if worse <= figure.within else "")


def point_text(line: Line, factors: Iterable[str]) -> str:
    """Return what tells a point from the others, such as ``l2=0 cost=quadratic``."""
    return " ".join(f"{name}={_param(line.params, name)}" for name in factors)


def cells(found: Table) -> tuple[list[Column], list[list[str]]]:
    """Return the table as columns and rows of text."""
    published = any(line.published for line in found.lines)
    columns = [
        *(Column(name) for name in found.factors),
        *(Column(unit(name), right=True) for name in found.metrics),
        *([Column("published", fold=True)] if published else []),
        Column("seeds", right=True),
        Column("epochs", right=True),
        Column("seconds", right=True),
    ]
    rows = []
    for line in found.lines:
        first = line.means.get(found.metrics[0])
        figures = "; ".join(verdict(figure, first, found.metrics[0], found.data) for figure in line.published)
        rows.append(
            [
                *(_param(line.params, name) for name in found.factors),
                *(text_of(line.means.get(name), name) for name in found.metrics),
                *([figures] if published else []),
                f"{len(line.trials)}" + (f" ({line.failed} failed)" if line.failed else ""),
                f"{line.epochs:.4g}",
                f"{line.seconds:,.0f}" if line.seconds >= 1000 else f"{line.seconds:.3g}",
            ]
        )
    return columns, rows


def to_json(history: History) -> list[dict[str, Any]]:
    """Return the comparison as JSON values, an object per point; nothing where there is none."""
    found = table(history)
    return [
        {
            "params": dict(line.params),
            "means": {
                name: {"mean": mean.mean, "half_width": mean.half, "n": mean.n} for name, mean in line.means.items()
            },
            "published": [dict(vars(figure)) for figure in line.published],
            "trials": [trial.number for trial in line.trials],
            "failed": line.failed,
        }
        for line in (found.lines if found is not None else ())
    ]


def heading(found: Table) -> str:
    """Return in a line what the table shows."""
    at = f"at each trial's best epoch by {found.metric}" if found.said.at == "best" else "at each trial's last epoch"
    return f"mean ± 95 % interval over the seeds, {at}; epochs and seconds of one trial, the mean"


def parts(history: History) -> list[Part]:
    """Return the comparison as it is shown in a terminal; nothing where there is none."""
    found = table(history)
    if found is None or not found.lines:
        return []
    columns, rows = cells(found)
    few = len(columns) - 2
    shown: list[Part] = ["", heading(found), [Grid(columns, rows), Grid(columns[:few], [row[:few] for row in rows])]]
    if found.left_out:
        shown.append(f"the best {len(found.lines)} points of {len(found.lines) + found.left_out}")
    if found.unknown:
        shown.append(f"comparison: no trial reports {', '.join(found.unknown)}")
    return [*shown, *([found.said.note] if found.said.note else [])]


def _line(point: int, trials: Sequence[Trial], comparison: Comparison, metrics: Sequence[str]) -> Line:
    whole = sorted((trial for trial in trials if trial.state == "COMPLETE"), key=lambda trial: trial.ask.repeat)
    means: dict[str, Mean] = {}
    for metric in metrics:
        values = [value for trial in whole if (value := value_of(row_of(trial, comparison), metric)) is not None]
        if values:
            means[metric] = mean_of(values)
    params = trials[0].params
    figures = tuple(figure for figure in comparison.published if figure.matches(params))
    failed = sum(trial.state == "FAILED" for trial in trials)
    return Line(point, params, means, figures, tuple(whole), failed)


def _best(lines: Sequence[Line], history: History) -> list[Line]:
    known = [(value, line) for line in lines if (value := _mean_value(line.trials)) is not None]
    ranked = sorted(known, key=lambda item: history.goal.loss(item[0]))
    return [line for _, line in ranked[:MOST]]


def _mean_value(trials: Sequence[Trial]) -> float | None:
    values = [trial.value for trial in trials if trial.value is not None]
    return statistics.fmean(values) if values else None


def _source(metric: str, known: Iterable[str]) -> str | None:
    """Return which reported metric a shown one is read from: itself, or the accuracy that an error lacks to 1."""
    names = set(known)
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
