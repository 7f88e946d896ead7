"""One pass over the training set, compiled for the lanes of a population.

Time is blocked for the cache: the mini-batches of a *superbatch* are gathered at once, which all lanes share; then one
chunk of lanes after the other takes all these steps while its weights stay in the cache. Costs and hits are counted
once a superbatch, from the logits that the steps leave behind. Sizes of chunks and superbatches do not touch a lane's
arithmetic: products are one call per lane, other operations are element by element, sums run along a lane's own
contiguous axis.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..kernels import Array, Op, run
from ..layers import Workspace
from ..layers.dropout import draw_mask
from ..network import Network
from ..operations import add
from ..optimizers import Optimizer
from ..regularizers import bound_norms
from .afterwards import averaged, clipped
from .outputs import ClassOutputs, Outputs, WholeOutputs, by_class
from .samples import Samples
from .stacks import Stacks, chunks
from .step import Consumable, Rates, Step
from .within import Watch

SUPERBATCH_BYTES = 384 * 1024
"""Inputs gathered at once: a part of the second-level cache."""

STEM_BYTES = 4 * 2**20
"""Likewise what a stem makes of them: patches of images, which are many times the images."""

SUPERBATCH_STEPS = 16
"""Most batches gathered at once: more would only take longer to compile."""


@dataclass
class _Chunk:
    """The lanes of a chunk: passes as compiled, and the steps that an optimizer makes of them."""

    lanes: slice
    compiled: list[Step]
    steps: list[list[Op]]
    masks: dict[int, Array]
    outputs: Outputs


@dataclass(frozen=True)
class _Space:
    """Memory that the chunks of one size share."""

    workspace: Workspace
    masks: dict[int, Array]
    outputs: Outputs


class _Block:
    """A superbatch: up to s batches of b samples, and the programs that train on them."""

    def __init__(self, owner: TrainingPass, s: int, b: int) -> None:
        self.samples = s * b
        self._owner = owner
        self._s = s
        self._b = b
        samples = owner.samples
        dtype = owner.samples.X.dtype
        self._x = np.empty((s, b, samples.X.shape[1]), dtype)
        self._t: Array | None = None
        if not by_class(owner.network, owner.optimizer, samples, b):
            self._t = np.empty((s, b, samples.targets.shape[1]), dtype)
        # what all lanes make of a batch before anything of their own, once for all of them
        stems = [owner.network.stemmed(Workspace(0, b, dtype), x) for x in self._x]
        self._stems = [ops for ops, _ in stems]
        self._inputs = [x for _, x in stems]
        self._labels = None if samples.labels is None else np.empty((s, b), samples.labels.dtype)
        self._importance = None if samples.importance is None else np.empty((s, b, 1), dtype)
        self._spaces: dict[int, _Space] = {}
        self._chunks = [self._compile(lanes) for lanes in owner.chunks]

    def _compile(self, lanes: slice) -> _Chunk:
        owner = self._owner
        k = lanes.stop - lanes.start
        if k not in self._spaces:
            self._spaces[k] = self._space(k)
        space = self._spaces[k]
        stacks = owner.stacks.chunk(lanes)
        workspace = space.workspace.again(owner.clock[lanes] if owner.counts else None)
        compiled = []
        for i in range(self._s):
            masked = replace(workspace, masks={index: mask[i] for index, mask in space.masks.items()})
            importance = None if self._importance is None else self._importance[i]
            compiled.append(space.outputs.emit(i, masked, stacks, owner.rates[lanes], self._inputs[i], importance))
        return _Chunk(lanes, compiled, [owner.finish(step) for step in compiled], space.masks, space.outputs)

    def _space(self, k: int) -> _Space:
        """Allocate what chunks of k lanes need while they train; one after the other they use the same."""
        owner = self._owner
        dtype = self._x.dtype
        network = owner.network
        samples = owner.samples
        masks = {index: np.empty((self._s, k, self._b, n), dtype) for index, n in network.masks.items()}
        outputs: Outputs
        if self._t is not None:
            outputs = WholeOutputs(network, self._t, self._labels, k)
        elif self._labels is not None:
            outputs = ClassOutputs(network, self._labels, samples.targets.shape[1], k, dtype)
        else:
            raise AssertionError("classes that are read by number have numbers")
        return _Space(Workspace(k, self._b, dtype, "update"), masks, outputs)

    def adopt_rates(self) -> None:
        """Compile the updates anew; the passes stay as they are."""
        for chunk in self._chunks:
            rates = self._owner.rates[chunk.lanes]
            chunk.compiled = [replace(step, rates=rates) for step in chunk.compiled]
            chunk.steps = [self._owner.finish(step) for step in chunk.compiled]

    def train(self, rows: Array, cost: Array, hits: Array) -> None:
        """Take as many steps as there are batches in `rows`, and add their costs and hits."""
        s = self._gather(rows)
        watch = self._owner.watch
        if watch is None:
            for chunk in self._chunks:
                self._take_steps(chunk, 0, s)
                # a lane's sums in a row of its own: the order of additions must not depend on k
                cost[chunk.lanes] += np.ascontiguousarray(self._costs(chunk, 0, s).T, np.float64).sum(-1)
                hits[chunk.lanes] += chunk.outputs.right(0, s).sum((0, 2))
            return
        costs = np.empty((len(cost), s))  # summed at the end, in the order in which they are without a watch
        begin = 0
        for end in watch.edges(s, self._b):
            cost_since = np.zeros_like(cost)
            hits_since = np.zeros_like(hits)
            for chunk in self._chunks:
                self._take_steps(chunk, begin, end)
                chunk_costs = self._costs(chunk, begin, end).T
                costs[chunk.lanes, begin:end] = chunk_costs
                cost_since[chunk.lanes] = chunk_costs.sum(-1, dtype=np.float64)
                hits_since[chunk.lanes] = chunk.outputs.right(begin, end).sum((0, 2))
            hits += hits_since
            watch.trained((end - begin) * self._b, cost_since, hits_since)
            begin = end
        cost += costs.sum(-1)

    def _costs(self, chunk: _Chunk, begin: int, end: int) -> Array:
        """Return the costs of some of the batches, shape (steps, k)."""
        importance = None if self._importance is None else self._importance[begin:end]
        return chunk.outputs.costs(begin, end, importance)

    def _take_steps(self, chunk: _Chunk, begin: int, end: int) -> None:
        """Train the lanes of a chunk on some of the batches."""
        owner = self._owner
        for index, mask in chunk.masks.items():
            for k, rng in enumerate(owner.streams[index][chunk.lanes]):
                draw_mask(rng, owner.dropped(chunk.lanes.start + k, index), mask[begin:end, k])
        for step in chunk.steps[begin:end]:
            run(step)

    def _gather(self, rows: Array) -> int:
        """Copy samples to where the steps read them, and return how many batches they are."""
        owner = self._owner
        s = len(rows) // self._b
        samples = owner.samples
        x = self._x[:s]
        samples.X.take(rows, 0, x.reshape(-1, x.shape[2]), "clip")
        if self._t is not None:
            samples.targets.take(rows, 0, self._t[:s].reshape(-1, self._t.shape[2]), "clip")
        if samples.labels is not None and self._labels is not None:
            samples.labels.take(rows, 0, self._labels[:s].reshape(-1), "clip")
        if samples.importance is not None and self._importance is not None:
            samples.importance.take(rows, 0, self._importance[:s].reshape(-1, 1), "clip")
        for stem in self._stems[:s]:
            run(stem)
        return s


class TrainingPass:
    """Epochs of mini-batch descent for K lanes; the last batch of an epoch may be smaller.

    Args:
        network: What is trained.
        optimizer: How.
        stacks: Parameters and slots, updated in place.
        rates: Hyper-parameters of each lane.
        samples: The training set.
        batch_size: Samples in a batch.

    Attributes:
        watch: What is measured within the next epoch, or None.
    """

    def __init__(
        self,
        network: Network,
        optimizer: Optimizer,
        stacks: Stacks,
        rates: Sequence[Rates],
        samples: Samples,
        batch_size: int,
    ) -> None:
        self.network = network
        self.optimizer = optimizer
        self.stacks = stacks
        self.rates = list(rates)
        self.samples = samples
        self.watch: Watch | None = None
        self.counts = optimizer.counts or network.counts
        self.clock = np.zeros((len(self.rates), 1, 1))
        self.streams: dict[int, list[np.random.Generator]] = {}
        self.chunks = chunks(stacks, optimizer.buffers, optimizer.lanes)
        n = len(samples.X)
        batches, tail = divmod(n, batch_size)
        self.steps = batches + bool(tail)
        s = superbatch(batches, batch_size, samples, network)
        self._block = _Block(self, s, batch_size)
        self._tail = _Block(self, 1, tail) if tail else None

    @property
    def dropouts(self) -> list[int]:
        """Indices of the dropout layers: the purposes of the streams that `run` takes."""
        return list(self.network.masks)

    def dropped(self, k: int, index: int) -> float:
        """Return the fraction that lane k drops in a dropout layer."""
        return self.rates[k].dropped(index)

    def finish(self, step: Step) -> list[Op]:
        """Return the whole program of a step."""
        return finished(step, self.optimizer, counts=self.counts)

    def adopt(self, rates: Sequence[Rates]) -> None:
        """Take over other hyper-parameters."""
        if self.rates != list(rates):
            self.rates = list(rates)
            for block in filter(None, (self._block, self._tail)):
                block.adopt_rates()

    def run(
        self, order: Array, epochs: Sequence[int], streams: Mapping[int, list[np.random.Generator]]
    ) -> tuple[Array, Array]:
        """Train on all samples in the given order.

        Args:
            order: A permutation of the samples, shape (n,).
            epochs: Epochs that each lane has done before.
            streams: Generators of the lanes' dropout masks, by dropout layer.

        Returns:
            Cost summed over the samples, float64, and the number of hits, shape (K,) each.
        """
        self.clock[:, 0, 0] = np.multiply(epochs, self.steps)
        self.streams = dict(streams)
        cost = np.zeros(len(self.rates))
        hits = np.zeros(len(self.rates), np.int64)
        end = len(order) - (self._tail.samples if self._tail else 0)
        for start in range(0, end, self._block.samples):
            self._block.train(order[start : min(start + self._block.samples, end)], cost, hits)
        if self._tail:
            self._tail.train(order[end:], cost, hits)
        return cost, hits


def superbatch(batches: int, batch_size: int, samples: Samples, network: Network) -> int:
    """Return how many of so many batches are gathered at once."""
    fitting = SUPERBATCH_BYTES // (batch_size * int(samples.X[0].nbytes))
    if network.width_in is not None:
        fitting = STEM_BYTES // (batch_size * network.width_in * samples.X.itemsize)
    return min(batches, SUPERBATCH_STEPS, max(1, fitting))


def finished(step: Step, optimizer: Optimizer, *, counts: bool) -> list[Op]:
    """Return the whole program of a step: passes, update and max-norm.

    Args:
        step: As it was emitted.
        optimizer: Emits the update.
        counts: Whether a step counts itself first.
    """
    clip = step.rates[0].clip_norm  # the same for all lanes, and so is the average
    ema = step.rates[0].ema
    if clip is not None:
        step = clipped(step, clip)
    ops = optimizer.update(step)
    if not optimizer.iterates:
        ops = [*step.forward, *step.error, *step.backward, *ops]
    clock = step.workspace.clock
    if counts and clock is not None:
        ops.insert(0, add(clock, 1.0, out=clock))

    def is_weight(gradient: Consumable) -> bool:
        return gradient.decays and gradient.parameter not in step.network.biases

    for k, r in enumerate(step.rates):
        if r.max_norm is not None:
            weights = (step.stacks.weights[g.parameter][k] for g in step.gradients if is_weight(g))
            ops += [(bound_norms, (w, r.max_norm)) for w in weights]
    if ema is not None:
        ops += averaged(step, ema)
    return ops
