"""The result of the η test: a table with a curve per learning rate, and the chapter's plot as SVG."""

from __future__ import annotations

import math
from html import escape

from hpsearch.judging.lr_range import LrRange, Trace
from hpsearch.report import words
from hpsearch.report.sparkline import sparkline
from hpsearch.report.terminal import Block, Column, Grid

CURVE_WIDTH = 30
"""Most characters of a curve in the table."""

CEILING = 1.3
"""Curves are cut at this many times the cost of guessing: how far a cost rises above that tells nothing more."""

_WIDTH, _HEIGHT, _LEFT, _TOP, _RIGHT, _BOTTOM = 860, 460, 60, 50, 190, 50
_COLOURS = {
    "falls at once": "#1a7f37",
    "hardly falls": "#8c959f",
    "lags": "#9a6700",
    "oscillates": "#bf8700",
    "rises": "#cf222e",
    "diverges": "#82071e",
}


def blocks(result: LrRange, name: str, *, ascii_only: bool = False) -> list[Block]:
    """Return what ``hpsearch lr-range`` shows.

    Args:
        result: The test's result.
        name: The study's name.
        ascii_only: Draw curves for a terminal that cannot show block characters.
    """
    columns = [
        Column("learning_rate", right=True),
        Column("cost in the last epoch", right=True),
        Column("cost over the first epochs"),
        Column("what it does"),
    ]
    rows = [
        [
            f"{trace.learning_rate:g}",
            words.number(trace.end) if math.isfinite(trace.end) else "diverged",
            sparkline(_bounded(result, trace), CURVE_WIDTH, ascii_only=ascii_only),
            trace.verdict + _marker(result, trace),
        ]
        for trace in result.traces
    ]
    ends = [min(trace.end, CEILING * result.guessing) for trace in result.traces]
    lowest, highest = result.traces[0].learning_rate, result.traces[-1].learning_rate
    curve_of_ends = sparkline(ends, CURVE_WIDTH, ascii_only=ascii_only)
    return [
        (
            f"{name}: training cost over {words.many(result.epochs, 'epoch')}, without any regularisation; guessing "
            f"costs {result.guessing:.4g}"
        ),
        [Grid(columns, rows), Grid([columns[0], columns[3]], [[row[0], row[3]] for row in rows])],
        f"cost in the last epoch, from η = {lowest:g} to {highest:g}: {curve_of_ends}",
        "",
        *advice(result),
    ]


def advice(result: LrRange) -> list[str]:
    """Return in words the threshold and the learning rate that the test suggests."""
    if result.threshold is None or result.suggestion is None:
        return [
            (
                "at no learning rate does the cost fall at once: look at the data (scaled to about [0, 1]?), the model "
                "(initial weights, cost) or --epochs"
            )
        ]
    low = float(f"{result.suggestion / 10:.2g}")
    high = float(f"{max(result.threshold, 2 * result.suggestion):.2g}")
    edge = result.threshold == result.traces[-1].learning_rate
    return [
        (
            f"threshold: {result.threshold:g}, the largest learning rate at which the cost falls at once and keeps up "
            f"with the lowest{' (and the largest that was tried: it may lie higher)' if edge else ''}"
        ),
        (
            f"suggestion: learning_rate={result.suggestion:g}, the smallest at which the cost gets as low as any; a "
            f"range: Float({low:g}, {high:g}, log=True)"
        ),
        "regularisation (l1, l2, max_norm, dropout, augmentation) was left out; with much of it search η once more",
    ]


def _marker(result: LrRange, trace: Trace) -> str:
    marks = [
        word
        for word, rate in (("suggestion", result.suggestion), ("threshold", result.threshold))
        if rate == trace.learning_rate
    ]
    return f" <- {', '.join(marks)}" if marks else ""


def svg(result: LrRange, name: str) -> str:
    """Return the plot as SVG: the cost over the first epochs, a line per learning rate."""
    top = CEILING * result.guessing
    steps = max(len(trace.cost) for trace in result.traces) - 1
    x = [_LEFT + i * (_WIDTH - _LEFT - _RIGHT) / steps for i in range(steps + 1)]

    def y(cost: float) -> float:
        return _HEIGHT - _BOTTOM - min(cost, top) / top * (_HEIGHT - _TOP - _BOTTOM)

    guessing_y = y(result.guessing)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif"',
        'font-size="12">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
        f'<text x="{_LEFT}" y="24" font-size="15">{escape(name)}: training cost by learning rate η</text>',
        f'<text x="{_LEFT}" y="40" fill="#57606a">{escape(advice(result)[:2][-1])}</text>',
        f'<line x1="{_LEFT}" y1="{_TOP}" x2="{_LEFT}" y2="{_HEIGHT - _BOTTOM}" stroke="#57606a"/>',
        f'<line x1="{_LEFT}" y1="{_HEIGHT - _BOTTOM}" x2="{x[-1]:.1f}" y2="{_HEIGHT - _BOTTOM}" stroke="#57606a"/>',
        f'<line x1="{_LEFT}" y1="{guessing_y:.1f}" x2="{x[-1]:.1f}" y2="{guessing_y:.1f}" stroke="#8c959f"',
        'stroke-dasharray="4 4"/>',
        f'<text x="{x[-1] - 4:.1f}" y="{guessing_y - 4:.1f}" text-anchor="end" fill="#57606a">guessing</text>',
        f'<text x="{(_LEFT + x[-1]) / 2:.1f}" y="{_HEIGHT - 12}" text-anchor="middle">epochs</text>',
    ]
    for epoch in range(result.epochs + 1):
        x_of_epoch = x[round(epoch * steps / result.epochs)]
        lines.append(f'<text x="{x_of_epoch:.1f}" y="{_HEIGHT - _BOTTOM + 16}" text-anchor="middle">{epoch}</text>')
    for i in range(5):
        cost = i * top / 4
        lines.append(f'<text x="{_LEFT - 6}" y="{y(cost) + 4:.1f}" text-anchor="end">{cost:.2g}</text>')
    for number, trace in enumerate(result.traces):
        lines += _line(trace, number, x, [y(cost) if math.isfinite(cost) else _TOP for cost in trace.cost], result)
    return "\n".join([*lines, "</svg>", ""])


def html(result: LrRange, name: str) -> str:
    """Return the plot as a page of its own."""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(name)}: η test</title></head>\n'
        f'<body style="max-width: 60rem; margin: 2rem auto">\n{svg(result, name)}</body></html>\n'
    )


def _line(trace: Trace, number: int, x: list[float], y: list[float], result: LrRange) -> list[str]:
    colour = _COLOURS[trace.verdict]
    chosen = trace.learning_rate == result.threshold
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=False))
    legend = _TOP + 14 + 22 * number
    shade = 0.35 + 0.65 * (number + 1) / len(result.traces)
    width, weight = (3, "bold") if chosen else (1.5, "normal")
    return [
        f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-opacity="{shade:.2f}"',
        f'stroke-width="{width}"/>',
        f'<text x="{_WIDTH - _RIGHT + 14}" y="{legend}" fill="{colour}" font-weight="{weight}">',
        f"η = {trace.learning_rate:g}: {trace.verdict}</text>",
    ]


def _bounded(result: LrRange, trace: Trace) -> list[float]:
    return [min(cost, CEILING * result.guessing) if math.isfinite(cost) else math.inf for cost in trace.cost]
