"""A trial as the cell of a notebook shows it: plain HTML that needs no script and suits a light and a dark page."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any, Protocol

from hpsearch.log.records import Ask, Decision
from hpsearch.log.rows import Rows

WIDTH, HEIGHT = 260, 72
"""Pixels of a curve."""

MOST_POINTS = 400
"""Points of a curve that are drawn at most: more than it has pixels show nothing."""


class Trial(Protocol):
    """What is shown of :class:`hpsearch.log.trial.Trial`, which shows itself by this module."""

    ask: Ask
    rows: Rows
    decision: Decision | None
    value: float | None
    best_epoch: int | None
    attributes: dict[str, Any]

    @property
    def state(self) -> str:
        """Its state."""

    @property
    def epoch(self) -> int:
        """Epochs done."""

    def curve(self, metric: str) -> list[float]:
        """Return a metric, epoch by epoch."""


def trial_html(trial: Trial) -> str:
    """Return a trial: its state, value, parameters, curve and why it ended."""
    result = "" if trial.value is None else f", {_rounded(trial.value)} at epoch {trial.best_epoch} of {trial.epoch}"
    blocks = [f"<b>trial {trial.ask.trial}: {trial.state.lower()}</b>{result}"]
    metric = _metric(trial)
    if metric is not None and trial.epoch > 1:
        blocks.append(curves_svg([trial.curve(metric)], metric))
    blocks.append(table(("parameter", "value"), [(name, shown(value)) for name, value in trial.ask.params.items()]))
    if trial.attributes:
        blocks.append(table(("attribute", "value"), [(name, shown(value)) for name, value in trial.attributes.items()]))
    if trial.decision is not None:
        blocks.append(escape(trial.decision.reason))
    return "".join(f"<div>{block}</div>" for block in blocks if block)


def _metric(trial: Trial) -> str | None:
    """Return the metric whose value the trial's is: the one that equals it at the epoch that counts."""
    if trial.best_epoch is None:
        return None
    metrics: Mapping[str, float] = trial.rows[trial.best_epoch - 1].metrics
    return next((name for name, value in metrics.items() if value == trial.value), None)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return an HTML table of texts, or an empty text where it has no row."""
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    head = "".join(f"<th>{escape(heading)}</th>" for heading in heads)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" if body else ""


def curves_svg(curves: Sequence[Sequence[float]], metric: str) -> str:
    """Return curves over their epochs as a picture, the first of them on top; nothing where no value is finite.

    Args:
        curves: Values by epoch; what is not finite is left out.
        metric: The metric that they show, for the caption and for readers that do not see the picture.
    """
    finite = [value for curve in curves for value in curve if math.isfinite(value)]
    if not finite:
        return ""
    low = min(finite)
    high = max(finite)
    longest = max(map(len, curves))
    across = (WIDTH - 8) / max(longest - 1, 1)
    # Halved: the difference of two floats may overflow.
    half_span = (high / 2 - low / 2) or 1.0

    def line(curve: Sequence[float]) -> str:
        stride = max(len(curve) // MOST_POINTS, 1)
        points = [
            f"{4 + across * index:.1f},{4 + (HEIGHT - 8) * ((high / 2 - value / 2) / half_span):.1f}"
            for index, value in enumerate(curve)
            if math.isfinite(value) and (index % stride == 0 or index == len(curve) - 1)
        ]
        return " ".join(points)

    lines = [
        f'<polyline points="{line(curve)}" fill="none" stroke="currentColor" stroke-width="{1 if faint else 2}" '
        f'opacity="{0.3 if faint else 1}"/>'
        for curve, faint in [*((curve, True) for curve in curves[:0:-1]), (curves[0], False)]
    ]
    label = f"{metric} by epoch, from {_rounded(low)} to {_rounded(high)}"
    return (
        f'<figure style="margin:4px 0"><svg role="img" aria-label="{escape(label)}" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}">{"".join(lines)}</svg><figcaption>{escape(label)}</figcaption></figure>'
    )


def shown(value: Any) -> str:
    """Return a parameter's value as text."""
    if isinstance(value, float):
        return _rounded(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _rounded(value: float) -> str:
    return f"{value:.4g}"
