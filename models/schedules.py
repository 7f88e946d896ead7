"""Learning-rate schedules: pure functions of what has been observed, one value per epoch.

A schedule is a factor on the initial η. Its memory is a dictionary of numbers that belongs to the lane, and is saved
with it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Memory = dict[str, float]


@dataclass(frozen=True)
class Schedule:
    """A rule for the learning rate.

    Attributes:
        name: The name that users give.
        needs_validation: Whether it reads the validation score.
        start: The memory before the first epoch; always holds "lr_factor", the factor on η for the next epoch.
        observe: (memory, parameters, score (the larger the better; NaN where there is none), epoch from 1) ->
            (what changes in the memory, whether training is over).
    """

    name: str
    needs_validation: bool
    start: Memory
    observe: Callable[[Memory, Mapping[str, Any], float, int], tuple[Memory, bool]]


def _constant(memory: Memory, params: Mapping[str, Any], score: float, epoch: int) -> tuple[Memory, bool]:
    return {}, False


def _plateau(memory: Memory, params: Mapping[str, Any], score: float, epoch: int) -> tuple[Memory, bool]:
    """Multiply η by `lr_factor` after `lr_patience` epochs without a better score; stop below `lr_min_ratio`."""
    if score > memory["lr_best"]:
        return {"lr_best": score, "lr_stalled": 0.0}, False
    stalled = memory["lr_stalled"] + 1
    if stalled < params["lr_patience"]:
        return {"lr_stalled": stalled}, False
    factor = memory["lr_factor"] * params["lr_factor"]
    # With a tolerance: ½ ten times must count as 1/1024, and 0.1 thrice as 0.001.
    over = factor < params["lr_min_ratio"] * (1 - 1e-9)
    return {"lr_factor": factor, "lr_stalled": 0.0}, over


def _step(memory: Memory, params: Mapping[str, Any], score: float, epoch: int) -> tuple[Memory, bool]:
    """Multiply η by `lr_factor` every `lr_patience` epochs, but not below `lr_min_ratio`."""
    factor: float = params["lr_factor"] ** (epoch // params["lr_patience"])
    return {"lr_factor": max(factor, params["lr_min_ratio"])}, False


def _cosine(memory: Memory, params: Mapping[str, Any], score: float, epoch: int) -> tuple[Memory, bool]:
    """Let η fall along half a cosine over `max_epochs`, towards `lr_min_ratio` (Loshchilov and Hutter 2017)."""
    least = params["lr_min_ratio"]
    done = min(epoch / params["max_epochs"], 1.0)
    return {"lr_factor": least + (1 - least) * 0.5 * (1 + math.cos(math.pi * done))}, False


def _exponential(memory: Memory, params: Mapping[str, Any], score: float, epoch: int) -> tuple[Memory, bool]:
    """Multiply η by `lr_factor` in the course of `lr_patience` epochs, evenly, but not below `lr_min_ratio`."""
    factor: float = params["lr_factor"] ** (epoch / params["lr_patience"])
    return {"lr_factor": max(factor, params["lr_min_ratio"])}, False


FIRST_FACTOR = 1 / 25
"""The factor with which one_cycle begins."""

RISING_SHARE = 0.3
"""The share of the epochs in which one_cycle rises."""


def _one_cycle(memory: Memory, params: Mapping[str, Any], score: float, epoch: int) -> tuple[Memory, bool]:
    """Let η rise along half a cosine to its full size, then fall along another to `lr_min_ratio` (Smith 2018)."""
    last = params["max_epochs"] - 1
    top = RISING_SHARE * params["max_epochs"] - 1
    if epoch <= top:
        low = FIRST_FACTOR
        done = 1 - epoch / top
    else:
        low = params["lr_min_ratio"]
        done = min((epoch - max(top, 0)) / max(last - max(top, 0), 1), 1.0)
    return {"lr_factor": low + (1 - low) * 0.5 * (1 + math.cos(math.pi * done))}, False


def warm_up(epochs: int, done: int) -> float:
    """Return the factor of the next epoch where η grows evenly to its full size in the first epochs.

    Args:
        epochs: How many epochs are below the full size.
        done: Epochs trained so far.
    """
    return min((done + 1) / (epochs + 1), 1.0)


SCHEDULES = {
    s.name: s
    for s in (
        Schedule("constant", False, {"lr_factor": 1.0}, _constant),
        Schedule("plateau", True, {"lr_factor": 1.0, "lr_best": -math.inf, "lr_stalled": 0.0}, _plateau),
        Schedule("step", False, {"lr_factor": 1.0}, _step),
        Schedule("cosine", False, {"lr_factor": 1.0}, _cosine),
        Schedule("exponential", False, {"lr_factor": 1.0}, _exponential),
        Schedule("one_cycle", False, {"lr_factor": FIRST_FACTOR}, _one_cycle),
    )
}
"""Every schedule by name."""
