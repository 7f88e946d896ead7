"""Figures of where good trials lie: the map of two parameters, and the importance of each parameter."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hpsearch.log.history import History, State, Trial
from hpsearch.report.axes import Axis, matrix
from hpsearch.report.figures import (
    COLOUR_SCALE,
    DRAWING_ORDER,
    STATE_LABELS,
    Figure,
    Json,
    axis,
    label,
    rounded,
    value_axis,
    visible_range,
)
from hpsearch.report.importance import LEAST_TRIALS, RESAMPLES, Importance

SURFACE_POINTS = 60
"""Points of the map's surface along each axis."""

MOST_LARGE_DOTS = 200
"""Trials up to which their dots are large."""

SYMBOLS: dict[State, str] = {
    "COMPLETE": "circle",
    "PRUNED": "circle",
    "FAILED": "x",
    "RUNNING": "circle-open",
    "PAUSED": "circle-open",
}


def landscape(history: History, axes: Sequence[Axis]) -> Figure | None:
    """The two most important numeric parameters, such as η and λ, and the values of the trials between them.

    Where only one is numeric it is drawn against the metric; where none is, None is returned.

    Args:
        history: The study.
        axes: The parameters as axes, the most important first.
    """
    numeric = [parameter for parameter in axes if parameter.options is None or _are_numbers(parameter)][:2]
    if len(numeric) < 2:
        return _slice(history, numeric[0]) if numeric else None
    # In the order of the space: η across and λ up, whichever matters more.
    order = [name for trial in history.trials for name in trial.params]
    across, up = sorted(numeric, key=lambda parameter: order.index(parameter.name))
    positions = matrix(history.trials, [across, up])
    surface = _surface(history, [across, up])
    data: list[Json] = [surface] if surface else []
    for state in DRAWING_ORDER:
        trials = list(history.ended(state))
        data += _points(history, state, trials, matrix(trials, [across, up]))
    if history.best is not None:
        style = {"symbol": "star", "size": 15, "color": "var(--best)", "line": {"color": "var(--card)", "width": 1.5}}
        best = _points(history, history.best.state, [history.best], matrix([history.best], [across, up]))
        data += [trace | {"name": "best", "marker": style} for trace in best]
    return Figure(
        "map",
        f"{across.name} × {up.name}",
        f"{history.goal.metric} between the trials, as the mean of those near by, weighted by distance; a pruned trial "
        "counts with the best that it reached. Nothing is drawn where no trial is near.",
        data,
        {"xaxis": _ticked(across, positions[:, 0]), "yaxis": _ticked(up, positions[:, 1]), "hovermode": "closest"},
        height=420,
    )


def _are_numbers(parameter: Axis) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in parameter.options or ())


def _ticked(parameter: Axis, positions: NDArray[np.float64]) -> Json:
    ticks = parameter.ticks(positions)
    values = {} if ticks is None else {"tickvals": ticks[0], "ticktext": [label(text) for text in ticks[1]]}
    return axis(parameter.name + (" (log)" if parameter.log else ""), zeroline=False, **values)


def _points(history: History, state: State, trials: Sequence[Trial], positions: NDArray[np.float64]) -> list[Json]:
    """Return the trace of trials at these positions, shape (n_trials, 2); none where no trial has a position."""
    kept = [i for i, position in enumerate(positions) if np.isfinite(position).all()]
    if not kept:
        return []
    marker: Json = {"color": f"var(--{STATE_LABELS[state]})", "symbol": SYMBOLS[state], "opacity": 0.9}
    marker["size"] = 7 if len(history.trials) <= MOST_LARGE_DOTS else 5
    marker["line"] = {"color": "var(--card)", "width": 1}
    x, y = positions[kept].T
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": STATE_LABELS[state],
            "marker": marker,
            "x": [rounded(position) for position in x],
            "y": [rounded(position) for position in y],
        }
    ]


