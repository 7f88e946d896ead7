"""One pass over the training or the validation set, compiled for the lanes of a population.

Time is blocked for the cache: the mini-batches of a *superbatch* are gathered at once, which all lanes share; then one chunk of lanes
after the other takes all these steps while its weights stay in the cache. Costs and hits are counted once a superbatch, from the logits
that the steps leave behind. Sizes of chunks and superbatches do not touch a lane's arithmetic: products are one call a lane, other
operations are element by element, sums run along a lane's own contiguous axis.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.kernels import Array, Op, run
from models.layers import Workspace
from models.network import Network
from models.optimizers import Optimizer, Rates

SUPERBATCH_BYTES = 256 * 1024
"""Inputs gathered at once: a part of the second-level cache."""

CHUNK_BYTES = 512 * 1024
"""Weights that train at once: another part of it."""

VALIDATION_BLOCK = 250
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
    """Cut the lanes into chunks whose weights and slots share the cache."""
    arrays = [*stacks.weights.values(), *(a for s in stacks.slots.values() for a in s.values())]
    lanes = len(arrays[0])
    size = max(1, CHUNK_BYTES // max(1, sum(a[0].nbytes for a in arrays)))
    return [slice(start, min(start + size, lanes)) for start in range(0, lanes, size)]


class Tally:
    """Costs and hits of a chunk over a block of batches.

    Args:
        network: Gives the cost.
        z: Logits, shape (s, k, b, C).
        h: Outputs, of the same shape.
        t: Targets, shape (s, b, C).
        labels: Class codes, shape (s, b).
    """

    def __init__(self, network: Network, z: Array, h: Array, t: Array, labels: Array) -> None:
        self._network, self._z, self._h = network, z, h
        self._t, self._labels = t[:, None], labels[:, None]

    def __call__(self) -> tuple[Array, Array]:
        """Return the summed cost, float64, and the number of hits, shape (k,) each."""
        s, k = self._z.shape[:2]
        terms = self._network.head.value(self._z, self._h, self._t).reshape(s, k, -1).sum(-1)
        # a lane's sums in a row of its own: the order of additions must not depend on k
        cost = np.ascontiguousarray(terms.T).sum(-1, dtype=np.float64)
        hits = (self._z.argmax(-1) == self._labels).sum((0, 2))
        return cost, hits


class _Block:
    """A superbatch: s batches of b samples, and the programs that train on them."""

    def __init__(self, owner: TrainingPass, s: int, b: int) -> None:
        self.samples, self._owner = s * b, owner
        self._x = np.empty((s, b, owner.X.shape[1]), owner.X.dtype)
        self._t = np.empty((s, b, owner.targets.shape[1]), owner.X.dtype)
        self._labels = np.empty((s, b), owner.labels.dtype)
        self._chunks = [self._compile(lanes) for lanes in owner.chunks]

    def _compile(self, lanes: slice) -> tuple[slice, list[Op], Tally]:
        owner = self._owner
        (s, b), width, k = self._labels.shape, self._t.shape[2], lanes.stop - lanes.start
        z, h = np.empty((s, k, b, width), self._x.dtype), np.empty((s, k, b, width), self._x.dtype)
        stacks, workspace, program = owner.stacks.chunk(lanes), Workspace(k, b, self._x.dtype), []
        for i in range(s):
            program += owner.network.step(
                workspace,
                stacks.weights,
                stacks.slots,
                owner.optimizer,
                owner.rates[lanes],
                self._x[i],
                self._t[i],
                z[i],
                h[i],
            )
        return lanes, program, Tally(owner.network, z, h, self._t, self._labels)

    def train(self, rows: Array, cost: Array, hits: Array) -> None:
        """Take the steps of the block, and add its costs and hits."""
        owner, d = self._owner, self._x.shape[2]
        owner.X.take(rows, 0, self._x.reshape(-1, d), "clip")
        owner.targets.take(rows, 0, self._t.reshape(-1, self._t.shape[2]), "clip")
        owner.labels.take(rows, 0, self._labels.reshape(-1), "clip")
        for lanes, program, tally in self._chunks:
            run(program)
            c, r = tally()
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
        s = max(1, SUPERBATCH_BYTES // (b * X[0].nbytes))
        batches, tail = divmod(len(X), b)
        full, rest = divmod(batches, s)
        self._plan: list[_Block] = [_Block(self, s, b)] * full if full else []
        if rest:
            self._plan.append(_Block(self, rest, b))
        if tail:
            self._plan.append(_Block(self, 1, tail))

    def run(self, order: Array) -> tuple[Array, Array]:
        """Train on all samples in the given order.

        Args:
            order: A permutation of the samples, shape (n,).

        Returns:
            Cost summed over the samples, float64, and the number of hits, shape (K,) each.
        """
        cost, hits, start = np.zeros(len(self.rates)), np.zeros(len(self.rates), np.int64), 0
        for block in self._plan:
            block.train(order[start : start + block.samples], cost, hits)
            start += block.samples
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
        self._lanes = len(next(iter(weights.values())))
        self._program: list[tuple[int, list[Op], Tally]] = []
        workspaces: dict[int, Workspace] = {}
        for start in range(0, len(X), VALIDATION_BLOCK):
            rows = slice(start, start + VALIDATION_BLOCK)
            x, t, y = X[rows], targets[rows], labels[rows]
            workspace = workspaces.setdefault(len(x), Workspace(1, len(x), X.dtype))
            for k in range(self._lanes):
                ops, passed = network.forward(workspace, {n: w[k : k + 1] for n, w in weights.items()}, x)
                z = passed[-1][1]
                h = workspace.buffer("h", width=z.shape[-1])
                ops += network.head.output.apply(z, h)
                self._program.append((k, ops, Tally(network, z[None], h[None], t[None], y[None])))

    def run(self) -> tuple[Array, Array]:
        """Return the cost summed over the samples, float64, and the number of hits, shape (K,) each."""
        cost, hits = np.zeros(self._lanes), np.zeros(self._lanes, np.int64)
        for k, program, tally in self._program:
            run(program)
            c, r = tally()
            cost[k] += c[0]
            hits[k] += r[0]
        return cost, hits


def one_hot(labels: Array, width: int, dtype: np.dtype[Any]) -> Array:
    """Return one-hot rows, shape (n, width), of class codes of shape (n,)."""
    rows = np.zeros((len(labels), width), dtype)
    rows[np.arange(len(labels)), labels] = 1
    return rows
