"""A comparison's plots as small SVG files that suit light and dark pages, drawn without any library."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from hpsearch.log.history import History
from hpsearch.report.comparison import (
    PointRow,
    Table,
    comparison_table,
    deciding_row,
    mean_of,
    point_text,
    shown_value,
    with_unit,
)
from hpsearch.study.comparison import Against, Curves, Plot, names

MOST_POINTS = 120
"""Points of a curve that are drawn at most, at equal distances, the first and the last among them."""

_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 760, 380, 64, 34, 46
_LEGEND = 230
_COLOURS = ("#2f6fdb", "#d9480f", "#2b8a3e", "#9c36b5", "#c92a2a", "#0b7285", "#846358", "#868e96")
_DASHES = ("", "6 4", "2 3", "8 3 2 3")
_STYLE = (
    "<style>svg{background:#fff;font:12px sans-serif}.t{fill:#1f2328}.m{fill:#59636e}.g{stroke:#d1d9e0}"
    "@media(prefers-color-scheme:dark){svg{background:#0d1117}.t{fill:#f0f6fc}.m{fill:#9198a1}.g{stroke:#3d444d}}</style>"
)


@dataclass(frozen=True)
class Stroke:
    """One line of a plot.

    Attributes:
        label: What the legend says.
        x: Along the x axis, ascending.
        y: As many values.
        low: The lower edge of the band around it.
        high: The upper edge.
        colour: Index of its colour.
        dash: Index of its dash pattern.
        dots: Whether its points are marked.
    """

    label: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    colour: int = 0
    dash: int = 0
    dots: bool = False


def plots(history: History) -> list[tuple[str, str]]:
    """Return the plots that a study's comparison declares, a title and an SVG each; those without data are left out."""
    table = comparison_table(history)
    if table is None:
        return []
    drawn = []
    for plot in table.declared.plots:
        strokes = _curves(table, plot) if isinstance(plot, Curves) else _against(table, plot)
        if not strokes:
            continue
        metrics = names(plot.metric) if isinstance(plot, Curves) else (plot.metric or table.metrics[0],)
        y_title = ", ".join(with_unit(metric) for metric in metrics)
        x_title = plot.over if isinstance(plot, Curves) else plot.factor
        x_title = "seconds of training" if x_title == "seconds" else x_title
        title = f"{y_title} over {x_title}" if isinstance(plot, Curves) else f"{y_title} against {x_title}"
        log_x, log_y = _logs(plot, strokes)
        drawn.append((title, svg(title, x_title, y_title, strokes, log_x=log_x, log_y=log_y)))
    return drawn


def svg(
    title: str, x_title: str, y_title: str, strokes: Sequence[Stroke], *, log_x: bool = False, log_y: bool = False
) -> str:
    """Return a line plot.

    Args:
        title: Its title.
        x_title: Below the x axis.
        y_title: Above the y axis.
        strokes: What is drawn; at least one with a point.
        log_x: Whether the x axis is logarithmic.
        log_y: Whether the y axis is logarithmic.
    """
    right = _WIDTH - _LEGEND
    x_of = _Axis([x for stroke in strokes for x in stroke.x], _LEFT, right - 12, log_x)
    values = [y for stroke in strokes for y in (*stroke.low, *stroke.high)]
    y_of = _Axis(values, _HEIGHT - _BOTTOM, _TOP + 8, log_y)
    elements = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">',
        f"<title>{escape(title)}</title>{_STYLE}",
        f'<text class="t" x="{_LEFT}" y="18" font-weight="bold">{escape(y_title)}</text>',
        (
            f'<text class="m" x="{(_LEFT + right) / 2:.0f}" y="{_HEIGHT - 10}" text-anchor="middle">'
            f"{escape(x_title)}</text>"
        ),
    ]
    for value in y_of.ticks():
        y = y_of(value)
        elements.append(f'<path class="g" d="M{_LEFT} {y:.1f}H{right - 12}"/>')
        elements.append(f'<text class="m" x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>')
    for value in x_of.ticks():
        x, base = x_of(value), _HEIGHT - _BOTTOM
        elements.append(f'<text class="m" x="{x:.1f}" y="{base + 18}" text-anchor="middle">{value:g}</text>')
    for number, stroke in enumerate(strokes):
        elements += _draw(stroke, x_of, y_of, right, _TOP + 14 + 20 * number)
    return "\n".join([*elements, "</svg>", ""])


def _draw(stroke: Stroke, x_of: _Axis, y_of: _Axis, right: int, legend: int) -> list[str]:
    colour = _COLOURS[stroke.colour % len(_COLOURS)]
    dash = _DASHES[stroke.dash % len(_DASHES)]
    style = f'fill="none" stroke="{colour}" stroke-width="2"' + (f' stroke-dasharray="{dash}"' if dash else "")
    elements = []
    if any(high > low for low, high in zip(stroke.low, stroke.high, strict=True)):
        edge = [*zip(stroke.x, stroke.high, strict=True), *reversed([*zip(stroke.x, stroke.low, strict=True)])]
        points = " ".join(f"{x_of(x):.1f},{y_of(y):.1f}" for x, y in edge)
        elements.append(f'<polygon points="{points}" fill="{colour}" opacity="0.15"/>')
    points = " ".join(f"{x_of(x):.1f},{y_of(y):.1f}" for x, y in zip(stroke.x, stroke.y, strict=True))
    elements.append(f'<polyline points="{points}" {style}/>')
    if stroke.dots:
        pairs = zip(stroke.x, stroke.y, strict=True)
        elements += [f'<circle cx="{x_of(x):.1f}" cy="{y_of(y):.1f}" r="3" fill="{colour}"/>' for x, y in pairs]
    elements.append(f'<path d="M{right} {legend - 4}h22" {style}/>')
    label = stroke.label if len(stroke.label) <= 34 else f"{stroke.label[:33]}…"
    elements.append(f'<text class="t" x="{right + 28}" y="{legend}" font-size="11">{escape(label)}</text>')
    return elements


