"""The only training loop: one epoch at a time for a population of networks that share their shapes.

A population's arrays have shape (K, ...): one lane per network. All lanes read the same batches; everything else is a
lane's own, and what a lane computes is bit for bit what it computes alone (see `hpsearch.models.kernels`).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from .. import chain
from ..early_stopping import EARLY_STOPPING, score
from ..kernels import Array
from ..lbfgs import CONVERGED
from ..network import Network
from ..optimizers import OPTIMIZERS
from ..parameters import batch_rows, needs_validation, resolve_params, validate_params
from ..regularizers import penalty
from ..schedules import SCHEDULES, warm_up
from ..starting import started
from ..threads import limited
from .afterwards import AVERAGE
from .augmented_images import AugmentedImages
from .data import TrainingData
from .members import EpochResult, Member, group_key, group_of
from .monitors import Monitor, Monitors, sampled_rows
from .samples import Samples
from .scores import Scorer
from .stacks import Stacks
from .step import Rates
from .training_pass import TrainingPass
from .validation_pass import ValidationPass
from .within import Measures, Watch

__all__ = ["EpochResult", "Member", "Population", "TrainingData", "group_key", "validate_params"]

INIT_STREAM = 0
DROPOUT_STREAM = 1
"""Purposes of a member's streams, default_rng((*seed, purpose, epoch)): the initial weights (epoch 0), and dropout
masks, of the input and, a purpose each, of the hidden layers."""

EXPLODED = 1000.0
"""A network has diverged when its training cost is this many times that of guessing, though its weights are finite."""

_SPOKEN = {"train_cost": "training cost", "val_cost": "validation cost"}


class Passes(Protocol):
    """Trains the lanes of a population for an epoch."""

    watch: Watch | None

    @property
    def dropouts(self) -> list[int]:
        """Indices of the dropout layers."""

    def adopt(self, rates: Sequence[Rates]) -> None:
        """Take over other hyper-parameters."""

    def run(
        self, order: Any, epochs: Sequence[int], streams: Mapping[int, list[np.random.Generator]]
    ) -> tuple[Array, Array]:
        """Return the cost summed over the samples and the number of hits, shape (K,) each."""


class Population:
    """K networks that train side by side.

    Args:
        members: The networks; those without a state are begun. Their `epoch` is kept up to date.
        data: Training and validation samples.

    Raises:
        ValueError: For members that cannot share a population, or that need validation data which is not there.
    """

    def __init__(self, members: Sequence[Member], data: TrainingData) -> None:
        self.data = data
        if not members:
            raise ValueError("a population needs members of one group (see group_key)")
        shared = resolve_params(members[0].params)
        self._group = self._group_of(shared, 0)
        self._dtype = np.dtype(shared["dtype"])
        if data.X_train.dtype != self._dtype:
            raise ValueError(f"the data is {data.X_train.dtype}, the networks are {self._dtype}: use one dtype")
        self._augmented: AugmentedImages | None = None
        if shared["augmentation"] is not None:
            self._augmented = AugmentedImages.shared(data, shared["augmentation"], shared["image_shape"])
        self._network = self._build(shared)
        self._optimizer = OPTIMIZERS[shared["optimizer"]]
        self._stopping = EARLY_STOPPING[shared["early_stopping"]]
        self._batch = batch_rows(shared, len(data.X_train))
        optimizer = self._optimizer
        self._slots = (*optimizer.slots, AVERAGE) if shared["ema"] is not None else optimizer.slots
        self._every: int | None = shared["monitor_every"]
        self._smoothing = float(shared["label_smoothing"])
        self._stacks = Stacks.allocate(
            self._network.parameters, self._slots, optimizer.extras, len(members), self._dtype
        )
        self._arrays = self._stacks.named()
        self._judged = dict(self._stacks.weights)
        if shared["ema"] is not None:
            self._judged |= self._stacks.layout.views(self._stacks.slots[AVERAGE])
        if self._stopping.keeps_best:
            best = {f"best.{name}": np.zeros_like(weights) for name, weights in self._stacks.weights.items()}
            self._arrays |= best
        self._pass: Passes | None = None
        with limited(), np.errstate(all="ignore"):
            self.replace(members)
            self._measure(exact=bool(shared["exact_train_metrics"]))

    @property
    def n_weights(self) -> int:
        """How many numbers each network trains, biases counted."""
        return sum(math.prod(parameter.shape) for parameter in self._network.parameters if parameter.trained)

    def _build(self, params: Mapping[str, Any]) -> Network:
        return Network.build(params, self.data.X_train.shape[1], self.data.T_train.shape[1])

    def _measure(self, exact: bool) -> None:
        """Prepare what is measured after an epoch."""
        data = self.data
        head = self._network.head
        targets = self._targets(data)
        self._samples = Samples(
            data.X_train if self._augmented is None else self._augmented.images,
            targets,
            data.y_train,
            data.weights,
            one_hot=data.y_train is not None and targets is data.T_train,
        )
        self._scorers = [Scorer(head, targets, data.y_train is None, data.weights)] * len(self._stacks.flat)
        unaugmented = Samples(data.X_train, targets, data.y_train, data.weights)
        self._checks: dict[str, tuple[Measures, list[Scorer]]] = {}
        if exact:
            self._checks["train"] = ValidationPass(self._network, self._judged, unaugmented), self._scorers
        for subset, (x, t, y, importance) in data.held_out().items():
            aims = head.output.targets(t)
            checked = ValidationPass(self._network, self._judged, Samples(x, aims, y, importance), weigh_hits=True)
            self._checks[subset] = checked, [Scorer(head, aims, y is None, importance)] * len(self._stacks.flat)
        self._monitor: Monitors = Monitor(
            self._network, self._stacks.weights, unaugmented.pick(sampled_rows(len(data.X_train)))
        )

    def _targets(self, data: TrainingData) -> Array:
        """Return what training aims at, in the output's terms, shape (n, C)."""
        t = data.T_train
        if self._smoothing:
            options = t.shape[1] if data.y_train is not None else 2  # one class of C, or each label or not
            t = (t * (1 - self._smoothing) + self._smoothing / options).astype(t.dtype)
        return self._network.head.output.targets(t)

    def replace(self, members: Sequence[Member]) -> None:
        """Take as many other members of the same group in the place of the present ones.

        What has been compiled is kept, which takes longer to make than an epoch over a small training set.

        Args:
            members: The networks; those without a state are begun.

        Raises:
            ValueError: For members of another number or group, or that need validation data which is not there.
        """
        params = [resolve_params(m.params) for m in members]
        if len(members) != len(self._stacks.flat) or any(
            self._group_of(p, k) != self._group for k, p in enumerate(params)
        ):
            raise ValueError("a population needs members of one group (see group_key)")
        if "val" not in self.data.held_out() and any(map(needs_validation, params)):
            raise ValueError("early stopping and the plateau schedule need validation data")
        self.members = list(members)
        self._params = params
        self._memories: list[dict[str, float]] = []
        for k, (member, resolved) in enumerate(zip(members, params, strict=True)):
            state = self._begin(member, resolved) if member.state is None else member.state
            for name, stack in self._arrays.items():
                stack[k] = state[name]
            self._memories.append({name: float(value) for name, value in state.items() if not value.ndim})

    def _begin(self, member: Member, params: Mapping[str, Any]) -> dict[str, Array]:
        rng = np.random.default_rng((*member.seed, INIT_STREAM, 0))
        state = self._build(params).init(rng, self._dtype)  # the rule for initial weights may differ between lanes
        if not isinstance(params["weight_init"], str):
            state = started(state, *params["weight_init"])
        weights = dict(state)
        for slot in self._slots:
            begin_slot = np.copy if slot == AVERAGE else np.zeros_like
            state.update({f"{slot}.{name}": begin_slot(value) for name, value in weights.items()})
        state.update({name: value.astype(self._dtype) for name, value in self._optimizer.extras.items()})
        if self._stopping.keeps_best:
            state.update({f"best.{name}": value for name, value in weights.items()})
        memory = {**self._stopping.start, **SCHEDULES[params["lr_schedule"]].start}
        return {**state, **{name: np.array(value) for name, value in memory.items()}}

    def _rates(self, k: int) -> Rates:
        p = self._params[k]
        eta = p["learning_rate"] * self._memories[k]["lr_factor"] * warm_up(p["lr_warmup"], self.members[k].epoch)
        n = len(self._data_of(k).X_train)
        drops = () if p["layers"] is None else chain.fractions(p["layers"])
        return Rates(
            learning_rate=eta,
            momentum=p["momentum"],
            l1=p["l1"],
            l2=p["l2"],
            max_norm=p["max_norm"],
            dropout=p["dropout"],
            input_dropout=p["input_dropout"],
            n_train=n,
            fractions=drops,
            clip_norm=p["clip_norm"],
            ema=p["ema"],
        )

    def penalty(self, k: int) -> float:
        """Return the regularisation term of the cost of one member: (λ₁/n)·Σ|w| + (λ₂/2n)·Σw²."""
        weights = self._stacks.flat[k, : self._stacks.layout.decaying]
        return penalty(weights, self._params[k]["l1"], self._params[k]["l2"], len(self._data_of(k).X_train))

    @property
    def weight_names(self) -> list[str]:
        """Names of the parameters in a state: weights, biases and what else a network predicts with."""
        return list(self._stacks.weights)

    def states(self) -> list[dict[str, Array]]:
        """Return a copy of each member's state."""
        return [self.state(k) for k in range(len(self._memories))]

    def state(self, k: int) -> dict[str, Array]:
        """Return a copy of one member's state."""
        arrays = {name: stack[k].copy() for name, stack in self._arrays.items()}
        return {**arrays, **{name: np.array(value) for name, value in self._memories[k].items()}}

    def judged(self, k: int) -> dict[str, Array]:
        """Return one member's weights that are measured, as they stand: views that the next epoch changes."""
        return {name: stack[k] for name, stack in self._judged.items()}

    def run_epoch(self, order_seed: tuple[int, ...]) -> list[EpochResult]:
        """Train every member for one epoch.

        Args:
            order_seed: Gives the order of the samples, default_rng(order_seed).permutation(n), and the distortions of
                augmented images to all members.

        Returns:
            One result per member, in their order.
        """
        rates = [self._rates(k) for k in range(len(self.members))]
        with limited(), np.errstate(all="ignore"):
            training = self._training_pass(rates)
            streams = {
                index: [np.random.default_rng((*m.seed, DROPOUT_STREAM + index, m.epoch + 1)) for m in self.members]
                for index in training.dropouts
            }
            if self._augmented is not None:
                self._augmented.draw(order_seed)
            epochs = [m.epoch for m in self.members]
            training.watch = watch = Watch.of(self._every, len(self.data.X_train), self._checks)
            measured = {"train": (*training.run(self._order(order_seed), epochs, streams), self._scorers)}
            measured |= {subset: (*check.run(), scorers) for subset, (check, scorers) in self._checks.items()}
            monitored = self._monitor.run()
        results = []
        for k, member in enumerate(self.members):
            member.epoch += 1
            metrics: dict[str, float] = {}
            for subset, (cost, hits, scorers) in measured.items():
                metrics |= scorers[k].metrics(subset, float(cost[k]), hits[k].item())
            metrics["learning_rate"] = rates[k].learning_rate
            failure = self._failure(k, metrics)
            finished = False if failure else self._observe(k, metrics)
            finished |= self._optimizer.iterates and bool(self._stacks.extras[CONVERGED][k])
            done = finished or member.epoch >= self._params[k]["max_epochs"]
            within = () if watch is None else watch.points(k, member.epoch - 1, measured)
            results.append(EpochResult(metrics | monitored[k], done, failure, within))
        return results

    def _data_of(self, k: int) -> TrainingData:
        """Return the data of a lane: all have the same."""
        return self.data

    def _group_of(self, params: Mapping[str, Any], k: int) -> Hashable:
        """Return the key of a lane with resolved parameters, by which lanes share a population."""
        return group_of(params, self._data_of(k))

    def _order(self, order_seed: tuple[int, ...]) -> Any:
        """Return the order of the samples."""
        if self._optimizer.iterates:
            return np.arange(len(self.data.X_train))
        return np.random.default_rng(order_seed).permutation(len(self.data.X_train))

    def _training_pass(self, rates: list[Rates]) -> Passes:
        if self._pass is None:
            self._pass = TrainingPass(self._network, self._optimizer, self._stacks, rates, self._samples, self._batch)
        self._pass.adopt(rates)
        return self._pass

    def _failure(self, k: int, metrics: Mapping[str, float]) -> str | None:
        def because(what: str) -> str:
            cause = f"learning_rate={metrics['learning_rate']:g} is probably too large"
            return f"diverged at epoch {self.members[k].epoch}: {what} ({cause})"

        for name in ("train_cost", "val_cost"):
            if not math.isfinite(metrics.get(name, 0.0)):
                return because(f"{_SPOKEN[name]} is {metrics[name]}")
        for name, stack in self._stacks.weights.items():
            if not np.isfinite(stack[k]).all():
                return because(f"{name} is no longer finite")
        blind = self._scorers[k].blind_cost
        if metrics["train_cost"] > EXPLODED * blind:
            return because(f"training cost is {metrics['train_cost']:.3g}, that of guessing {blind:.3g}")
        return None

    def _observe(self, k: int, metrics: Mapping[str, float]) -> bool:
        memory = self._memories[k]
        params = self._params[k]
        epoch = self.members[k].epoch
        seen = score(params["early_stopping_metric"], metrics)
        changes, best, stop = self._stopping.observe(memory, params, seen, epoch)
        memory |= changes
        seen = score(params["lr_metric"], metrics)
        changes, over = SCHEDULES[params["lr_schedule"]].observe(memory, params, seen, epoch)
        memory |= changes
        if best:
            for name, stack in self._judged.items():
                self._arrays[f"best.{name}"][k] = stack[k]
        return stop or over
