"""What is wrong with a study or a root, in words, and what mends it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """Something that is wrong.

    Attributes:
        problem: What, in words.
        remedy: What mending does, or what a person can do where it cannot.
        mend: Does it; None where only a person can.
        wrong: Whether it is wrong; what only takes its time is told of, too.
        alone: Whether the study must be held while it is mended; a delivery must see that nobody runs it.
    """

    problem: str
    remedy: str
    mend: Callable[[], None] | None
    alone: bool = True
    wrong: bool = True
