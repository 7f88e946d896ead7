"""Constraints on the parameters of a study: functions of a point that say whether it may be trained at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hpsearch.errors import UserError
from hpsearch.space import Space, restore

Constraint = Callable[[Mapping[str, Any]], bool]
"""Takes the active parameters of a point as the user wrote them, and returns whether it may be trained."""


def check_constraints(constraints: Any) -> tuple[Constraint, ...]:
    """Return constraints as a tuple; a single function is one constraint.

    Raises:
        UserError: They are no functions.
    """
    listed = [constraints] if callable(constraints) else constraints
    if isinstance(listed, str) or not isinstance(listed, Sequence) or not all(map(callable, listed)):
        raise UserError(f"constraints must be functions of the parameters, such as [lambda p: …], not {constraints!r}")
    return tuple(listed)


def violated(constraints: Sequence[Constraint], space: Space, params: Mapping[str, Any]) -> str | None:
    """Return the name of the first constraint that a point violates, or None.

    Args:
        constraints: The constraints.
        space: Where the point comes from; empty where it is a function.
        params: The point, as JSON values.

    Raises:
        UserError: A constraint raised, or returned something else than True or False.
    """
    if not constraints:
        return None
    point = restore(space, params)
    for i, constraint in enumerate(constraints):
        name = getattr(constraint, "__name__", type(constraint).__name__)
        name = f"constraints[{i}]" if name == "<lambda>" else name
        try:
            answer = constraint(dict(point))
        except Exception as error:  # the user's code may raise anything
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            raise UserError(f"constraint {name} raised {reason} at {point!r}") from error
        if type(answer).__name__ not in ("bool", "bool_"):  # NumPy's own too, without importing it
            raise UserError(f"constraint {name} returned {answer!r}, not True or False")
        if not answer:
            return name
    return None