def _surface(history: History, axes: Sequence[Axis]) -> Json | None:
    """Return contours of the local mean (Nadaraya-Watson, a Gaussian kernel): it never leaves the trials' range."""
    trials = [trial for trial in history.ranked() if np.isfinite(matrix([trial], axes)).all()]
    positions = matrix(trials, axes)
    low, high = positions.min(axis=0, initial=np.inf), positions.max(axis=0, initial=-np.inf)
    if len(trials) < 6 or not (high > low).all():
        return None
    values = np.array([trial.value for trial in trials], dtype=np.float64)
    limits = visible_range(values, history.goal) or [float(values.min()), float(values.max())]
    scaled = (positions - low) / (high - low)
    # Scott's rule for two dimensions, over a unit square.
    width = max(0.3 * len(trials) ** (-1 / 6), 0.05)
    line = np.linspace(-0.04, 1.04, SURFACE_POINTS)
    grid = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 1, 2)
    weights = np.exp(-((grid - scaled) ** 2).sum(axis=-1) / (2 * width**2))
    total = weights.sum(axis=1)
    mean = weights @ values.clip(limits[0], limits[1]) / np.maximum(total, 1e-300)
    height = np.where(total > np.exp(-2), mean, np.nan).reshape(SURFACE_POINTS, SURFACE_POINTS)
    return {
        "type": "contour",
        "name": "mean near by",
        "ncontours": 14,
        "connectgaps": False,
        "hoverinfo": "skip",
        "x": [rounded(value) for value in low[0] + line * (high - low)[0]],
        "y": [rounded(value) for value in low[1] + line * (high - low)[1]],
        "z": [[rounded(value) for value in row] for row in height],
        "colorscale": _scale(history),
        "line": {"width": 0.5, "color": "var(--card)"},
        "colorbar": {"thickness": 10, "outlinewidth": 0},
    }


def _scale(history: History) -> list[tuple[float, str]]:
    """Return the colours from the lowest to the highest value: the best has the strongest one in either direction."""
    if history.goal.direction == "maximize":
        return COLOUR_SCALE
    return [(1 - share, colour) for share, colour in reversed(COLOUR_SCALE)]


def _slice(history: History, parameter: Axis) -> Figure:
    data = []
    for state in DRAWING_ORDER:
        trials = list(history.ended(state))
        values = [np.nan if trial.value is None else trial.value for trial in trials]
        data += _points(history, state, trials, np.column_stack([matrix(trials, [parameter]), values]))
    positions = matrix(history.trials, [parameter])
    reached = [trial.value for trial in history.trials if trial.value is not None]
    return Figure(
        "map",
        parameter.name,
        "The best value of every trial; a pruned one reached it in fewer epochs.",
        data,
        {
            "xaxis": _ticked(parameter, positions[:, 0]),
            "yaxis": value_axis(history.goal.metric, visible_range(reached, history.goal)),
            "hovermode": "closest",
        },
        height=420,
    )


def importance(importances: Sequence[Importance]) -> Figure | None:
    """Which share of the differences between trials each parameter explains; None where that is not known."""
    if not importances:
        return None
    rising = importances[::-1]
    bars = {
        "type": "bar",
        "orientation": "h",
        "y": [label(parameter.name) for parameter in rising],
        "x": [rounded(parameter.share) for parameter in rising],
        "marker": {"color": "var(--complete)"},
        "error_x": {
            "type": "data",
            "symmetric": False,
            "color": "var(--ink)",
            "thickness": 1.2,
            "width": 4,
            "array": [rounded(max(parameter.high - parameter.share, 0.0)) for parameter in rising],
            "arrayminus": [rounded(max(parameter.share - parameter.low, 0.0)) for parameter in rising],
        },
    }
    return Figure(
        "importance",
        "What matters",
        "Share of the differences in rank between trials that each parameter explains, alone and together with others: "
        "by a random forest whose unseen trials have the parameter shuffled. The whiskers hold the middle 80 % of "
        f"{RESAMPLES} resamplings of the trials. At least {LEAST_TRIALS} trials are needed to say anything.",
        [bars],
        {"xaxis": axis("share explained", rangemode="tozero"), "yaxis": {"automargin": True}, "showlegend": False},
        height=420,
    )
