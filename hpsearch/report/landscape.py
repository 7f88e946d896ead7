"""Figures of where good trials lie: the map of two parameters, as a picture, and what matters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hpsearch.log.history import History, State, Trial
from hpsearch.report.axes import Axis, matrix
from hpsearch.report.figures import DRAWN, LABELS, SCALE, Figure, Json, axis, label, short, window, zoomed
from hpsearch.report.importance import LEAST, RESAMPLES, Importance

GRID = 60
"""Points of the map's surface per side."""

CROWD = 200
"""Trials above which their dots are small."""

SYMBOLS: dict[State, str] = {
    "COMPLETE": "circle",
    "PRUNED": "circle",
    "FAILED": "x",
    "RUNNING": "circle-open",
    "PAUSED": "circle-open",
}


def landscape(history: History, known: Sequence[Axis]) -> Figure | None:
    """The two most important numeric parameters, η and λ say, and how good the trials between are.

    Where only one is numeric it is drawn against the metric; where none is, there is no such figure.

    Args:
        history: The study.
        known: Axes of the parameters, the most important first.
    """
    numeric = [each for each in known if each.options is None or _are_numbers(each)][:2]
    if len(numeric) < 2:
        return _slice(history, numeric[0]) if numeric else None
    # In the order of the space: η across and λ up, whichever matters more.
    order = [name for trial in history.trials for name in trial.params]
    across, up = sorted(numeric, key=lambda each: order.index(each.name))
    places = matrix(history.trials, [across, up])
    surface = _surface(history, [across, up])
    data: list[Json] = [surface] if surface else []
    for state in DRAWN:
        trials = list(history.ended(state))
        data += _points(history, state, trials, matrix(trials, [across, up]))
    if history.best is not None:
        style = {"symbol": "star", "size": 15, "color": "var(--best)", "line": {"color": "var(--card)", "width": 1.5}}
        best = _points(history, history.best.state, [history.best], matrix([history.best], [across, up]))
        data += [trace | {"name": "best", "marker": style} for trace in best]
    return Figure(
        "map", f"{across.name} × {up.name}",
        f"{history.goal.metric} between the trials, as the mean of those near by, weighted by distance; a pruned trial "
        "counts with the best that it reached. Nothing is drawn where no trial is near.", data,
        {"xaxis": _ticked(across, places[:, 0]), "yaxis": _ticked(up, places[:, 1]), "hovermode": "closest"},
        height=420,
    )  # fmt: skip


def _are_numbers(each: Axis) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in each.options or ())


def _ticked(each: Axis, places: NDArray[np.float64]) -> Json:
    ticks = each.ticks(places)
    values = {} if ticks is None else {"tickvals": ticks[0], "ticktext": [label(text) for text in ticks[1]]}
    return axis(each.name + (" (log)" if each.log else ""), zeroline=False, **values)


def _points(history: History, state: State, trials: Sequence[Trial], places: NDArray[np.float64]) -> list[Json]:
    """Return the trace of some trials at these places, shape (n_trials, 2); none where no trial has a place."""
    kept = [i for i, place in enumerate(places) if np.isfinite(place).all()]
    if not kept:
        return []
    marker: Json = {"color": f"var(--{LABELS[state]})", "symbol": SYMBOLS[state], "opacity": 0.9}
    marker["size"] = 7 if len(history.trials) <= CROWD else 5
    marker["line"] = {"color": "var(--card)", "width": 1}
    x, y = places[kept].T
    return [{
        "type": "scatter", "mode": "markers", "name": LABELS[state], "marker": marker,
        "x": [short(place) for place in x], "y": [short(place) for place in y],
    }]  # fmt: skip


def _surface(history: History, known: Sequence[Axis]) -> Json | None:
    """Return contours of the local mean (Nadaraya-Watson, a Gaussian kernel): it never leaves the trials' range."""
    trials = [trial for trial in history.ranked() if np.isfinite(matrix([trial], known)).all()]
    places = matrix(trials, known)
    low, high = places.min(axis=0, initial=np.inf), places.max(axis=0, initial=-np.inf)
    if len(trials) < 6 or not (high > low).all():
        return None
    values = np.array([trial.value for trial in trials], dtype=np.float64)
    limits = window(values, history.goal) or [float(values.min()), float(values.max())]
    at = (places - low) / (high - low)
    # Scott's rule for two dimensions, over a unit square.
    width = max(0.3 * len(trials) ** (-1 / 6), 0.05)
    line = np.linspace(-0.04, 1.04, GRID)
    grid = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 1, 2)
    weights = np.exp(-((grid - at) ** 2).sum(axis=-1) / (2 * width**2))
    total = weights.sum(axis=1)
    mean = weights @ values.clip(limits[0], limits[1]) / np.maximum(total, 1e-300)
    height = np.where(total > np.exp(-2), mean, np.nan).reshape(GRID, GRID)
    return {
        "type": "contour", "name": "mean near by", "ncontours": 14, "connectgaps": False, "hoverinfo": "skip",
        "x": [short(v) for v in low[0] + line * (high - low)[0]],
        "y": [short(v) for v in low[1] + line * (high - low)[1]],
        "z": [[short(v) for v in row] for row in height],
        "colorscale": _scale(history), "line": {"width": 0.5, "color": "var(--card)"},
        "colorbar": {"thickness": 10, "outlinewidth": 0},
    }  # fmt: skip


def _scale(history: History) -> list[tuple[float, str]]:
    """Return the colours from the lowest to the highest value: the best is the strongest either way."""
    if history.goal.direction == "maximize":
        return SCALE
    return [(1 - place, colour) for place, colour in reversed(SCALE)]


def _slice(history: History, each: Axis) -> Figure:
    data = []
    for state in DRAWN:
        trials = list(history.ended(state))
        values = [np.nan if trial.value is None else trial.value for trial in trials]
        data += _points(history, state, trials, np.column_stack([matrix(trials, [each]), values]))
    places, values = matrix(history.trials, [each]), [t.value for t in history.trials if t.value is not None]
    return Figure(
        "map", each.name, "The best value of every trial; a pruned one reached it in fewer epochs.", data,
        {"xaxis": _ticked(each, places[:, 0]),
         "yaxis": zoomed(history.goal.metric, window(values, history.goal)), "hovermode": "closest"},
        height=420,
    )  # fmt: skip


def importance(found: Sequence[Importance]) -> Figure | None:
    """What each parameter explains of the differences between trials; None where that cannot be told."""
    if not found:
        return None
    rising = found[::-1]
    bars = {
        "type": "bar", "orientation": "h", "y": [label(each.name) for each in rising],
        "x": [short(each.share) for each in rising], "marker": {"color": "var(--complete)"},
        "error_x": {
            "type": "data", "symmetric": False, "color": "var(--ink)", "thickness": 1.2, "width": 4,
            "array": [short(max(each.high - each.share, 0.0)) for each in rising],
            "arrayminus": [short(max(each.share - each.low, 0.0)) for each in rising],
        },
    }  # fmt: skip
    return Figure(
        "importance", "What matters",
        "Share of the differences in rank between trials that each parameter explains, alone and together with others: "
        "by a random forest whose unseen trials have the parameter shuffled. The whiskers hold the middle 80 % of "
        f"{RESAMPLES} resamplings of the trials. At least {LEAST} trials are needed to say anything.",
        [bars],
        {"xaxis": axis("share explained", rangemode="tozero"), "yaxis": {"automargin": True}, "showlegend": False},
        height=420,
    )  # fmt: skip
