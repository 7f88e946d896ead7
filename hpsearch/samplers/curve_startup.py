"""How a freeze-thaw search begins, and when it is stuck."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hpsearch.samplers.curve_choice import Move
from hpsearch.samplers.curve_evidence import Curve

HALVINGS = ((2, 3), (4, 9), (8, None))
"""The first curves are halved: one in two goes on to epoch 3, one in four to epoch 9, one in eight to its end.

So there is a whole curve to learn from before the process is asked.
"""


def halved(curves: Sequence[Curve]) -> tuple[Move | None, bool]:
    """Successively halve the first curves of a search.

    Args:
        curves: The first curves, trained for an epoch or on their way there.

    Returns:
        The move that continues the next of them, or None; and whether enough is known to ask the process.
    """
    survivors = [curve for curve in curves if not curve.over or curve.complete]
    reached = 1
    for one_in, epoch in HALVINGS:
        if any(curve.under_way and curve.epoch < reached for curve in survivors):
            return None, False
        ranked = sorted(
            (curve for curve in survivors if curve.epoch >= reached and np.isfinite(curve.losses[reached - 1])),
            key=lambda curve: (curve.losses[reached - 1], curve.number),
        )
        survivors = ranked[: max(len(curves) // one_in, 1)]
        until = [curve.max_epochs if epoch is None else min(epoch, curve.max_epochs) for curve in survivors]
        behind = [(c, e) for c, e in zip(survivors, until, strict=True) if c.epoch < e and not c.over]
        for curve, target in behind:
            if not curve.under_way:
                return Move(curve, None, target, 0.0, {"why": "startup"}), False
        if behind:
            # Only the last halving trains curves to their end: what they will show is predicted meanwhile, since other
            # lanes would begin points blindly for most of a training.
            return None, all(target == curve.max_epochs for curve, target in behind)
        reached = min([epoch or reached, *until])
    return None, True


def stale(curves: Sequence[Curve]) -> float:
    """Return how long ago the best loss so far was reached: epochs of the study since then, in full trainings."""
    n_epochs = sum(len(curve.losses) for curve in curves if curve.number >= 0)
    losses = [curve.losses[-1] if curve.losses else np.inf for curve in curves]
    best = min((loss for loss in losses if loss > -np.inf), default=np.inf)  # NaN compares as False
    if not best < np.inf:
        return 0.0
    reached = min(c.order[c.losses.index(best)] for c, loss in zip(curves, losses, strict=True) if loss == best)
    mean_epochs = sum(curve.max_epochs for curve in curves) / len(curves)
    return max(0.0, n_epochs - 1 - reached) / mean_epochs
