"""A population whose lanes have data of their own: the networks of the folds of a cross-validation, side by side."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from ..kernels import Array
from ..parameters import batch_rows, resolve_params
from .data import TrainingData
from .fold_pass import FoldPass
from .members import Member, group_of
from .monitors import Monitor, sampled_rows
from .population import Passes, Population
from .samples import Samples
from .scores import Scorer
from .step import Rates
from .validation_pass import ValidationPass

WHOLE_SET_OPTIMIZERS = frozenset({"hessian_free", "lbfgs"})
"""Optimizers that read all samples of a population at once: their lanes cannot have their own."""


def fold_key(params: Mapping[str, Any], data: TrainingData) -> Hashable | None:
    """Return a key: members with equal keys may train side by side on data of their own; None where one may not.

    Args:
        params: Parameters of `MLPClassifier` by name.
        data: The member's data.

    Raises:
        ValueError: For parameters out of range, or that do not suit the data.
    """
    return _key(resolve_params(params), data)


def _key(params: Mapping[str, Any], data: TrainingData) -> Hashable | None:
    group = group_of(params, data)
    assert isinstance(group, tuple), "the key of a group is a tuple"
    if params["optimizer"] in WHOLE_SET_OPTIMIZERS or params["augmentation"] is not None or params["monitor_every"]:
        return None
    batch = batch_rows(params, len(data.X_train))
    if batch >= len(data.X_train):
        return None
    held = tuple(sorted(data.held_out()))
    data_form = data.y_train is None, data.weights is None, held
    return (*group[:-2], data.X_train.shape[1:], data.T_train.shape[1:], *data_form)


class FoldPopulation(Population):
    """K networks that train side by side, each on data of its own, and compute what each would compute alone.

    Args:
        members: The networks, of equal keys (see `fold_key`).
        data: The data of each.

    Raises:
        ValueError: For members that cannot share a population.
    """

    def __init__(self, members: Sequence[Member], data: Sequence[TrainingData]) -> None:
        self._data = list(data)
        super().__init__(members, self._data[0])

    def trains_on(self, data: Sequence[TrainingData]) -> bool:
        """Return whether its lanes have these data, one after the other."""
        return len(data) == len(self._data) and all(a is b for a, b in zip(data, self._data, strict=True))

    def _data_of(self, k: int) -> TrainingData:
        return self._data[k]

    def _group_of(self, params: Mapping[str, Any], k: int) -> Hashable:
        key = _key(params, self._data_of(k))
        if key is None:
            raise ValueError("members of this kind train on the same data, or alone (see fold_key)")
        return key

    def _order(self, order_seed: tuple[int, ...]) -> list[Array]:
        drawn = {n: np.random.default_rng(order_seed).permutation(n) for n in {len(d.X_train) for d in self._data}}
        return [drawn[len(data.X_train)] for data in self._data]

    def _measure(self, exact: bool) -> None:
        head = self._network.head
        weights = self._judged
        self._training = []
        self._scorers = []
        monitors = []
        checks: dict[str, list[tuple[ValidationPass, Scorer]]] = {}
        for k, data in enumerate(self._data):
            lane_weights = {name: stack[k : k + 1] for name, stack in weights.items()}
            targets = self._targets(data)
            samples = Samples(data.X_train, targets, data.y_train, data.weights)
            scorer = Scorer(head, targets, data.y_train is None, data.weights)
            self._training.append(samples)
            self._scorers.append(scorer)
            if exact:
                checks.setdefault("train", []).append((ValidationPass(self._network, lane_weights, samples), scorer))
            for subset, (x, t, y, importance) in data.held_out().items():
                aims = head.output.targets(t)
                checked = ValidationPass(self._network, lane_weights, Samples(x, aims, y, importance), weigh_hits=True)
                checks.setdefault(subset, []).append((checked, Scorer(head, aims, y is None, importance)))
            raw = {name: stack[k : k + 1] for name, stack in self._stacks.weights.items()}
            monitors.append(Monitor(self._network, raw, samples.pick(sampled_rows(len(data.X_train)))))
        self._checks = {
            subset: (_ChecksByLane([check for check, _ in lane_checks]), [scorer for _, scorer in lane_checks])
            for subset, lane_checks in checks.items()
        }
        self._monitor = _MonitorsByLane(monitors)

    def _training_pass(self, rates: list[Rates]) -> Passes:
        if self._pass is None:
            self._pass = FoldPass(self._network, self._optimizer, self._stacks, rates, self._training, self._batch)
        self._pass.adopt(rates)
        return self._pass


class _ChecksByLane:
    """Measures each lane on samples of its own."""

    def __init__(self, lanes: Sequence[ValidationPass]) -> None:
        self._lanes = lanes

    def run(self) -> tuple[Array, Array]:
        cost, hits = zip(*(lane.run() for lane in self._lanes), strict=True)
        return np.concatenate(cost), np.concatenate(hits)


class _MonitorsByLane:
    """Monitors each lane on samples of its own."""

    def __init__(self, lanes: Sequence[Monitor]) -> None:
        self._lanes = lanes

    def run(self) -> list[dict[str, float]]:
        return [metrics for lane in self._lanes for metrics in lane.run()]
