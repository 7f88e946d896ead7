"""Histograms of the winner's network, in the report: kept beside the log when the model is, as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hpsearch.report.figures import Figure, Json, axis
from hpsearch.tracking.model import FOLDER

FILE = "histograms.json"
"""Its name, in the folder of the model and in MLflow."""

TITLES = {
    "weights": ("Weights", "How the weights of each layer are distributed."),
    "activations": (
        "Activations",
        "What the neurons of each layer say of validation samples; bars at an end saturate.",
    ),
}


def kept(study_dir: Path) -> dict[str, Any] | None:
    """Return the histograms of the winner that is kept in a study's folder, or None where there are none."""
    try:
        found: dict[str, Any] = json.loads((study_dir / FOLDER / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return found


def figures(found: Mapping[str, Any] | None) -> list[Figure]:
    """Return a figure of the weights of each layer and one of its activations; none where nothing was kept."""
    if found is None:
        return []
    drawn = []
    for key, (title, caption) in TITLES.items():
        data = [_outline(number, each, len(found[key])) for number, each in enumerate(found[key])]
        layout = {"xaxis": axis(key), "yaxis": axis("share of all")}
        drawn.append(Figure(f"histogram_{key}", f"{title} of the winner", caption, data, layout))
    return drawn


def _outline(number: int, histogram: Json, layers: int) -> Json:
    counts, low = histogram["counts"], histogram["low"]
    width, total = (histogram["high"] - low) / len(counts), math.fsum(counts) or 1.0
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "output layer" if number == layers - 1 else f"layer {number + 1}",
        "x": [float(f"{low + (i + 0.5) * width:.5g}") for i in range(len(counts))],
        "y": [float(f"{count / total:.5g}") for count in counts],
        "line": {"color": f"var(--line-{number % 8})", "width": 1.5, "shape": "hvh"},
    }
