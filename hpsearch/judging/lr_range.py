"""What the η test found: the cost of each learning rate, what it does, and the threshold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["hardly falls", "falls at once", "oscillates", "rises", "diverges"]


@dataclass(frozen=True)
class Trace:
    """One learning rate of the test.

    Attributes:
        learning_rate: η.
        cost: Training cost C₀ at the start and then over each stretch of an epoch, up to where it diverged.
        verdict: What it does.
    """

    learning_rate: float
    cost: tuple[float, ...]
    verdict: Verdict


@dataclass(frozen=True)
class LrRange:
    """The result of the test.

    Attributes:
        traces: One per learning rate, ascending.
        epochs: Epochs that each trained.
        guessing: Cost of a network that gives the classes' shares whatever it sees.
        threshold: Largest learning rate at which the cost falls at once, or None where it does at none.
    """

    traces: tuple[Trace, ...]
    epochs: int
    guessing: float
    threshold: float | None

    @property
    def suggestion(self) -> float | None:
        """Half the threshold, in two digits."""
        return None if self.threshold is None else float(f"{self.threshold / 2:.2g}")
