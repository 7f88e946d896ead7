"""Learning-rate schedules: pure functions of what has been observed, one value an epoch.

A schedule is a factor on the initial η. Its memory is a dictionary of numbers that belongs to the lane, and is saved
with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Memory = dict[str, float]


@dataclass(frozen=True)
class Schedule:
    """A rule for the learning rate.

    Attributes:
        name: The name that users give.
        needs_validation: Whether it reads the validation accuracy.
        start: The memory before the first epoch; always holds "lr_factor", the factor on η for the next epoch.
        observe: (memory, parameters, metrics of the epoch) -> (what changes in the memory, whether training is over).
    """

    name: str
    needs_validation: bool
    start: Memory
    observe: Callable[[Memory, Mapping[str, Any], Mapping[str, float]], tuple[Memory, bool]]


def _constant(memory: Memory, params: Mapping[str, Any], metrics: Mapping[str, float]) -> tuple[Memory, bool]:
    return {}, False


def _plateau(memory: Memory, params: Mapping[str, Any], metrics: Mapping[str, float]) -> tuple[Memory, bool]:
    """Multiply η by `lr_factor` after `patience` epochs without a better accuracy; stop below `lr_min_ratio`."""
    accuracy = metrics["val_accuracy"]
    if accuracy > memory["lr_best"]:
        return {"lr_best": accuracy, "lr_stalled": 0.0}, False
    stalled = memory["lr_stalled"] + 1
    if stalled < params["patience"]:
        return {"lr_stalled": stalled}, False
    factor = memory["lr_factor"] * params["lr_factor"]
    # A hair of tolerance: ½ ten times must count as 1/1024, and 0.1 thrice as 0.001.
    over = factor < params["lr_min_ratio"] * (1 - 1e-9)
    return {"lr_factor": factor, "lr_stalled": 0.0}, over


SCHEDULES = {
    s.name: s
    for s in (
        Schedule("constant", False, {"lr_factor": 1.0}, _constant),
        Schedule("plateau", True, {"lr_factor": 1.0, "lr_best": -1.0, "lr_stalled": 0.0}, _plateau),
    )
}
"""Every schedule by name."""
