"""Histograms of the winner's network in the report. They are stored as JSON with the model, in the study's folder."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hpsearch.report.figures import Figure, Json, axis
from hpsearch.tracking.model import FOLDER

FILE = "histograms.json"
"""Name of the file with the histograms, in the folder of the model and in MLflow."""

TITLES = {
    "weights": ("Weights", "How the weights of each layer are distributed."),
    "activations": (
        "Activations",
        "What the neurons of each layer say of validation samples; bars at an end saturate.",
    ),
}


def read(study_dir: Path) -> dict[str, Any] | None:
    """Return the histograms of the winner from a study's folder, or None where there are none."""
    try:
        histograms: dict[str, Any] = json.loads((study_dir / FOLDER / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return histograms


def figures(histograms: Mapping[str, Any] | None) -> list[Figure]:
    """Return a figure of the weights of each layer and one of the activations; none without histograms."""
    if histograms is None:
        return []
    drawn = []
    for key, (title, caption) in TITLES.items():
        data = [_outline(number, layer, len(histograms[key])) for number, layer in enumerate(histograms[key])]
        layout = {"xaxis": axis(key), "yaxis": axis("share of all")}
        drawn.append(Figure(f"histogram_{key}", f"{title} of the winner", caption, data, layout))
    return drawn


def _outline(number: int, histogram: Json, layers: int) -> Json:
    counts = histogram["counts"]
    low = histogram["low"]
    width = (histogram["high"] - low) / len(counts)
    total = math.fsum(counts) or 1.0
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "output layer" if number == layers - 1 else f"layer {number + 1}",
        "x": [float(f"{low + (i + 0.5) * width:.5g}") for i in range(len(counts))],
        "y": [float(f"{count / total:.5g}") for count in counts],
        "line": {"color": f"var(--line-{number % 8})", "width": 1.5, "shape": "hvh"},
    }
