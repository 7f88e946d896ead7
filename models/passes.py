"""One pass over the training or the validation set, compiled for the lanes of a population.

Time is blocked for the cache: the mini-batches of a *superbatch* are gathered at once, which all lanes share; then one
chunk of lanes after the other takes all these steps while its weights stay in the cache. Costs and hits are counted
once a superbatch, from the logits that the steps leave behind. Sizes of chunks and superbatches do not touch a lane's
arithmetic: products are one call a lane, other operations are element by element, sums run along a lane's own
contiguous axis.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from models.kernels import Array, Op, run
from models.layers import Workspace
from models.network import Network
from models.optimizers import Optimizer, Rates

SUPERBATCH_BYTES = 384 * 1024
"""Inputs gathered at once: a part of the second-level cache."""

SUPERBATCH_STEPS = 16
"""Most batches gathered at once: more would only take longer to compile."""

CHUNK_BYTES = 1280 * 1024
"""Weights that train at once: about the second-level cache; smaller chunks pay Python's overhead more often."""

VALIDATION_BLOCK = 500
"""Samples in a validation block; fixed, so that sums do not depend on the population."""


@dataclass(frozen=True)
class Stacks:
    """What changes during training, shape (K, ...) each.

    Attributes:
        weights: Weights and biases by name.
        slots: The optimizer's arrays by slot and parameter name.
    """

    weights: Mapping[str, Array]
    slots: Mapping[str, Mapping[str, Array]]

    def chunk(self, lanes: slice) -> Stacks:
        """Return views of some lanes."""
        slots = {slot: {name: a[lanes] for name, a in arrays.items()} for slot, arrays in self.slots.items()}
        return Stacks({name: a[lanes] for name, a in self.weights.items()}, slots)


