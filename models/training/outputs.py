"""The outputs that the steps of a superbatch keep, from which costs and hits are computed afterwards.

Mostly each step has outputs of its own. Of many classes that would be more than the cache holds, and of one-hot targets
almost all is zeros: there a sample's class is read by its number, all steps share the outputs, and each leaves a few
numbers per sample. Either way a network has the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from ..kernels import Array
from ..layers import Workspace
from ..network import Network
from ..optimizers import Optimizer
from .samples import Samples, batch_costs, right, summed
from .stacks import Stacks
from .step import Classes, Rates, Step, emit

WIDE = 16 * 1024
"""Numbers in the outputs of a batch above which classes are read by their number: below, passes over zeros are faster
than the further calls."""


class Outputs(Protocol):
    """Outputs of the steps of a superbatch, for the lanes of a chunk."""

    def emit(
        self, i: int, workspace: Workspace, stacks: Stacks, rates: Sequence[Rates], x: Array, importance: Array | None
    ) -> Step:
        """Emit the passes of step i; see `Step` for the arguments."""

    def costs(self, begin: int, end: int, importance: Array | None) -> Array:
        """Return the cost of some of the batches, summed over their samples, shape (steps, k)."""

    def right(self, begin: int, end: int) -> Array:
        """Return which samples of some of the batches are hits, shape (steps, k, b)."""


class WholeOutputs:
    """The outputs of all steps.

    Args:
        network: What is trained.
        t: Targets of the superbatch in the output's terms, shape (s, b, C).
        labels: Class codes, shape (s, b), or None.
        lanes: k.
    """

    def __init__(self, network: Network, t: Array, labels: Array | None, lanes: int) -> None:
        self._network = network
        self._t = t
        self._labels = labels
        s, b, width = t.shape
        self._u = np.empty((s, lanes, b, width), t.dtype)
        self._h = np.empty_like(self._u)
        self._kept: tuple[Array, Array] | None = None
        if network.head.value_of_label is not None:
            self._kept = np.empty((s, lanes, b, 1), t.dtype), np.empty((s, lanes, b, 1), t.dtype)

    def emit(
        self, i: int, workspace: Workspace, stacks: Stacks, rates: Sequence[Rates], x: Array, importance: Array | None
    ) -> Step:
        """Emit the passes of step i."""
        kept = None if self._kept is None else (self._kept[0][i], self._kept[1][i])
        return emit(self._network, workspace, stacks, rates, x, self._t[i], importance, self._u[i], self._h[i], kept)

    def costs(self, begin: int, end: int, importance: Array | None) -> Array:
        """Return the costs of batches."""
        batches = slice(begin, end)
        kept = None if self._kept is None else (self._kept[0][batches], self._kept[1][batches])
        return batch_costs(self._network, self._u[batches], self._h[batches], self._t[batches], importance, kept)

    def right(self, begin: int, end: int) -> Array:
        """Return which samples are hits."""
        batches = slice(begin, end)
        return right(
            self._u[batches],
            self._h[batches],
            self._t[batches],
            None if self._labels is None else self._labels[batches],
        )


class ClassOutputs:
    """For each sample the numbers that its class needs; logits and outputs are kept of the last step alone.

    Args:
        network: What is trained; its head knows costs by label.
        labels: Class codes of the superbatch, shape (s, b).
        classes: C.
        lanes: k.
        dtype: float32 or float64.
    """

    def __init__(self, network: Network, labels: Array, classes: int, lanes: int, dtype: np.dtype[Any]) -> None:
        self._network = network
        self._labels = labels
        s, b = labels.shape
        self._u = np.empty((lanes, b, classes), dtype)
        self._h = np.empty((lanes, b, classes), dtype)
        self._label_logits, self._largest, self._total = (np.empty((s, lanes, b, 1), dtype) for _ in range(3))
        self._winners = np.empty((s, lanes, b), np.intp)

    def emit(
        self, i: int, workspace: Workspace, stacks: Stacks, rates: Sequence[Rates], x: Array, importance: Array | None
    ) -> Step:
        """Emit the passes of step i."""
        classes = Classes(self._labels[i], self._label_logits[i], self._winners[i])
        kept = self._largest[i], self._total[i]
        return emit(self._network, workspace, stacks, rates, x, classes, importance, self._u, self._h, kept)

    def costs(self, begin: int, end: int, importance: Array | None) -> Array:
        """Return the costs of batches."""
        value = self._network.head.value_of_label
        if value is None:
            raise AssertionError("this cost is not known by label")
        batches = slice(begin, end)
        return summed(value(self._label_logits[batches], self._largest[batches], self._total[batches]), importance)

    def right(self, begin: int, end: int) -> Array:
        """Return which samples are hits."""
        hits: Array = self._winners[begin:end] == self._labels[begin:end, None]
        return hits


def by_class(network: Network, optimizer: Optimizer, samples: Samples, batch: int) -> bool:
    """Return whether the steps of a superbatch read each sample's class by its number.

    Args:
        network: What is trained.
        optimizer: How; one that evaluates costs itself needs the targets.
        samples: The training set.
        batch: Samples in a batch.
    """
    wide = batch * samples.targets.shape[1] >= WIDE
    return wide and samples.one_hot and network.head.value_of_label is not None and not optimizer.evaluates
