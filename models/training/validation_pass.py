"""One pass over a data set that is only measured, such as the validation set, for the lanes of a population."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ..kernels import Array, Op, run
from ..layers import Workspace
from ..network import Network
from .samples import Samples, tally


class _Program(NamedTuple):
    """The forward pass of one lane over a block.

    Attributes:
        ops: The operations.
        u: Logits (times a gain) that they leave, shape (1, b, C).
        h: Outputs that they leave, of the same shape.
    """

    ops: list[Op]
    u: Array
    h: Array


class _Block(NamedTuple):
    """Samples that are measured at once.

    Attributes:
        samples: The samples.
        stem: What all lanes share of the pass.
        programs: The rest of it, one per lane.
    """

    samples: Samples
    stem: list[Op]
    programs: list[_Program]


class ValidationPass:
    """Cost and hits of K lanes on a fixed set, in fixed blocks, as they predict: no dropout, running statistics.

    Args:
        network: What is validated.
        weights: Parameters of all lanes by name, shape (K, ...).
        samples: The validation set, or the training set for exact metrics.
        weigh_hits: Whether a hit counts by its sample's weight, instead of as one.
    """

    def __init__(
        self, network: Network, weights: Mapping[str, Array], samples: Samples, *, weigh_hits: bool = False
    ) -> None:
        self._network = network
        self._lanes = len(next(iter(weights.values())))
        self._weigh_hits = weigh_hits and samples.importance is not None
        self._blocks: list[_Block] = []
        lanes = [{n: w[k : k + 1] for n, w in weights.items()} for k in range(self._lanes)]
        spaces: dict[int, Workspace] = {}
        compiled: dict[tuple[int, int], list[_Program]] = {}
        for start in range(0, len(samples.X), network.block):
            block = samples.pick(slice(start, start + network.block))
            # blocks are measured one after the other: those of one size share their memory
            workspace = spaces.setdefault(len(block.X), Workspace(1, len(block.X), block.X.dtype))
            stem, x = network.stemmed(workspace, block.X)
            key = len(block.X), x.__array_interface__["data"][0]  # behind a stem the inputs are the same array
            if key not in compiled:
                compiled[key] = [self._compile(lane_weights, x, workspace.again()) for lane_weights in lanes]
            self._blocks.append(_Block(block, stem, compiled[key]))

    def _compile(self, weights: Mapping[str, Array], x: Array, workspace: Workspace) -> _Program:
        ops, passed = self._network.forward(workspace, weights, x)
        u = passed[-1][1]
        h = workspace.buffer("h", width=u.shape[-1])
        return _Program([*ops, *self._network.head.output.apply(u, h)], u, h)

    def run(self) -> tuple[Array, Array]:
        """Return the cost summed over the samples, float64, and the number of hits, shape (K,) each."""
        cost = np.zeros(self._lanes)
        hits = np.zeros(self._lanes, np.float64 if self._weigh_hits else np.int64)
        for samples, stem, programs in self._blocks:
            run(stem)
            labels = None if samples.labels is None else samples.labels[None]
            importance = None if samples.importance is None else samples.importance[None]
            for k, (ops, u, h) in enumerate(programs):
                run(ops)
                c, r = tally(
                    self._network,
                    u[None],
                    h[None],
                    samples.targets[None],
                    labels,
                    importance,
                    weigh_hits=self._weigh_hits,
                )
                cost[k] += c[0]
                hits[k] += r[0]
        return cost, hits
