"""What every sampler is: a deterministic answer to "which point is number n, given what is known?"."""

from __future__ import annotations

from typing import Any, Protocol

from hpsearch.history import History


class Sampler(Protocol):
    """Proposes the hyper-parameters of the next point."""

    @property
    def reads_history(self) -> bool:
        """Whether answers depend on results; where not, lanes need not wait for one another."""

    @property
    def size(self) -> int | None:
        """How many points there are (a grid), or None where there is no end."""

    def ask(self, history: History, point: int) -> dict[str, Any]:
        """Return the parameters of a point, one native Python value per active dimension of the space.

        Asked again with the same history and number, in this process or another, it gives the same answer.

        Args:
            history: The log up to the last tick, and the asks of this tick that came before; running trials included.
            point: Number of the point, from 0.
        """
