"""Where the parameters of a population live: one row of memory per lane, and views into it by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from ..kernels import Array
from ..layers import Parameter

CHUNK_BYTES = 1280 * 1024
"""Weights that train at once: about the second-level cache; smaller chunks pay Python's overhead more often."""

ALIGNMENT = 16
"""Parameters begin at multiples of this many numbers: a cache line in float32."""


@dataclass(frozen=True)
class Layout:
    """Positions of parameters in a row: first those that decay, then the others that are trained.

    Attributes:
        positions: (first column, shape) by name.
        decaying: Columns before this one decay.
        width: Length of a row.
    """

    positions: Mapping[str, tuple[int, tuple[int, int]]]
    decaying: int
    width: int

    @classmethod
    def of(cls, parameters: Sequence[Parameter]) -> Layout:
        """Lay out parameters, of which statistics have no position."""
        positions = {}
        end = 0
        decaying = 0
        for parameter in sorted((p for p in parameters if p.trained), key=lambda p: not p.decays):
            rows, columns = parameter.shape
            positions[parameter.name] = (end, parameter.shape)
            end += -(-rows * columns // ALIGNMENT) * ALIGNMENT
            decaying = end if parameter.decays else decaying
        return cls(positions, decaying, end)

    def views(self, flat: Array) -> dict[str, Array]:
        """Return views of shape (K, rows, columns) into an array of shape (K, width), by name."""
        views = {}
        for name, (start, (rows, columns)) in self.positions.items():
            view = flat[:, start : start + rows * columns].reshape(len(flat), rows, columns)
            if not np.may_share_memory(view, flat):
                raise AssertionError("a parameter must be a view into its lane's row")
            views[name] = view
        return views


@dataclass(frozen=True)
class Stacks:
    """What changes during training, shape (K, ...) each.

    Attributes:
        layout: Positions of the trained parameters in `flat` and in each slot.
        flat: Trained parameters, shape (K, layout.width); the gaps between them stay 0.
        weights: All parameters by name: views into `flat`, and the running statistics.
        slots: The optimizer's arrays, laid out as `flat`.
        extras: Arrays of the optimizer's own, shape (K, n).
    """

    layout: Layout
    flat: Array
    weights: Mapping[str, Array]
    slots: Mapping[str, Array]
    extras: Mapping[str, Array]

    @classmethod
    def allocate(
        cls,
        parameters: Sequence[Parameter],
        slots: Sequence[str],
        extras: Mapping[str, Array],
        lanes: int,
        dtype: np.dtype[Any],
    ) -> Stacks:
        """Allocate zeros for a population of that many lanes."""
        layout = Layout.of(parameters)
        flat = np.zeros((lanes, layout.width), dtype)
        trained = layout.views(flat)
        statistics = {p.name: np.zeros((lanes, *p.shape), dtype) for p in parameters if not p.trained}
        return cls(
            layout,
            flat,
            {p.name: trained[p.name] if p.trained else statistics[p.name] for p in parameters},
            {slot: np.zeros_like(flat) for slot in slots},
            {name: np.zeros((lanes, *start.shape), dtype) for name, start in extras.items()},
        )

    def chunk(self, lanes: slice) -> Stacks:
        """Return views of some lanes."""
        flat = self.flat[lanes]
        return Stacks(
            self.layout,
            flat,
            {name: a[lanes] for name, a in self.weights.items()},
            {slot: a[lanes] for slot, a in self.slots.items()},
            {name: a[lanes] for name, a in self.extras.items()},
        )

    def named(self) -> dict[str, Array]:
        """Return every array by the name that it has in a saved state."""
        slots = {f"{s}.{name}": v for s, a in self.slots.items() for name, v in self.layout.views(a).items()}
        return {**self.weights, **slots, **self.extras}


def chunks(stacks: Stacks, buffers: int = 0, max_lanes: int | None = None) -> list[slice]:
    """Cut the lanes into chunks of nearly equal size whose weights and slots share the cache.

    Args:
        stacks: The lanes.
        buffers: Further arrays of the size of a lane's parameters that a step needs.
        max_lanes: Most lanes of a chunk, or None.
    """
    size = stacks.flat[0].nbytes * (1 + len(stacks.slots) + buffers)
    lanes = len(stacks.flat)
    fitting = max(1, CHUNK_BYTES // size)
    n_chunks = -(-lanes // min(fitting, max_lanes or fitting))
    edges = [lanes * i // n_chunks for i in range(n_chunks + 1)]
    return [slice(start, stop) for start, stop in pairwise(edges)]