def chunks(stacks: Stacks) -> list[slice]:
    """Cut the lanes into chunks of nearly equal size whose weights and slots share the cache."""
    arrays = [*stacks.weights.values(), *(a for s in stacks.slots.values() for a in s.values())]
    lanes = len(arrays[0])
    most = max(1, CHUNK_BYTES // sum(a[0].nbytes for a in arrays))
    parts = -(-lanes // most)
    edges = [lanes * i // parts for i in range(parts + 1)]
    return [slice(start, stop) for start, stop in pairwise(edges)]


def tally(network: Network, u: Array, h: Array, t: Array, labels: Array) -> tuple[Array, Array]:
    """Return the summed cost, float64, and the number of hits of each lane, shape (k,) each.

    Args:
        network: Gives the cost.
        u: Logits (times a gain), shape (s, k, b, C).
        h: Outputs, of the same shape.
        t: Targets, shape (s, b, C).
        labels: Class codes, shape (s, b).
    """
    s, k = u.shape[:2]
    terms = network.head.value(u, h, t[:, None]).reshape(s, k, -1).sum(-1)
    # a lane's sums in a row of its own: the order of additions must not depend on k
    cost = np.ascontiguousarray(terms.T, np.float64).sum(-1)
    hits = (u.argmax(-1) == labels[:, None]).sum((0, 2))
    return cost, hits


class _Block:
    """A superbatch: up to s batches of b samples, and the programs that train on them."""

    def __init__(self, owner: TrainingPass, s: int, b: int) -> None:
        self.samples, self._owner = s * b, owner
        self._x = np.empty((s, b, owner.X.shape[1]), owner.X.dtype)
        self._t = np.empty((s, b, owner.targets.shape[1]), owner.X.dtype)
        self._labels = np.empty((s, b), owner.labels.dtype)
        self._chunks = [self._compile(lanes) for lanes in owner.chunks]

    def _compile(self, lanes: slice) -> tuple[slice, list[list[Op]], Array, Array]:
        owner = self._owner
        (s, b), width, k = self._labels.shape, self._t.shape[2], lanes.stop - lanes.start
        u, h = np.empty((s, k, b, width), self._x.dtype), np.empty((s, k, b, width), self._x.dtype)
        stacks, workspace = owner.stacks.chunk(lanes), Workspace(k, b, self._x.dtype)
        steps = [
            owner.network.step(
                workspace, stacks.weights, stacks.slots, owner.optimizer, owner.rates[lanes], x, t, u[i], h[i]
            )
            for i, (x, t) in enumerate(zip(self._x, self._t, strict=True))
        ]
        return lanes, steps, u, h

    def train(self, rows: Array, cost: Array, hits: Array) -> None:
        """Take as many steps as there are batches in `rows`, and add their costs and hits."""
        owner, s = self._owner, len(rows) // self._labels.shape[1]
        x, t, labels = self._x[:s], self._t[:s], self._labels[:s]
        owner.X.take(rows, 0, x.reshape(-1, x.shape[2]), "clip")
        owner.targets.take(rows, 0, t.reshape(-1, t.shape[2]), "clip")
        owner.labels.take(rows, 0, labels.reshape(-1), "clip")
        for lanes, steps, u, h in self._chunks:
            for step in steps[:s]:
                run(step)
            c, r = tally(owner.network, u[:s], h[:s], t, labels)
            cost[lanes] += c
            hits[lanes] += r


class TrainingPass:
    """One epoch of mini-batch descent for K lanes; the last batch may be smaller.

    Args:
        network: What is trained.
        optimizer: How.
        stacks: Weights and slots, updated in place.
        rates: Hyper-parameters of each lane at this epoch.
        X: Inputs, shape (n, d).
        targets: Targets in the output's terms, shape (n, C).
        labels: Class codes, shape (n,).
        batch_size: Samples in a batch.
    """

    def __init__(
        self,
        network: Network,
        optimizer: Optimizer,
        stacks: Stacks,
        rates: Sequence[Rates],
        X: Array,
        targets: Array,
        labels: Array,
        batch_size: int,
    ) -> None:
        self.network, self.optimizer, self.stacks, self.rates = network, optimizer, stacks, list(rates)
        self.X, self.targets, self.labels = X, targets, labels
        self.chunks = chunks(stacks)
        b = min(batch_size, len(X))
        batches, tail = divmod(len(X), b)
        s = min(batches, SUPERBATCH_STEPS, max(1, SUPERBATCH_BYTES // (b * X[0].nbytes)))
        self._block, self._tail = _Block(self, s, b), _Block(self, 1, tail) if tail else None

    def run(self, order: Array) -> tuple[Array, Array]:
        """Train on all samples in the given order.

        Args:
            order: A permutation of the samples, shape (n,).

        Returns:
            Cost summed over the samples, float64, and the number of hits, shape (K,) each.
        """
        cost, hits = np.zeros(len(self.rates)), np.zeros(len(self.rates), np.int64)
        end = len(order) - (self._tail.samples if self._tail else 0)
        for start in range(0, end, self._block.samples):
            self._block.train(order[start : min(start + self._block.samples, end)], cost, hits)
        if self._tail:
            self._tail.train(order[end:], cost, hits)
        return cost, hits


class ValidationPass:
    """Cost and hits of K lanes on a fixed set, in fixed blocks.

    Args:
        network: What is validated.
        weights: Weights and biases of all lanes by name, shape (K, ...).
        X: Inputs, shape (m, d).
        targets: Targets in the output's terms, shape (m, C).
        labels: Class codes, shape (m,).
    """

    def __init__(self, network: Network, weights: Mapping[str, Array], X: Array, targets: Array, labels: Array) -> None:
        self._network, self._lanes, self._targets, self._labels = (
            network,
            len(next(iter(weights.values()))),
            targets,
            labels,
        )
        self._blocks: list[tuple[slice, list[tuple[list[Op], Array, Array]]]] = []
        for start in range(0, len(X), VALIDATION_BLOCK):
            rows = slice(start, min(start + VALIDATION_BLOCK, len(X)))
            workspace = Workspace(1, rows.stop - start, X.dtype)
            self._blocks.append(
                (
                    rows,
                    [
                        self._compile({n: w[k : k + 1] for n, w in weights.items()}, X[rows], workspace)
                        for k in range(self._lanes)
                    ],
                )
            )

    def _compile(self, weights: Mapping[str, Array], x: Array, workspace: Workspace) -> tuple[list[Op], Array, Array]:
        ops, passed = self._network.forward(workspace, weights, x)
        u = passed[-1][1]
        h = workspace.buffer("h", width=u.shape[-1])
        return [*ops, *self._network.head.output.apply(u, h)], u, h

    def run(self) -> tuple[Array, Array]:
        """Return the cost summed over the samples, float64, and the number of hits, shape (K,) each."""
        cost, hits = np.zeros(self._lanes), np.zeros(self._lanes, np.int64)
        for rows, lanes in self._blocks:
            t, labels = self._targets[None, rows], self._labels[None, rows]
            for k, (program, u, h) in enumerate(lanes):
                run(program)
                c, r = tally(self._network, u[None], h[None], t, labels)
                cost[k] += c[0]
                hits[k] += r[0]
        return cost, hits
