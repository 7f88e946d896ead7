"""Virtual time: when each epoch of a trial is due, as a function of what is declared and nothing else.

In a study with a declared cost an epoch of a trial takes as much virtual time as its cost says, however long it really
takes. The epochs of all trials of one cost begin at its multiples: such trials are in step, whenever they began, and
may train fused. The multiple at which an epoch begins stands for the tick: the order of its samples follows from it.
"""

from __future__ import annotations

import math


def joins(now: float, cost: float) -> int:
    """Return the first multiple of a cost that is not before a virtual time, in units of the cost.

    >>> joins(7.0, 1.0), joins(7.5, 1.0), joins(7.5, 3.0)
    (7, 8, 3)
    """
    multiple = math.ceil(now / cost)
    while multiple * cost < now:  # the quotient was rounded
        multiple += 1
    while multiple > 0 and (multiple - 1) * cost >= now:
        multiple -= 1
    return multiple


def due(begins: int, cost: float) -> float:
    """Return the virtual time at which an epoch is due that begins at a multiple of its cost."""
    return (begins + 1) * cost
