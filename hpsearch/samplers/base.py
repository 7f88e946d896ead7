"""What every sampler is: a deterministic answer to "which point is number n, given what is known?"."""

from __future__ import annotations

from typing import Any, Protocol

from hpsearch.errors import UserError
from hpsearch.log.history import History
from hpsearch.study.study import Study


class Sampler(Protocol):
    """Proposes the hyper-parameters of the next point."""

    @property
    def reads_history(self) -> bool:
        """Whether answers depend on results; where not, lanes need not wait for one another."""

    @property
    def size(self) -> int | None:
        """How many points there are (a grid), or None where there is no end."""

    @property
    def rejected(self) -> int:
        """How many proposals for the point that was last asked for violated a constraint."""

    def ask(self, history: History, point: int) -> dict[str, Any]:
        """Return the parameters of a point, one native Python value per active dimension of the space.

        Asked again with the same history and number, in this process or another, it gives the same answer.

        Args:
            history: The log up to the last tick, and the asks of this tick that came before; running trials included.
            point: Number of the point, from 0.
        """


def check_single(study: Study, name: str) -> None:
    """Raise a UserError where a study has several metrics and a sampler takes one."""
    if study.goal.others:
        metrics = " and ".join(study.goal.metrics)
        raise UserError(f"sampler {name!r} takes one metric, not {metrics}: take 'tpe', 'random', 'qmc' or 'grid'")
