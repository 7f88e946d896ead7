"""Early stopping: when has the validation accuracy stopped improving?

The memory is a dictionary of numbers that belongs to the lane, so that it can be saved.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Memory = dict[str, float]


@dataclass(frozen=True)
class EarlyStopping:
    """A rule that ends training.

    Attributes:
        name: The name that users give.
        keeps_best: Whether the best weights are kept and restored; such a rule reads the validation accuracy.
        start: The memory before the first epoch.
        observe: (memory, parameters, metrics of the epoch, epoch) ->
            (what changes in the memory, whether this epoch is the best so far, whether to stop).
    """

    name: str
    keeps_best: bool
    start: Memory
    observe: Callable[[Memory, Mapping[str, Any], Mapping[str, float], int], tuple[Memory, bool, bool]]


def _none(
    memory: Memory, params: Mapping[str, Any], metrics: Mapping[str, float], epoch: int
) -> tuple[Memory, bool, bool]:
    return {}, False, False


def _patience(
    memory: Memory, params: Mapping[str, Any], metrics: Mapping[str, float], epoch: int
) -> tuple[Memory, bool, bool]:
    """No improvement in `patience` epochs (the chapter's no-improvement-in-ten); ties do not count as improvement."""
    accuracy = metrics["val_accuracy"]
    if accuracy > memory["stop_best"]:
        return {"stop_best": accuracy, "stop_best_epoch": float(epoch)}, True, False
    return {}, False, epoch - memory["stop_best_epoch"] >= params["patience"]


EARLY_STOPPING = {
    e.name: e
    for e in (
        EarlyStopping("none", False, {}, _none),
        EarlyStopping("patience", True, {"stop_best": -1.0, "stop_best_epoch": 0.0}, _patience),
    )
}
"""Every rule by name."""
