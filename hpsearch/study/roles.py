"""What a study's stages are for: some search, the last of these on the full problem; one confirms, and one tests."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Roles:
    """The roles of a study's stages, by their numbers.

    Attributes:
        full: The last stage of the search, on the full problem; those before it are smaller.
    """

    full: int = 0

    @property
    def confirm(self) -> int:
        """The stage that trains the best points again with fresh seeds."""
        return self.full + 1

    @property
    def test(self) -> int:
        """The stage that measures the winner on the test set, with other fresh seeds."""
        return self.full + 2

    def searches(self, stage: int) -> bool:
        """Return whether a stage is one of the search's."""
        return stage <= self.full