class _Axis:
    """Maps values to pixels.

    Args:
        values: All values that are drawn; those that are not finite are ignored.
        begin: Where the smallest is drawn.
        end: Where the largest is.
        log: Whether the axis is logarithmic.
    """

    def __init__(self, values: Sequence[float], begin: float, end: float, log: bool) -> None:
        drawable = [value for value in values if math.isfinite(value) and (value > 0 or not log)]
        self._low = min(drawable)
        self._high = max(drawable)
        self._log = log
        if self._low == self._high:
            self._low, self._high = (self._low / 2, self._high * 2) if log else (self._low - 0.5, self._high + 0.5)
        self._begin = begin
        self._end = end

    def __call__(self, value: float) -> float:
        low, high = self._scale(self._low), self._scale(self._high)
        share = (self._scale(min(max(value, self._low), self._high)) - low) / (high - low)
        return self._begin + share * (self._end - self._begin)

    def _scale(self, value: float) -> float:
        return math.log10(value) if self._log else value

    def ticks(self) -> list[float]:
        """Return round values between the ends."""
        if self._log:
            powers = range(math.floor(math.log10(self._low)), math.ceil(math.log10(self._high)) + 1)
            round_values = [m * 10.0**p for p in powers for m in (1, 2, 5) if self._low <= m * 10.0**p <= self._high]
            powers_of_ten = [value for value in round_values if f"{value:e}".startswith("1.0")]
            return round_values if len(round_values) <= 8 else powers_of_ten
        rough = (self._high - self._low) / 5
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough)
        first, last = math.ceil(self._low / step - 1e-9), math.floor(self._high / step + 1e-9)
        return [float(f"{number * step:.10g}") for number in range(first, last + 1)]


def _curves(table: Table, plot: Curves) -> list[Stroke]:
    strokes = []
    metrics = names(plot.metric)
    for colour, point in enumerate(table.points):
        for dash, metric in enumerate(metrics):
            label = _label(table, point, metric if len(metrics) > 1 else "")
            stroke = _curve(point, plot, metric, label, colour, dash)
            strokes += [stroke] if stroke is not None else []
    return strokes


def _curve(point: PointRow, plot: Curves, metric: str, label: str, colour: int, dash: int) -> Stroke | None:
    """Return the mean learning curve of a point, over the epochs that all its trials trained."""
    rows = [[row for row in trial.rows if shown_value(row, metric) is not None] for trial in point.trials]
    last = min((len(trial_rows) for trial_rows in rows), default=0)
    begin = min(plot.first - 1, last - 1)
    if last < 1:
        return None
    drawn = sorted({round(i) for i in np.linspace(begin, last - 1, min(MOST_POINTS, last - begin))})
    x: list[float] = []
    columns: list[list[float]] = []
    seconds = [np.cumsum([row.seconds for row in trial.rows]) for trial in point.trials]
    for i in drawn:
        values = [value for trial_rows in rows if (value := shown_value(trial_rows[i], metric)) is not None]
        if not all(map(math.isfinite, values)):
            continue
        columns.append(values)
        epochs = [float(trial_rows[i].epoch) for trial_rows in rows]
        x.append(statistics.fmean([float(times[i]) for times in seconds] if plot.over == "seconds" else epochs))
    if not columns:
        return None
    y = [statistics.fmean(values) for values in columns]
    return Stroke(label, x, y, [min(v) for v in columns], [max(v) for v in columns], colour, dash, len(x) == 1)


def _against(table: Table, plot: Against) -> list[Stroke]:
    metric = plot.metric or table.metrics[0]
    groups: dict[str, list[tuple[float, list[float]]]] = {}
    for point in table.points:
        factor = point.params.get(plot.factor)
        rows = [deciding_row(trial, table.declared) for trial in point.trials]
        values = [value for row in rows if (value := shown_value(row, metric)) is not None]
        if isinstance(factor, int | float) and not isinstance(factor, bool) and values:
            groups.setdefault(_label(table, point, "", plot.factor), []).append((float(factor), values))
    strokes = []
    for colour, (label, points) in enumerate(groups.items()):
        points.sort(key=lambda pair: pair[0])
        means = [mean_of(values) for _, values in points]
        low = [mean.mean - (mean.half or 0.0) for mean in means]
        high = [mean.mean + (mean.half or 0.0) for mean in means]
        x, y = [factor for factor, _ in points], [mean.mean for mean in means]
        strokes.append(Stroke(label or metric, x, y, low, high, colour, dots=True))
    return strokes


def _label(table: Table, point: PointRow, metric: str, without: str = "") -> str:
    """Return the name of a line in the legend: the parameters that tell its point from the others, and its metric."""
    factors = [name for name in table.factors if name != without and len(table.points) > 1]
    return ", ".join(text for text in (point_text(point, factors), metric) if text) or table.metrics[0]


def _logs(plot: Plot, strokes: Sequence[Stroke]) -> tuple[bool, bool]:
    """Return which axes are logarithmic; an axis that reaches 0 cannot be."""
    if not plot.log:
        return False, False
    if isinstance(plot, Against):
        return all(x > 0 for stroke in strokes for x in stroke.x), False
    return False, all(low > 0 for stroke in strokes for low in stroke.low)
