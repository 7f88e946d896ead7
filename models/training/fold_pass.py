"""One pass over training sets of their own, compiled for lanes of which each has one: folds of a cross-validation.

Every lane takes the steps that it would take alone: all its whole batches in its own order, then its smaller last one.
Lanes take the batches that all have side by side; who has more of them, or a smaller last one, takes these with those
lanes beside it that have as many.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np

from ..kernels import Array, Op, run
from ..layers import Workspace
from ..layers.dropout import draw_mask
from ..network import Network
from ..optimizers import Optimizer
from .samples import Samples, batch_costs, right
from .stacks import Stacks, chunks
from .step import Rates, Step, emit
from .training_pass import finished, superbatch
from .within import Watch


class _Program:
    """The same steps of some neighbouring lanes that train in one program: up to s batches of b samples each.

    Args:
        owner: The pass.
        lanes: Which lanes.
        s: Most batches.
        b: Samples of a batch.
    """

    def __init__(self, owner: FoldPass, lanes: slice, s: int, b: int) -> None:
        self.lanes = lanes
        self.samples = s * b
        self._owner = owner
        k = lanes.stop - lanes.start
        first_samples = owner.samples[lanes.start]
        dtype = first_samples.X.dtype
        width = first_samples.targets.shape[1]
        self._x = np.empty((k, s, b, first_samples.X.shape[1]), dtype)
        self._t = np.empty((k, s, b, width), dtype)
        self._labels = None if first_samples.labels is None else np.empty((k, s, b), first_samples.labels.dtype)
        self._importance = None if first_samples.importance is None else np.empty((k, s, b, 1), dtype)
        self._masks = {index: np.empty((s, k, b, n), dtype) for index, n in owner.network.masks.items()}
        self._u, self._h = (np.empty((s, k, b, width), dtype) for _ in range(2))
        self._compiled: list[Step] = []
        self._stems: list[Op] = []
        workspace = Workspace(k, b, dtype, "update").again(owner.clock[lanes] if owner.counts else None)
        for i in range(s):
            masked = replace(workspace, masks={index: mask[i] for index, mask in self._masks.items()})
            importance = None if self._importance is None else self._importance[:, i]
            stem, x = owner.network.stemmed(Workspace(k, b, dtype), self._x[:, i])
            self._stems += stem
            self._compiled.append(
                emit(
                    owner.network,
                    masked,
                    owner.stacks.chunk(lanes),
                    owner.rates[lanes],
                    x,
                    self._t[:, i],
                    importance,
                    self._u[i],
                    self._h[i],
                )
            )
        self._finish()

    def adopt_rates(self) -> None:
        """Compile the updates anew; the passes stay as they are."""
        self._compiled = [replace(step, rates=self._owner.rates[self.lanes]) for step in self._compiled]
        self._finish()

    def _finish(self) -> None:
        owner = self._owner
        self._steps = [finished(step, owner.optimizer, counts=owner.counts) for step in self._compiled]

    def train(self, rows: Sequence[Array], costs: list[list[Array]], hits: Array) -> None:
        """Take as many steps as there are batches in the rows of each lane; note their costs, and add their hits."""
        s = len(rows[0]) // self._x.shape[2]
        for k, lane_rows in enumerate(rows):
            samples = self._owner.samples[self.lanes.start + k]
            samples.X.take(lane_rows, 0, self._x[k, :s].reshape(-1, self._x.shape[3]), "clip")
            samples.targets.take(lane_rows, 0, self._t[k, :s].reshape(-1, self._t.shape[3]), "clip")
            if samples.labels is not None and self._labels is not None:
                samples.labels.take(lane_rows, 0, self._labels[k, :s].reshape(-1), "clip")
            if samples.importance is not None and self._importance is not None:
                samples.importance.take(lane_rows, 0, self._importance[k, :s].reshape(-1, 1), "clip")
        for index, mask in self._masks.items():
            for k, rng in enumerate(self._owner.streams[index][self.lanes]):
                draw_mask(rng, self._owner.dropped(self.lanes.start + k, index), mask[:s, k])
        run(self._stems)
        for step in self._steps[:s]:
            run(step)
        u = self._u[:s]
        h = self._h[:s]
        t = self._t[:, :s].swapaxes(0, 1)
        importance = None if self._importance is None else self._importance[:, :s].swapaxes(0, 1)
        labels = None if self._labels is None else self._labels[:, :s].swapaxes(0, 1)
        batch_cost = batch_costs(self._owner.network, u, h, t, importance)
        hits[self.lanes] += right(u, h, t, labels).sum((0, 2))
        for k in range(len(rows)):
            costs[self.lanes.start + k].append(batch_cost[:, k])


class FoldPass:
    """Epochs of mini-batch descent for lanes with training sets of their own, of one width.

    Args:
        network: What is trained.
        optimizer: How; one that trains one lane per program gains nothing here.
        stacks: Parameters and slots, updated in place.
        rates: Hyper-parameters of each lane.
        samples: The training set of each lane.
        batch_size: Samples in a batch.
    """

    def __init__(
        self,
        network: Network,
        optimizer: Optimizer,
        stacks: Stacks,
        rates: Sequence[Rates],
        samples: Sequence[Samples],
        batch_size: int,
    ) -> None:
        self.network = network
        self.optimizer = optimizer
        self.stacks = stacks
        self.rates = list(rates)
        self.samples = list(samples)
        self.counts = optimizer.counts or network.counts
        self.clock = np.zeros((len(self.rates), 1, 1))
        self.streams: dict[int, list[np.random.Generator]] = {}
        self.watch: Watch | None = None  # lanes of other lengths are not measured within an epoch
        self._batch = batch_size
        sizes = [len(lane_samples.X) for lane_samples in samples]
        self._steps = [-(-n // batch_size) for n in sizes]
        whole_batches = [n // batch_size for n in sizes]
        self._common = min(whole_batches)
        s = superbatch(self._common, batch_size, samples[0], network)
        self._programs: dict[tuple[int, int, int], _Program] = {}
        chunk_lanes = [slice(chunk.start, chunk.stop) for chunk in chunks(stacks, optimizer.buffers, optimizer.lanes)]
        self._shared = [self._program(lanes, s, batch_size) for lanes in chunk_lanes]
        # More whole batches than all have, one after the other, then what is left of each lane's samples.
        self._more = [
            [
                self._program(lanes, 1, batch_size)
                for lanes in _runs([count > self._common + j for count in whole_batches])
            ]
            for j in range(max(whole_batches) - self._common)
        ]
        self._tails = [
            self._program(lanes, 1, tail)
            for tail in sorted({n % batch_size for n in sizes} - {0})
            for lanes in _runs([n % batch_size == tail for n in sizes])
        ]

    def _program(self, lanes: slice, s: int, b: int) -> _Program:
        key = lanes.start, lanes.stop, s * b
        if key not in self._programs:
            self._programs[key] = _Program(self, lanes, s, b)
        return self._programs[key]

    @property
    def dropouts(self) -> list[int]:
        """Indices of the dropout layers: the purposes of the streams that `run` takes."""
        return list(self.network.masks)

    def dropped(self, k: int, index: int) -> float:
        """Return the fraction that lane k drops in a dropout layer."""
        return self.rates[k].dropped(index)

    def adopt(self, rates: Sequence[Rates]) -> None:
        """Take over other hyper-parameters."""
        if self.rates != list(rates):
            self.rates = list(rates)
            for program in self._programs.values():
                program.adopt_rates()

    def run(
        self, order: Sequence[Array], epochs: Sequence[int], streams: Mapping[int, list[np.random.Generator]]
    ) -> tuple[Array, Array]:
        """Train each lane on all its samples in its order.

        Args:
            order: A permutation of the samples of each lane.
            epochs: Epochs that each lane has done before.
            streams: Generators of the lanes' dropout masks, by dropout layer.

        Returns:
            Cost summed over the samples, float64, and the number of hits, shape (K,) each.
        """
        self.clock[:, 0, 0] = np.multiply(epochs, self._steps)
        self.streams = dict(streams)
        costs: list[list[Array]] = [[] for _ in self.rates]
        hits = np.zeros(len(self.rates), np.int64)
        end = self._common * self._batch
        for program in self._shared:
            for start in range(0, end, program.samples):
                rows = [lane_order[start : min(start + program.samples, end)] for lane_order in order[program.lanes]]
                program.train(rows, costs, hits)
        for j, programs in enumerate(self._more):
            start = end + j * self._batch
            for program in programs:
                program.train(
                    [lane_order[start : start + self._batch] for lane_order in order[program.lanes]], costs, hits
                )
        for program in self._tails:
            program.train([lane_order[-program.samples :] for lane_order in order[program.lanes]], costs, hits)
        return np.array([self._summed(k, np.concatenate(lane_costs)) for k, lane_costs in enumerate(costs)]), hits

    def _summed(self, k: int, costs: Array) -> float:
        """Return the cost of a lane's batches, added up in the order in which the lane alone would add them."""
        n_whole = len(self.samples[k].X) // self._batch
        cost = 0.0
        size = superbatch(n_whole, self._batch, self.samples[k], self.network)
        for start in range(0, n_whole, size):
            cost += np.ascontiguousarray(costs[start : min(start + size, n_whole)], np.float64).sum()
        return cost + float(costs[n_whole]) if len(costs) > n_whole else cost


def _runs(chosen: Sequence[bool]) -> list[slice]:
    """Return the runs of neighbouring lanes that are chosen."""
    runs = []
    for is_chosen, lanes in groupby(range(len(chosen)), key=lambda k: chosen[k]):
        run = list(lanes)
        if is_chosen:
            runs.append(slice(run[0], run[-1] + 1))
    return runs
