"""The only training loop: one epoch at a time for a population of networks that share their shapes.

A population's arrays have shape (K, ...): a lane a network. All lanes read the same batches; everything else is a
lane's own, and what a lane computes is bit for bit what it computes alone (see `models.kernels`).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

from models.augmentation import AugmentedImages
from models.early_stopping import EARLY_STOPPING
from models.kernels import Array
from models.network import Network
from models.optimizers import OPTIMIZERS, Rates
from models.parameters import needs_validation, resolve_params, validate_params
from models.passes import Stacks, TrainingPass, ValidationPass
from models.schedules import SCHEDULES
from models.training_data import TrainingData, one_hot

__all__ = ["EpochResult", "Member", "Population", "TrainingData", "group_key", "validate_params"]

INIT_STREAM = 0
"""Purpose of the stream that draws initial weights; a member's streams are default_rng((*seed, purpose, epoch))."""

EXPLODED = 1000.0
"""A network has diverged when its training cost is this many times that of guessing, though its weights are finite."""

_SPOKEN = {"train_cost": "training cost", "val_cost": "validation cost"}

_GROUP_KEYS = (
    "hidden_layer_sizes",
    "activation",
    "output",
    "cost",
    "optimizer",
    "batch_size",
    "early_stopping",
    "augmentation",
    "image_shape",
    "dtype",
)


@dataclass
class Member:
    """One network of a population: its hyper-parameters, its random stream and, once begun, its state.

    Attributes:
        params: Parameters of `MLPClassifier` by name; absent ones have their defaults.
        seed: Owns the network's streams, default_rng((*seed, purpose, epoch)).
        epoch: Epochs done.
        state: None before the first epoch; else plain arrays by name, which can be saved as npz, moved and restored:
            weights W0, W1, … of shape (n_out, n_in), biases b0, b1, … of shape (1, n_out), "velocity.W0" and the like
            for the optimizer's slots, "best.W0" where the best weights are kept, and numbers of shape () that early
            stopping and the schedule remember.
    """

    params: Mapping[str, Any]
    seed: tuple[int, ...]
    epoch: int = 0
    state: dict[str, Array] | None = None


@dataclass(frozen=True)
class EpochResult:
    """What one epoch of one member gave.

    Attributes:
        metrics: train_cost (data cost C₀, the mean over the epoch's mini-batches as they were trained, without the
            regularisation term), train_accuracy (likewise), val_cost and val_accuracy where there is validation data,
            test_cost and test_accuracy where there is test data, learning_rate.
        finished: Whether max_epochs is reached or early stopping or the schedule ended training.
        failure: Why the member diverged, or None.
    """

    metrics: dict[str, float]
    finished: bool
    failure: str | None


def group_key(params: Mapping[str, Any], data: TrainingData) -> Hashable:
    """Return a key: members with equal keys may train in one population.

    Args:
        params: Parameters of `MLPClassifier` by name.
        data: The data that they train on.
    """
    given = resolve_params(params)
    return (*(given[name] for name in _GROUP_KEYS), data.X_train.shape, data.T_train.shape)


@cache
def _blas() -> ThreadpoolController:
    # Finding the libraries takes 2 ms, a limit on those found 16 µs; NumPy's and SciPy's are loaded by now.
    return ThreadpoolController()


