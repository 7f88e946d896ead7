"""How a freeze-thaw search begins, and when it is stuck."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hpsearch.samplers.curve_book import Curve
from hpsearch.samplers.curve_choice import Move

HALVINGS = ((2, 3), (4, 9), (8, None))
"""The first curves are halved: one in two goes on to epoch 3, one in four to epoch 9, one in eight to its end.

So there is a whole curve to learn from before the process is asked.
"""


def halved(first: Sequence[Curve]) -> tuple[Move | None, bool]:
    """Return which of the first curves goes on next in their halving, or None; and whether the process can be asked.

    Args:
        first: The first curves of a search, trained for an epoch or on their way.
    """
    alive = [curve for curve in first if not curve.over or curve.whole]
    reached = 1
    for one_in, epoch in HALVINGS:
        if any(curve.under_way and curve.epoch < reached for curve in alive):
            return None, False
        ranked = sorted(
            (curve for curve in alive if curve.epoch >= reached and np.isfinite(curve.losses[reached - 1])),
            key=lambda curve: (curve.losses[reached - 1], curve.number),
        )
        alive = ranked[: max(len(first) // one_in, 1)]
        until = [curve.most if epoch is None else min(epoch, curve.most) for curve in alive]
        behind = [(c, e) for c, e in zip(alive, until, strict=True) if c.epoch < e and not c.over]
        for curve, target in behind:
            if not curve.under_way:
                return Move(curve, None, target, 0.0, {"why": "startup"}), False
        if behind:
            # Only the last halving trains curves to their end: what they will show is predicted meanwhile, since other
            # lanes would begin points blindly for most of a training.
            return None, all(target == curve.most for curve, target in behind)
        reached = min([epoch or reached, *until])
    return None, True


def stale(curves: Sequence[Curve]) -> float:
    """Return for how many whole trainings' epochs nothing has become better than what was best before."""
    known = sum(len(curve.losses) for curve in curves if curve.number >= 0)
    last = [curve.losses[-1] if curve.losses else np.inf for curve in curves]
    best = min((loss for loss in last if loss > -np.inf), default=np.inf)  # NaN is not more than anything
    if not best < np.inf:
        return 0.0
    reached = min(c.order[c.losses.index(best)] for c, loss in zip(curves, last, strict=True) if loss == best)
    whole = sum(curve.most for curve in curves) / len(curves)
    return max(0.0, known - 1 - reached) / whole
