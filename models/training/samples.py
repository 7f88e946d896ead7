"""The samples that a pass over a data set reads, and how costs and hits are summed over them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..kernels import Array
from ..network import Network


@dataclass(frozen=True)
class Samples:
    """The samples that a pass reads, one row per sample.

    Attributes:
        X: Inputs, shape (n, d).
        targets: Targets in the output's terms, shape (n, C).
        labels: Class codes, shape (n,), or None for targets that are not one-hot.
        importance: Weights of the samples with mean 1, shape (n, 1), or None.
        one_hot: Whether a row of targets is 1 at its label and 0 elsewhere.
    """

    X: Array
    targets: Array
    labels: Array | None
    importance: Array | None = None
    one_hot: bool = False

    def pick(self, rows: slice | Array) -> Samples:
        """Return some samples: views for a slice, copies for their numbers."""
        labels = None if self.labels is None else self.labels[rows]
        importance = None if self.importance is None else self.importance[rows]
        return Samples(self.X[rows], self.targets[rows], labels, importance, self.one_hot)


def tally(
    network: Network,
    u: Array,
    h: Array,
    t: Array,
    labels: Array | None,
    importance: Array | None = None,
    *,
    weigh_hits: bool = False,
) -> tuple[Array, Array]:
    """Return the summed cost, float64, and the number of hits of each lane, shape (k,) each.

    A hit is a sample whose largest output is that of its class; without classes, one whose outputs all lie on the same
    side of zero as their targets (of ½, for a sigmoid).

    Args:
        network: Gives the cost.
        u: Logits (times a gain), shape (s, k, b, C).
        h: Outputs, of the same shape.
        t: Targets, shape (s, b, C).
        labels: Class codes, shape (s, b), or None.
        importance: Weights of the samples, shape (s, b, 1), or None.
        weigh_hits: Whether a hit counts by its sample's weight, instead of as one.
    """
    # a lane's sums in a row of its own: the order of additions must not depend on k
    cost = np.ascontiguousarray(batch_costs(network, u, h, t, importance).T, np.float64).sum(-1)
    if importance is None or not weigh_hits:
        return cost, right(u, h, t, labels).sum((0, 2))
    return cost, (right(u, h, t, labels) * importance[:, None, :, 0]).sum((0, 2), dtype=np.float64)


def batch_costs(
    network: Network,
    u: Array,
    h: Array,
    t: Array,
    importance: Array | None = None,
    kept: tuple[Array, Array] | None = None,
) -> Array:
    """Return the cost of each batch and lane, summed over its samples, shape (s, k).

    Args:
        network: Gives the cost.
        u: Logits (times a gain), shape (s, k, b, C).
        h: Outputs, of the same shape.
        t: Targets, shape (s, b, C), or each lane's own, (s, k, b, C).
        importance: Weights of the samples, shape (s, b, 1) or (s, k, b, 1), or None.
        kept: What the outputs left for the cost (see `hpsearch.models.costs.Output.apply_below`), shape (s, k, b, 1)
            each, or None.
    """
    of_label = network.head.value_of_label
    t = _by_lane(t, 3)
    if kept is None or of_label is None:
        return summed(network.head.value(u, h, t), importance)
    return summed(of_label((t * u).sum(-1, keepdims=True), *kept), importance)


def summed(terms: Array, importance: Array | None) -> Array:
    """Return the cost of each batch and lane, shape (s, k).

    Args:
        terms: Of shape (s, k, b, ·).
        importance: Weights of the samples, shape (s, b, 1) or (s, k, b, 1), or None.
    """
    if importance is not None:
        terms = terms * _by_lane(importance, 3)
    costs: Array = terms.reshape(*terms.shape[:2], -1).sum(-1)
    return costs


def right(u: Array, h: Array, t: Array, labels: Array | None) -> Array:
    """Return which samples are hits, shape (s, k, b); see `batch_costs`."""
    hits: Array = ((h > 0) == (_by_lane(t, 3) > 0)).all(-1) if labels is None else u.argmax(-1) == _by_lane(labels, 2)
    return hits


def _by_lane(array: Array, shared: int) -> Array:
    """Return an array with an axis of lanes, which it lacks where all share it."""
    return array[:, None] if array.ndim == shared else array