class Population:
    """K networks that train side by side.

    Args:
        members: The networks; those without a state are begun. Their `epoch` is kept up to date.
        data: Training and validation samples.

    Raises:
        ValueError: For members that cannot share a population, or that need validation data which is not there.
    """

    def __init__(self, members: Sequence[Member], data: TrainingData) -> None:
        self.members = list(members)
        self.data = data
        self._params = [resolve_params(m.params) for m in self.members]
        if not self.members or len({group_key(m.params, data) for m in self.members}) > 1:
            raise ValueError("a population needs members of one group (see group_key)")
        if data.X_valid is None and any(map(needs_validation, self._params)):
            raise ValueError("early stopping and the plateau schedule need validation data")
        shared = self._params[0]
        self._dtype = np.dtype(shared["dtype"])
        if data.X_train.dtype != self._dtype:
            raise ValueError(f"the data is {data.X_train.dtype}, the networks are {self._dtype}: use one dtype")
        how, shape = shared["augmentation"], shared["image_shape"]
        self._augmented = None if how is None else AugmentedImages.shared(data, how, shape)
        self._network = Network.build(shared, data.X_train.shape[1], data.T_train.shape[1])
        self._optimizer = OPTIMIZERS[shared["optimizer"]]
        self._stopping = EARLY_STOPPING[shared["early_stopping"]]
        targets = self._network.head.output.targets
        self._targets = targets(data.T_train)
        self._states = [
            self._begin(m, p) if m.state is None else dict(m.state)
            for m, p in zip(self.members, self._params, strict=True)
        ]
        names = [name for name, value in self._states[0].items() if value.ndim]
        self._stacks = {name: np.stack([s[name] for s in self._states]) for name in names}
        self._weights = [name for name in names if "." not in name]
        weights = {name: self._stacks[name] for name in self._weights}
        slots = {s: {name: self._stacks[f"{s}.{name}"] for name in self._weights} for s in self._optimizer.slots}
        self._trained = Stacks(weights, slots)
        self._pass: TrainingPass | None = None
        self._checks: dict[str, tuple[ValidationPass, int]] = {}
        for part, x, y in (("val", data.X_valid, data.y_valid), ("test", data.X_test, data.y_test)):
            if x is not None and y is not None:
                aims = targets(one_hot(y, data.T_train.shape[1], self._dtype))
                self._checks[part] = ValidationPass(self._network, weights, x, aims, y), len(y)

    def _begin(self, member: Member, params: Mapping[str, Any]) -> dict[str, Array]:
        rng = np.random.default_rng((*member.seed, INIT_STREAM, 0))
        network = Network.build(params, self.data.X_train.shape[1], self.data.T_train.shape[1])
        state = network.init(rng, self._dtype)  # the rule for initial weights may differ from lane to lane
        weights = dict(state)
        for slot in self._optimizer.slots:
            state.update({f"{slot}.{name}": np.zeros_like(value) for name, value in weights.items()})
        if self._stopping.keeps_best:
            state.update({f"best.{name}": value.copy() for name, value in weights.items()})
        memory = {**self._stopping.start, **SCHEDULES[params["lr_schedule"]].start}
        return {**state, **{name: np.array(value) for name, value in memory.items()}}

    def _rates(self, k: int) -> Rates:
        p = self._params[k]
        eta = p["learning_rate"] * float(self._states[k]["lr_factor"])
        return Rates(eta, p["momentum"], p["l2"], len(self.data.X_train))

    @property
    def weight_names(self) -> list[str]:
        """Names of the weights and biases in a state."""
        return list(self._weights)

    def states(self) -> list[dict[str, Array]]:
        """Return a copy of each member's state."""
        return [
            {name: (self._stacks[name][k] if value.ndim else value).copy() for name, value in state.items()}
            for k, state in enumerate(self._states)
        ]

    def run_epoch(self, order_seed: tuple[int, ...]) -> list[EpochResult]:
        """Train every member for one epoch.

        Args:
            order_seed: Gives the order of the samples, default_rng(order_seed).permutation(n), and the distortions of
                augmented images to all members.

        Returns:
            A result a member, in their order.
        """
        n, rates = len(self.data.X_train), [self._rates(k) for k in range(len(self.members))]
        with _blas().limit(limits=1, user_api="blas"), np.errstate(all="ignore"):
            if self._augmented is not None:
                self._augmented.draw(order_seed)
            cost, hits = self._training_pass(rates).run(np.random.default_rng(order_seed).permutation(n))
            checked = {part: (*check.run(), size) for part, (check, size) in self._checks.items()}
        results = []
        for k, member in enumerate(self.members):
            member.epoch += 1
            metrics = {"train_cost": float(cost[k]) / n, "train_accuracy": int(hits[k]) / n}
            for part, (costs, right, size) in checked.items():
                metrics |= {f"{part}_cost": float(costs[k]) / size, f"{part}_accuracy": int(right[k]) / size}
            metrics["learning_rate"] = rates[k].learning_rate
            failure = self._failure(k, metrics)
            finished = False if failure else self._observe(k, metrics)
            results.append(EpochResult(metrics, finished or member.epoch >= self._params[k]["max_epochs"], failure))
        return results

    def _training_pass(self, rates: list[Rates]) -> TrainingPass:
        if self._pass is None or self._pass.rates != rates:  # compiled anew only when a schedule changed a rate
            self._pass = TrainingPass(
                self._network,
                self._optimizer,
                self._trained,
                rates,
                self.data.X_train if self._augmented is None else self._augmented.images,
                self._targets,
                self.data.y_train,
                self._params[0]["batch_size"],
            )
        return self._pass

    def _failure(self, k: int, metrics: Mapping[str, float]) -> str | None:
        def because(what: str) -> str:
            cause = f"learning_rate={metrics['learning_rate']:g} is probably too large"
            return f"diverged at epoch {self.members[k].epoch}: {what} ({cause})"

        for name in ("train_cost", "val_cost"):
            if not math.isfinite(metrics.get(name, 0.0)):
                return because(f"{_SPOKEN[name]} is {metrics[name]}")
        for name in self._weights:
            if not np.isfinite(self._stacks[name][k]).all():
                return because(f"{name} is no longer finite")
        blind = self._network.head.blind_cost(self.data.T_train.shape[1])
        if metrics["train_cost"] > EXPLODED * blind:
            return because(f"training cost is {metrics['train_cost']:.3g}, that of guessing {blind:.3g}")
        return None

    def _observe(self, k: int, metrics: Mapping[str, float]) -> bool:
        state, params = self._states[k], self._params[k]
        memory = {name: float(value) for name, value in state.items() if not value.ndim}
        changes, best, stop = self._stopping.observe(memory, params, metrics, self.members[k].epoch)
        memory |= changes
        changes, over = SCHEDULES[params["lr_schedule"]].observe(memory, params, metrics)
        memory |= changes
        state.update({name: np.array(value) for name, value in memory.items()})
        if best:
            for name in self._weights:
                self._stacks[f"best.{name}"][k] = self._stacks[name][k]
        return stop or over
