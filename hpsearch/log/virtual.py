"""Virtual time: when each epoch of a trial is due, as a function of what is declared and nothing else.

In a study with a declared cost an epoch of a trial takes as much virtual time as its cost says, however long it really
takes. The epochs of all trials of one cost begin at its multiples: such trials are in step, whenever they began, and
may train fused. The multiple at which an epoch begins stands for the tick: the order of its samples follows from it.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable

MEASURED = "measured-1"
"""What a log says of a study whose costs are measured: the rule of :func:`measured` and :func:`typical`."""


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


def measured(seconds: float) -> float:
    """Return the cost of a trial whose first epoch took so long: a power of two, so that trials much alike are in step.

    >>> measured(0.9), measured(3.0), measured(0.0)
    (1.0, 4.0, 9.5367431640625e-07)
    """
    return 2.0 ** max(round(math.log2(seconds)) if seconds > 0 else -20, -20)


def typical(costs: Iterable[float]) -> float:
    """Return the cost of a first epoch, which is not measured yet: that of the other trials; 1 for the first ones.

    >>> typical([]), typical([1.0, 4.0, 4.0]), typical([1.0, 4.0])
    (1.0, 4.0, 1.0)
    """
    values = list(costs)
    return statistics.median_low(values) if values else 1.0
