"""A list of trials that is indexed by trial number: in a study's later versions the first number is not 0."""

from __future__ import annotations

from typing import Any, SupportsIndex, TypeVar

T = TypeVar("T")


class Numbered(list[T]):
    """A list of trials; an index from 0 up is a trial's number, a slice counts positions as in any list.

    Attributes:
        first: Number of the first of them.
    """

    def __init__(self, first: int = 0) -> None:
        super().__init__()
        self.first = first

    def __getitem__(self, which: SupportsIndex | slice) -> Any:
        """Return the trial with a number, the last ones by negative numbers, or a slice of positions."""
        if self.first and isinstance(which, int) and which >= 0:
            if which < self.first:
                raise IndexError(f"trial {which} is of an earlier version")
            return super().__getitem__(which - self.first)
        return super().__getitem__(which)
