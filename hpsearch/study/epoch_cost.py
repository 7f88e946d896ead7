"""What an epoch of a trial costs, by the function that a study declares."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from hpsearch.errors import UserError

Cost = Callable[[dict[str, Any]], float]
"""Returns how long an epoch of a trial with these parameters takes, in any unit."""


def epoch_cost(cost: Cost, params: Mapping[str, Any]) -> float:
    """Return the declared cost of an epoch of a trial with these parameters.

    Raises:
        UserError: The declared function raises, or returns something else than a positive number.
    """
    try:
        epoch_units = float(cost(dict(params)))
    except Exception as error:  # whatever the user's function raises
        raise UserError(f"cost: the function raised {type(error).__name__}: {error} for {dict(params)}") from error
    if not (math.isfinite(epoch_units) and epoch_units > 0):
        raise UserError(f"cost: a positive number is wanted, not {epoch_units!r} for {dict(params)}")
    return epoch_units
