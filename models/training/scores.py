"""From sums over a set of samples to metrics."""

from __future__ import annotations

import numpy as np

from ..costs import Head
from ..kernels import Array


class Scorer:
    """Turns costs and hits summed over a set of samples into metrics: mean cost, accuracy or R².

    Args:
        head: Output and cost.
        targets: Targets of the set in the output's terms, shape (n, C).
        several: Whether targets are values or several labels, and not one class per sample.
        importance: Weights of the samples, shape (n, 1), or None.

    Attributes:
        blind_cost: The mean cost of a network whose weighted inputs z at the output are all 0.
    """

    def __init__(self, head: Head, targets: Array, several: bool, importance: Array | None = None) -> None:
        self._n = len(targets)
        self._variation = 0.0
        self._regression = several and head.output.log_weights is None
        if not self._regression:
            self.blind_cost = head.blind_cost(targets[:1])  # each row of targets is as far from 0 as any other
            return
        t = targets.astype(np.float64)
        mean = np.average(t, axis=0, weights=None if importance is None else importance[:, 0])
        squares = (t - mean) ** 2 if importance is None else (t - mean) ** 2 * importance
        self._variation = float(squares.sum())
        self.blind_cost = max(head.blind_cost(t), 1.0)

    def metrics(self, subset: str, cost: float, hits: float) -> dict[str, float]:
        """Return the metrics of a part of the data.

        In a regression R² = 1 − Σ(a − y)²/Σ(y − mean(y))² over all outputs together takes the place of the accuracy;
        it is left out where all targets are the same.

        Args:
            subset: "train", "val" or "test".
            cost: The cost, summed over the samples.
            hits: Samples that were right, or the sum of their weights, whose mean is 1.
        """
        mean = self.of_some(subset, self._n, cost, hits)
        if not self._regression or not self._variation:
            return mean
        return mean | {f"{subset}_r2": 1 - 2 * cost / self._variation}

    def of_some(self, subset: str, n: int, cost: float, hits: float) -> dict[str, float]:
        """Return cost and accuracy of n samples of the set; of a regression the cost alone. See :meth:`metrics`."""
        mean = {f"{subset}_cost": cost / n}
        return mean if self._regression else mean | {f"{subset}_accuracy": hits / n}
