"""Early stopping: when has the validation score stopped improving?

The memory is a dictionary of numbers that belongs to the lane, so that it can be saved.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Memory = dict[str, float]


@dataclass(frozen=True)
class EarlyStopping:
    """A rule that ends training.

    Attributes:
        name: The name that users give.
        keeps_best: Whether the best weights are kept and restored; such a rule reads the validation score.
        start: The memory before the first epoch.
        observe: (memory, parameters, validation score (NaN where there is none), epoch from 1) ->
            (what changes in the memory, whether this epoch is the best so far, whether to stop).
    """

    name: str
    keeps_best: bool
    start: Memory
    observe: Callable[[Memory, Mapping[str, Any], float, int], tuple[Memory, bool, bool]]


def _none(memory: Memory, params: Mapping[str, Any], score: float, epoch: int) -> tuple[Memory, bool, bool]:
    return {}, False, False


def _wait(memory: Memory, score: float, epoch: int, limit: float) -> tuple[Memory, bool, bool]:
    """Stop after `limit` epochs without improvement; ties do not count as improvement."""
    if score > memory["stop_best"]:
        return {"stop_best": score, "stop_best_epoch": float(epoch)}, True, False
    return {}, False, epoch - memory["stop_best_epoch"] >= limit


def _patience(memory: Memory, params: Mapping[str, Any], score: float, epoch: int) -> tuple[Memory, bool, bool]:
    """No improvement in `patience` epochs: the chapter's no-improvement-in-ten."""
    return _wait(memory, score, epoch, params["patience"])


def growing_limit(patience: int, best_epoch: float) -> int:
    """Return the epochs without improvement that `growing` allows: 10, 20, 50, 100, … times patience/10.

    A network that was still improving after 20 epochs gets 20 more, one that was after 50 gets 50: the largest of the
    series that the epoch of the last improvement has reached.
    """
    limit = patience
    factors = (2.0, 2.5, 2.0)
    for i in range(64):
        longer = round(limit * factors[i % 3])
        if longer > best_epoch:
            break
        limit = longer
    return limit


def _growing(memory: Memory, params: Mapping[str, Any], score: float, epoch: int) -> tuple[Memory, bool, bool]:
    """No improvement in ten epochs, then in twenty, in fifty, …: the longer, the longer it has improved."""
    return _wait(memory, score, epoch, growing_limit(params["patience"], memory["stop_best_epoch"]))


_START = {"stop_best": -math.inf, "stop_best_epoch": 0.0}

EARLY_STOPPING = {
    e.name: e
    for e in (
        EarlyStopping("none", False, {}, _none),
        EarlyStopping("patience", True, _START, _patience),
        EarlyStopping("growing", True, _START, _growing),
    )
}
"""Every rule by name."""


def score(metric: str | None, metrics: Mapping[str, float]) -> float:
    """Return what a rule looks at, the larger the better; NaN where it was not measured.

    Args:
        metric: "val_accuracy", "val_cost" or "val_r2" (which ranks as the cost does, and exists for any targets); None
            for the accuracy, or the cost where there is none.
        metrics: What the epoch measured.
    """
    if metric is None:
        metric = "val_accuracy" if "val_accuracy" in metrics else "val_cost"
    return metrics.get(metric, math.nan) if metric == "val_accuracy" else -metrics.get("val_cost", math.nan)
