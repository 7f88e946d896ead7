"""What is wrong with a study or a root, in words, and what mends it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hpsearch.log import redact


@dataclass(frozen=True)
class Finding:
    """Something that is wrong; its words hold no secret, whatever addresses they name.

    Attributes:
        problem: What, in words.
        remedy: What mending does, or what a person can do where it cannot.
        mend: Does it; None where only a person can.
        wrong: Whether it is wrong; what is only under way is a finding too.
        alone: Whether the study must be held while it is mended; a delivery itself checks that nothing runs it.
    """

    problem: str
    remedy: str
    mend: Callable[[], None] | None
    alone: bool = True
    wrong: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "problem", redact.text(self.problem))
        object.__setattr__(self, "remedy", redact.text(self.remedy))
