"""Figures of a study as PNG files, for where a page of HTML cannot go: a chat, a slide, MLflow's list of files."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from functools import cache
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpsearch.log.history import History
from hpsearch.report import curves, figures, findings, landscape
from hpsearch.report.axes import Axis
from hpsearch.report.figures import Figure, Json, asset

WIDTH = 8.0
"""Width of an image in inches."""

DPI = 110
"""Dots per inch."""

_MARKERS = {"circle": "o", "circle-open": "o", "x": "x", "star": "*"}


def pictures(history: History, ranked: Sequence[Axis]) -> dict[str, bytes]:
    """Return PNG images of a study by file name; the same study gives the same bytes.

    Args:
        history: The study.
        ranked: An axis for each of its parameters, the most important first.
    """
    return {f"{figure.key}.png": picture(figure) for figure in pictured(history, ranked)}


def pictured(history: History, ranked: Sequence[Axis]) -> list[Figure]:
    """Return the figures that become pictures; none where no trial has trained."""
    full = findings.on_full_problem(history)
    if not any(trial.rows for trial in full.trials):
        return []
    drawn = [figures.best_so_far(full), landscape.landscape(full, ranked), curves.curves(full)]
    return [figure for figure in drawn if figure is not None]


def picture(figure: Figure) -> bytes:
    """Return a figure of lines, dots and contours as a PNG image, in the page's light colours.

    Args:
        figure: The figure; where it lets people choose a metric, the first one is drawn.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # slow to import
    from matplotlib.figure import Figure as Canvas

    canvas = Canvas(figsize=(WIDTH, figure.height / 80), dpi=DPI, layout="constrained")
    FigureCanvasAgg(canvas)
    axes = canvas.add_subplot()
    first_choice = figure.choices[0][1] if figure.choices else []
    traces = figure.data
    if first_choice:
        traces = [{**trace, "y": y} for trace, y in zip(figure.data, first_choice, strict=True)]
    for trace in traces:
        if trace["type"] == "contour":
            _contours(canvas, axes, trace)
        else:
            _scatter(axes, trace)
    axes.set_title(figure.title, loc="left", fontsize=11, parse_math=False)
    for name, mpl_axis in (("xaxis", axes.xaxis), ("yaxis", axes.yaxis)):
        _label_axis(axes, mpl_axis, figure.layout.get(name, {}), name[0])
    axes.grid(color=_colour("var(--rule)"), linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    handles, labels = axes.get_legend_handles_labels()
    if labels:
        axes.legend(handles, [_unescaped(text) for text in labels], loc="lower right", fontsize=8, framealpha=0.8)
    file = BytesIO()
    canvas.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def _scatter(axes: Any, trace: Json) -> None:
    x, y = _numbers(trace["x"]), _numbers(trace["y"])
    name = trace.get("name", "")
    if trace["mode"] == "lines":
        line = trace["line"]
        steps = {"drawstyle": "steps-post"} if line.get("shape") == "hv" else {}
        axes.plot(
            x,
            y,
            label=name,
            color=_colour(line["color"]),
            alpha=trace.get("opacity", 1.0),
            linewidth=0.7 * line["width"],
            **steps,
        )
        return
    marker = trace["marker"]
    symbol = marker.get("symbol", "circle")
    colour = _colour(marker["color"])
    edge = {} if symbol == "x" else {"edgecolors": colour if symbol == "circle-open" else "white", "linewidths": 0.5}
    axes.scatter(
        x,
        y,
        label=name,
        marker=_MARKERS[symbol],
        s=0.7 * marker["size"] ** 2,
        zorder=3,
        **edge,
        color="none" if symbol == "circle-open" else colour,
        alpha=marker.get("opacity", 1.0),
    )


def _contours(canvas: Any, axes: Any, trace: Json) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    scale = LinearSegmentedColormap.from_list("page", [(share, _colour(name)) for share, name in trace["colorscale"]])
    height = np.array(trace["z"], dtype=np.float64)
    if np.isfinite(height).any() and np.nanmax(height) > np.nanmin(height):
        drawn = axes.contourf(trace["x"], trace["y"], np.ma.masked_invalid(height), trace["ncontours"], cmap=scale)
        canvas.colorbar(drawn, ax=axes, pad=0.02)


def _label_axis(axes: Any, mpl_axis: Any, layout: Json, letter: str) -> None:
    mpl_axis.set_label_text(_unescaped(layout.get("title", {}).get("text", "")), parse_math=False)
    if "tickvals" in layout:
        mpl_axis.set_ticks(layout["tickvals"], [_unescaped(text) for text in layout["ticktext"]], parse_math=False)
    if "range" in layout:
        axes.set(**{f"{letter}lim": layout["range"]})


def _numbers(values: Any) -> NDArray[np.float64]:
    """Return the numbers of an axis: a list with gaps, or their bytes."""
    if isinstance(values, dict):
        return np.frombuffer(base64.b64decode(values["bdata"]), f"<{values['dtype']}").astype(np.float64)
    return np.array(values, dtype=np.float64)


def _unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&amp;", "&")


def _colour(name: str) -> str:
    return _palette()[name[4:-1]] if name.startswith("var(") else name


@cache
def _palette() -> dict[str, str]:
    """Return the colours of the page's light theme by name."""
    light = asset("report.css").partition("@media")[0]
    return dict(re.findall(r"(--[\w-]+):\s*(#\w+)", light))
