"""A comparison's plots as small SVG files that suit light and dark pages, drawn without any library."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from hpsearch.log.history import History
from hpsearch.report.comparison import Line, Table, mean_of, point_text, row_of, table, unit, value_of
from hpsearch.study.comparison import Against, Curves, Plot, names

MOST_POINTS = 120
"""Points of a curve that are drawn, evenly chosen, the first and the last among them."""

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
        colour: Number of its colour.
        dash: Number of its style.
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
    """Return what a study's comparison declares to be drawn: a title and an SVG each; those without data left out."""
    found = table(history)
    if found is None:
        return []
    drawn = []
    for plot in found.said.plots:
        strokes = _curves(found, plot) if isinstance(plot, Curves) else _against(found, plot)
        if not strokes:
            continue
        metrics = names(plot.metric) if isinstance(plot, Curves) else (plot.metric or found.metrics[0],)
        y_title = ", ".join(unit(metric) for metric in metrics)
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
    parts = [
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
        parts.append(f'<path class="g" d="M{_LEFT} {y:.1f}H{right - 12}"/>')
        parts.append(f'<text class="m" x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>')
    for value in x_of.ticks():
        x, base = x_of(value), _HEIGHT - _BOTTOM
        parts.append(f'<text class="m" x="{x:.1f}" y="{base + 18}" text-anchor="middle">{value:g}</text>')
    for number, stroke in enumerate(strokes):
        parts += _draw(stroke, x_of, y_of, right, _TOP + 14 + 20 * number)
    return "\n".join([*parts, "</svg>", ""])


def _draw(stroke: Stroke, x_of: _Axis, y_of: _Axis, right: int, legend: int) -> list[str]:
    colour = _COLOURS[stroke.colour % len(_COLOURS)]
    dash = _DASHES[stroke.dash % len(_DASHES)]
    style = f'fill="none" stroke="{colour}" stroke-width="2"' + (f' stroke-dasharray="{dash}"' if dash else "")
    parts = []
    if any(high > low for low, high in zip(stroke.low, stroke.high, strict=True)):
        edge = [*zip(stroke.x, stroke.high, strict=True), *reversed([*zip(stroke.x, stroke.low, strict=True)])]
        points = " ".join(f"{x_of(x):.1f},{y_of(y):.1f}" for x, y in edge)
        parts.append(f'<polygon points="{points}" fill="{colour}" opacity="0.15"/>')
    points = " ".join(f"{x_of(x):.1f},{y_of(y):.1f}" for x, y in zip(stroke.x, stroke.y, strict=True))
    parts.append(f'<polyline points="{points}" {style}/>')
    if stroke.dots:
        pairs = zip(stroke.x, stroke.y, strict=True)
        parts += [f'<circle cx="{x_of(x):.1f}" cy="{y_of(y):.1f}" r="3" fill="{colour}"/>' for x, y in pairs]
    parts.append(f'<path d="M{right} {legend - 4}h22" {style}/>')
    text = stroke.label if len(stroke.label) <= 34 else f"{stroke.label[:33]}…"
    parts.append(f'<text class="t" x="{right + 28}" y="{legend}" font-size="11">{escape(text)}</text>')
    return parts


class _Axis:
    """Maps values to pixels.

    Args:
        values: All that are drawn; those that are not finite do not count.
        begin: Where the smallest is drawn.
        end: Where the largest is.
        log: Whether the axis is logarithmic.
    """

    def __init__(self, values: Sequence[float], begin: float, end: float, log: bool) -> None:
        known = [value for value in values if math.isfinite(value) and (value > 0 or not log)]
        self._low, self._high, self._log = min(known), max(known), log
        if self._low == self._high:
            self._low, self._high = (self._low / 2, self._high * 2) if log else (self._low - 0.5, self._high + 0.5)
        self._begin, self._end = begin, end

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
            found = [m * 10.0**p for p in powers for m in (1, 2, 5) if self._low <= m * 10.0**p <= self._high]
            return found if len(found) <= 8 else [value for value in found if f"{value:e}".startswith("1.0")]
        rough = (self._high - self._low) / 5
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough)
        first, last = math.ceil(self._low / step - 1e-9), math.floor(self._high / step + 1e-9)
        return [float(f"{number * step:.10g}") for number in range(first, last + 1)]


def _curves(found: Table, plot: Curves) -> list[Stroke]:
    strokes = []
    metrics = names(plot.metric)
    for colour, line in enumerate(found.lines):
        for dash, metric in enumerate(metrics):
            label = _label(found, line, metric if len(metrics) > 1 else "")
            stroke = _curve(line, plot, metric, label, colour, dash)
            strokes += [stroke] if stroke is not None else []
    return strokes


def _curve(line: Line, plot: Curves, metric: str, label: str, colour: int, dash: int) -> Stroke | None:
    """Return the mean learning curve of a point, over the epochs that all its trials trained."""
    rows = [[row for row in trial.rows if value_of(row, metric) is not None] for trial in line.trials]
    last = min((len(each) for each in rows), default=0)
    begin = min(plot.first - 1, last - 1)
    if last < 1:
        return None
    kept = sorted({round(i) for i in np.linspace(begin, last - 1, min(MOST_POINTS, last - begin))})
    x: list[float] = []
    columns: list[list[float]] = []
    seconds = [np.cumsum([row.seconds for row in trial.rows]) for trial in line.trials]
    for i in kept:
        values = [value for each in rows if (value := value_of(each[i], metric)) is not None]
        if not all(map(math.isfinite, values)):
            continue
        columns.append(values)
        at = [float(own[i]) for own in seconds] if plot.over == "seconds" else [each[i].epoch for each in rows]
        x.append(statistics.fmean(at))
    if not columns:
        return None
    y = [statistics.fmean(values) for values in columns]
    return Stroke(label, x, y, [min(v) for v in columns], [max(v) for v in columns], colour, dash, len(x) == 1)


def _against(found: Table, plot: Against) -> list[Stroke]:
    metric = plot.metric or found.metrics[0]
    groups: dict[str, list[tuple[float, list[float]]]] = {}
    for line in found.lines:
        at = line.params.get(plot.factor)
        rows = [row_of(trial, found.said) for trial in line.trials]
        values = [value for row in rows if (value := value_of(row, metric)) is not None]
        if isinstance(at, int | float) and not isinstance(at, bool) and values:
            groups.setdefault(_label(found, line, "", plot.factor), []).append((float(at), values))
    strokes = []
    for colour, (label, points) in enumerate(groups.items()):
        points.sort(key=lambda point: point[0])
        means = [mean_of(values) for _, values in points]
        low = [mean.mean - (mean.half or 0.0) for mean in means]
        high = [mean.mean + (mean.half or 0.0) for mean in means]
        x, y = [at for at, _ in points], [mean.mean for mean in means]
        strokes.append(Stroke(label or metric, x, y, low, high, colour, dots=True))
    return strokes


def _label(found: Table, line: Line, metric: str, without: str = "") -> str:
    """Return what the legend calls a line: what tells its point from the others, and its metric."""
    factors = [name for name in found.factors if name != without and len(found.lines) > 1]
    return ", ".join(part for part in (point_text(line, factors), metric) if part) or found.metrics[0]


def _logs(plot: Plot, strokes: Sequence[Stroke]) -> tuple[bool, bool]:
    """Return which axes are logarithmic; an axis that reaches 0 cannot be."""
    if not plot.log:
        return False, False
    if isinstance(plot, Against):
        return all(x > 0 for stroke in strokes for x in stroke.x), False
    return False, all(low > 0 for stroke in strokes for low in stroke.low)
